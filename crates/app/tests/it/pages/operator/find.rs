//! What operators find: by an id, a name or an address, by what a caller was told, and by a key that is pasted.

use claviger_testkit::eventually;
use serde_json::json;

use super::{is_silent_of, operator_key, root, says, server};

#[test]
fn anything_is_found_by_what_is_known_of_it() {
    let server = server();
    let operator = server.operator();
    let order = json!({"name": "Acme", "external_id": "cus_42"});
    let account = operator.post("/v1/accounts", &order).expect(201).json();
    let account = account["id"].as_str().expect("an account has an id");
    let issued = operator.issue(account, &json!({"name": "Production", "external_id": "ours-7"}));
    let text = |name: &str| issued[name].as_str().expect("a key has it").to_owned();
    let (id, hint) = (text("id"), text("hint"));
    let mut visitor = root(&server);
    let member = operator.post("/v1/sessions", &json!({"account_id": account, "email": "ada@example.com"}));
    let member = member.expect(201).json()["member"]["id"].as_str().expect("a member has an id").to_owned();
    let (_, reader) = operator_key(&server, "read");
    let mut place = |q: &str| {
        visitor.get(&format!("/find?q={q}")).expect(303).header("location").unwrap_or_default().to_owned()
    };
    assert_eq!(place(account), format!("/accounts/{account}"));
    assert_eq!(place(&id), format!("/keys/{id}"));
    assert_eq!(place(&member), format!("/members/{member}"));
    assert_eq!(place(&reader), format!("/operators#{reader}"));
    for q in [&*hint, "ours-7"] {
        says(&visitor.get(&format!("/find?q={q}")).expect(200), &format!("href=\"/keys/{id}\""));
    }
    says(&visitor.get("/find?q=cus_42").expect(200), &format!("href=\"/accounts/{account}\""));
    for q in ["ac", "ACME", "cus_"] {
        says(&visitor.get(&format!("/accounts?q={q}")).expect(200), &format!("href=\"/accounts/{account}\""));
        says(&visitor.get(&format!("/find?q={q}")).expect(200), &format!("href=\"/accounts/{account}\""));
    }
    says(&visitor.get("/accounts?q=cme").expect(200), "No account");
    says(&visitor.get("/find?q=Ada%40example.com").expect(200), &format!("href=\"/members/{member}\""));
    says(&visitor.get("/find?q=bea%40example.com").expect(200), "Nothing is like this");
    says(&visitor.get("/find?q=%3Cscript%3E").expect(200), "Nothing is like this");
    says(&visitor.get(&format!("/audit?subject={id}")).expect(200), "key.issue");
    is_silent_of(&visitor.get(&format!("/audit?subject={reader}")).expect(200), "key.issue");
}

#[test]
fn whoever_stands_on_a_later_page_is_found_there() {
    let server = server();
    let operator = server.operator();
    let account = operator.account("Acme");
    for number in 0..51 {
        let order = json!({"account_id": account, "email": format!("member{number}@example.com")});
        let _ = operator.post("/v1/members", &order).expect(201);
    }
    for _ in 0..100 {
        let _ = operator_key(&server, "read");
    }
    let (_, last) = operator_key(&server, "read");
    let mut visitor = root(&server);
    let first = visitor.get(&format!("/accounts/{account}")).expect(200);
    is_silent_of(&first, "member50@example.com");
    let (_, after) = first.text().split_once("rel=\"next\" href=\"").expect("there are more members");
    let href = after.split('#').next().expect("it is a link").replace("&#38;", "&");
    says(&visitor.get(&href).expect(200), "member50@example.com");
    let found = visitor.get(&format!("/find?q={last}")).expect(303);
    let (page, anchor) =
        found.header("location").unwrap_or_default().split_once('#').expect("it is an anchor");
    assert_eq!(anchor, last);
    assert!(page.starts_with("/operators?cursor=op_"), "{page}");
    says(&visitor.get(page).expect(200), &format!("id=\"{last}\""));
}

#[test]
fn a_denied_request_is_found_by_the_id_its_caller_was_told() {
    let server = server();
    let account = server.operator().account("Acme");
    let (id, plain) = server.operator().issue_plain(&account, "Production");
    let path = format!("/v1/keys/{id}/disable");
    let disabled = server.operator().post(&path, &json!({})).expect(200);
    let change = disabled.header("x-request-id").expect("every answer has an id").to_owned();
    let denied = server.customer(&plain).get("/denied/here");
    let request = denied.header("x-request-id").expect("every answer has an id").to_owned();
    let mut visitor = root(&server);
    let page = eventually(|| {
        let page = visitor.get(&format!("/find?q={request}")).expect(200);
        page.text().contains("disabled").then_some(page)
    });
    for text in [&*id, "GET /denied/here", "127.0.0.1"] {
        says(&page, text);
    }
    says(&visitor.get(&format!("/find?q={change}")).expect(200), "key.disable");
    says(&visitor.get(&format!("/keys/{id}")).expect(200), "GET /denied/here");
}

#[test]
fn a_pasted_key_is_found_and_kept_nowhere() {
    let server = server();
    let account = server.operator().account("Acme");
    let (id, plain) = server.operator().issue_plain(&account, "Production");
    let mut visitor = root(&server);
    let _ = visitor.get("/find").expect(200);
    let header = format!("Authorization: Bearer {plain}");
    for pasted in [&plain, &header] {
        let found = visitor.submit("/find/key", &[("key", pasted)]).expect(303);
        assert_eq!(found.header("location"), Some(&*format!("/keys/{id}")));
    }
    let mut mistyped = plain.clone();
    let _ = mistyped.pop();
    let unknown = visitor.submit("/find/key", &[("key", &mistyped)]).expect(422);
    is_silent_of(&unknown, &mistyped);
    says(&unknown, "aria-invalid=\"true\"");
    let own = visitor.submit("/find/key", &[("key", server.operator_key())]).expect(422);
    says(&own, "This is an operator key");
    is_silent_of(&own, server.operator_key());
    let misplaced = visitor.get(&format!("/find?q={plain}")).expect(422);
    says(&misplaced, "This is a whole key");
    is_silent_of(&misplaced, &plain);
    let log = server.log();
    for secret in [&plain, &mistyped, server.operator_key()] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}
