//! One key's page: what it may do, how it is used, and what the visitor may do with it.

use claviger_testkit::{Server, ServerBuilder, Visitor, eventually};
use serde_json::json;

use super::stage::{sign_in, sign_in_as};

fn stage(profile: &str) -> (Server, String) {
    let server = ServerBuilder::new(crate::PROGRAM).profile(profile).start();
    let account = server.operator().account("Acme");
    (server, account)
}

/// The page of the key, once it says `text`.
fn until(visitor: &mut Visitor, id: &str, text: &str) -> String {
    eventually(|| {
        let page = visitor.get(&format!("/keys/{id}")).expect(200);
        page.text().contains(text).then(|| page.text().to_owned())
    })
}

#[test]
fn a_key_tells_what_it_is_and_may_do() {
    let (server, account) = stage("cicosts");
    let script = "<script>alert(1)</script>";
    let order = json!({
        "name": script, "scopes": ["costs:read"], "expires_at": "2999-01-01T12:00:00Z", "external_id": "<b>x</b>",
        "restrictions": {"networks": ["10.0.0.0/8"], "endpoints": ["GET /v1/costs/**"]},
    });
    let issued = server.operator().issue(&account, &order);
    let id = issued["id"].as_str().expect("a key has an id");
    let mut viewer = sign_in(&server, &account, "viewer");
    let page = viewer.get(&format!("/keys/{id}")).expect(200);
    let page = page.text();
    for text in [
        "&#60;script&#62;alert(1)",
        "&#60;b&#62;x&#60;/b&#62;",
        "costs:read",
        "10.0.0.0/8",
        "GET /v1/costs/**",
        "1 Jan 2999, 12:00 UTC",
        "the people who run this API",
        "No requests in the last 30 days.",
        id,
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains(script) && !page.contains("<b>x</b>"), "{page}");
    let plain = issued["key"].as_str().expect("an issued key has a secret");
    assert!(!page.contains(plain));
}

#[test]
fn buttons_are_there_for_what_the_role_and_the_state_allow() {
    let (server, account) = stage("example");
    let (id, _) = server.operator().issue_plain(&account, "Server");
    let path = format!("/keys/{id}");
    let offered = |visitor: &mut Visitor| {
        let page = visitor.get(&path).expect(200);
        let actions = ["edit", "rotate", "disable", "enable", "revoke", "reveal"];
        let there = |action: &&str| page.text().contains(&format!("\"{path}/{action}\""));
        actions.into_iter().filter(there).collect::<Vec<_>>()
    };
    let mut viewer = sign_in(&server, &account, "viewer");
    let mut developer = sign_in(&server, &account, "developer");
    assert!(offered(&mut viewer).is_empty());
    assert_eq!(offered(&mut developer), ["edit", "rotate", "disable", "revoke"]);
    let _ = server.operator().post(&format!("/v1{path}/disable"), &json!({})).expect(200);
    assert_eq!(offered(&mut developer), ["edit", "rotate", "enable", "revoke"]);
    let _ = server.operator().post(&format!("/v1{path}/revoke"), &json!({})).expect(200);
    assert!(offered(&mut developer).is_empty());
    let page = developer.get(&path).expect(200);
    assert!(page.text().contains("This key was revoked on"), "{}", page.text());
    assert!(page.text().contains("by the people who run this API"), "{}", page.text());
}

#[test]
fn a_sealed_key_can_be_shown_by_those_who_may() {
    let (server, account) = stage("codat");
    let keys = server.operator().get(&format!("/v1/accounts/{account}/keys")).expect(200).json();
    let id = keys["items"][0]["id"]
        .as_str()
        .map_or_else(|| server.operator().issue_plain(&account, "Server").0, str::to_owned);
    let reveal = format!("action=\"/keys/{id}/reveal\"");
    let mut admin = sign_in(&server, &account, "administrator");
    assert!(admin.get(&format!("/keys/{id}")).expect(200).text().contains(&reveal));
    let mut viewer = sign_in(&server, &account, "viewer");
    let _ = viewer.get(&format!("/keys/{id}")).expect(403);
}

#[test]
fn keys_of_another_account_are_not_there() {
    let (server, account) = stage("example");
    let other = server.operator().account("Other");
    let (id, _) = server.operator().issue_plain(&other, "Hidden");
    for role in ["administrator", "viewer"] {
        let mut visitor = sign_in(&server, &account, role);
        for id in [id.as_str(), "key_00000000000000000000000000", "mem_00000000000000000000000000", "x"] {
            let page = visitor.get(&format!("/keys/{id}")).expect(404);
            assert!(!page.text().contains("Hidden"));
        }
    }
}

#[test]
fn uses_and_denials_are_told_with_what_to_do() {
    let (server, account) = stage("example");
    let order = json!({"name": "Server", "restrictions": {"endpoints": ["GET /v1/users"]}});
    let issued = server.operator().issue(&account, &order);
    let (id, key) = (issued["id"].as_str().expect("an id"), issued["key"].as_str().expect("a secret"));
    let program = server.customer(key).at_host("api.example.com");
    let _ = program.get("/v1/users").expect(200);
    let denied = program.get("/v1/orders");
    assert_eq!(denied.status, 403, "{}", denied.text());
    let request = denied.header("x-request-id").expect("every answer has an id").to_owned();
    let mut viewer = sign_in(&server, &account, "viewer");
    let page = until(&mut viewer, id, &request);
    for text in ["The endpoint is not allowed", "GET /v1/orders", "Add the endpoint", "127.0.0.1"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let page = until(&mut viewer, id, "2 requests in the last 30 days, 1 of them denied.");
    assert!(page.contains("for <code>GET /v1/users</code>"), "{page}");
    assert!(page.contains("Denied: the endpoint is not allowed"), "{page}");
}

#[test]
fn a_rotation_shows_who_still_uses_the_old_secret() {
    let (server, account) = stage("example");
    let (id, old) = server.operator().issue_plain(&account, "Server");
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    assert!(!ada.get(&format!("/keys/{id}")).expect(200).text().contains("Rotation under way"));
    let _ = server.operator().post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": "24h"})).expect(200);
    let page = until(&mut ada, &id, "Rotation under way");
    assert!(page.contains("Not used since the rotation, so far"), "{page}");
    let _ = server.customer(&old).at_host("api.example.com").get("/v1/old").expect(200);
    let page = until(&mut ada, &id, "Still used after the rotation");
    assert!(page.contains("GET /v1/old"), "{page}");
    assert!(page.contains("and kept the old secret for 1 day"), "{page}");
}
