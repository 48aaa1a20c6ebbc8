//! Behind Apache, which asks by introspection: what has ended is refused at once, and so is what can't be told.

use claviger_testkit::{Answer, Proxy, ServerBuilder};
use serde_json::{Value, json};

use super::{Stage, own_addresses, printed, profile};

const PUT: &str = "PUT /things/1";

/// What is refused reaches nobody, in Apache's words.
#[track_caller]
fn refused(stage: &Stage<Proxy>, line: &str, token: Option<&str>, fields: &str, status: u16) -> Answer {
    let before = stage.upstream.count();
    let answer = stage.ask(line, token, fields);
    assert_eq!(answer.status, status, "{line} {fields}: {}", answer.text());
    assert_eq!(stage.upstream.count(), before, "{line} {fields} reached the upstream");
    answer
}

/// A server whose clock can be moved, and Apache before an API that it guards.
fn stage() -> Stage<Proxy> {
    let profile = profile() + "[oauth]\nprefix = \"acme\"\n";
    let server = ServerBuilder::new(crate::PROGRAM).movable_clock().profile_text(&profile).start();
    Stage::before(server, |upstream, server| {
        let apache = json!({"name": "Apache", "redirect_uris": [], "introspects": true});
        let apache = server.operator().post("/v1/oauth-clients", &apache).expect(201).json();
        let text = |field: &str| apache[field].as_str().expect("an application has it").to_owned();
        let site = printed("apache", "apache", upstream, server.control)
            .replace("app_…", &text("id"))
            .replace("acme_ocs_…", &text("client_secret"))
            .replace("127.0.0.1:8081", &server.portal.to_string());
        let proxy = Proxy::apache(&site, &printed("apache", "lua", upstream, server.control));
        let address = proxy.address();
        (proxy, address)
    })
}

/// A token of an application that acts for the account, with these scopes; and the application.
fn token(stage: &Stage<Proxy>, scopes: &Value) -> (String, String) {
    let order =
        json!({"name": "Nightly", "redirect_uris": [], "account_id": stage.account, "scopes": scopes});
    let client = stage.operator.post("/v1/oauth-clients", &order).expect(201).json();
    let text = |value: &Value, field: &str| value[field].as_str().expect("it is told").to_owned();
    let (id, secret) = (text(&client, "id"), text(&client, "client_secret"));
    let portal = stage.server.as_ref().expect("it runs").portal;
    let fields = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)];
    let answer = crate::oauth::form(portal, "/oauth/default/token", &[], &fields).expect(200).json();
    (text(&answer, "access_token"), id)
}

#[test]
fn apache_passes_what_may_as_whose_it_is() {
    let stage = stage();
    let (id, key) = stage.key(&json!({"name": "good", "scopes": ["things:write"]}));
    let (granted, _) = token(&stage, &json!("all"));
    for (token, id) in [(&key, Some(id)), (&granted, None)] {
        let spoofed: String = [
            "Account",
            "External-Id",
            "Key-Id",
            "Environment",
            "Scopes",
            "Created-By",
            "Observed",
            "X",
        ]
        .map(|name| {
            let other = name.replace('-', "_");
            format!(
                "X-Claviger-{name}: forged\r\nx-claviger-{name}: twice\r\nX_Claviger_{other}: forged\r\n\
                     X.claviger_{other}: forged\r\nX_Claviger-{name}:\r\n"
            )
        })
        .concat();
        stage.passes("GET /things?a=b%20c", token, &spoofed);
        stage.passes(PUT, token, &spoofed);
        let received = stage.upstream.last();
        let told = |name: &str| received.values(&format!("x-claviger-{name}"));
        assert_eq!(told("account"), [stage.account.as_str()]);
        assert_eq!(told("external-id"), ["cus%2042"]);
        assert_eq!(told("environment"), ["live"]);
        assert_eq!(told("scopes"), ["things:write"]);
        assert_eq!((told("key-id").len(), told("created-by").len(), told("x").len()), (1, 1, 0));
        assert!(told("observed").is_empty(), "introspection observes nothing");
        assert!(id.is_none_or(|id| told("key-id") == [id]));
        for unwanted in ["forged", "twice", token.as_str()] {
            assert!(!received.contains(unwanted), "{unwanted} arrived");
        }
    }
    let nobody = stage.operator.account("Nobody");
    let issued = stage.operator.issue(&nobody, &json!({"name": "good"}));
    let spoofed = "X-Claviger-External-Id: forged\r\n";
    stage.passes("GET /things", issued["key"].as_str().expect("it has a key"), spoofed);
    assert_eq!(stage.upstream.last().values("x-claviger-external-id"), [""]);
}

