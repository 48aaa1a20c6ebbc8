//! Changing a key: only what was changed changes, and two who change it at once learn of each other.

use claviger_testkit::{Answer, Server};
use serde_json::{Value, json};

use super::{
    create::{keys, stage},
    stage::sign_in_as,
};

#[track_caller]
fn key(server: &Server, id: &str) -> Value {
    server.operator().get(&format!("/v1/keys/{id}")).expect(200).json()
}

/// The actions on the trail about a key, the issue aside.
#[track_caller]
fn actions(server: &Server, id: &str) -> Vec<String> {
    let trail = server.operator().get(&format!("/v1/audit-events?subject={id}")).expect(200).json();
    let events = trail["items"].as_array().expect("a list has items");
    let actions = events.iter().filter_map(|event| event["action"].as_str());
    actions.filter(|action| *action != "key.issue").map(str::to_owned).collect()
}

/// What stands in a text area.
#[track_caller]
fn area<'a>(page: &'a Answer, name: &str) -> &'a str {
    let (_, after) = page.text().split_once(&format!("<textarea id=\"{name}\"")).expect("the page has it");
    let (_, after) = after.split_once('>').expect("a tag has an end");
    after.split("</textarea>").next().unwrap_or_default().trim_start_matches('\n')
}

const NARROWED: [(&str, &str); 6] = [
    ("name", "CI"),
    ("permissions", "only"),
    ("scopes", "costs:read"),
    ("expiry", "keep"),
    ("networks", "10.0.0.0/8\r\n192.0.2.7"),
    ("endpoints", "GET /v1/costs/**"),
];

#[test]
fn what_is_sent_unchanged_changes_nothing() {
    let (server, account, mut developer) = stage("cicosts");
    let order = json!({
        "name": "CI", "scopes": ["costs:read"], "expires_at": "2999-01-01T12:00:00Z",
        "restrictions": {"networks": ["10.0.0.0/8", "192.0.2.7"], "endpoints": ["GET /v1/costs/**"]},
    });
    let issued = server.operator().issue(&account, &order);
    let id = issued["id"].as_str().expect("a key has an id");
    let path = format!("/keys/{id}/edit");
    let before = key(&server, id);
    let page = developer.get(&path).expect(200);
    assert_eq!(area(&page, "networks"), "10.0.0.0/8\n192.0.2.7");
    assert_eq!(area(&page, "endpoints"), "GET /v1/costs/**");
    assert!(page.text().contains(">1 Jan 2999, 12:00 UTC</time>"), "{}", page.text());
    let saved = developer.submit(&path, &NARROWED).expect(303);
    assert_eq!(saved.header("location"), Some(&*format!("/keys/{id}?done=saved")));
    assert_eq!(key(&server, id), before);
    assert!(actions(&server, id).is_empty());
}

#[test]
fn only_what_was_changed_changes() {
    let (server, account, mut developer) = stage("cicosts");
    let (id, _) = server.operator().issue_plain(&account, "CI");
    let path = format!("/keys/{id}/edit");
    let _ = developer.get(&path).expect(200);
    let fields = [("name", "CI of the shop"), ("permissions", "all"), ("expiry", "keep")];
    let _ = developer.submit(&path, &fields).expect(303);
    assert_eq!(actions(&server, &id), ["key.rename"]);
    let _ = developer.get(&path).expect(200);
    let _ = developer.submit(&path, &NARROWED).expect(303);
    let narrowed = key(&server, &id);
    assert_eq!(narrowed["scopes"], json!(["costs:read"]));
    assert_eq!(narrowed["restrictions"]["networks"], json!(["10.0.0.0/8", "192.0.2.7"]));
    assert_eq!(actions(&server, &id), ["key.rename", "key.rename", "key.restrict"]);
    let _ = developer.get(&path).expect(200);
    let widened = [("name", "CI"), ("permissions", "all"), ("expiry", "never")];
    let _ = developer.submit(&path, &widened).expect(303);
    let widened = key(&server, &id);
    assert_eq!(widened["scopes"], "all");
    assert!(widened["restrictions"]["networks"].is_null() && widened["restrictions"]["endpoints"].is_null());
}

