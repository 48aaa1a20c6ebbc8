//! What adversaries send to the endpoints, and what applications get wrong.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::applications::led_back;

use super::stage::{App, REDIRECT, Stage, form, parameter, send, text};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Whatever is wrong with who asks or where the answer goes is said on our own page.
#[test]
fn nothing_leads_to_an_address_that_was_not_registered() {
    let stage = Stage::new();
    let mut ada = stage.developer();
    let own = App::registered(
        &stage.server.operator(),
        &json!({"name": "Web", "kind": "public", "redirect_uris": ["https://app.example.com/cb"]}),
    );
    for asked in [
        "https://app.example.com/cb/",
        "https://app.example.com/cb/../x",
        "https://app.example.com/%63b",
        "https://app.example.com/cb?x=1",
        "https://app.example.com/cb#x",
        "https://APP.example.com/cb",
        "https://app.example.com:8443/cb",
        "https://app.example.com@evil.example/cb",
        "https://app.example.com%2fcb",
        "https://ok@app.example.com/cb",
        "https://app.example.com.evil.example/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "//evil.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
    ] {
        let answer = ada.get(&own.authorize(&[("redirect_uri", asked)])).expect(400);
        assert_eq!((answer.header("location"), answer.header("refresh")), (None, None), "{asked}");
        assert!(!answer.text().contains("evil.example"), "{asked}");
    }
    let twice = own.authorize(&[("redirect_uri", "https://app.example.com/cb")])
        + "&redirect_uri=https://evil.example";
    let _ = ada.get(&twice).expect(400);
    for id in ["", "app_00000000000000000000000000", "nonsense", &stage.app.id.replace("app_", "key_")] {
        let _ = ada.get(&own.authorize(&[("client_id", id)])).expect(400);
    }
    let _ = ada.get("/oauth/elsewhere/authorize?client_id=x").expect(404);
}

#[test]
fn everything_else_that_is_wrong_is_told_to_the_application() {
    let stage = Stage::new();
    let mut ada = stage.developer();
    let long = "s".repeat(4096);
    for (other, error) in [
        (&[("response_type", "token")][..], "unsupported_response_type"),
        (&[("response_type", "")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("response_mode", "web_message")], "invalid_request"),
        (&[("prompt", "none")], "interaction_required"),
        (&[("request", "eyJ")], "request_not_supported"),
        (&[("request_uri", "https://evil.example/r")], "request_uri_not_supported"),
        (&[("scope", "admin")], "invalid_scope"),
        (&[("scope", "orders:read  orders:write")], "invalid_scope"),
        (&[("scope", "all")], "invalid_scope"),
        (&[("resource", "not a uri")], "invalid_target"),
        (&[("resource", "https://api.example.com/#x")], "invalid_target"),
        (&[("state", &long)], "invalid_request"),
    ] {
        let answer = ada.get(&stage.app.authorize(other));
        let location = led_back(&answer);
        assert!(location.starts_with(&format!("{REDIRECT}?")), "{other:?}: {location}");
        assert_eq!(parameter(location, "error").as_deref(), Some(error), "{other:?}: {location}");
        assert!(parameter(location, "iss").is_some() && parameter(location, "code").is_none(), "{location}");
    }
    for repeated in ["&scope=orders:read&scope=orders:write", "&state=x"] {
        let answer = ada.get(&(stage.app.authorize(&[]) + repeated));
        let location = led_back(&answer);
        assert_eq!(parameter(location, "error").as_deref(), Some("invalid_request"), "{location}");
    }
}

