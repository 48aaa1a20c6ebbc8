//! What applications get, and what ends it.

use std::thread;

use claviger_testkit::{Server, ServerBuilder, eventually};
use serde_json::{Value, json};

use super::stage::{App, PROFILE, REDIRECT, Stage, form, parameter, send, text, within};
use crate::{applications::led_back, members::sign_in_as};

fn keys_of(server: &Server, account: &str) -> Vec<Value> {
    let listed = server.operator().get(&format!("/v1/accounts/{account}/keys")).expect(200).json();
    listed["items"].as_array().expect("a list has items").clone()
}

fn actions(server: &Server) -> Vec<String> {
    let trail = server.operator().get("/v1/audit-events?limit=100").expect(200).json();
    let events = trail["items"].as_array().expect("a list has items").clone();
    events.iter().map(|event| text(event, "action").to_owned()).collect()
}

#[test]
fn a_member_allows_an_application_and_it_calls_the_api() {
    let stage = Stage::new();
    let (server, app) = (&stage.server, &stage.app);
    let mut ada = stage.developer();
    let code = Stage::code(&mut ada, app);
    let answer = app.redeem(server, &code).expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    let request = answer.header("x-request-id").expect("every answer says its id").to_owned();
    let events = server.operator().get(&format!("/v1/audit-events?request_id={request}")).expect(200).json();
    assert_eq!(text(&events["items"][0], "action"), "grant.issue", "the trail leads to it");
    let tokens = answer.json();
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    assert!(access.starts_with("sh_oat_") && refresh.starts_with("sh_ort_"), "{tokens}");
    assert_eq!((text(&tokens, "token_type"), &tokens["expires_in"]), ("Bearer", &json!(3600)));
    assert_eq!(text(&tokens, "scope"), "orders:read orders:write");
    assert_eq!(stage.call(access), 200);
    assert_eq!(stage.call(refresh), 401, "a refresh token lets nobody in");
    assert_eq!(keys_of(server, &stage.account), Vec::<Value>::new(), "a grant is nobody's key");

    let about = app.post(server, "introspect", &[("token", access)]).expect(200).json();
    assert_eq!((&about["active"], text(&about, "scope")), (&json!(true), "orders:read orders:write"));
    assert_eq!((text(&about, "sub"), text(&about, "token_type")), (&*stage.account, "Bearer"));
    assert!(text(&about, "created_by").starts_with("member:mem_"), "{about}");
    assert!(about["exp"].is_u64(), "{about}");
    let seen = actions(server);
    for action in ["client.register", "client.allow", "grant.issue"] {
        assert!(seen.iter().any(|known| known == action), "{action} in {seen:?}");
    }
}

#[test]
fn the_answer_goes_back_with_state_and_issuer_and_a_refusal_too() {
    let stage = Stage::new();
    let mut ada = stage.developer();
    let page = ada.get(&stage.app.authorize(&[])).expect(200);
    assert!(page.text().contains("Planner") && page.text().contains("See your orders"), "{}", page.text());
    let denied = super::stage::answer(&mut ada, &stage.app, &[], "cancel");
    let denied = led_back(&denied).to_owned();
    let _ = ada.get(&stage.app.authorize(&[])).expect(200);
    let allowed = super::stage::allow(&mut ada, &stage.app, &[]);
    let allowed = led_back(&allowed).to_owned();
    let issuer = format!("http://{}/oauth/shop", stage.server.portal);
    for location in [&denied, &allowed] {
        assert!(location.starts_with(&format!("{REDIRECT}?")), "{location}");
        assert_eq!(parameter(location, "state").as_deref(), Some("s t&a=te"), "{location}");
        assert_eq!(parameter(location, "iss").as_deref(), Some(&*issuer), "{location}");
    }
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access_denied"));
    assert!(parameter(&allowed, "code").is_some() && parameter(&allowed, "error").is_none());
    // It is known whose it is, and was allowed: nobody is asked again.
    let again = ada.get(&stage.app.authorize(&[]));
    assert!(parameter(led_back(&again), "code").is_some());
}