#[test]
fn apache_refuses_what_has_ended_and_what_is_too_little() {
    let stage = stage();
    let missing = refused(&stage, "GET /things", None, "", 401);
    assert!(missing.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer")));
    refused(&stage, "GET /things", Some("nonsense"), "", 401);
    let (id, key) = stage.key(&json!({"name": "revoked"}));
    stage.passes("GET /things", &key, "");
    let _ = stage.operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).expect(200);
    refused(&stage, "GET /things", Some(&key), "", 401);
    let (granted, client) = token(&stage, &json!("all"));
    stage.passes("GET /things", &granted, "");
    let _ = stage.operator.post(&format!("/v1/oauth-clients/{client}/revoke"), &Value::Null).expect(200);
    refused(&stage, "GET /things", Some(&granted), "", 401);

    let reader = stage.key(&json!({"name": "n", "scopes": []})).1;
    let granted = token(&stage, &json!([])).0;
    for token in [&reader, &granted] {
        stage.passes("GET /things/1", token, "");
        refused(&stage, PUT, Some(token), "", 403);
    }

    // What is asked says neither where from nor what for: whether these hold isn't known.
    let here = own_addresses();
    for restrictions in [
        json!({"networks": here}),
        json!({"referrers": ["https://app.example/*"]}),
        json!({"endpoints": ["GET /things"]}),
    ] {
        let narrow = stage.key(&json!({"name": "n", "restrictions": restrictions})).1;
        let fields = "Referer: https://app.example/\r\n";
        refused(&stage, "GET /things", Some(&narrow), fields, 401);
    }
    let rate = json!({"rates": [{"name": "calls", "limit": 1, "window": "1h"}]});
    let limited = stage.key(&json!({"name": "n", "restrictions": rate})).1;
    for _ in 0..3 {
        stage.passes("GET /things", &limited, "");
    }

    let brief = stage.key(&json!({"name": "brief", "expires_at": "2100-01-01T00:00:00Z"})).1;
    let (granted, _) = token(&stage, &json!("all"));
    stage.passes("GET /things", &brief, "");
    stage.passes("GET /things", &granted, "");
    stage.server.as_ref().expect("it runs").move_clock("+27000d");
    for ended in [&brief, &granted] {
        refused(&stage, "GET /things", Some(ended), "", 401);
    }
}

#[test]
fn apache_is_not_talked_into_another_request() {
    let stage = stage();
    let reader = stage.key(&json!({"name": "n", "scopes": []})).1;
    for fields in [
        "X-Original-URI: /x\r\nX-Original-Method: GET\r\n",
        "X-HTTP-Method-Override: GET\r\nX_HTTP_Method: GET\r\n",
        "X-Forwarded-Uri: /x\r\nX-Forwarded-Method: GET\r\n",
        "Connection: X-Claviger-Scopes\r\n",
    ] {
        let before = stage.upstream.count();
        let answer = stage.ask(PUT, Some(&reader), fields);
        assert!(matches!(answer.status, 400 | 403), "{fields}: {}", answer.text());
        assert_eq!(stage.upstream.count(), before, "{fields}");
    }
    stage.passes(
        "GET /x",
        &reader,
        "X-HTTP-Method-Override: PUT\r\nX_Original.URL: /things\r\nX-Kept: 1\r\n",
    );
    let received = stage.upstream.last();
    assert!(received.contains("X-Kept") && !received.contains("verride") && !received.contains("riginal"));
    // Whatever else is taken away there: not what says whose the request is.
    refused(&stage, "GET /x", Some(&reader), "Connection: keep-alive, X-Claviger-Account\r\n", 400);

    for path in [
        "/things/1",
        "//things/1",
        "/x/../things/1",
        "/x/%2e%2e/things/1",
        "/x/..%2fthings/1",
        "/./things/1",
        "/%74hings/1",
        "/things%2f1",
        "/things/%00",
        "/things",
        "/things/",
        "/x//../things/1",
        "/things/1?/../x",
        "http://a/things/1",
    ] {
        let before = stage.upstream.count();
        let answer = stage.ask(&format!("PUT {path}"), Some(&reader), "");
        if stage.upstream.count() == before {
            assert!(matches!(answer.status, 400..=499), "{path}: {} {}", answer.status, answer.text());
            continue;
        }
        let line = stage.upstream.last().line().replace("%2e", ".").replace("%2f", "/");
        assert!(!line.contains("things"), "{path} arrived as {line}");
    }
}

#[test]
fn apache_fails_closed() {
    let mut stage = stage();
    let good = stage.key(&json!({"name": "good"})).1;
    stage.passes("GET /things", &good, "");
    let script = stage.proxy.file("claviger.lua");
    let aside = script.with_extension("aside");
    std::fs::rename(&script, &aside).expect("the script is there");
    refused(&stage, "GET /things", Some(&good), "X_Claviger_Account: forged\r\n", 500);
    std::fs::rename(&aside, &script).expect("it is there still");
    stage.passes("GET /things", &good, "");
    let stopped = stage.server.take().expect("it runs").kill();
    for token in [Some(good.as_str()), Some("nonsense"), None] {
        // It can't be had otherwise: the module has one answer for "no" and for "cannot know".
        refused(&stage, "GET /things", token, "", 401);
    }
    drop(stopped);
}
