//! Seeing a sealed key again: by whom, with its header, and never without a trace.

use serde_json::json;

use super::{
    create::{keys, make_viewer, plain_key, stage},
    stage::sign_in,
};

#[test]
fn a_sealed_key_is_seen_again_and_the_look_is_on_the_trail() {
    let (server, account, mut developer) = stage("codat");
    let (id, plain) = server.operator().issue_plain(&account, "Sync");
    let csrf = developer.csrf();
    let page = developer.post(&format!("/keys/{id}/reveal"), &[("csrf", &csrf)]).expect(200);
    assert_eq!(plain_key(&page), plain);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.text().contains("id=\"ready-header\""), "{}", page.text());
    assert!(page.text().contains("on the audit trail"));
    let trail = server.operator().get(&format!("/v1/audit-events?subject={id}")).expect(200).json();
    let looks = trail["items"].as_array().expect("a list has items");
    assert!(looks.iter().any(|event| event["action"] == "key.reveal"), "{trail}");
    assert!(!server.log().contains(&plain), "the key is in the log");
}

#[test]
fn nobody_sees_a_key_by_following_a_link() {
    let (server, account, mut developer) = stage("codat");
    let (id, plain) = server.operator().issue_plain(&account, "Sync");
    let page = developer.get(&format!("/keys/{id}/reveal")).expect(405);
    assert!(!page.text().contains(&plain));
}

#[test]
fn a_viewer_sees_no_key_and_no_form() {
    let (server, account, mut once_developer) = stage("codat");
    let id = keys(&server, &account)[0]["id"].as_str().expect("a key has an id").to_owned();
    let csrf = once_developer.csrf();
    make_viewer(&server, &account, "developer@example.com");
    let _ = once_developer.post(&format!("/keys/{id}/reveal"), &[("csrf", &csrf)]).expect(303);
    let mut viewer = sign_in(&server, &account, "viewer");
    for form in ["edit", "rotate", "revoke"] {
        let _ = viewer.get(&format!("/keys/{id}/{form}")).expect(403);
    }
    let _ = viewer.get("/keys/new").expect(403);
}

#[test]
fn a_key_of_which_only_the_digest_is_kept_can_not_be_seen_again() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, _) = server.operator().issue_plain(&account, "Sync");
    let csrf = developer.csrf();
    let page = developer.post(&format!("/keys/{id}/reveal"), &[("csrf", &csrf)]).expect(409);
    assert!(page.text().contains("stored as a digest"), "{}", page.text());
}

#[test]
fn a_revoked_key_is_gone() {
    let (server, account, mut developer) = stage("codat");
    let (id, _) = server.operator().issue_plain(&account, "Sync");
    let _ = server.operator().post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
    let csrf = developer.csrf();
    let _ = developer.post(&format!("/keys/{id}/reveal"), &[("csrf", &csrf)]).expect(409);
}