#[test]
fn refresh_tokens_rotate_and_a_stolen_one_ends_the_grant() {
    let stage = Stage::new();
    let (server, app) = (&stage.server, &stage.app);
    let first = stage.tokens(&mut stage.developer(), app);
    let second = app.refresh(server, text(&first, "refresh_token")).expect(200).json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(
        (stage.call(text(&first, "access_token")), stage.call(text(&second, "access_token"))),
        (200, 200)
    );

    // The answer was lost, and nothing was done with it: another pair, and the lost one is worth nothing.
    let third = app.refresh(server, text(&first, "refresh_token")).expect(200).json();
    assert_eq!(stage.call(text(&third, "access_token")), 200);
    assert_eq!(stage.call(text(&second, "access_token")), 401);

    // The first one's successor was used: whoever comes with the first now has stolen it.
    let fourth = app.refresh(server, text(&third, "refresh_token")).expect(200).json();
    let stolen = app.refresh(server, text(&first, "refresh_token")).expect(400).json();
    assert_eq!(text(&stolen, "error"), "invalid_grant");
    for tokens in [&first, &third, &fourth] {
        assert_eq!(stage.call(text(tokens, "access_token")), 401);
        let refused = app.refresh(server, text(tokens, "refresh_token")).expect(400).json();
        assert_eq!(text(&refused, "error"), "invalid_grant");
    }
    assert!(actions(server).iter().any(|action| action == "grant.revoke"));
}

/// RFC 6749 §3.3, §5.1: the scope in an answer is the issued one, whatever was asked for.
#[test]
fn a_refresh_that_asks_for_less_is_told_what_it_got() {
    let stage = Stage::new();
    let (server, app) = (&stage.server, &stage.app);
    let granted = stage.tokens(&mut stage.developer(), app);
    let narrower = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&granted, "refresh_token")),
        ("scope", "orders:read"),
    ];
    let tokens = app.post(server, "token", &narrower).expect(200).json();
    assert_eq!(text(&tokens, "scope"), "orders:read orders:write");
    let access = text(&tokens, "access_token");
    let about = app.post(server, "introspect", &[("token", access)]).expect(200).json();
    assert_eq!(text(&about, "scope"), text(&tokens, "scope"));
    let _ = server.customer(access).send("POST", "/v1/orders", &[], "{}").expect(201);
}

#[test]
fn a_client_keeps_the_refresh_token_of_a_grant_that_is_switched_off() {
    let stage = Stage::new();
    let (server, app, operator) = (&stage.server, &stage.app, stage.server.operator());
    let tokens = stage.tokens(&mut stage.developer(), app);
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let about = app.post(server, "introspect", &[("token", access)]).expect(200).json();
    let key = text(&about, "key_id");
    let _ = operator.post(&format!("/v1/keys/{key}/disable"), &json!({})).expect(200);
    let refused = app.refresh(server, refresh).expect(400).json();
    assert_eq!(text(&refused, "error"), "access_denied");
    let _ = operator.post(&format!("/v1/keys/{key}/enable"), &json!({})).expect(200);
    let tokens = app.refresh(server, refresh).expect(200).json();

    // A suspended account's grant goes on, and lets nobody in until the account does.
    let account = |state: &str| {
        let _ =
            operator.patch(&format!("/v1/accounts/{}", stage.account), &json!({"state": state})).expect(200);
    };
    account("suspended");
    let tokens = app.refresh(server, text(&tokens, "refresh_token")).expect(200).json();
    assert_ne!(stage.call(text(&tokens, "access_token")), 200);
    account("active");
    assert_eq!(stage.call(text(&tokens, "access_token")), 200);
}

#[test]
fn of_many_at_once_one_code_is_exchanged_once_and_all_of_it_ends() {
    let stage = Stage::new();
    let code = Stage::code(&mut stage.developer(), &stage.app);
    let answers: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..20).map(|_| scope.spawn(|| stage.app.redeem(&stage.server, &code))).collect();
        calls.into_iter().map(|call| call.join().expect("a call is answered")).collect()
    });
    let (granted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((granted.len(), refused.len()), (1, 19));
    assert!(refused.iter().all(|answer| text(&answer.json(), "error") == "invalid_grant"));
    assert_eq!(stage.call(text(&granted[0].json(), "access_token")), 401);
}

#[test]
fn of_many_refreshes_at_once_one_pair_is_worth_something() {
    let stage = Stage::new();
    let first = stage.tokens(&mut stage.developer(), &stage.app);
    let refresh = text(&first, "refresh_token");
    let answers: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> =
            (0..20).map(|_| scope.spawn(|| stage.app.refresh(&stage.server, refresh))).collect();
        calls.into_iter().map(|call| call.join().expect("a call is answered").expect(200).json()).collect()
    });
    let working = answers.iter().filter(|tokens| stage.call(text(tokens, "access_token")) == 200).count();
    assert_eq!(working, 1);
}

