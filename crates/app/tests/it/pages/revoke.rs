//! Ending a key for good: who confirms by its name, and what is said where it can't be.

use claviger_testkit::{Customer, ServerBuilder, eventually};
use serde_json::json;

use super::{
    create::{keys, stage},
    stage::sign_in,
};

#[test]
fn a_key_ends_when_its_name_is_typed() {
    for (profile, button) in [
        ("cashcat", "Revoke key"),
        ("cicosts", "Revoke key"),
        ("codat", "Delete key"),
        ("example", "Revoke key"),
    ] {
        let (server, account, mut developer) = stage(profile);
        let (id, plain) = server.operator().issue_plain(&account, "Production server");
        let path = format!("/keys/{id}/revoke");
        let page = developer.get(&path).expect(200);
        assert!(page.text().contains(&format!(">{button}</button>")), "{profile}: {}", page.text());
        let done = developer.submit(&path, &[("confirm", " Production server ")]).expect(303);
        assert_eq!(done.header("location"), Some("/keys?done=revoked"));
        assert_eq!(server.operator().verify(&json!({"key": plain}))["allowed"], false, "{profile}");
    }
}

#[test]
fn a_wrong_name_ends_nothing() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, plain) = server.operator().issue_plain(&account, "Production server");
    let path = format!("/keys/{id}/revoke");
    let _ = developer.get(&path).expect(200);
    for typed in ["", "production server", "Production", &id] {
        let page = developer.submit(&path, &[("confirm", typed)]).expect(422);
        assert!(page.text().contains("This is not its name."), "{}", page.text());
    }
    assert_eq!(server.operator().verify(&json!({"key": plain}))["allowed"], true);
}

#[test]
fn a_key_without_a_name_is_confirmed_by_its_hint() {
    let (server, account, mut developer) = stage("codat");
    let issued = server.operator().issue(&account, &json!({}));
    let (id, plain) = (issued["id"].as_str().expect("an id"), issued["key"].as_str().expect("a key"));
    let path = format!("/keys/{id}/revoke");
    let _ = developer.get(&path).expect(200);
    let _ = developer.submit(&path, &[("confirm", &plain[..6])]).expect(303);
    assert_eq!(server.operator().verify(&json!({"key": plain}))["allowed"], false);
}

#[test]
fn who_is_about_to_end_a_key_in_use_is_told_so() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, plain) = server.operator().issue_plain(&account, "Production server");
    let path = format!("/keys/{id}/revoke");
    assert!(developer.get(&path).expect(200).text().contains("never used"));
    let _ = Customer::new(server.gateway, &plain).at_host("api.cashcat.app").get("/v1/users");
    eventually(|| {
        let page = developer.get(&path).expect(200);
        (page.text().contains("last used") && page.text().contains(" from 127.0.0.1")).then_some(())
    });
}

#[test]
fn the_last_key_stays_and_a_revoked_one_is_over() {
    let (server, account, mut developer) = stage("codat");
    let last = keys(&server, &account)[0]["id"].as_str().expect("a key has an id").to_owned();
    let path = format!("/keys/{last}/revoke");
    let _ = developer.get(&path).expect(200);
    let page = developer.submit(&path, &[("confirm", "First key")]).expect(409);
    assert!(page.text().contains("last working key"), "{}", page.text());
    let csrf = developer.csrf();
    let page = developer.post(&format!("/keys/{last}/disable"), &[("csrf", &csrf)]).expect(409);
    assert!(page.text().contains("last working key"), "{}", page.text());
    assert!(page.text().contains(&format!("action=\"/keys/{last}/disable\"")), "the page of the key is gone");

    let (id, _) = server.operator().issue_plain(&account, "Second");
    let path = format!("/keys/{id}/revoke");
    let _ = developer.get(&path).expect(200);
    let mut late = developer.clone();
    let _ = developer.submit(&path, &[("confirm", "Second")]).expect(303);
    let page = late.submit(&path, &[("confirm", "Second")]).expect(409);
    assert!(page.text().contains("revoked already"), "{}", page.text());
}

#[test]
fn a_key_is_switched_off_and_on() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, plain) = server.operator().issue_plain(&account, "Production server");
    let csrf = developer.csrf();
    for (verb, word, allowed) in [("disable", "disabled", false), ("enable", "enabled", true)] {
        let done = developer.post(&format!("/keys/{id}/{verb}"), &[("csrf", &csrf)]).expect(303);
        assert_eq!(done.header("location"), Some(&*format!("/keys/{id}?done={word}")));
        assert_eq!(server.operator().verify(&json!({"key": plain}))["allowed"], allowed);
    }
}

#[test]
fn another_accounts_key_is_not_there_whatever_is_asked() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("codat").start();
    let operator = server.operator();
    let (ours, theirs) = (operator.account("Acme"), operator.account("Other"));
    let (foreign, plain) = operator.issue_plain(&theirs, "Production server");
    let mut visitor = sign_in(&server, &ours, "administrator");
    let _ = visitor.get("/keys/new").expect(200);
    let (csrf, once) = (visitor.csrf(), visitor.hidden("once").expect("the form has a nonce").to_owned());
    let all = [
        ("csrf", &*csrf),
        ("once", &*once),
        ("name", "ours"),
        ("overlap", "0"),
        ("confirm", "Production server"),
    ];
    let missing = "key_00000000000000000000000000";
    for id in [&*foreign, missing, "key_x", "new2"] {
        for form in ["edit", "rotate", "revoke"] {
            let _ = visitor.get(&format!("/keys/{id}/{form}")).expect(404);
        }
        for verb in ["edit", "rotate", "revoke", "disable", "enable", "reveal"] {
            let page = visitor.post(&format!("/keys/{id}/{verb}"), &all).expect(404);
            assert!(!page.text().contains("Production server"), "{verb}");
        }
    }
    assert_eq!(operator.verify(&json!({"key": plain}))["allowed"], true);
}