#[test]
fn a_code_is_its_application_s_and_its_verifier_s() {
    let stage = Stage::new();
    let (server, app) = (&stage.server, &stage.app);
    let mut ada = stage.developer();
    let code = Stage::code(&mut ada, app);
    let error = |answer: claviger_testkit::Answer| text(&answer.expect(400).json(), "error").to_owned();
    for (other, expected) in [
        (("code_verifier", ""), "invalid_request"),
        (("code_verifier", &*"a".repeat(42)), "invalid_request"),
        (("code_verifier", &*"a".repeat(129)), "invalid_request"),
        (("code_verifier", &*"a".repeat(64)), "invalid_grant"),
        (("redirect_uri", ""), "invalid_request"),
        (("redirect_uri", "http://127.0.0.1:7/callback"), "invalid_grant"),
        (("code", "sh_oac_nonsense"), "invalid_grant"),
        (("code", ""), "invalid_request"),
        (("grant_type", ""), "invalid_request"),
        (("grant_type", "password"), "unsupported_grant_type"),
        (("resource", "nonsense"), "invalid_target"),
    ] {
        assert_eq!(error(app.redeem_with(server, &code, &[other])), expected, "{other:?}");
    }
    assert_eq!(error(stage.service.redeem(server, &code)), "invalid_grant", "another application's");
    // None of that has used it up.
    let tokens = app.redeem(server, &code).expect(200).json();
    let refresh = text(&tokens, "refresh_token");
    assert_eq!(error(stage.service.refresh(server, refresh)), "invalid_grant", "another application's");
    let wider = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", "admin")];
    assert_eq!(error(app.post(server, "token", &wider)), "invalid_scope");
    assert_eq!(error(app.refresh(server, text(&tokens, "access_token"))), "invalid_grant");
    let _ = app.refresh(server, refresh).expect(200);
}

#[test]
fn who_asks_says_so_in_one_way() {
    let stage = Stage::new();
    let portal = stage.server.portal;
    let (id, secret) = (&*stage.service.id, stage.service.secret.as_deref().expect("it has one"));
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let wrong = format!("Basic {}", STANDARD.encode(format!("{id}:nonsense")));
    let grant = ("grant_type", "client_credentials");
    let ask = |headers: &[(&str, &str)], fields: &[(&str, &str)]| {
        form(portal, "/oauth/shop/token", headers, fields)
    };
    let _ = ask(&[("authorization", &basic)], &[grant]).expect(200);
    let _ = ask(&[], &[grant, ("client_id", id), ("client_secret", secret)]).expect(200);
    for (headers, fields, status, error) in [
        (&[("authorization", &*basic)][..], &[grant, ("client_secret", secret)][..], 400, "invalid_request"),
        (&[("authorization", &basic), ("authorization", &basic)], &[grant], 400, "invalid_request"),
        (&[("authorization", &basic)], &[grant, ("client_id", &stage.app.id)], 400, "invalid_request"),
        (&[("authorization", &wrong)], &[grant], 401, "invalid_client"),
        (&[("authorization", "Basic ???")], &[grant], 401, "invalid_client"),
        (&[("authorization", "Bearer x")], &[grant], 401, "invalid_client"),
        (&[], &[grant], 401, "invalid_client"),
        (&[], &[grant, ("client_id", id)], 401, "invalid_client"),
        (&[], &[grant, ("client_id", id), ("client_secret", "nonsense")], 401, "invalid_client"),
        (&[], &[grant, grant, ("client_id", id), ("client_secret", secret)], 400, "invalid_request"),
    ] {
        let answer = ask(headers, fields).expect(status);
        assert_eq!(text(&answer.json(), "error"), error, "{headers:?} {fields:?}");
        let challenged = answer.header("www-authenticate").is_some_and(|value| value.starts_with("Basic "));
        assert_eq!(challenged, status == 401 && !headers.is_empty(), "RFC 6749 §5.2");
    }
    // A secret in a query would be in every log.
    let query = format!("/oauth/shop/token?client_id={id}&client_secret={secret}");
    assert_eq!(text(&form(portal, &query, &[], &[grant]).expect(400).json(), "error"), "invalid_request");
}

