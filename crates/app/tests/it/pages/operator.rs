//! The operators' pages on the control listener: who comes in, what they do, and that nobody else can do it for them.

mod find;

use claviger_testkit::{Answer, Server, ServerBuilder, Visitor, eventually, play_story};
use serde_json::json;

fn server() -> Server {
    ServerBuilder::new(crate::PROGRAM).profile("cashcat").start()
}

/// Someone signed in to the operators' pages with this operator key.
#[track_caller]
fn sign_in(server: &Server, key: &str) -> Visitor {
    let mut visitor = Visitor::new(server.control);
    let _ = visitor.get("/sign-in").expect(200);
    let answer = visitor.submit("/sign-in", &[("key", key)]).expect(303);
    assert_eq!(answer.header("location"), Some("/accounts"));
    visitor
}

/// Somebody with the first operator key, which may do everything.
#[track_caller]
fn root(server: &Server) -> Visitor {
    sign_in(server, server.operator_key())
}

/// An operator key that can do this, and its id.
#[track_caller]
fn operator_key(server: &Server, can: &str) -> (String, String) {
    let order = json!({"name": format!("can {can}"), "can": [can]});
    let made = server.operator().post("/v1/operators", &order).expect(201).json();
    let text = |name: &str| made[name].as_str().expect("an operator key has it").to_owned();
    (text("key"), text("id"))
}

#[track_caller]
fn says(answer: &Answer, text: &str) {
    assert!(answer.text().contains(text), "the page doesn't say {text:?}:\n{}", answer.text());
}

#[track_caller]
fn is_silent_of(answer: &Answer, text: &str) {
    assert!(!answer.text().contains(text), "the page says {text:?}:\n{}", answer.text());
}

#[test]
fn an_operator_key_signs_in_and_every_page_is_there() {
    let server = server();
    let account = server.operator().account("Acme & Sons");
    let (key, _) = server.operator().issue_plain(&account, "Production");
    let mut nobody = Visitor::new(server.control);
    assert_eq!(nobody.get("/").expect(303).header("location"), Some("/sign-in"));
    let mut visitor = root(&server);
    let cookie = visitor.cookie("claviger-operator").expect("there is a session").to_owned();
    assert_eq!(cookie.len(), 43);
    says(&visitor.follow("/").expect(200), "Acme &#38; Sons");
    for (path, text) in [
        (format!("/accounts/{account}"), "Make a sign-in link"),
        (format!("/keys/{key}"), "Last denials"),
        (format!("/keys/{key}/revoke"), "Revoke Production?"),
        (format!("/accounts/{account}/suspend"), "Type <b"),
        ("/find".to_owned(), "Find a key by itself"),
        ("/apis".to_owned(), "How a key travels"),
        ("/operators".to_owned(), "This session"),
        ("/nodes".to_owned(), "Deciding"),
        ("/audit".to_owned(), "key.issue"),
    ] {
        let page = visitor.get(&path).expect(200);
        says(&page, text);
        is_silent_of(&page, server.operator_key());
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(page.header("x-frame-options"), Some("DENY"), "{path}");
        let policy = page.header("content-security-policy").expect("there is a policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}");
    }
    for missing in ["/keys/key_0", "/accounts/acc_00000000000000000000000000", "/keys", "/nothing"] {
        let _ = visitor.get(missing).expect(404);
    }
}

#[test]
fn support_finds_a_key_and_ends_it_in_a_browser() {
    let server = server();
    let account = server.operator().account("Acme");
    let (_, plain) = server.operator().issue_plain(&account, "Production");
    let _ = server.operator().issue_plain(&account, "Staging");
    let member = json!({"account_id": account, "email": "ada@example.com", "role": "administrator"});
    let _ = server.operator().post("/v1/sessions", &member).expect(201);
    let _ = server.customer(&plain).get("/v1/costs").expect(200);
    let other = server.operator().issue(
        &account,
        &json!({"name": "Elsewhere", "restrictions": {"networks": ["192.0.2.0/24"]}, "external_id": "ours-7"}),
    );
    let elsewhere = other["key"].as_str().expect("a new key is shown").to_owned();
    let denied = server.customer(&elsewhere).get("/v1/costs").expect(403);
    let request = denied.header("x-request-id").expect("every answer has an id").to_owned();
    let path = format!("/v1/denials?request_id={request}");
    let known = || server.operator().get(&path).expect(200).json()["items"].as_array().map_or(0, Vec::len);
    eventually(|| (known() > 0).then_some(()));
    let given = json!({
        "control": format!("http://{}", server.control), "operator_key": server.operator_key(),
        "account": account, "key": plain, "request": request,
    });
    play_story("operator", &given);
}

