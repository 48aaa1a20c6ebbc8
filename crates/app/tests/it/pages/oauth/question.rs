//! What is asked, of whom, and what is said where nothing can be.

use claviger_testkit::{ServerBuilder, Visitor};
use serde_json::json;

use super::{application, asking, is_silent_of, says, server, told};
use crate::pages::stage::sign_in;

#[test]
fn a_member_reads_who_asks_for_what() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[("verified", "yes")]);
    let mut ada = sign_in(&server, &account, "developer");
    let page = ada.get(&asking("cicosts", &client, "&scope=costs%3Aread+alerts%3Awrite")).expect(200);
    for text in [
        "Cost Reports",
        ">Verified<",
        "Acme",
        "developer@example.com",
        "Read cost data",
        "Create/update/delete alerts",
        "a program on this computer",
        "30 days",
        "Connected apps",
        "value=\"allow\"",
        "value=\"cancel\"",
    ] {
        says(&page, text);
    }
    is_silent_of(&page, "vouches");
    is_silent_of(&page, "Manage webhooks");
    let unknown = application(&server, "Cost Reports", &[]);
    let page = ada.get(&asking("cicosts", &unknown, "")).expect(200);
    says(&page, "Nobody here vouches for this application");
    says(&page, "Manage webhooks");
    is_silent_of(&page, ">Verified<");
}

#[test]
fn nobody_can_frame_the_question_and_its_form_leads_to_itself_alone() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[]);
    let mut ada = sign_in(&server, &account, "developer");
    let page = ada.get(&asking("cicosts", &client, "")).expect(200);
    let policy = page.header("content-security-policy").expect("there is a policy");
    assert!(policy.contains("form-action 'self';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("script-src 'self';"), "{policy}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    assert_eq!(page.header("access-control-allow-origin"), None);
}

#[test]
fn what_can_not_be_trusted_is_said_on_our_own_page() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[("verified", "yes")]);
    let mut ada = sign_in(&server, &account, "developer");
    let fine = asking("cicosts", &client, "");
    let nobody = format!("app_{}", "0".repeat(26));
    for wrong in [
        "/oauth/cicosts/authorize".to_owned(),
        asking("cicosts", &nobody, ""),
        asking("cicosts", "x", ""),
        fine.replace("127.0.0.1", "evil.example"),
        fine.replace("callback", "callback%2F"),
        format!("{fine}&redirect_uri=https%3A%2F%2Fevil.example%2F"),
        format!("{fine}&client_id={client}"),
        fine.replace("redirect_uri=", "no="),
    ] {
        for visitor in [&mut ada.clone(), &mut Visitor::new(server.portal)] {
            let stopped = visitor.get(&wrong).expect(400);
            assert_eq!((stopped.header("location"), stopped.header("refresh")), (None, None), "{wrong}");
            is_silent_of(&stopped, "evil.example");
            says(&stopped, "This application can’t ask for access".replace('’', "&#39;").as_str());
        }
    }
    let mut root = super::operator(&server);
    let revoke = format!("/applications/{client}/revoke");
    let _ = root.get(&revoke).expect(200);
    let _ = root.submit(&revoke, &[("confirm", "Cost Reports")]).expect(303);
    says(&ada.get(&fine).expect(400), "isn&#39;t known here, or not any more");
}

#[test]
fn what_is_wrong_otherwise_is_said_to_the_application() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[]);
    let mut ada = sign_in(&server, &account, "developer");
    let fine = asking("cicosts", &client, "");
    for (wrong, error) in [
        (fine.replace("=code&", "=token&"), "unsupported_response_type"),
        (fine.replace("S256", "plain"), "invalid_request"),
        (format!("{fine}&scope=moon%3Apaint"), "invalid_scope"),
        (format!("{fine}&prompt=none"), "interaction_required"),
        (format!("{fine}&resource=https%3A%2F%2Fother.example%2F"), "invalid_target"),
    ] {
        let sent = ada.get(&wrong);
        assert_eq!(told(&server, &sent, "error").as_deref(), Some(error), "{wrong}");
        // Whoever can register an address can't have strangers sent there by a link to this site.
        let stranger = Visitor::new(server.portal).get(&wrong).expect(303);
        let place = stranger.header("location").expect("they sign in first");
        assert!(place.starts_with("/sign-in/cicosts?next="), "{place}");
    }
}

