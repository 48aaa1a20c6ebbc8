//! The contracts' own curl lines, run as they stand by the real curl in a real shell.
//!
//! Three things differ from the texts: the key, `http` for `https`, and that the host is found on this machine.

use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_testkit::Server;
use serde_json::Value;

use super::{
    serve,
    wire::{revoke, text},
};

/// What curl got.
struct Got {
    status: u16,
    media: String,
    body: String,
}

impl Got {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// The resource, where curl got it.
    #[track_caller]
    fn resource(&self) -> Value {
        assert_eq!((self.status, &*self.media), (200, "application/json"), "{}", self.body);
        self.json()
    }
}

/// Runs `line` in a shell, with `host` at the gateway.
#[track_caller]
fn run(server: &Server, host: &str, line: &str) -> Got {
    let line = line.replace(&format!("https://{host}"), &format!("http://{host}"));
    assert!(line.contains(&format!("http://{host}/")), "{line}");
    // The last command of the script is curl: what follows it are arguments of it.
    let script = format!(
        r"{line} --silent --show-error --connect-to '{host}:80:{}' --write-out '\n%{{http_code}} %{{content_type}}'",
        server.gateway
    );
    let mut shell = Command::new("bash");
    shell.args(["-euc", &script]).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = shell.env("HOME", server.directory()).output().expect("bash is there");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{script}\n{err}");
    let (body, last) = out.rsplit_once('\n').expect("curl wrote its last line");
    let (status, media) = last.split_once(' ').expect("the last line has two words");
    let status = status.parse().expect("a status is a number");
    Got { status, media: media.to_owned(), body: body.to_owned() }
}

#[test]
fn c3_the_cashcat_line_gets_the_budgets() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "Production Server");
    let line = r#"curl -X GET "https://api.cashcat.app/api/v1/budgets" \
  -H "Authorization: Bearer cc_live_YOUR_API_KEY""#;
    let line_with = |key: &str| line.replace("cc_live_YOUR_API_KEY", key);
    let budgets = run(&server, "api.cashcat.app", &line_with(&key)).resource();
    assert!(budgets["budgets"][0]["name"].is_string(), "{budgets}");
    assert_eq!(budgets["received"]["account"], account);
    // The line with the placeholder is a key that doesn't exist.
    let refused = run(&server, "api.cashcat.app", line);
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.body,
        r#"{"error":{"code":"unauthorized","message":"Invalid API Key","details":null}}"#
    );
    revoke(&server, &id);
    assert_eq!(run(&server, "api.cashcat.app", &line_with(&key)).status, 401);
}

#[test]
fn c4_a_content_type_on_the_get_changes_nothing() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Production Server");
    let line = r#"curl -X GET "https://api.cashcat.app/api/v1/budgets" \
  -H "Authorization: Bearer cc_live_YOUR_API_KEY" \
  -H "Content-Type: application/json""#;
    let budgets = run(&server, "api.cashcat.app", &line.replace("cc_live_YOUR_API_KEY", &key)).resource();
    assert!(
        budgets["budgets"].is_array() && budgets["received"]["headers"].to_string().contains("content-type")
    );
}

#[test]
fn t4_t5_the_example_line_gets_the_user() {
    let server = serve("example");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Production Key");
    let line = r#"curl -X GET https://api.example.com/v1/users/usr_123 \
-H "Authorization: Bearer sk_live_abc123xyz789""#;
    let user = run(&server, "api.example.com", &line.replace("sk_live_abc123xyz789", &key)).resource();
    assert_eq!(
        (&user["id"], &user["received"]["environment"]),
        (&Value::from("usr_123"), &Value::from("live"))
    );
    let refused = run(&server, "api.example.com", line);
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.body,
        r#"{"success":false,"error":{"code":"unauthorized","message":"Missing or invalid API key"}}"#
    );
}

