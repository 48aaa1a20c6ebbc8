//! The whole portal in a browser: the pages that no contract speaks of, and those of when something went wrong.

use claviger_testkit::{Server, ServerBuilder, play_story};
use serde_json::{Value, json};

use super::stage::link;

/// A field of an answer that is a text.
#[track_caller]
fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().expect("the answer has it").to_owned()
}

#[track_caller]
fn account(server: &Server, name: &str) -> String {
    let order = json!({"name": name, "api": "example"});
    text(&server.operator().post("/v1/accounts", &order).expect(201).json(), "id")
}

/// A link by which a member who is there already chooses a new password.
#[track_caller]
fn password_link(server: &Server, account: &str) -> String {
    let _ = link(server, account, "ada@example.com", "developer");
    let operator = server.operator();
    let members = operator.get(&format!("/v1/members?account_id={account}")).expect(200).json();
    let members = members["items"].as_array().expect("a list has items");
    let ada = members.iter().find(|member| member["email"] == "ada@example.com").expect("she is a member");
    let path = format!("/v1/members/{}/password-link", text(ada, "id"));
    text(&operator.post(&path, &json!({})).expect(201).json(), "url")
}

#[test]
fn every_page_is_usable_by_everyone() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").profile("cashcat").start();
    let operator = server.operator();
    let (acme, umbrella) = (account(&server, "Acme"), account(&server, "Umbrella"));
    let keys: Vec<_> =
        (0..60).map(|number| operator.issue_plain(&acme, &format!("Worker {number:02}"))).collect();
    let (revoked, _) = operator.issue_plain(&acme, "Gone");
    let _ = operator.post(&format!("/v1/keys/{revoked}/revoke"), &json!({})).expect(200);
    let (rotated, ending_key) = &keys[9];
    let _ = operator.post(&format!("/v1/keys/{rotated}/rotate"), &json!({})).expect(200);
    let (_, suspended_key) = operator.issue_plain(&umbrella, "Sync");
    let given = json!({
        "portal": format!("http://{}", server.portal),
        "administrator": link(&server, &acme, "administrator@example.com", "administrator"),
        "second": link(&server, &acme, "second@example.com", "administrator"),
        "suspended": link(&server, &umbrella, "eve@example.com", "administrator"),
        "password_link": password_link(&server, &acme),
        "operator_key": server.operator_key(),
        "revoked": revoked,
        "disabled_key": keys[7].1,
        "ending_key": ending_key,
        "suspended_key": suspended_key,
    });
    let _ = operator.patch(&format!("/v1/accounts/{umbrella}"), &json!({"state": "suspended"})).expect(200);
    play_story("portal", &given);
}

#[test]
fn the_keyboard_alone_is_enough() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let account = server.operator().account("Acme");
    let developer = link(&server, &account, "developer@example.com", "developer");
    play_story("keyboard", &json!({"portal": format!("http://{}", server.portal), "developer": developer}));
    let trail = server.operator().get(&format!("/v1/audit-events?account_id={account}")).expect(200).json();
    let trail = trail["items"].as_array().expect("a list has items");
    let done = |action: &str| trail.iter().filter(|event| event["action"] == action).count();
    assert_eq!((done("key.issue"), done("key.revoke")), (1, 1));
}
