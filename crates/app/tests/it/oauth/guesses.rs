//! Whoever is wrong again and again is told to slow down, and whoever is right passes.

use claviger_testkit::{Answer, ServerBuilder};
use serde_json::json;

use super::stage::{App, PROFILE, REDIRECT, Stage, form, text};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

fn stage() -> Stage {
    Stage::of(ServerBuilder::new(crate::PROGRAM).profile_text(PROFILE).movable_clock().start())
}

/// A client's answer where its secret is this one.
fn ask(stage: &Stage, endpoint: &str, id: &str, secret: &str) -> Answer {
    let fields = [GRANT, ("token", "x"), ("client_id", id), ("client_secret", secret)];
    // No proxy is trusted here: saying that one comes from elsewhere helps nobody.
    let elsewhere = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
    form(stage.server.portal, &format!("/oauth/shop/{endpoint}"), &elsewhere, &fields)
}

#[track_caller]
fn assert_slowed(answer: &Answer, error: &str, longest: u64) {
    assert_eq!((answer.status, text(&answer.json(), "error")), (429, error));
    let seconds: u64 = answer.header("retry-after").expect("it says how long").parse().expect("in seconds");
    assert!((1..=longest).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("www-authenticate"), None, "that belongs to 401");
}

#[test]
fn a_secret_is_guessed_at_a_few_times_and_the_right_one_always_passes() {
    let stage = stage();
    let (id, secret) = (&*stage.service.id, stage.service.secret.as_deref().expect("it has one"));
    for endpoint in ["token", "revoke", "introspect"].iter().cycle().take(10) {
        let refused = ask(&stage, endpoint, id, "wrong").expect(401).json();
        assert_eq!(text(&refused, "error"), "invalid_client", "{endpoint}");
    }
    for _ in 0..3 {
        for endpoint in ["token", "revoke", "introspect"] {
            assert_slowed(&ask(&stage, endpoint, id, "wrong"), "invalid_client", 60);
            let _ = ask(&stage, endpoint, id, secret).expect(200);
        }
    }
    let _ = ask(&stage, "token", &stage.app.id, "wrong").expect(401);
    stage.server.move_clock("+61s");
    let _ = ask(&stage, "token", id, "wrong").expect(401);
}

#[test]
fn an_address_guesses_a_few_times_whichever_application_it_tries() {
    let stage = stage();
    let secret = stage.service.secret.as_deref().expect("it has one");
    let guesses = (0..60).map(|number| ask(&stage, "token", &format!("app_{number}"), "wrong"));
    let statuses: Vec<_> = guesses.map(|answer| answer.status).collect();
    let passed = statuses.iter().filter(|status| **status == 401).count();
    assert!((40..=45).contains(&passed), "{statuses:?}");
    assert_slowed(&ask(&stage, "token", "app_x", "wrong"), "invalid_client", 10);
    let _ = ask(&stage, "token", &stage.service.id, secret).expect(200);
}

/// What a public client says of itself anybody can say; a confidential one has shown who it is, and may well come with
/// what has ended for many members at once.
#[test]
fn codes_and_refresh_tokens_are_guessed_at_a_few_times_without_a_secret() {
    let stage = stage();
    let (server, operator) = (&stage.server, stage.server.operator());
    let order = json!({"name": "Phone", "kind": "public", "redirect_uris": [REDIRECT]});
    let phone = App::registered(&operator, &order);
    let tokens = stage.tokens(&mut stage.developer(), &phone);
    for number in 0..45 {
        let refused = stage.app.refresh(server, "sh_ort_wrong").expect(400).json();
        assert_eq!(text(&refused, "error"), "invalid_grant", "{number}");
    }
    for _ in 0..20 {
        let _ = phone.refresh(server, "sh_ort_wrong").expect(400);
        let _ = phone.redeem(server, "sh_oac_wrong").expect(400);
    }
    let guesses: Vec<_> = (0..6).map(|_| phone.refresh(server, "sh_ort_wrong")).collect();
    assert_slowed(guesses.last().expect("there are some"), "invalid_grant", 10);
    assert_slowed(&phone.redeem(server, "sh_oac_wrong"), "invalid_grant", 10);
    let next = phone.refresh(server, text(&tokens, "refresh_token")).expect(200).json();
    let code = Stage::code(&mut stage.developer(), &phone);
    let _ = phone.redeem(server, &code).expect(200);
    // That what was granted has ended is told nonetheless.
    let _ = phone.post(server, "revoke", &[("token", text(&next, "refresh_token"))]).expect(200);
    assert_slowed(&phone.refresh(server, text(&next, "refresh_token")), "invalid_grant", 10);
}