#[test]
fn what_was_allowed_ends_with_it() {
    let stage = Stage::new();
    let (server, app) = (&stage.server, &stage.app);
    let operator = server.operator();
    let fresh = |name: &str| {
        let mut visitor = sign_in_as(server, &stage.account, &format!("{name}@example.com"), "developer");
        stage.tokens(&mut visitor, app)
    };
    let ends = |tokens: &Value| {
        assert_eq!(stage.call(text(tokens, "access_token")), 401);
        let refused = app.refresh(server, text(tokens, "refresh_token")).expect(400).json();
        assert_eq!(text(&refused, "error"), "invalid_grant");
    };

    // By the application itself, with either token.
    for kind in ["access_token", "refresh_token"] {
        let tokens = fresh("ada");
        assert_eq!(stage.call(text(&tokens, "access_token")), 200);
        let _ = app.post(server, "revoke", &[("token", text(&tokens, kind))]).expect(200);
        ends(&tokens);
    }
    // By an operator, who sees the grant as a key.
    let tokens = fresh("ada");
    let about = app.post(server, "introspect", &[("token", text(&tokens, "access_token"))]).json();
    let key = text(&about, "key_id").to_owned();
    let shown = operator.get(&format!("/v1/keys/{key}")).expect(200).json();
    assert_eq!(shown["client_id"], json!(app.id));
    let _ = operator.post(&format!("/v1/keys/{key}/rotate"), &json!({})).expect(403);
    let _ = operator.post(&format!("/v1/keys/{key}/revoke"), &json!({})).expect(200);
    ends(&tokens);
    // With the membership of who allowed it.
    let tokens = fresh("eve");
    let members = operator.get(&format!("/v1/members?account_id={}", stage.account)).expect(200).json();
    let eve =
        members["items"].as_array().and_then(|all| all.iter().find(|one| one["email"] == "eve@example.com"));
    let eve = text(eve.expect("she is a member"), "id").to_owned();
    let _ = operator.post(&format!("/v1/members/{eve}/remove"), &json!({})).expect(200);
    ends(&tokens);
    // With the application.
    let tokens = fresh("ada");
    let _ = operator.post(&format!("/v1/oauth-clients/{}/revoke", app.id), &json!({})).expect(200);
    assert_eq!(stage.call(text(&tokens, "access_token")), 401);
    let refused = app.refresh(server, text(&tokens, "refresh_token")).expect(401).json();
    assert_eq!(text(&refused, "error"), "invalid_client");
}

#[test]
fn an_application_acts_for_its_own_account() {
    let stage = Stage::new();
    let (server, service) = (&stage.server, &stage.service);
    let own =
        service.post(server, "token", &[("grant_type", "client_credentials"), ("scope", "orders:read")]);
    let own = own.expect(200).json();
    assert!(own.get("refresh_token").is_none());
    assert_eq!((text(&own, "scope"), stage.call(text(&own, "access_token"))), ("orders:read", 200));
    let wider = server.customer(text(&own, "access_token")).send("POST", "/v1/orders", &[], "{}");
    let _ = wider.expect(403);
    let none = stage.app.post(server, "token", &[("grant_type", "client_credentials")]).expect(400).json();
    assert_eq!(text(&none, "error"), "unauthorized_client");
}

/// The trail still tells of them, and of what they did.
#[test]
fn grants_that_ran_out_are_forgotten_while_others_are_made() {
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(PROFILE).movable_clock().start();
    let stage = Stage::of(server);
    let (server, service, operator) = (&stage.server, &stage.service, stage.server.operator());
    let grant = || {
        let made = service.post(server, "token", &[("grant_type", "client_credentials")]).expect(200).json();
        text(&made, "access_token").to_owned()
    };
    let old = grant();
    let about = service.post(server, "introspect", &[("token", &old)]).expect(200).json();
    let path = format!("/v1/keys/{}", text(&about, "key_id"));
    let _ = operator.get(&path).expect(200);
    server.move_clock("+26h");
    let young: Vec<_> = (0..32).map(|_| grant()).collect();
    eventually(|| (operator.get(&path).status == 404).then_some(()));
    assert_eq!((stage.call(&old), stage.call(&young[0])), (401, 200));
    let trail = operator.get(&format!("/v1/audit-events?subject={}", text(&about, "key_id"))).expect(200);
    assert_eq!(text(&trail.json()["items"][0], "action"), "grant.issue");
}