#[test]
fn applications_ask_where_the_api_lets_them_in_and_nowhere_else() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cicosts").profile("codat").start();
    let mut visitor = Visitor::new(server.portal);
    for nowhere in ["codat", "nothing", "Cicosts"] {
        says(&visitor.get(&asking(nowhere, "x", "")).expect(404), "No application can ask for access here");
    }
    let unnamed = asking("cicosts", "x", "").replace("/oauth/cicosts/", "/oauth/");
    let _ = visitor.get(&unnamed).expect(404);
    let _ = visitor.get(&asking("cicosts", "x", "")).expect(400);
    let order = json!({"name": "Acme", "api": "codat"});
    let account = server.operator().post("/v1/accounts", &order).expect(201).json();
    let mut member = sign_in(&server, account["id"].as_str().expect("it has an id"), "administrator");
    is_silent_of(&member.get("/sessions").expect(200), "/connected-apps");
    let _ = member.get("/connected-apps").expect(404);
}

#[test]
fn where_an_api_has_no_scopes_everything_is_asked_for() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let account = server.operator().account("Acme");
    let client = application(&server, "Budgets", &[]);
    let place = asking("cashcat", &client, "");
    let mut ada = sign_in(&server, &account, "developer");
    says(&ada.get(&place).expect(200), "Do everything that an API key of CashCat can");
    let csrf = ada.csrf();
    let allowed = ada.post(&place, &[("csrf", &csrf), ("answer", "allow")]);
    assert!(told(&server, &allowed, "code").is_some_and(|code| code.starts_with("cc_oac_")));
    says(&ada.get("/connected-apps").expect(200), "Everything a key may");
}

#[test]
fn where_there_is_one_api_it_needn_t_be_named() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[]);
    let unnamed = asking("cicosts", &client, "").replace("/oauth/cicosts/", "/oauth/");
    let named = Visitor::new(server.portal).get(&unnamed).expect(303);
    assert!(
        named.header("location").is_some_and(|place| place.contains("%2Foauth%2Fcicosts%2Fauthorize%3F"))
    );
    says(&sign_in(&server, &account, "developer").get(&unnamed).expect(200), "Cost Reports");
}

#[test]
fn who_may_not_create_keys_can_not_let_applications_in() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[("verified", "yes")]);
    let place = asking("cicosts", &client, "");
    let mut viewer = sign_in(&server, &account, "viewer");
    let mut developer = sign_in(&server, &account, "developer");
    let refused = |visitor: &mut Visitor, why: &str| {
        let page = visitor.get(&place).expect(403);
        says(&page, why);
        is_silent_of(&page, "value=\"allow\"");
        let csrf = visitor.csrf();
        let sent = visitor.post(&place, &[("csrf", &csrf), ("answer", "allow")]).expect(403);
        says(&sent, why);
        let back = visitor.post(&place, &[("csrf", &csrf), ("answer", "cancel")]);
        assert_eq!(told(&server, &back, "error").as_deref(), Some("access_denied"));
    };
    refused(&mut viewer, "Your role may not create keys");
    // What was allowed before is not given without asking once more either.
    let _ = developer.get(&place).expect(200);
    let csrf = developer.csrf();
    let allowed = developer.post(&place, &[("csrf", &csrf), ("answer", "allow")]);
    assert!(told(&server, &allowed, "code").is_some());
    let state = json!({"state": "suspended"});
    let _ = server.operator().patch(&format!("/v1/accounts/{account}"), &state).expect(200);
    refused(&mut developer, "The account is suspended");
}

#[test]
fn a_name_is_shown_and_never_markup() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "<b onclick=x>", &[]);
    let page = sign_in(&server, &account, "developer").get(&asking("cicosts", &client, "")).expect(200);
    is_silent_of(&page, "<b onclick");
    says(&page, "&#60;b onclick=x&#62;");
}