#[test]
fn t13_t14_keys_are_listed_created_and_revoked_with_curl() {
    let server = serve("example");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Production Key");
    let with_key = format!(r#"-H "Authorization: Bearer {key}""#);
    let keys = "https://api.example.com/v1/api-keys";
    let call = |line: &str| run(&server, "api.example.com", line);
    let listed = call(&format!("curl {keys} {with_key}")).resource();
    assert_eq!(
        (&listed["success"], &listed["data"][0]["name"]),
        (&Value::Bool(true), &Value::from("Production Key"))
    );

    let as_form = call(&format!("curl {keys} {with_key} -d name=CI"));
    assert_eq!((as_form.status, as_form.json()["data"]["name"].as_str()), (201, Some("CI")));
    let as_json =
        call(&format!(r#"curl {keys} {with_key} -H "Content-Type: application/json" -d '{{"name":"CD"}}'"#));
    assert_eq!((as_json.status, as_json.json()["data"]["name"].as_str()), (201, Some("CD")));

    let id = text(&as_form.json()["data"], "id");
    let revoked = call(&format!("curl -X DELETE {keys}/{id} {with_key}"));
    assert_eq!(revoked.status, 200);
    assert_eq!(revoked.body, r#"{"success":true,"message":"API key revoked successfully"}"#);
    let gone = text(&as_form.json()["data"], "key");
    assert_eq!(call(&format!(r#"curl {keys} -H "Authorization: Bearer {gone}""#)).status, 401);
    assert_eq!(call(&format!("curl {keys} {with_key}")).resource()["data"].as_array().map(Vec::len), Some(2));
}

#[test]
fn i1_i4_the_cicosts_line_gets_the_costs() {
    let server = serve("cicosts");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Reporting");
    let line = r#"curl -H "Authorization: Bearer cic_live_xxxxxxxxxxxx" \
https://api.cicosts.dev/v1/costs"#;
    let costs = run(&server, "api.cicosts.dev", &line.replace("cic_live_xxxxxxxxxxxx", &key)).resource();
    assert!(costs["costs"].is_array(), "{costs}");
    let refused = run(&server, "api.cicosts.dev", line);
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.body,
        r#"{"error":{"code":"invalid_api_key","message":"The provided API key is invalid"}}"#
    );
}

#[test]
fn i16_the_key_comes_from_the_environment_of_a_real_shell() {
    let server = serve("cicosts");
    let apis = server.operator().get("/v1/apis").expect(200).json();
    assert_eq!(apis["items"][0]["env_var"], "CICOSTS_API_KEY");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Reporting");
    let lines = r#"export CICOSTS_API_KEY=cic_live_xxxx
curl -H "Authorization: Bearer $CICOSTS_API_KEY" https://api.cicosts.dev/v1/costs"#;
    let costs = run(&server, "api.cicosts.dev", &lines.replace("cic_live_xxxx", &key)).resource();
    assert_eq!(costs["received"]["account"], account);
    let unset = r#"CICOSTS_API_KEY=; curl -H "Authorization: Bearer $CICOSTS_API_KEY" https://api.cicosts.dev/v1/costs"#;
    let refused = run(&server, "api.cicosts.dev", unset);
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.body,
        r#"{"error":{"code":"missing_authorization","message":"Authorization header is required"}}"#
    );
}

#[test]
fn k1_codat_takes_the_ready_made_header_and_curls_own_basic() {
    let server = serve("codat");
    let made =
        server.operator().post("/v1/accounts", &serde_json::json!({"name": "Acme"})).expect(201).json();
    let key = text(&made["first_key"], "key");
    let companies = "https://api.codat.io/companies";
    let header = r#"-H "Authorization: Basic YOUR_ENCODED_API_KEY""#;
    let stored = header.replace("YOUR_ENCODED_API_KEY", &STANDARD.encode(&key));
    let encoded_here =
        header.replace("YOUR_ENCODED_API_KEY", &format!("$(printf %s {key} | base64 --wrap=0)"));
    for credential in [stored, encoded_here, format!("-u {key}:"), format!("--user '{key}:'")] {
        let line = format!("curl {companies} {credential}");
        assert!(run(&server, "api.codat.io", &line).resource()["results"][0]["id"].is_string(), "{line}");
    }
    for credential in
        [header.to_owned(), format!("-u user:{key}"), format!("-u {key}:password"), String::new()]
    {
        let refused = run(&server, "api.codat.io", &format!("curl {companies} {credential}"));
        assert_eq!(
            (refused.status, &refused.json()["error"]),
            (401, &Value::from("Unauthorized")),
            "{credential}"
        );
    }
}
