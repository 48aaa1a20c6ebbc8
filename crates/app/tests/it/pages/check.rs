//! "Key not working?": what is said of a pasted key, and that it is said nowhere else.

use claviger_model::Timestamp;
use claviger_testkit::{Answer, Server, ServerBuilder, Visitor, eventually};
use serde_json::json;

use super::stage::sign_in;

fn stage() -> (Server, String, Visitor) {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let account = server.operator().account("Acme");
    let viewer = sign_in(&server, &account, "viewer");
    (server, account, viewer)
}

/// The answer to a pasted text, which isn't in it.
#[track_caller]
fn paste(visitor: &mut Visitor, pasted: &str) -> Answer {
    let _ = visitor.get("/keys/check").expect(200);
    let page = visitor.submit("/keys/check", &[("key", pasted)]).expect(200);
    assert!(!page.text().contains(pasted), "the answer has what was pasted");
    page
}

#[track_caller]
fn says(page: &Answer, sentence: &str) {
    assert!(page.text().contains(sentence), "{sentence}: {}", page.text());
}

#[test]
fn a_key_that_works_shows_what_it_is_limited_to() {
    let (server, account, mut viewer) = stage();
    let order =
        json!({"name": "CI", "restrictions": {"networks": ["192.0.2.0/24"], "endpoints": ["GET /v1/**"]}});
    let issued = server.operator().issue(&account, &order);
    let (id, plain) = (issued["id"].as_str().expect("an id"), issued["key"].as_str().expect("a key"));
    let page = paste(&mut viewer, &format!("Authorization: Bearer {plain}"));
    assert!(!page.text().contains(plain), "the answer has the key");
    for sentence in ["This key works", "192.0.2.0/24", "GET /v1/**", &format!("href=\"/keys/{id}\"")] {
        says(&page, sentence);
    }
    assert!(!page.text().contains("/edit"), "a viewer is shown what they may not do");
    assert!(!server.log().contains(plain), "the log has the key");
}

#[test]
fn a_revoked_disabled_or_replaced_key_is_told_apart() {
    let (server, account, mut viewer) = stage();
    let operator = server.operator();
    let change = |id: &str, verb: &str, body| {
        let _ = operator.post(&format!("/v1/keys/{id}/{verb}"), &body);
    };
    let (id, revoked) = operator.issue_plain(&account, "Revoked");
    change(&id, "revoke", json!({}));
    says(&paste(&mut viewer, &revoked), "This key was revoked on");
    let (id, disabled) = operator.issue_plain(&account, "Disabled");
    change(&id, "disable", json!({}));
    says(&paste(&mut viewer, &disabled), "This key is disabled");
    let (id, replaced) = operator.issue_plain(&account, "Rotated");
    change(&id, "rotate", json!({"overlap": "0s"}));
    says(&paste(&mut viewer, &replaced), "replaced by a rotation");
    let (id, ending) = operator.issue_plain(&account, "Rotating");
    change(&id, "rotate", json!({"overlap": "1h"}));
    says(&paste(&mut viewer, &ending), "This key works until");
    for plain in [revoked, disabled, replaced, ending] {
        assert!(!server.log().contains(&plain), "the log has a key");
    }
}

#[test]
fn what_is_no_key_of_the_account_says_why() {
    let (server, _, mut viewer) = stage();
    let other = server.operator().account("Other");
    let (id, elsewhere) = server.operator().issue_plain(&other, "Elsewhere");
    let page = paste(&mut viewer, &elsewhere);
    says(&page, "This account has no such key");
    assert!(!page.text().contains(&id) && !page.text().contains(">Elsewhere"));
    let typed = elsewhere.get(..20).expect("keys are longer").to_owned();
    says(&paste(&mut viewer, &typed), "52 characters long");
    says(&paste(&mut viewer, "sk_live_something"), "begin with cc_live_, this one");
    says(&paste(&mut viewer, "<script>alert(1)</script>"), "This is not a whole key");
    let _ = viewer.get("/keys/check").expect(200);
    let empty = viewer.submit("/keys/check", &[("key", " ")]).expect(422);
    says(&empty, "id=\"key-error\"");
}

#[test]
fn denied_requests_of_the_key_are_shown_with_the_next_step() {
    let (server, account, mut viewer) = stage();
    let order = json!({"name": "CI", "restrictions": {"networks": ["192.0.2.0/24"]}});
    let issued = server.operator().issue(&account, &order);
    let plain = issued["key"].as_str().expect("a key").to_owned();
    let _ = server.customer(&plain).get("/v1/things");
    eventually(|| {
        paste(&mut viewer, &plain)
            .text()
            .contains("Add the address to the key&#39;s allowed networks")
            .then_some(())
    });
    let page = paste(&mut viewer, &plain);
    for sentence in ["GET /v1/things", "127.0.0.1", "request <code>req_"] {
        says(&page, sentence);
    }
    let (_, after) = page.text().split_once("request <code>").expect("a request is named");
    let request = after.split('<').next().unwrap_or_default().to_owned();
    let found = viewer.submit("/keys/check", &[("key", &plain), ("request", &request)]).expect(200);
    says(&found, "<h2>This request</h2>");
    says(&found, "GET /v1/things");
}

#[test]
fn help_is_asked_for_with_the_request_that_failed() {
    let cashcat = include_str!("../../../../../profiles/cashcat.toml");
    let text = format!("support = \"https://help.example.com/\"\n{cashcat}");
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&text).start();
    let account = server.operator().account("Acme");
    let (_, plain) = server.operator().issue_plain(&account, "CI");
    let mut viewer = sign_in(&server, &account, "viewer");
    says(&viewer.get("/keys/check").expect(200), "carries the id of this page's request");
    let request = "req_00000000000000000000000000";
    let page = viewer.submit("/keys/check", &[("key", &plain), ("request", request)]).expect(200);
    says(&page, "carries the id of your request");
    says(&page, &format!("https://help.example.com/?request_id={request}"));
}

#[test]
fn what_is_no_request_id_is_said_beside_its_field_and_not_repeated() {
    let (server, account, mut viewer) = stage();
    let (_, plain) = server.operator().issue_plain(&account, "CI");
    let _ = viewer.get("/keys/check").expect(200);
    let page = viewer.submit("/keys/check", &[("key", &plain), ("request", &plain)]).expect(422);
    says(&page, "id=\"request-error\"");
    says(&page, "This key works");
    assert!(!page.text().contains(&plain), "a key in the wrong field is repeated");
}

#[test]
fn a_suspended_account_and_an_expired_key_are_told_apart() {
    let (server, account, mut viewer) = stage();
    let order = json!({"name": "Short", "expires_at": "2999-01-01T00:00:00Z"});
    let issued = server.operator().issue(&account, &order);
    let plain = issued["key"].as_str().expect("a key").to_owned();
    says(&paste(&mut viewer, &plain), "1 Jan 2999, 00:00 UTC</time>");
    let millis = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("it is after 1970").as_millis();
    let in_a_moment = Timestamp::from_millis(i64::try_from(millis).expect("a timestamp") + 2000);
    let soon = json!({"name": "Soon", "expires_at": in_a_moment.to_string()});
    let issued = server.operator().issue(&account, &soon);
    let plain = issued["key"].as_str().expect("a key").to_owned();
    eventually(|| paste(&mut viewer, &plain).text().contains("This key expired on").then_some(()));
    let _ = server
        .operator()
        .patch(&format!("/v1/accounts/{account}"), &json!({"state": "suspended"}))
        .expect(200);
    says(&paste(&mut viewer, &plain), "The account is suspended");
}
