//! `claviger account` and `claviger key`: every verb, in the words of the API.

use serde_json::{Value, json};

use super::{json, opened, text};

/// The fields of an object, in their order.
fn fields(object: &Value) -> Vec<&str> {
    object.as_object().expect("it is an object").keys().map(String::as_str).collect()
}

#[test]
fn an_account_is_created_listed_and_shown_as_the_api_does() {
    let (server, cli) = opened("codat");
    let created = json(&cli, &["account", "create", "Acme Ltd", "--api", "codat", "--external-id", "cus_1"]);
    assert_eq!((text(&created, "name"), text(&created, "external_id")), ("Acme Ltd", "cus_1"));
    let first = text(&created["first_key"], "key");
    assert_eq!(server.operator().verify(&json!({"key": first}))["allowed"], true);
    let id = text(&created, "id");
    let by_api = server.operator().get(&format!("/v1/accounts/{id}")).expect(200).json();
    assert_eq!(json(&cli, &["account", "show", id]), by_api);
    assert_eq!(json(&cli, &["account", "list"])["items"], json!([by_api]));
    assert_eq!(json(&cli, &["account", "list", "--external-id", "cus_2"])["items"], json!([]));
}

#[test]
fn a_key_is_issued_with_everything_that_narrows_it() {
    let (server, cli) = opened("cicosts");
    let account = server.operator().account("Acme");
    let order = [
        "key",
        "issue",
        "--account",
        &account,
        "--name",
        "CI",
        "--environment",
        "test",
        "--scope",
        "costs:read",
        "--scope",
        "alerts:read",
        "--expires-in",
        "90d",
        "--network",
        "127.0.0.0/8",
        "--network",
        "::1",
        "--referrer",
        "https://*.acme.example",
        "--endpoint",
        "GET /v1/costs/**",
        "--rate",
        "burst=100/60s",
        "--quota",
        "10000/month",
    ];
    let issued = json(&cli, &order);
    let by_api = server.operator().get(&format!("/v1/keys/{}", text(&issued, "id"))).expect(200).json();
    let mut wanted = fields(&by_api);
    wanted.extend(["key", "receipt"]);
    assert_eq!(fields(&issued), wanted, "the field names of the API");
    assert_eq!(issued["scopes"], json!(["alerts:read", "costs:read"]));
    assert_eq!(issued["restrictions"]["networks"], json!(["127.0.0.0/8", "::1"]));
    assert_eq!(issued["restrictions"]["referrers"], json!(["https://*.acme.example"]));
    assert_eq!(issued["restrictions"]["endpoints"], json!(["GET /v1/costs/**"]));
    let rate = json!([{"name": "burst", "limit": 100, "window": "1m"}]);
    assert_eq!(issued["restrictions"]["rates"], rate);
    assert_eq!(issued["restrictions"]["quotas"], json!([{"name": "month", "limit": 10_000, "per": "month"}]));
    let shown = cli.run(&["key", "show", text(&issued, "id")]).expect(0).out;
    assert!(shown.contains("rates=(name=burst limit=100 window=1m)"), "{shown}");
    assert_eq!(text(&issued, "environment"), "test");
    assert!(text(&issued, "expires_at") > text(&issued, "created_at"));
    assert_eq!(json(&cli, &["key", "show", text(&issued, "id")]), by_api);
    let nothing = json(&cli, &["key", "issue", "--account", &account, "--name", "n", "--no-scopes"]);
    let all = json(&cli, &["key", "issue", "--account", &account, "--name", "n"]);
    assert_eq!((&nothing["scopes"], &all["scopes"]), (&json!([]), &json!("all")));
}