#[test]
fn a_wrong_key_is_told_beside_the_field_and_guessing_is_bounded() {
    let server = server();
    let mut visitor = Visitor::new(server.control);
    let _ = visitor.get("/sign-in").expect(200);
    for guess in 0..10 {
        let wrong = format!("a wrong operator key {guess}");
        let answer = visitor.submit("/sign-in", &[("key", &wrong)]).expect(422);
        says(&answer, "not an operator key");
        is_silent_of(&answer, &wrong);
    }
    assert_eq!(visitor.cookie("claviger-operator"), None);
    let stopped = visitor.submit("/sign-in", &[("key", "once more")]).expect(429);
    assert!(stopped.header("retry-after").is_some());
}

#[test]
fn a_revoked_operator_key_ends_its_sessions_at_once() {
    let server = server();
    let (key, id) = operator_key(&server, "read");
    let mut visitor = sign_in(&server, &key);
    let _ = visitor.get("/accounts").expect(200);
    let _ = server.operator().post(&format!("/v1/operators/{id}/revoke"), &json!({})).expect(200);
    for path in ["/accounts", "/audit", "/"] {
        assert_eq!(visitor.get(path).expect(303).header("location"), Some("/sign-in"), "{path}");
    }
    let mut again = Visitor::new(server.control);
    let _ = again.get("/sign-in").expect(200);
    let _ = again.submit("/sign-in", &[("key", &key)]).expect(422);
}

#[test]
fn who_signed_out_is_nobody_with_the_same_cookie() {
    let server = server();
    let mut visitor = root(&server);
    let _ = visitor.get("/accounts").expect(200);
    let mut thief = visitor.clone();
    let _ = visitor.submit("/sign-out", &[]).expect(303);
    assert_eq!(visitor.cookie("claviger-operator"), None);
    assert_eq!(thief.get("/accounts").expect(303).header("location"), Some("/sign-in"));
}

#[test]
fn the_session_of_a_browser_that_came_by_tls_is_kept_to_it() {
    let server = server();
    let mut visitor = Visitor::new(server.control).at_origin("https://keys.example.com");
    let before = visitor.get("/sign-in").expect(200);
    assert_eq!(before.header("strict-transport-security"), None, "nothing says yet how they come");
    let answer = visitor.submit("/sign-in", &[("key", server.operator_key())]).expect(303);
    let cookie = answer.header("set-cookie").expect("there is a session");
    assert!(cookie.starts_with("__Host-claviger-operator=") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(cookie.contains("; SameSite=Strict"), "{cookie}");
    let page = visitor.get("/accounts").expect(200);
    assert_eq!(page.header("strict-transport-security"), Some("max-age=63072000"));
    let _ = visitor.submit("/sign-out", &[]).expect(303);
    assert_eq!(visitor.cookie("__Host-claviger-operator"), None);
    assert_eq!(visitor.get("/accounts").expect(303).header("location"), Some("/sign-in"));

    let plain = root(&server).get("/accounts").expect(200);
    assert_eq!(plain.header("strict-transport-security"), None);
}

#[test]
fn a_session_without_a_request_for_half_an_hour_is_over() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").movable_clock().start();
    let mut visitor = root(&server);
    server.move_clock("+29m");
    let _ = visitor.get("/accounts").expect(200);
    server.move_clock("+60m");
    assert_eq!(visitor.get("/accounts").expect(303).header("location"), Some("/sign-in"));
}

