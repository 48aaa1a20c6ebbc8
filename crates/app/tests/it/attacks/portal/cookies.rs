//! Cookies: stolen, stale, doubled, and none.

use claviger_testkit::{ServerBuilder, Visitor};
use serde_json::Value;

use super::{Request, Scene, is_signed_in};

const NAME: &str = "claviger";

#[test]
fn only_the_one_good_cookie_is_somebody() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let visitor = scene.member("ada@example.com", "developer");
    let good = visitor.cookie(NAME).expect("somebody is signed in").to_owned();
    let signed_out = {
        let mut other = scene.member("ada@example.com", "developer");
        let token = other.cookie(NAME).expect("somebody is signed in").to_owned();
        let _ = other.get("/keys").expect(200);
        let _ = other.submit("/sign-out", &[]).expect(303);
        token
    };
    let removed = {
        let other = scene.member("gone@example.com", "administrator");
        let id = scene.member_id("gone@example.com");
        let _ = scene.operator.post(&format!("/v1/members/{id}/remove"), &Value::Null).expect(200);
        other.cookie(NAME).expect("somebody was signed in").to_owned()
    };
    let one_time = scene.link("ada@example.com").trim_start_matches("/link/").to_owned();
    let one = |value: &str| vec![format!("{NAME}={value}")];
    let rows: Vec<(&str, Vec<String>, bool)> = vec![
        ("as it is", one(&good), true),
        ("among others", vec![format!("a=b; {NAME}={good}; c=d")], true),
        (
            "among garbage",
            vec![format!(";;=;a; {NAME}={good};\u{1}")]
                .into_iter()
                .map(|f| f.replace('\u{1}', "x"))
                .collect(),
            true,
        ),
        ("none", vec![], false),
        ("no value", one(""), false),
        ("garbage", one("%00%0d%0a<script>"), false),
        ("zeros", one(&"A".repeat(43)), false),
        ("4 KiB", one(&"a".repeat(4096)), false),
        ("quoted", one(&format!("\"{good}\"")), false),
        ("cut", one(&good[..42]), false),
        ("longer", one(&format!("{good}A")), false),
        ("in another case", one(&swapped(&good)), false),
        ("of a session that was ended", one(&signed_out), false),
        ("of a member who was removed", one(&removed), false),
        ("a one-time token", one(&one_time), false),
        ("an operator's key", one(scene.server.operator_key()), false),
        ("another name", vec![format!("__Host-claviger={good}")], false),
        ("another case of the name", vec![format!("Claviger={good}")], false),
        ("twice", vec![format!("{NAME}={good}; {NAME}={good}")], false),
        ("twice, one of them bad", vec![format!("{NAME}=x; {NAME}={good}")], false),
        ("in two fields", vec![format!("{NAME}={good}"), format!("{NAME}={good}")], false),
        ("in two fields, one of them bad", vec![format!("{NAME}=x"), format!("{NAME}={good}")], false),
    ];
    for (row, fields, is_somebody) in rows {
        for path in ["/", "/keys", "/sessions"] {
            let request =
                fields.iter().fold(Request::get(portal, path), |request, field| request.and("Cookie", field));
            let answer = scene.ask(row, &request);
            let wanted = if is_somebody {
                if path == "/" { (303, Some("/keys")) } else { (200, None) }
            } else {
                (303, Some("/sign-in"))
            };
            // Why, and where to go on, is behind it.
            let place = answer.header("location").and_then(|place| place.split('?').next());
            assert_eq!((answer.status, place), wanted, "{row}: {path}");
        }
    }
    let bearer = Request::get(portal, "/keys").with("Authorization", &format!("Bearer {good}"));
    assert_eq!(scene.ask("as a bearer token", &bearer).header("location"), Some("/sign-in"));
    let query = Request::get(portal, &format!("/keys?{NAME}={good}"));
    assert_eq!(scene.ask("in the query", &query).header("location"), Some("/sign-in"));
}

/// The same letters in the other case.
fn swapped(text: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.chars().map(swap).collect()
}

#[test]
fn a_session_that_nobody_uses_ends() {
    let scene = Scene::of(ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock());
    let (used, idle) =
        (scene.member("ada@example.com", "developer"), scene.member("bob@example.com", "viewer"));
    scene.server.move_clock("+29m");
    assert!(is_signed_in(&used));
    scene.server.move_clock("+31m");
    assert!(is_signed_in(&used) && !is_signed_in(&idle));
    scene.server.move_clock("+10m");
    // An hour that was set back revives it: nothing was written of its end. It still ends at its last instant.
    scene.server.move_clock("+62m");
    assert!(!is_signed_in(&used) && !is_signed_in(&idle));
}

#[test]
fn a_session_ends_in_the_end_however_much_it_is_used() {
    let scene = Scene::of(ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock());
    let visitor = scene.member("ada@example.com", "developer");
    for minutes in (20..12 * 60).step_by(20) {
        scene.server.move_clock(&format!("+{minutes}m"));
        assert!(is_signed_in(&visitor), "{minutes}");
    }
    scene.server.move_clock("+721m");
    assert!(!is_signed_in(&visitor));
}

#[test]
fn cookies_are_for_this_host_and_no_script() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let answers = [
        Request::get(portal, "/sign-in").send(portal),
        Request::get(portal, &scene.invitation("bob@example.com")).send(portal),
        Request::get(portal, &scene.link("ada@example.com")).send(portal),
    ];
    for answer in &answers {
        let set: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
        assert!(!set.is_empty());
        for (_, cookie) in set {
            assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Max-Age="), "{cookie}");
            assert!(!cookie.to_ascii_lowercase().contains("domain"), "{cookie}");
        }
    }
    // No other answer sets one: who asks for nothing gets nothing.
    for path in ["/", "/keys", "/nothing", "/csp-report"] {
        assert_eq!(Request::get(portal, path).send(portal).header("set-cookie"), None, "{path}");
    }
}

#[test]
fn each_sign_in_is_a_session_of_its_own() {
    let scene = Scene::open();
    let mut visitor = scene.member("ada@example.com", "developer");
    let before = visitor.clone();
    let first = visitor.cookie(NAME).expect("somebody is signed in").to_owned();
    let _ = visitor.get(&scene.link("ada@example.com")).expect(303);
    let second = visitor.cookie(NAME).expect("somebody is signed in").to_owned();
    assert_ne!(first, second);
    // The one before is not ended by the next: it may be another tab's, or another person's. It is listed and ends idle.
    assert!(is_signed_in(&before) && is_signed_in(&visitor));
    assert_eq!(scene.sessions(), 2);
    // A token that was planted before the sign-in is nobody's after it.
    let planted = "p".repeat(43);
    let mut victim = Visitor::new(scene.server.portal);
    victim.set_cookie(NAME, &planted);
    victim.set_cookie("claviger-pre", &"p".repeat(22));
    let _ = victim.get(&scene.link("ada@example.com")).expect(303);
    assert_ne!(victim.cookie(NAME), Some(planted.as_str()));
    assert_eq!(victim.cookie("claviger-pre"), None);
    let mut attacker = Visitor::new(scene.server.portal);
    attacker.set_cookie(NAME, &planted);
    assert!(!is_signed_in(&attacker));
}
