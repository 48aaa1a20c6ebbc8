//! `GET` and `PATCH /v1/keys/{id}`: show, rename, describe.

use serde_json::json;

use super::{opened, opened_with_clock, status, text};

#[test]
fn a_renamed_key_is_the_same_key() {
    let (server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "old name");
    let changed = operator.patch(&format!("/v1/keys/{id}"), &json!({"name": "new name"})).expect(200).json();
    assert_eq!((text(&changed["key"], "id"), text(&changed["key"], "name")), (&*id, "new name"));
    assert_eq!(changed["receipt"]["complete"], true);
    assert_eq!(operator.get(&format!("/v1/keys/{id}")).expect(200).json()["name"], "new name");
    assert_eq!(status(&server, &key), 200);
}

#[test]
fn a_patch_changes_what_it_names_and_nothing_else() {
    let (_server, operator, account) = opened("cicosts");
    let order = json!({
        "name": "n", "scopes": ["costs:read"], "expires_at": "2100-01-01T00:00:00Z",
        "restrictions": {"networks": ["127.0.0.1"]}, "external_id": "e", "metadata": {"a": 1},
    });
    let issued = operator.issue(&account, &order);
    let path = format!("/v1/keys/{}", text(&issued, "id"));
    let mut wanted = operator.get(&path).expect(200).json();
    for (change, field) in [
        (json!({"metadata": {"b": 2}}), "metadata"),
        (json!({"external_id": null}), "external_id"),
        (json!({"external_id": "f"}), "external_id"),
        (json!({"expires_at": null}), "expires_at"),
        (json!({"scopes": "all"}), "scopes"),
    ] {
        let changed = operator.patch(&path, &change).expect(200).json()["key"].take();
        wanted[field] = change[field].clone();
        assert_eq!(changed, wanted, "{change}");
        assert_eq!(operator.get(&path).expect(200).json(), wanted);
    }
    for (change, left) in [
        (
            json!({"endpoints": ["GET /v1"]}),
            json!({"networks": ["127.0.0.1"], "referrers": null, "endpoints": ["GET /v1"]}),
        ),
        (json!({"networks": null}), json!({"networks": null, "referrers": null, "endpoints": ["GET /v1"]})),
    ] {
        let changed = operator.patch(&path, &json!({"restrictions": change})).expect(200).json();
        assert_eq!(changed["key"]["restrictions"], left, "what is left out stays");
    }
}

#[test]
fn a_patch_that_asks_for_nothing_or_the_unknown_is_refused() {
    let (_server, operator, account) = opened("default");
    let (id, _) = operator.issue_plain(&account, "n");
    let path = format!("/v1/keys/{id}");
    let before = operator.get(&path).expect(200).json();
    for change in [
        json!({}),
        json!({"state": "revoked"}),
        json!({"name": null}),
        json!({"name": ""}),
        json!({"environment": "test"}),
        json!({"scopes": ["unknown"]}),
        json!({"expires_at": "yesterday"}),
        json!({"expires_at": "2001-01-01T00:00:00Z"}),
        json!({"metadata": 1}),
        json!({"metadata": {"big": "x".repeat(17_000)}}),
    ] {
        assert_eq!(operator.patch(&path, &change).status, 422, "{change}");
    }
    assert_eq!(operator.get(&path).expect(200).json(), before);
}

#[test]
fn an_external_id_names_one_key_of_an_account() {
    let (_server, operator, account) = opened("default");
    let other = operator.account("Other");
    operator.issue(&account, &json!({"name": "first", "external_id": "k-1"}));
    operator.issue(&other, &json!({"name": "of another", "external_id": "k-1"}));
    let path = format!("/v1/accounts/{account}/keys");
    let order = json!({"name": "second", "external_id": "k-1"});
    assert_eq!(text(&operator.post(&path, &order).expect(409).json(), "code"), "external_id_taken");
    let (id, _) = operator.issue_plain(&account, "second");
    let change = json!({"external_id": "k-1"});
    let refused = operator.patch(&format!("/v1/keys/{id}"), &change).expect(409).json();
    assert_eq!(text(&refused, "code"), "external_id_taken");
}

#[test]
fn a_patch_that_is_refused_changes_none_of_its_fields() {
    let (_server, operator, account) = opened("default");
    operator.issue(&account, &json!({"name": "first", "external_id": "taken"}));
    let (id, _) = operator.issue_plain(&account, "second");
    let path = format!("/v1/keys/{id}");
    let before = operator.get(&path).expect(200).json();
    let change = json!({"name": "renamed", "external_id": "taken", "metadata": {"a": 1}, "scopes": []});
    assert_eq!(operator.patch(&path, &change).status, 409);
    assert_eq!(operator.get(&path).expect(200).json(), before, "all of a change or nothing");
}

#[test]
fn keys_that_are_not_there_are_not_found_whatever_is_asked() {
    let (_server, operator, account) = opened("default");
    let missing = ["key_01h455vb4pex5vsknk084sn02q", "key_x", &account, "x"];
    for id in missing {
        let path = format!("/v1/keys/{id}");
        assert_eq!(operator.get(&path).status, 404, "{id}");
        assert_eq!(operator.patch(&path, &json!({"name": "n"})).status, 404, "{id}");
        for verb in ["rotate", "revoke", "disable", "enable", "reveal"] {
            assert_eq!(operator.post(&format!("{path}/{verb}"), &json!({})).status, 404, "{verb} {id}");
        }
    }
}

#[test]
fn the_bound_on_keys_holds_for_an_expired_key_that_is_brought_back() {
    let (server, operator, account) = opened_with_clock("codat");
    let order = json!({"name": "ends", "expires_at": "2100-01-01T00:00:00Z"});
    let ending = operator.issue(&account, &order);
    let ending = format!("/v1/keys/{}", text(&ending, "id"));
    for number in 2..10 {
        operator.issue_plain(&account, &format!("key {number}"));
    }
    let path = format!("/v1/accounts/{account}/keys");
    assert_eq!(operator.post(&path, &json!({"name": "eleventh"})).status, 409, "ten with the first key");
    server.move_clock("+80y");
    operator.issue_plain(&account, "in place of the expired one");
    let refused = operator.patch(&ending, &json!({"expires_at": null})).expect(409).json();
    assert_eq!(text(&refused, "code"), "too_many_keys");
}