#[test]
fn what_is_no_form_is_no_question() {
    let stage = Stage::new();
    let portal = stage.server.portal;
    let large = format!("x={}", "a".repeat(70_000));
    let many = (0..1000).map(|number| format!("p{number}=1")).collect::<Vec<_>>().join("&");
    for (method, headers, body, status) in [
        ("POST", &[("content-type", "application/json")][..], "{}", 415),
        ("POST", &[], "grant_type=x", 415),
        ("POST", &[FORM, ("content-encoding", "gzip")], "x=1", 415),
        ("POST", &[FORM, FORM], "x=1", 415),
        ("POST", &[FORM], &large, 413),
        ("POST", &[FORM], &many, 400),
        ("POST", &[FORM], "a[b][c]=1&a[b][c]=2", 400),
        ("GET", &[], "", 405),
        ("PUT", &[FORM], "x=1", 405),
    ] {
        for endpoint in ["token", "revoke", "introspect"] {
            let path = format!("/oauth/shop/{endpoint}");
            let answer = send(portal, method, &path, headers, body).expect(status);
            assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{method} {path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        }
    }
    for path in
        ["/oauth/elsewhere/token", "/oauth/shop/x/token", "/.well-known/oauth-authorization-server/oauth/x"]
    {
        let method = if path.contains("well-known") { "GET" } else { "POST" };
        assert_eq!(send(portal, method, path, &[FORM], "").status, 404, "{path}");
    }
}

#[test]
fn introspection_tells_strangers_nothing() {
    let stage = Stage::new();
    let (server, operator) = (&stage.server, stage.server.operator());
    let stranger = App::registered(
        &operator,
        &json!({"name": "Stranger", "kind": "confidential", "redirect_uris": [REDIRECT]}),
    );
    let tokens = stage.tokens(&mut stage.developer(), &stage.app);
    let access = text(&tokens, "access_token");
    let refused = stranger.post(server, "introspect", &[("token", access)]).expect(400).json();
    assert_eq!(text(&refused, "error"), "unauthorized_client");
    let _ = form(server.portal, "/oauth/shop/introspect", &[], &[("token", access)]).expect(401);
    for token in ["nonsense", text(&tokens, "refresh_token"), "sh_oat_nonsense"] {
        let about = stage.app.post(server, "introspect", &[("token", token)]).expect(200);
        assert_eq!(about.json(), json!({"active": false}), "{token}");
    }
    // Another application's token is not a stranger's to end, and nothing is said of it.
    let _ = stranger.post(server, "revoke", &[("token", access)]).expect(200);
    assert_eq!(stage.call(access), 200);
    let _ = stage.app.post(server, "revoke", &[("token", "nonsense"), ("token_type_hint", "?")]).expect(200);
}

#[test]
fn what_is_secret_is_written_nowhere() {
    let stage = Stage::new();
    let tokens = stage.tokens(&mut stage.developer(), &stage.app);
    let _ = stage.call(text(&tokens, "access_token"));
    let log = stage.server.log();
    let secret = stage.app.secret.as_deref().expect("it has one");
    for hidden in [text(&tokens, "access_token"), text(&tokens, "refresh_token"), secret] {
        assert!(!log.contains(hidden), "a secret is in the log");
        let data = std::fs::read_dir(stage.server.data()).expect("the directory can be read");
        for file in data {
            let path = file.expect("the directory can be read").path();
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let found = bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes());
            assert!(!found, "a secret is in {}", path.display());
        }
    }
}

/// Where an api has no scopes an application may call everything, and yet not touch what would outlive its grant.
#[test]
fn an_application_neither_lists_nor_ends_its_customer_s_keys() {
    let server = claviger_testkit::ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let order =
        json!({"name": "Nightly", "kind": "confidential", "redirect_uris": [], "account_id": account});
    let app = App::registered(&operator, &order);
    let secret = app.secret.as_deref().unwrap_or_default();
    let fields = [("grant_type", "client_credentials"), ("client_id", &*app.id), ("client_secret", secret)];
    let issued = form(server.portal, "/oauth/example/token", &[], &fields).expect(200).json();
    let token = text(&issued, "access_token");
    let (key, plain) = operator.issue_plain(&account, "CI");
    let customer = server.customer(token).at_host("api.example.com");
    let _ = customer.get("/v1/anything").expect(200);
    for (method, path) in [("GET", "/v1/api-keys".to_owned()), ("DELETE", format!("/v1/api-keys/{key}"))] {
        assert_eq!(customer.send(method, &path, &[], "").status, 403, "{method} {path}");
    }
    let _ = server.customer(&plain).at_host("api.example.com").get("/v1/anything").expect(200);
}