#[test]
fn each_verb_changes_the_key_and_prints_what_the_api_answers() {
    let (server, cli) = opened("codat");
    let account = server.operator().account("Acme");
    let issued = json(&cli, &["key", "issue", "--account", &account, "--name", "before"]);
    let (id, first) = (text(&issued, "id"), text(&issued, "key"));
    let allowed = |key: &str| server.operator().verify(&json!({"key": key}))["allowed"] == true;

    let renamed = json(&cli, &["key", "rename", id, "--name", "after"]);
    assert_eq!((text(&renamed["key"], "name"), &renamed["receipt"]["complete"]), ("after", &json!(true)));
    assert_eq!(text(&json(&cli, &["key", "disable", id])["key"], "state"), "disabled");
    assert!(!allowed(first));
    assert_eq!(text(&json(&cli, &["key", "enable", id])["key"], "state"), "active");
    assert!(allowed(first));
    let second = json(&cli, &["key", "rotate", id, "--overlap", "24h"]);
    assert!(allowed(first) && allowed(text(&second, "key")));
    let third = json(&cli, &["key", "rotate", id, "--overlap", "0"]);
    assert!(!allowed(first) && !allowed(text(&second, "key")) && allowed(text(&third, "key")));
    assert_eq!(json(&cli, &["key", "reveal", id]), json!({"id": id, "key": third["key"]}));
    let revoked = json(&cli, &["key", "revoke", id]);
    assert_eq!((text(&revoked["key"], "state"), &revoked["receipt"]["complete"]), ("revoked", &json!(true)));
    assert!(!allowed(text(&third, "key")));
}

#[test]
fn restrict_replaces_what_it_names_and_leaves_the_rest() {
    let (server, cli) = opened("cicosts");
    let account = server.operator().account("Acme");
    let issued =
        json(&cli, &["key", "issue", "--account", &account, "--name", "n", "--network", "10.0.0.0/8"]);
    let id = text(&issued, "id");
    let restrict = |more: &[&str]| json(&cli, &[&["key", "restrict", id], more].concat())["key"].clone();
    let key = restrict(&["--endpoint", "GET /v1/costs", "--scope", "costs:read"]);
    assert_eq!(key["restrictions"]["networks"], json!(["10.0.0.0/8"]));
    assert_eq!(key["restrictions"]["endpoints"], json!(["GET /v1/costs"]));
    assert_eq!(key["scopes"], json!(["costs:read"]));
    let key = restrict(&["--no-networks", "--referrer", "https://a.example", "--scope", "all"]);
    assert_eq!(key["restrictions"]["networks"], Value::Null);
    assert_eq!(key["restrictions"]["referrers"], json!(["https://a.example"]));
    assert_eq!(
        (&key["restrictions"]["endpoints"], &key["scopes"]),
        (&json!(["GET /v1/costs"]), &json!("all"))
    );
    assert!(restrict(&["--expires-in", "30d"])["expires_at"].is_string());
    assert_eq!(restrict(&["--no-expiry"])["expires_at"], Value::Null);
    assert_eq!(restrict(&["--no-scopes"])["scopes"], json!([]));
    let key = restrict(&["--no-endpoints", "--no-referrers"]);
    let free = json!({"networks": null, "referrers": null, "endpoints": null});
    assert_eq!(key["restrictions"], free);
}

#[test]
fn people_read_lines_and_the_secret_can_be_cut_out_of_them() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    let issued = cli.run(&["key", "issue", "--account", &account, "--name", "CI"]).expect(0);
    let key =
        issued.out.lines().find_map(|line| line.strip_prefix("key ")).expect("a line of its own").trim();
    assert_eq!(server.customer(key).get("/v1/hello").status, 200);
    assert!(issued.err.contains("shown this once"), "{}", issued.err);
    let listed = cli.run(&["key", "list"]).expect(0);
    let head = listed.out.lines().next().unwrap();
    assert!(head.starts_with("ID") && head.contains("NAME") && head.contains("STATE"), "{head}");
    assert!(!listed.out.contains(key) && listed.err.is_empty());
    let shown = cli.run(&["account", "show", &account]).expect(0).out;
    assert!(shown.contains("name") && shown.contains("Acme"), "{shown}");
}

#[test]
fn a_name_can_not_steer_the_terminal() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    let name = "left\u{202e}right";
    let issued = cli.run(&["key", "issue", "--account", &account, "--name", name]).expect(0);
    assert!(issued.out.contains("left\\u{202e}right") && !issued.out.contains('\u{202e}'), "{}", issued.out);
    assert_eq!(text(&json(&cli, &["key", "list"])["items"][0], "name"), name, "JSON is for programs");
}