/// Whoever is limited doesn't lift the limit, whatever they send.
#[test]
fn limits_are_shown_to_customers_and_not_theirs_to_change() {
    let (server, account, mut developer) = stage("cicosts");
    let limits = json!({
        "rates": [{"name": "burst", "limit": 5, "window": "1m"}], "quotas": [{"name": "plan", "limit": 9, "per": "month"}],
    });
    let issued = server.operator().issue(&account, &json!({"name": "CI", "restrictions": limits}));
    let id = issued["id"].as_str().expect("a key has an id");
    let detail = developer.get(&format!("/keys/{id}")).expect(200);
    assert!(detail.text().contains("burst: 5 requests in 1m"), "{}", detail.text());
    assert!(detail.text().contains("plan: 9 requests a month"), "{}", detail.text());
    let path = format!("/keys/{id}/edit");
    let _ = developer.get(&path).expect(200);
    let widened = [
        ("name", "CI of the shop"),
        ("permissions", "all"),
        ("expiry", "never"),
        ("rates", ""),
        ("quotas", ""),
        ("restrictions", "{\"rates\":null,\"quotas\":null}"),
    ];
    let _ = developer.submit(&path, &widened);
    let after = key(&server, id)["restrictions"].clone();
    assert_eq!((&after["rates"], &after["quotas"]), (&limits["rates"], &limits["quotas"]));
    assert!(!actions(&server, id).iter().any(|action| action == "key.restrict"));
}

#[test]
fn two_who_change_a_key_at_once_learn_of_each_other() {
    let (server, account, mut developer) = stage("cicosts");
    let (id, _) = server.operator().issue_plain(&account, "CI");
    let path = format!("/keys/{id}/edit");
    let mut other = sign_in_as(&server, &account, "grace@example.com", "developer");
    let _ = developer.get(&path).expect(200);
    let _ = other.get(&path).expect(200);
    let first = [("name", "CI"), ("permissions", "all"), ("expiry", "keep"), ("networks", "10.0.0.0/8")];
    let _ = other.submit(&path, &first).expect(303);
    let second = [("name", "CI of the shop"), ("permissions", "all"), ("expiry", "keep"), ("networks", "")];
    let page = developer.submit(&path, &second).expect(409);
    assert!(page.text().contains("changed meanwhile by <b>grace@example.com</b>"), "{}", page.text());
    assert!(page.text().contains("Allowed networks: <b>10.0.0.0/8</b>"), "{}", page.text());
    assert!(page.text().contains("value=\"CI of the shop\""), "what was typed is kept");
    assert_eq!(key(&server, &id)["restrictions"]["networks"], json!(["10.0.0.0/8"]));
    let third = [("name", "CI of the shop"), ("permissions", "all"), ("networks", "10.0.0.0/8")];
    let _ = developer.submit(&path, &third).expect(303);
    assert_eq!(key(&server, &id)["name"], "CI of the shop");
    assert_eq!(actions(&server, &id), ["key.restrict", "key.rename"]);
}

#[test]
fn what_can_not_be_taken_is_said_beside_its_field_and_kept() {
    let (server, account, mut developer) = stage("cicosts");
    let (id, _) = server.operator().issue_plain(&account, "CI");
    let path = format!("/keys/{id}/edit");
    let _ = developer.get(&path).expect(200);
    let before = key(&server, &id);
    for (fields, place) in [
        (&[("name", "")][..], "name-error"),
        (&[("name", "x"), ("permissions", "only")], "permissions-error"),
        (&[("name", "x"), ("permissions", "all"), ("networks", "0.0.0.0/0")], "networks-error"),
        (&[("name", "x"), ("expiry", "date"), ("expires_on", "2020-01-01")], "expires_on-error"),
    ] {
        let page = developer.submit(&path, fields).expect(422);
        assert!(page.text().contains(&format!("id=\"{place}\"")), "{place}: {}", page.text());
    }
    assert_eq!(key(&server, &id), before);
}

#[test]
fn the_last_key_can_not_be_made_to_expire() {
    let (server, account, mut developer) = stage("codat");
    let id = keys(&server, &account)[0]["id"].as_str().expect("a key has an id").to_owned();
    let path = format!("/keys/{id}/edit");
    let _ = developer.get(&path).expect(200);
    let page = developer.submit(&path, &[("name", "First key"), ("expiry", "7d")]).expect(409);
    assert!(page.text().contains("last working key"), "{}", page.text());
    assert!(key(&server, &id)["expires_at"].is_null());
}

#[test]
fn a_revoked_key_is_not_changed() {
    let (server, account, mut developer) = stage("cashcat");
    let (id, _) = server.operator().issue_plain(&account, "CI");
    let path = format!("/keys/{id}/edit");
    let _ = developer.get(&path).expect(200);
    let _ = server.operator().post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
    let page = developer.submit(&path, &[("name", "CI of the shop"), ("expiry", "keep")]).expect(409);
    assert!(page.text().contains("The key is revoked"), "{}", page.text());
    let _ = developer.get(&path).expect(409);
}