#[test]
fn api_keys_are_introspected_too() {
    let stage = Stage::new();
    let (id, key) = stage.server.operator().issue_plain(&stage.account, "CI");
    let about = stage.service.post(&stage.server, "introspect", &[("token", &key)]).expect(200).json();
    assert_eq!((&about["active"], text(&about, "key_id")), (&json!(true), &*id));
    let _ = stage.server.operator().post(&format!("/v1/keys/{id}/revoke"), &json!({})).expect(200);
    // Nobody says from where it is used.
    let order = json!({"name": "CI", "restrictions": {"networks": ["127.0.0.0/8"]}});
    let narrow = stage.server.operator().issue(&stage.account, &order);
    for ended in [&*key, text(&narrow, "key")] {
        let gone = stage.service.post(&stage.server, "introspect", &[("token", ended)]).expect(200).json();
        assert_eq!(gone, json!({"active": false}));
    }
}

#[test]
fn metadata_names_what_there_is() {
    let stage = Stage::new();
    let portal = stage.server.portal;
    let metadata = send(portal, "GET", "/.well-known/oauth-authorization-server/oauth/shop", &[], "");
    let metadata = metadata.expect(200).json();
    let issuer = format!("http://{portal}/oauth/shop");
    assert_eq!(text(&metadata, "issuer"), issuer);
    for endpoint in ["token", "revocation", "introspection", "registration"] {
        let url = text(&metadata, &format!("{endpoint}_endpoint"));
        assert!(url.starts_with(&issuer), "{url}");
        // It is there: what it says of an empty form is an error of its own.
        let answer = form(portal, within(url), &[], &[]);
        assert!(matches!(answer.status, 401 | 415), "{url}: {}", answer.status);
    }
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["scopes_supported"], json!(["orders:read", "orders:write"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], json!(true));

    // At the api: where the server is, in a document and beside the challenge.
    let gateway = stage.server.gateway;
    let refused = send(gateway, "GET", "/v1/orders/1", &[], "").expect(401);
    let challenge = refused.header("www-authenticate").unwrap_or_default();
    let place = format!("http://{gateway}/.well-known/oauth-protected-resource/v1/orders/1");
    assert!(challenge.contains(&format!("resource_metadata=\"{place}\"")), "{challenge}");
    for path in ["", "/mcp"] {
        let document = send(gateway, "GET", &format!("/.well-known/oauth-protected-resource{path}"), &[], "");
        let document = document.expect(200).json();
        assert_eq!(text(&document, "resource"), format!("http://{gateway}{path}"));
        assert_eq!(document["authorization_servers"], json!([issuer]));
    }
}

#[test]
fn an_application_registers_itself_and_nobody_vouches_for_it() {
    let stage = Stage::new();
    let portal = stage.server.portal;
    let register = |metadata: &Value| {
        let json = [("content-type", "application/json")];
        send(portal, "POST", "/oauth/shop/register", &json, &metadata.to_string())
    };
    let made = register(&json!({
        "client_name": "Self-made", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none",
        "logo_uri": "http://169.254.169.254/latest/meta-data", "unheard_of": [1],
    }));
    let made = made.expect(201).json();
    assert!(made.get("client_secret").is_none() && made["client_id_issued_at"].is_u64(), "{made}");
    let app = App { id: text(&made, "client_id").to_owned(), secret: None };
    let mut ada = stage.developer();
    for _ in 0..2 {
        let page = ada.get(&app.authorize(&[])).expect(200);
        assert!(page.text().contains("Self-made"), "who isn't known asks each time");
        let tokens = stage.tokens(&mut ada, &app);
        assert_eq!(stage.call(text(&tokens, "access_token")), 200);
    }
    for (metadata, error) in [
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["http://evil.example/cb"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": [REDIRECT], "grant_types": ["password"]}), "invalid_client_metadata"),
        (json!({"redirect_uris": [REDIRECT], "scope": "admin"}), "invalid_client_metadata"),
        (json!({"redirect_uris": [REDIRECT], "client_name": "\u{200b}"}), "invalid_client_metadata"),
        (json!({"redirect_uris": ["https:/keys"]}), "invalid_redirect_uri"),
        (
            json!({"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "private_key_jwt"}),
            "invalid_client_metadata",
        ),
        (json!([]), "invalid_client_metadata"),
    ] {
        assert_eq!(text(&register(&metadata).expect(400).json(), "error"), error, "{metadata}");
    }
    // So many of a network and no more.
    let order = json!({"redirect_uris": [REDIRECT]});
    let refused = (0..20).map(|_| register(&order)).find(|answer| answer.status != 201);
    let refused = refused.expect("there is a bound").expect(429);
    assert!(refused.header("retry-after").is_some());
}
