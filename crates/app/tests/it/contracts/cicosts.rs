//! `CICosts`: scoped Bearer keys, and four errors told apart.

use claviger_testkit::{Answer, Customer, Server, eventually};
use serde_json::{Value, json};

use super::{
    serve, serve_with_clock,
    wire::{assert_said, ids, mistyped, received, revoke, text, used},
};

const COSTS: &str = "/v1/costs";
const SCOPES: [(&str, &str); 5] = [
    ("costs:read", "Read cost data"),
    ("workflows:read", "Read workflow data"),
    ("alerts:read", "Read alerts"),
    ("alerts:write", "Create/update/delete alerts"),
    ("webhooks:write", "Manage webhooks"),
];

#[track_caller]
fn assert_missing(answer: &Answer) {
    let body = r#"{"error":{"code":"missing_authorization","message":"Authorization header is required"}}"#;
    assert_said(answer, 401, Some(r#"Bearer realm="CICosts API""#), body);
}

#[track_caller]
fn assert_invalid(answer: &Answer) {
    let body = r#"{"error":{"code":"invalid_api_key","message":"The provided API key is invalid"}}"#;
    assert_said(answer, 401, Some(r#"Bearer realm="CICosts API", error="invalid_token""#), body);
}

#[track_caller]
fn assert_expired(answer: &Answer) {
    let body = r#"{"error":{"code":"expired_api_key","message":"This API key has expired"}}"#;
    assert_said(answer, 401, Some(r#"Bearer realm="CICosts API", error="invalid_token""#), body);
}

#[track_caller]
fn assert_insufficient(answer: &Answer) {
    let message = "This API key does not have permission for this action";
    let body = format!(r#"{{"error":{{"code":"insufficient_permissions","message":"{message}"}}}}"#);
    assert_said(answer, 403, None, &body);
}

/// A program with a key of these scopes.
fn scoped(server: &Server, account: &str, scopes: &Value) -> Customer {
    let issued = server.operator().issue(account, &json!({"name": "Scoped", "scopes": scopes}));
    assert_eq!(issued["scopes"], *scopes);
    server.customer(&text(&issued, "key"))
}

#[test]
fn i1_all_requests_need_a_key() {
    let server = serve("cicosts");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Dashboard");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        for path in [COSTS, "/v1/workflows/wf_1", "/v1/alerts", "/v1/webhooks", "/v1/unknown", "/"] {
            assert_missing(&server.customer("").authorized_by("").send(method, path, &[], ""));
            assert_missing(&server.customer("").authorized_by("").send(
                method,
                path,
                &[("X-API-Key", &key)],
                "",
            ));
            received(server.customer(&key).send(method, path, &[], ""));
        }
    }
}

#[test]
fn i2_a_key_gets_a_name_and_is_shown_once() {
    let server = serve("cicosts");
    let operator = server.operator();
    let account = operator.account("Acme");
    let keys = format!("/v1/accounts/{account}/keys");
    assert_eq!(operator.post(&keys, &json!({})).status, 422);
    let issued = operator.issue(&account, &json!({"name": "Reporting"}));
    let (id, key) = (text(&issued, "id"), text(&issued, "key"));
    assert_eq!(
        operator.post(&format!("/v1/keys/{id}/reveal"), &Value::Null).expect(409).json()["code"],
        "not_sealed"
    );
    for path in [&keys, &format!("/v1/keys/{id}")] {
        let shown = operator.get(path).expect(200);
        assert!(shown.text().contains("Reporting") && !shown.text().contains(&key[9..]));
    }
}

#[test]
fn i3_a_key_is_cic_then_its_environment_then_28_characters() {
    let server = serve("cicosts");
    let account = server.operator().account("Acme");
    for (environment, prefix) in [("live", "cic_live_"), ("test", "cic_test_")] {
        let issued = server.operator().issue(&account, &json!({"name": "Key", "environment": environment}));
        let key = text(&issued, "key");
        let random = key.strip_prefix(prefix).expect("a key begins with its prefix");
        assert!(random.len() == 28 && random.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{key}");
        assert_eq!(received(server.customer(&key).get(COSTS))["environment"], environment);
    }
}

#[test]
fn i5_a_list_shows_name_creation_last_use_and_permissions_but_never_the_key() {
    let server = serve("cicosts");
    let operator = server.operator();
    let account = operator.account("Acme");
    let issued = operator.issue(&account, &json!({"name": "Reporting", "scopes": ["costs:read"]}));
    let (id, key) = (text(&issued, "id"), text(&issued, "key"));
    received(server.customer(&key).get(COSTS));
    let last_used = text(&eventually(|| used(&server, &id)), "last_used_at");
    let list = operator.get(&format!("/v1/accounts/{account}/keys")).expect(200);
    let shown = &list.json()["items"][0];
    assert_eq!((&shown["name"], &shown["scopes"]), (&json!("Reporting"), &json!(["costs:read"])));
    assert_eq!((&shown["created_at"], &shown["last_used_at"]), (&issued["created_at"], &json!(last_used)));
    assert_eq!(shown["hint"], "cic_live_");
    let listed = server.cli().run(&["key", "list", "--account", &account]).expect(0).out;
    for shown in ["Reporting", "costs:read", &last_used[..19], &text(&issued, "created_at")[..19]] {
        assert!(listed.contains(shown), "{shown} in {listed}");
    }
    for text in [list.text(), &listed] {
        assert!(!text.contains(&key[9..13]) && !text.contains(&key[13..]));
    }
}

#[test]
fn i6_revoked_keys_stop_working_immediately() {
    let server = serve("cicosts");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "Old");
    received(server.customer(&key).get(COSTS));
    revoke(&server, &id);
    for _ in 0..50 {
        assert_invalid(&server.customer(&key).get(COSTS));
    }
}

#[test]
fn i7_keys_are_rotated_every_90_days_by_a_new_one_before_the_old_one_goes() {
    let server = serve_with_clock("cicosts");
    let operator = server.operator();
    let account = operator.account("Acme");
    let (old, old_key) = operator.issue_plain(&account, "Production");
    server.move_clock("+91d");
    assert_eq!(ids(&server, "/v1/keys?due_for_rotation=true"), [&*old]);
    let (new, new_key) = operator.issue_plain(&account, "Production 2");
    for (id, key) in [(&old, &old_key), (&new, &new_key)] {
        assert_eq!(received(server.customer(key).get(COSTS))["key_id"], **id);
    }
    revoke(&server, &old);
    assert_invalid(&server.customer(&old_key).get(COSTS));
    received(server.customer(&new_key).get(COSTS));
    assert!(ids(&server, "/v1/keys?due_for_rotation=true").is_empty());
}

#[test]
fn i8_the_api_names_its_scopes_and_each_opens_its_own_routes() {
    let server = serve("cicosts");
    let operator = server.operator();
    let apis = operator.get("/v1/apis").expect(200).json();
    let described: serde_json::Map<_, _> =
        SCOPES.map(|(name, text)| (name.to_owned(), json!(text))).into_iter().collect();
    assert_eq!(apis["items"][0]["scopes"], Value::Object(described));

    let account = operator.account("Acme");
    let reads = ["GET", "HEAD"];
    let writes = ["POST", "PUT", "PATCH", "DELETE"];
    for (own, _) in SCOPES {
        let customer = scoped(&server, &account, &json!([own]));
        for resource in ["costs", "workflows", "alerts", "webhooks"] {
            for path in
                [format!("/v1/{resource}"), format!("/v1/{resource}/a"), format!("/v1/{resource}/a/b?c=d")]
            {
                for method in reads.iter().chain(&writes) {
                    let needed = match (resource, reads.contains(method)) {
                        ("webhooks", _) => "webhooks:write",
                        ("alerts", false) => "alerts:write",
                        ("alerts", true) => "alerts:read",
                        ("costs", true) => "costs:read",
                        ("workflows", true) => "workflows:read",
                        // The table has no such route: a key with scopes may not use it.
                        _ => "none",
                    };
                    let answer = customer.send(method, &path, &[], "");
                    let wanted = if needed == own { [200, 201] } else { [403, 403] };
                    assert!(wanted.contains(&answer.status), "{own}: {method} {path}: {}", answer.status);
                }
            }
        }
        for unlisted in ["/v1/costsx", "/v1/cost", "/v1", "/", "/v2/costs", "/V1/costs", "/v1/costs.csv"] {
            assert_insufficient(&customer.get(unlisted));
        }
    }
    assert_eq!(
        operator
            .post(&format!("/v1/accounts/{account}/keys"), &json!({"name": "No", "scopes": ["costs:write"]}))
            .status,
        422
    );
}

#[test]
fn i9_without_a_choice_a_key_has_all_permissions_and_with_none_it_has_none() {
    let server = serve("cicosts");
    let account = server.operator().account("Acme");
    let issued = server.operator().issue(&account, &json!({"name": "Everything"}));
    assert_eq!(issued["scopes"], "all");
    let everything = server.customer(&text(&issued, "key"));
    for (method, path) in
        [("GET", COSTS), ("DELETE", "/v1/alerts/a"), ("POST", "/v1/webhooks"), ("GET", "/v1/new")]
    {
        received(everything.send(method, path, &[], ""));
    }
    let nothing = scoped(&server, &account, &json!([]));
    for path in [COSTS, "/v1/workflows", "/v1/alerts", "/v1/webhooks", "/v1/new"] {
        assert_insufficient(&nothing.get(path));
    }
    let reporting =
        ["key", "issue", "--account", &account, "--name", "Reporting", "--scope", "costs:read", "--json"];
    let reporting = server.customer(&text(&server.cli().run(&reporting).expect(0).json(), "key"));
    assert_eq!(received(reporting.get(COSTS))["scopes"], "costs:read");
    assert_insufficient(&reporting.get("/v1/workflows"));
}

#[test]
fn i10_writing_does_not_imply_reading_and_webhooks_need_their_scope_for_every_method() {
    let server = serve("cicosts");
    let account = server.operator().account("Acme");
    let writer = scoped(&server, &account, &json!(["alerts:write"]));
    received(writer.send("POST", "/v1/alerts", &[], ""));
    assert_insufficient(&writer.get("/v1/alerts"));
    assert_insufficient(&writer.get("/v1/alerts/alert_1"));
    let automation = scoped(&server, &account, &json!(["alerts:read", "alerts:write"]));
    received(automation.get("/v1/alerts"));
    received(automation.send("DELETE", "/v1/alerts/alert_1", &[], ""));
    let (manager, others) = (
        scoped(&server, &account, &json!(["webhooks:write"])),
        scoped(&server, &account, &json!(["alerts:read", "alerts:write", "costs:read", "workflows:read"])),
    );
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"] {
        for path in ["/v1/webhooks", "/v1/webhooks/wh_1/deliveries"] {
            received(manager.send(method, path, &[], ""));
            assert_insufficient(&others.send(method, path, &[], ""));
        }
    }
}

#[test]
fn i11_a_review_shows_which_keys_are_active_when_each_was_used_and_which_are_unused() {
    let server = serve_with_clock("cicosts");
    let operator = server.operator();
    let account = operator.account("Acme");
    let [(busy, key), (idle, _), (off, _), (gone, _)] =
        ["Busy", "Idle", "Off", "Gone"].map(|name| operator.issue_plain(&account, name));
    assert_eq!(operator.post(&format!("/v1/keys/{off}/disable"), &Value::Null).status, 200);
    revoke(&server, &gone);
    server.move_clock("+100d");
    received(server.customer(&key).get(COSTS));
    eventually(|| used(&server, &busy));
    let review =
        operator.get(&format!("/v1/accounts/{account}/keys?include_revoked=true")).expect(200).json();
    let shown = |place: usize, field: &str| review["items"][place][field].clone();
    assert_eq!([0, 1, 2, 3].map(|place| shown(place, "state")), ["active", "active", "disabled", "revoked"]);
    assert!(shown(0, "last_used_at").is_string() && shown(1, "last_used_at").is_null());
    assert_eq!([0, 1, 3].map(|place| shown(place, "unused")), [false, true, false]);
    revoke(&server, &idle);
    assert_eq!(ids(&server, &format!("/v1/accounts/{account}/keys")), [busy, off]);
}

#[test]
fn i12_keys_never_reach_a_log() {
    let builder = claviger_testkit::ServerBuilder::new(crate::PROGRAM).profile("cicosts");
    let server = builder.variable("CLAVIGER_LOG", "trace").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (id, good) = operator.issue_plain(&account, "Good");
    let wrong = mistyped(&good);
    for key in [&good, &wrong] {
        let customer = server.customer(key);
        let json = [("Content-Type", "application/json")];
        customer.send("POST", &format!("{COSTS}?api_key={key}"), &json, &format!(r#"{{"key":"{key}"}}"#));
        customer.send(
            "GET",
            &format!("{COSTS}/{key}"),
            &[("X-API-Key", key), ("Referer", &format!("https://a/{key}"))],
            "",
        );
        customer.clone().authorized_by(&format!("Basic {key}")).get(COSTS);
        customer.clone().authorized_by(key).get(&format!("//{key}"));
        operator.verify(&json!({"key": key, "path": format!("/{key}")}));
        operator.post("/v1/keys/verify", &json!({"key": key, "min_seq": "x"}));
        operator.get(&format!("/v1/keys/{key}"));
        server.cli().run_with(&["key", "verify"], key);
    }
    let rotated = text(
        &operator.post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": "1h"})).expect(200).json(),
        "key",
    );
    received(server.customer(&rotated).get(COSTS));
    let operator_key = server.operator_key().to_owned();
    let mut stopped = server.stop();
    let log = stopped.log();
    assert!(log.contains("ready"), "the log is there");
    for secret in [&good, &wrong, &rotated] {
        for line in log.lines() {
            assert!(!line.contains(&secret[9..25]) && !line.contains(&secret[21..]), "{line}");
        }
    }
    assert!(!log.contains(&operator_key["clv_op_".len()..][..12]));
}

#[test]
fn i13_the_four_errors_are_told_apart() {
    let server = serve_with_clock("cicosts");
    let operator = server.operator();
    let account = operator.account("Acme");
    let (id, key) = operator.issue_plain(&account, "Revoked");
    let brief = ["key", "issue", "--account", &account, "--name", "Brief", "--expires-in", "1d", "--json"];
    let brief = text(&server.cli().run(&brief).expect(0).json(), "key");
    let scoped = scoped(&server, &account, &json!(["costs:read"]));
    revoke(&server, &id);
    server.move_clock("+2d");
    for path in [COSTS, "/v1/alerts/alert_1"] {
        assert_missing(&server.customer("").authorized_by("").get(path));
        assert_missing(&server.customer("").authorized_by("Basic Y2ljX2xpdmVf").get(path));
        for bad in
            [&*key, &mistyped(&key), "cic_live_xxxxxxxxxxxx", "cic_prod_xxxxxxxxxxxxxxxxxxxxxxxxxxxx", "x"]
        {
            assert_invalid(&server.customer(bad).get(path));
        }
        assert_expired(&server.customer(&brief).get(path));
    }
    assert_insufficient(&scoped.get("/v1/alerts"));
    let statuses = [401, 401, 401, 403];
    let asked =
        ["", &key, &brief].map(|key| operator.verify(&json!({"key": key}))["response"]["status"].clone());
    assert_eq!(asked, statuses[..3]);
}

#[test]
fn i14_a_key_can_expire_at_an_instant_chosen_when_it_is_made() {
    let server = serve_with_clock("cicosts");
    let operator = server.operator();
    let account = operator.account("Acme");
    let issue = ["key", "issue", "--account", &account, "--name", "Brief", "--expires-in", "30d", "--json"];
    let issued = server.cli().run(&issue).expect(0).json();
    let (id, key) = (text(&issued, "id"), text(&issued, "key"));
    assert!(issued["expires_at"].is_string());
    for offset in ["+0", "+29d"] {
        server.move_clock(offset);
        received(server.customer(&key).get(COSTS));
    }
    server.move_clock("+31d");
    assert_expired(&server.customer(&key).get(COSTS));
    assert_expired(&server.customer(&key).get("/v1/unlisted"));
    // Setting the clock back revives no key.
    server.move_clock("+1d");
    assert_expired(&server.customer(&key).get(COSTS));
    assert_eq!(
        operator.get(&format!("/v1/keys/{id}")).expect(200).json()["expires_at"],
        issued["expires_at"]
    );
    let keys = format!("/v1/accounts/{account}/keys");
    for past in ["2001-01-01T00:00:00Z", "yesterday", ""] {
        let refused = operator.post(&keys, &json!({"name": "Late", "expires_at": past}));
        assert!([400, 422].contains(&refused.status), "{}", refused.text());
    }
    let forever = operator.issue(&account, &json!({"name": "Forever"}));
    assert!(forever["expires_at"].is_null());
}