#[test]
fn who_may_only_read_sees_no_buttons_and_is_refused_behind_them() {
    let server = server();
    let account = server.operator().account("Acme");
    let (key, _) = server.operator().issue_plain(&account, "Production");
    let mut reader = sign_in(&server, &operator_key(&server, "read").0);
    let page = reader.get(&format!("/accounts/{account}")).expect(200);
    for button in ["Suspend", "Make a sign-in link"] {
        is_silent_of(&page, button);
    }
    let page = reader.get(&format!("/keys/{key}")).expect(200);
    for button in ["Revoke", "Disable"] {
        is_silent_of(&page, button);
    }
    let _ = reader.get(&format!("/keys/{key}/revoke")).expect(403);
    let _ = reader.get(&format!("/accounts/{account}/suspend")).expect(403);
    let _ = reader.get("/accounts").expect(200);
    let csrf = reader.csrf();
    for (path, field) in [
        (format!("/accounts/{account}/suspend"), ("x", "")),
        (format!("/accounts/{account}/reinstate"), ("x", "")),
        (format!("/accounts/{account}/sign-in-link"), ("email", "ada@example.com")),
        (format!("/keys/{key}/disable"), ("x", "")),
        (format!("/keys/{key}/enable"), ("x", "")),
        (format!("/keys/{key}/revoke"), ("confirm", "Production")),
    ] {
        let answer = reader.post(&path, &[("csrf", &csrf), field]).expect(403);
        says(&answer, "lacks the ability manage");
    }
    let shown = server.operator().get(&format!("/v1/keys/{key}")).expect(200).json();
    assert_eq!(shown["state"], "active");
}

#[test]
fn who_may_not_read_comes_in_and_is_told_why_nothing_is_shown() {
    let server = server();
    let (key, _) = operator_key(&server, "verify");
    let mut visitor = sign_in(&server, &key);
    for path in ["/accounts", "/find?q=Acme", "/apis", "/operators", "/nodes", "/audit"] {
        says(&visitor.get(path).expect(403), "can’t read");
    }
    let _ = visitor.submit("/sign-out", &[]).expect(303);
}

#[test]
fn a_form_counts_only_from_this_operators_own_page() {
    let server = server();
    let account = server.operator().account("Acme");
    let suspend = format!("/accounts/{account}/suspend");
    let mut visitor = root(&server);
    let mut other = root(&server);
    let _ = other.get("/accounts").expect(200);
    let _ = visitor.get("/accounts").expect(200);
    let own = visitor.csrf();
    let _ = visitor.post(&suspend, &[]).expect(403);
    let _ = visitor.post(&suspend, &[("csrf", &other.csrf())]).expect(403);
    for (field, value) in
        [("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")]
    {
        let _ = visitor.clone().with(field, value).post(&suspend, &[("csrf", &own)]).expect(403);
    }
    let _ = visitor.clone().without("Origin").post(&suspend, &[("csrf", &own)]).expect(403);
    let portal = format!("http://{}", server.portal);
    let _ = visitor.clone().with("Origin", &portal).post(&suspend, &[("csrf", &own)]).expect(403);
    let state =
        || server.operator().get(&format!("/v1/accounts/{account}")).expect(200).json()["state"].clone();
    assert_eq!(state(), "active");
    for wrong in ["", "acme"] {
        let refused = visitor.post(&suspend, &[("csrf", &own), ("confirm", wrong)]).expect(422);
        says(&refused, "type it exactly");
    }
    assert_eq!(state(), "active");
    let _ = visitor.post(&suspend, &[("csrf", &own), ("confirm", "Acme")]).expect(303);
    assert_eq!(state(), "suspended");
    let _ = visitor.get(&format!("/accounts/{account}")).expect(200);
    let _ = visitor.submit(&format!("/accounts/{account}/reinstate"), &[]).expect(303);
    assert_eq!(state(), "active");
}

#[test]
fn a_key_is_switched_off_and_on_and_ends_when_its_name_is_typed() {
    let server = server();
    let account = server.operator().account("Acme");
    let (id, plain) = server.operator().issue_plain(&account, "Production");
    let mut visitor = root(&server);
    let page = format!("/keys/{id}");
    let _ = visitor.get(&page).expect(200);
    let _ = visitor.submit(&format!("{page}/disable"), &[]).expect(303);
    says(&visitor.get(&format!("{page}?done=disabled")).expect(200), "disabled until you enable it");
    let _ = visitor.submit(&format!("{page}/enable"), &[]).expect(303);
    let revoke = format!("{page}/revoke");
    let _ = visitor.get(&revoke).expect(200);
    says(&visitor.submit(&revoke, &[("confirm", "production")]).expect(422), "type it exactly");
    let _ = visitor.submit(&revoke, &[("confirm", "Production")]).expect(303);
    let decision = server.operator().verify(&json!({"key": plain}));
    assert_eq!(decision["denial"]["code"], "revoked");
    let after = visitor.get(&page).expect(200);
    says(&after, "key.revoke");
    is_silent_of(&after, "Enable");
}

