//! `/v1/accounts/{id}/keys`

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{names, opened, status, text};

#[test]
fn an_issued_key_works_at_once_and_says_what_it_is() {
    let (server, operator, account) = opened("default");
    let issued = operator.issue(&account, &json!({"name": "CI"}));
    let key = text(&issued, "key").to_owned();
    assert_eq!(status(&server, &key), 200);
    assert!(key.starts_with("my_live_"), "the key has the profile's format");
    let fields: Vec<_> = issued.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "id",
            "account_id",
            "api",
            "name",
            "hint",
            "environment",
            "scopes",
            "restrictions",
            "state",
            "created_at",
            "created_by",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "external_id",
            "metadata",
            "due_for_rotation",
            "unused",
            "secrets",
            "key",
            "receipt"
        ]
    );
    assert_eq!(issued["scopes"], "all", "everything is spelled out");
    assert_eq!(issued["restrictions"], json!({"networks": null, "referrers": null, "endpoints": null}));
    assert_eq!((text(&issued, "state"), text(&issued, "environment")), ("active", "live"));
    assert_eq!(text(&issued, "account_id"), account);
    assert_eq!(text(&issued, "hint"), &key[..15]);
    assert!(text(&issued, "created_by").starts_with("operator:op_"));
    assert_eq!(issued["receipt"]["complete"], true);
}

#[test]
fn the_secret_is_in_the_answer_to_issue_and_in_no_other() {
    let (_server, operator, account) = opened("default");
    let (id, key) = operator.issue_plain(&account, "CI");
    let elsewhere = [
        operator.get(&format!("/v1/keys/{id}")),
        operator.get(&format!("/v1/accounts/{account}/keys")),
        operator.get("/v1/keys"),
        operator.get("/v1/audit-events"),
        operator.patch(&format!("/v1/keys/{id}"), &json!({"name": "CI 2"})),
        operator.post(&format!("/v1/keys/{id}/disable"), &Value::Null),
    ];
    for answer in elsewhere {
        let answer = answer.expect(200);
        assert!(!answer.text().contains(&key[15..]), "the secret is shown once: {}", answer.text());
        assert!(answer.text().contains(&id));
    }
}

#[test]
fn a_key_can_be_issued_with_everything_that_narrows_it() {
    let (server, operator, account) = opened("cicosts");
    let order = json!({
        "name": "narrow", "environment": "test", "scopes": ["costs:read"], "expires_at": "2100-01-01T00:00:00Z",
        "restrictions": {
            "networks": ["127.0.0.0/8", "::1"], "referrers": ["https://*.acme.example/app"],
            "endpoints": ["GET /v1/costs/*"],
        },
        "external_id": "k-1", "metadata": {"team": "billing", "depth": [1, {"x": null}]},
    });
    let issued = operator.issue(&account, &order);
    for field in ["name", "environment", "scopes", "expires_at", "external_id", "metadata"] {
        assert_eq!(issued[field], order[field], "{field}");
    }
    let shown = operator.get(&format!("/v1/keys/{}", text(&issued, "id"))).expect(200).json();
    for field in ["restrictions", "metadata", "scopes", "expires_at"] {
        assert_eq!(shown[field], issued[field], "{field}");
    }
    let page = ("Referer", "https://www.acme.example/app/costs");
    let caller = server.customer(text(&issued, "key"));
    let ask = |path: &str, headers: &[(&str, &str)]| caller.send("GET", path, headers, "").status;
    assert_eq!(ask("/v1/costs/42", &[page]), 200);
    assert_eq!(ask("/v1/costs/42", &[]), 403, "no referrer");
    assert_eq!(ask("/v1/costs", &[page]), 403, "not the endpoint");
    assert_eq!(ask("/v1/alerts/1", &[page]), 403, "not the scope");
}

#[test]
fn an_empty_list_of_scopes_is_nothing_and_not_everything() {
    let (server, operator, account) = opened("cicosts");
    let issued = operator.issue(&account, &json!({"name": "none", "scopes": []}));
    assert_eq!(issued["scopes"], json!([]));
    assert_eq!(server.customer(text(&issued, "key")).get("/v1/costs").status, 403);
}

