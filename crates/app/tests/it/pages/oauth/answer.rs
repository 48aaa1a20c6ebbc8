//! What a member answers, and that nobody else answers for them.

use super::{application, asking, server, told, vouched_for};
use crate::pages::stage::{sign_in, sign_in_as};

#[test]
fn who_allows_it_sends_a_code_and_who_cancels_sends_none() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[]);
    let place = asking("cicosts", &client, "&scope=costs%3Aread");
    let mut ada = sign_in(&server, &account, "developer");
    let _ = ada.get(&place).expect(200);
    let csrf = ada.csrf();
    let cancelled = ada.post(&place, &[("csrf", &csrf), ("answer", "cancel")]);
    assert_eq!(told(&server, &cancelled, "error").as_deref(), Some("access_denied"));
    assert_eq!(told(&server, &cancelled, "code"), None);
    for answer in ["", "yes", "Allow"] {
        let again = ada.post(&place, &[("csrf", &csrf), ("answer", answer)]).expect(200);
        assert!(again.text().contains("value=\"allow\""), "{answer}: it is asked again");
    }
    let allowed = ada.post(&place, &[("csrf", &csrf), ("answer", "allow")]);
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(allowed.header(name), Some(value), "{name}");
    }
    let code = told(&server, &allowed, "code").expect("there is a code");
    assert!(code.starts_with("cic_oac_"), "{code}");
    assert!(!server.log().contains(&code), "a code is a secret");
    let trail = server.operator().get(&format!("/v1/audit-events?account_id={account}")).expect(200).json();
    let trail = trail["items"].as_array().expect("a list has items");
    assert!(trail.iter().any(|event| event["action"] == "client.allow"));
    let page = sign_in(&server, &account, "administrator").get("/audit").expect(200);
    assert!(page.text().contains("allowed “Cost Reports” access"), "{}", page.text());
}

#[test]
fn what_is_allowed_is_what_the_request_says_and_nothing_that_the_form_says() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[("permissions", "only"), ("scopes", "costs:read")]);
    let mut ada = sign_in(&server, &account, "developer");
    let place = asking("cicosts", &client, "");
    let _ = ada.get(&place).expect(200);
    let csrf = ada.csrf();
    let lies = [
        ("csrf", &*csrf),
        ("answer", "allow"),
        ("scope", "webhooks:write"),
        ("redirect_uri", "https://evil.example"),
    ];
    let answered = ada.post(&place, &lies);
    assert!(told(&server, &answered, "code").is_some());
    let page = ada.get("/connected-apps").expect(200);
    assert!(
        page.text().contains("Read cost data") && !page.text().contains("Manage webhooks"),
        "{}",
        page.text()
    );
    let wide = format!("{place}&scope=webhooks%3Awrite");
    let refused = ada.post(&wide, &[("csrf", &csrf), ("answer", "allow")]);
    assert_eq!(told(&server, &refused, "error").as_deref(), Some("invalid_scope"));
    let evil = place.replace("127.0.0.1", "evil.example");
    assert_eq!(ada.post(&evil, &[("csrf", &csrf), ("answer", "allow")]).expect(400).header("refresh"), None);
}

#[test]
fn an_answer_counts_only_from_the_members_own_page() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[]);
    let place = asking("cicosts", &client, "");
    let mut ada = sign_in(&server, &account, "developer");
    let mut eve = sign_in_as(&server, &account, "eve@example.com", "developer");
    let (_, _) = (ada.get(&place).expect(200), eve.get(&place).expect(200));
    let (own, others) = (ada.csrf(), eve.csrf());
    for csrf in ["", &others] {
        for answer in ["allow", "cancel", "leave"] {
            let refused = ada.post(&place, &[("csrf", csrf), ("answer", answer)]).expect(403);
            assert_eq!(refused.header("refresh"), None);
        }
    }
    for (field, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let mut forged = ada.clone().with(field, value);
        let refused = forged.post(&place, &[("csrf", &own), ("answer", "allow")]).expect(403);
        assert_eq!(refused.header("refresh"), None, "{field}: {value}");
    }
    let _ = ada.clone().without("Origin").post(&place, &[("csrf", &own), ("answer", "allow")]).expect(403);
    assert!(ada.get("/connected-apps").expect(200).text().contains("No connected apps"));
    let _ = ada.get("/sessions").expect(200);
}

#[test]
fn an_application_that_is_vouched_for_asks_once_and_any_other_each_time() {
    let server = server();
    let account = server.operator().account("Acme");
    let verified = vouched_for(&server, "Cost Reports");
    let unknown = application(&server, "Cost Helper", &[]);
    // Any program on the machine could say that it is this one.
    let public = application(&server, "Pocket Costs", &[("verified", "yes")]);
    let mut ada = sign_in(&server, &account, "developer");
    for (client, asks_again) in [(&verified, false), (&unknown, true), (&public, true)] {
        let place = asking("cicosts", client, "&scope=costs%3Aread");
        let _ = ada.get(&place).expect(200);
        let csrf = ada.csrf();
        assert!(told(&server, &ada.post(&place, &[("csrf", &csrf), ("answer", "allow")]), "code").is_some());
        // A cross-site link is how an application asks.
        let again = ada.clone().with("Sec-Fetch-Site", "cross-site").get(&place);
        if asks_again {
            assert!(again.expect(200).text().contains("value=\"allow\""));
        } else {
            assert!(told(&server, &again, "code").is_some());
        }
    }
    let place = asking("cicosts", &verified, "&scope=costs%3Aread");
    let wider = asking("cicosts", &verified, "&scope=costs%3Aread+webhooks%3Awrite");
    let _ = ada.get(&wider).expect(200);
    // What is not a person who follows a link is given nothing.
    for (field, value, status) in [
        ("Sec-Purpose", "prefetch;prerender", 503),
        ("Sec-Fetch-Dest", "iframe", 200),
        ("Sec-Fetch-Dest", "image", 200),
    ] {
        let answer = ada.clone().with(field, value).get(&place).expect(status);
        assert_eq!(answer.header("refresh"), None, "{value}");
    }
    // Another member of the account was never asked.
    let _ = sign_in_as(&server, &account, "bob@example.com", "developer").get(&place).expect(200);
}
