//! Applications that ask members for access: the question, the answer, what is remembered, and who takes it back.

mod answer;
mod applications;
mod connected;
mod question;
mod way_in;

use claviger_testkit::{Answer, Server, ServerBuilder, play_story};
use serde_json::json;

use super::stage::link;
use crate::applications::{BACK, CHALLENGE, application, asking, led_back, operator, vouched_for};

fn server() -> Server {
    ServerBuilder::new(crate::PROGRAM).profile("cicosts").start()
}

/// The value of a parameter of the place that an answer leads to, which is the application's.
#[track_caller]
fn told(server: &Server, answer: &Answer, name: &str) -> Option<String> {
    let place = led_back(answer);
    let query = place.strip_prefix(&format!("{BACK}?")).expect("it is sent to the application");
    let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    assert!(pairs.contains(&("state", "st%2Fate")), "the state comes back: {place}");
    let issuer = format!("http://{}/oauth/", server.portal).replace(':', "%3A").replace('/', "%2F");
    let iss = pairs.iter().find(|(name, _)| *name == "iss").expect("who answers is told");
    assert!(iss.1.starts_with(&issuer), "{place}");
    pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
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
fn a_member_lets_an_application_in_and_puts_it_out_again() {
    let server = server();
    let account = server.operator().account("Acme");
    let verified = vouched_for(&server, "Cost Reports");
    let unknown = application(&server, "Totally Official Costs Helper", &[]);
    let narrow = [("permissions", "only"), ("scopes", "costs:read")];
    let app = application(
        &server,
        "Pocket Costs",
        &[&narrow[..], &[("redirect_uris", "com.example.costs:/cb")]].concat(),
    );
    play_story(
        "oauth",
        &json!({
            "portal": format!("http://{}", server.portal),
            "control": format!("http://{}", server.control),
            "operator_key": server.operator_key(),
            "link": link(&server, &account, "ada@example.com", "administrator"),
            "viewer": link(&server, &account, "vera@example.com", "viewer"),
            "developer": link(&server, &account, "dora@example.com", "developer"),
            "verified": verified,
            "unknown": unknown,
            "app": app,
            "challenge": CHALLENGE,
        }),
    );
}