#[test]
fn a_sign_in_link_is_shown_once_and_signs_in_at_the_portal() {
    let server = server();
    let account = server.operator().account("Acme");
    let mut visitor = root(&server);
    let page = format!("/accounts/{account}");
    let _ = visitor.get(&page).expect(200);
    let action = format!("{page}/sign-in-link");
    let wrong = visitor.submit(&action, &[("email", "nobody"), ("role", "viewer")]).expect(422);
    says(&wrong, "aria-invalid=\"true\"");
    says(&wrong, "value=\"nobody\"");
    let made = visitor.submit(&action, &[("email", "ada@example.com"), ("role", "viewer")]).expect(201);
    let (_, after) = made.text().split_once(&format!("http://{}", server.portal)).expect("there is a link");
    let path = after.split('<').next().unwrap_or_default();
    assert!(path.starts_with("/link/"), "{path}");
    let mut member = Visitor::new(server.portal);
    assert_eq!(member.get(path).expect(303).header("location"), Some("/keys"));
    let members = visitor.get(&page).expect(200);
    says(&members, "ada@example.com");
    is_silent_of(&members, path);
    assert!(!server.log().contains(path), "a link is a secret");
}

#[test]
fn a_member_has_a_page_and_is_called_by_their_address_also_when_removed() {
    let server = server();
    let operator = server.operator();
    let account = operator.account("Acme");
    let mut ada = super::stage::sign_in_as(&server, &account, "ada@example.com", "administrator");
    let _ = ada.get("/members").expect(200);
    let _ = ada.submit("/members", &[("email", "bob@example.com"), ("role", "viewer")]).expect(201);
    let members = operator.get(&format!("/v1/members?account_id={account}")).expect(200).json();
    let bob = members["items"][1]["id"].as_str().expect("a member has an id").to_owned();
    let mut visitor = root(&server);
    let page = visitor.get(&format!("/members/{bob}")).expect(200);
    for text in ["<h1>bob@example.com</h1>", "member.invite", ">ada@example.com</a>", "Acme"] {
        says(&page, text);
    }
    is_silent_of(&page, "member:mem_");
    let _ = operator.post(&format!("/v1/members/{bob}/remove"), &json!(null)).expect(200);
    let page = visitor.get(&format!("/members/{bob}")).expect(200);
    for text in ["<h1>bob@example.com</h1>", "Removed", "member.remove", "Acme"] {
        says(&page, text);
    }
    for nobody in ["mem_00000000000000000000000000", "mem_0"] {
        let _ = visitor.get(&format!("/members/{nobody}")).expect(404);
    }
}

#[test]
fn the_chain_of_the_trail_is_checked_by_a_button() {
    let server = server();
    let _ = server.operator().account("Acme");
    let mut visitor = root(&server);
    let _ = visitor.get("/audit").expect(200);
    says(&visitor.submit("/audit/check", &[]).expect(200), "The chain holds");
    let _ = visitor.get("/audit?account=Acme").expect(422);
}

#[test]
fn programs_keep_their_paths_and_the_portal_has_none_of_these_pages() {
    let server = server();
    let mut visitor = root(&server);
    for path in ["/v1", "/v1/nothing", "/problems/nothing", "/forward-auth/nothing"] {
        let answer = visitor.get(path);
        let kind = answer.header("content-type").unwrap_or_default().to_owned();
        assert_eq!((answer.status, &*kind), (404, "application/problem+json"), "{path}");
    }
    let refused = visitor.get("/v1/accounts").expect(401);
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json"),
        "a cookie is no operator key"
    );
    let mut at_portal = Visitor::new(server.portal);
    for (name, value) in visitor.cookies() {
        at_portal.set_cookie(name, value);
    }
    for path in
        ["/accounts", "/find", "/apis", "/operators", "/nodes", "/accounts/acc_00000000000000000000000000"]
    {
        let _ = at_portal.get(path).expect(404);
    }
    assert_eq!(at_portal.get("/audit").expect(303).header("location"), Some("/sign-in?next=%2Faudit"));
}
