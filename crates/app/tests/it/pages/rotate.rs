//! Giving a key a new secret, with the old one going on for as long as was chosen.

use claviger_testkit::{Answer, Server};
use serde_json::json;

use super::create::{keys, plain_key, stage};

#[track_caller]
fn works(server: &Server, plain: &str) -> bool {
    server.operator().verify(&json!({"key": plain}))["allowed"] == true
}

#[test]
fn the_old_key_goes_on_for_as_long_as_was_chosen() {
    for (overlap, goes_on, said) in [
        ("usual", true, "The key before works until"),
        ("1h", true, "The key before works until"),
        ("0", false, "The key before is refused from now on."),
    ] {
        let (server, account, mut developer) = stage("cashcat");
        let (id, old) = server.operator().issue_plain(&account, "Production server");
        let form = developer.get(&format!("/keys/{id}/rotate")).expect(200);
        assert!(form.text().contains("It leaked"), "{}", form.text());
        let page = developer.submit(&format!("/keys/{id}/rotate"), &[("overlap", overlap)]).expect(201);
        let new = plain_key(&page);
        assert!(page.text().contains(said), "{overlap}: {}", page.text());
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!((works(&server, &new), works(&server, &old)), (true, goes_on), "{overlap}");
        assert_eq!(keys(&server, &account).len(), 1, "it is the same key");
        assert!(!server.log().contains(&new), "the key is in the log");
    }
}

#[test]
fn a_rotation_that_is_sent_twice_is_made_once() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, _) = server.operator().issue_plain(&account, "Production server");
    let path = format!("/keys/{id}/rotate");
    let _ = developer.get(&path).expect(200);
    let mut again = developer.clone();
    let first = plain_key(&developer.submit(&path, &[("overlap", "0")]).expect(201));
    let second = again.submit(&path, &[("overlap", "0")]).expect(409);
    assert!(second.text().contains("This key was rotated already"), "{}", second.text());
    assert!(!second.text().contains(&first), "the key is shown once");
    assert!(works(&server, &first));
}

#[test]
fn a_rotation_that_is_sent_again_with_another_choice_changes_nothing() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, _) = server.operator().issue_plain(&account, "Production server");
    let path = format!("/keys/{id}/rotate");
    let _ = developer.get(&path).expect(200);
    let mut again = developer.clone();
    let first = plain_key(&developer.submit(&path, &[("overlap", "24h")]).expect(201));
    let second = again.submit(&path, &[("overlap", "0")]).expect(409);
    assert!(second.text().contains("Nothing was changed now"), "{}", second.text());
    assert!(works(&server, &first));
}

#[test]
fn only_what_is_offered_is_taken() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, old) = server.operator().issue_plain(&account, "Production server");
    let path = format!("/keys/{id}/rotate");
    let _ = developer.get(&path).expect(200);
    for overlap in ["", "365d", "soon"] {
        let page: Answer = developer.submit(&path, &[("overlap", overlap)]).expect(422);
        assert!(page.text().contains("Choose one of these."), "{}", page.text());
    }
    assert!(works(&server, &old));
}

#[test]
fn a_revoked_key_is_not_rotated() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, _) = server.operator().issue_plain(&account, "Production server");
    let path = format!("/keys/{id}/rotate");
    let _ = developer.get(&path).expect(200);
    let _ = server.operator().post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
    let page = developer.submit(&path, &[("overlap", "0")]).expect(409);
    assert!(page.text().contains("The key is revoked"), "{}", page.text());
    let page = developer.get(&path).expect(409);
    assert!(page.text().contains("The key is revoked"), "{}", page.text());
}