#[test]
fn what_can_not_be_issued_names_the_fields_and_makes_nothing() {
    let (_server, operator, account) = opened("cicosts");
    let path = format!("/v1/accounts/{account}/keys");
    let order = json!({
        "name": "x".repeat(101), "scopes": ["costs:read"],
    });
    let refused = operator.post(&path, &order).expect(422).json();
    assert_eq!((text(&refused, "code"), text(&refused["errors"][0], "pointer")), ("invalid", "/name"));
    let order = json!({
        "name": "many", "scopes": ["costs:write"], "expires_at": "2001-01-01T00:00:00Z",
        "external_id": "", "metadata": ["no", "object"],
    });
    let refused = operator.post(&path, &order).expect(422).json();
    let pointers: BTreeSet<_> =
        refused["errors"].as_array().unwrap().iter().map(|error| text(error, "pointer")).collect();
    assert_eq!(pointers, BTreeSet::from(["/expires_at", "/external_id", "/metadata", "/scopes"]));
    for (order, wanted) in [
        (json!({}), "invalid"),
        (json!({"name": null}), "invalid"),
        (json!({"name": ""}), "invalid"),
        (json!({"name": "tab\tbed"}), "invalid"),
        (json!({"name": "n", "scope": ["costs:read"]}), "invalid"),
        (json!({"name": "n", "environment": "staging"}), "invalid"),
        (json!({"name": "n", "restrictions": {"networks": []}}), "invalid"),
        (json!({"name": "n", "restrictions": {"networks": ["10.0.0.1/8"]}}), "invalid"),
        (json!({"name": "n", "restrictions": {"referrers": ["acme.example"]}}), "invalid"),
        (json!({"name": "n", "restrictions": {"endpoints": ["/v1/costs"]}}), "invalid"),
    ] {
        let refused = operator.post(&path, &order).expect(422).json();
        assert_eq!(text(&refused, "code"), wanted, "{order}");
    }
    assert_eq!(operator.get(&path).expect(200).json()["items"], json!([]));
}

#[test]
fn nobody_issues_keys_to_an_account_that_is_not_there() {
    let (_server, operator, account) = opened("default");
    let (_, last) = account.rsplit_once('_').unwrap();
    let other = format!("acc_{}", last.replace(['a', 'e', 'g'], "h").replacen('0', "1", 1));
    for account in [other.as_str(), "acc_nonsense", "key_01h455vb4pex5vsknk084sn02q", "%2e%2e"] {
        let path = format!("/v1/accounts/{account}/keys");
        for answer in [operator.post(&path, &json!({"name": "n"})), operator.get(&path)] {
            assert_eq!(text(&answer.expect(404).json(), "detail"), "no such account");
        }
    }
}

#[test]
fn two_hundred_and_fifty_keys_are_listed_each_once_and_in_order() {
    let (_server, operator, account) = opened("default");
    let other = operator.account("Other");
    let mut issued = Vec::new();
    for number in 0..250 {
        issued.push(operator.issue_plain(&account, &format!("key {number}")).0);
        if number % 50 == 0 {
            operator.issue_plain(&other, "of somebody else");
        }
    }
    for limit in [100, 99, 7] {
        let (mut listed, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/v1/accounts/{account}/keys?limit={limit}{cursor}");
            let page = operator.get(&path).expect(200).json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            listed.extend(items.iter().map(|item| text(item, "id").to_owned()));
            pages += 1;
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(listed, issued, "limit {limit}");
        assert!(pages <= 250 / limit + 1, "no empty page at the end");
    }
    let first = operator.get(&format!("/v1/accounts/{account}/keys")).expect(200).json();
    assert_eq!(first["items"].as_array().unwrap().len(), 50, "the default");
    assert_eq!(operator.get("/v1/keys?limit=100").expect(200).json()["items"].as_array().unwrap().len(), 100);
    for query in ["limit=0", "limit=101", "limit=ten", "cursor=x", "limit=1&limit=2", "page=2"] {
        assert_eq!(operator.get(&format!("/v1/accounts/{account}/keys?{query}")).status, 422, "{query}");
    }
}

#[test]
fn a_list_shows_revoked_keys_only_when_asked() {
    let (_server, operator, account) = opened("default");
    operator.issue_plain(&account, "stays");
    let (gone, _) = operator.issue_plain(&account, "goes");
    assert_eq!(operator.post(&format!("/v1/keys/{gone}/revoke"), &Value::Null).status, 200);
    let path = format!("/v1/accounts/{account}/keys");
    assert_eq!(names(&operator.get(&path).expect(200).json()), ["stays"]);
    let all = operator.get(&format!("{path}?include_revoked=true")).expect(200).json();
    assert_eq!(names(&all), ["stays", "goes"]);
}
