//! Signing in: by a link that works once, by a password, and not at all.

use claviger_testkit::{ServerBuilder, Visitor, play_story};
use serde_json::json;

use super::stage::{link, path, sign_in};

#[test]
fn the_sign_in_page_is_usable_by_everyone() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    play_story("sign_in", &json!({"portal": format!("http://{}", server.portal)}));
}

#[test]
fn a_link_works_once_and_only_when_it_is_followed() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    let link = link(&server, &account, "ada@example.com", "developer");
    let mut visitor = Visitor::new(server.portal);
    let ahead = visitor.clone().with("Sec-Purpose", "prefetch;prerender").get(path(&link));
    assert_eq!(ahead.status, 503, "a browser that looks ahead doesn't use it up");
    assert_eq!(visitor.get(path(&link)).expect(303).header("location"), Some("/keys"));
    assert!(visitor.cookie("claviger").is_some());
    let mut late = Visitor::new(server.portal);
    let again = late.get(path(&link)).expect(410);
    assert!(again.text().contains("used already"), "{}", again.text());
    assert_eq!(late.cookie("claviger"), None);
}

#[test]
fn who_signed_out_is_nobody_with_the_same_cookie() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    let mut visitor = sign_in(&server, &account, "developer");
    let _ = visitor.get("/sessions").expect(200);
    let mut thief = visitor.clone();
    let _ = visitor.submit("/sign-out", &[]).expect(303);
    assert_eq!(visitor.cookie("claviger"), None);
    let over = Some("/sign-in?done=session-over&next=%2Fsessions");
    assert_eq!(thief.get("/sessions").expect(303).header("location"), over);
}

#[test]
fn who_was_signed_out_while_working_is_told_and_goes_on_where_they_were() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    let mut ada = sign_in(&server, &account, "developer");
    let password = "one two three four five";
    let _ = ada.get("/sessions").expect(200);
    let _ = ada.submit("/sessions/password", &[("password", password), ("again", password)]).expect(303);
    let mut elsewhere = ada.clone();
    let _ = ada.get("/keys/new").expect(200);
    let _ = elsewhere.get("/sessions").expect(200);
    let _ = elsewhere.submit("/sign-out-everywhere", &[]).expect(303);
    let sent = ada.submit("/keys/new", &[("name", "Lost")]).expect(303);
    assert_eq!(sent.header("location"), Some("/sign-in?done=session-over"), "a form is not sent again");
    let sent = ada.get("/keys/new").expect(303);
    let way = sent.header("location").expect("it leads on").to_owned();
    assert_eq!(way, "/sign-in?done=session-over&next=%2Fkeys%2Fnew");
    let page = ada.get(&way).expect(200);
    assert!(page.text().contains("You were signed out"), "{}", page.text());
    let fields =
        |password| [("email", "developer@example.com"), ("password", password), ("next", "/keys/new")];
    let refused = ada.submit("/sign-in/example", &fields("wrong")).expect(422);
    assert!(refused.text().contains("name=\"next\" value=\"/keys/new\""), "{}", refused.text());
    let done = ada.submit("/sign-in/example", &fields(password)).expect(303);
    assert_eq!(done.header("location"), Some("/keys/new"));
}

#[test]
fn nobody_is_led_to_another_site_after_signing_in() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    let mut ada = sign_in(&server, &account, "developer");
    let password = "one two three four five";
    let _ = ada.get("/sessions").expect(200);
    let _ = ada.submit("/sessions/password", &[("password", password), ("again", password)]).expect(303);
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil"] {
        let mut visitor = Visitor::new(server.portal);
        let asked = form_urlencoded(next);
        let page = visitor.get(&format!("/sign-in?next={asked}")).expect(200);
        assert!(!page.text().contains("evil"), "{}", page.text());
        let fields = [("email", "developer@example.com"), ("password", password), ("next", next)];
        let done = visitor.submit("/sign-in/example", &fields).expect(303);
        assert_eq!(done.header("location"), Some("/keys"), "{next:?}");
    }
}

/// `text` as a query carries it.
fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02x}")).collect::<Vec<_>>().concat()
}

#[test]
fn a_page_that_asks_by_itself_keeps_nobody_signed_in() {
    let builder = ServerBuilder::new(crate::PROGRAM).profile("example").movable_clock();
    let server = builder.variable("CLAVIGER_SESSION_IDLE", "10m").start();
    let account = server.operator().account("Acme");
    let mut away = sign_in(&server, &account, "developer");
    let mut there = sign_in(&server, &account, "viewer");
    for offset in ["+4m", "+8m"] {
        server.move_clock(offset);
        let _ = away.get("/keys/live").expect(200);
        let _ = there.get("/keys").expect(200);
    }
    server.move_clock("+12m");
    let _ = away.get("/keys/live").expect(303);
    let _ = there.get("/keys").expect(200);
}

#[test]
fn a_browser_keeps_its_cookie_for_as_long_as_a_session_may_last() {
    for (longest, least) in [("30m", 1790), ("20d", 20 * 24 * 3600 - 10)] {
        let builder = ServerBuilder::new(crate::PROGRAM).profile("example");
        let settings = builder.variable("CLAVIGER_SESSION_LONGEST", longest);
        let server = settings.variable("CLAVIGER_SESSION_IDLE", "30m").start();
        let account = server.operator().account("Acme");
        let link = link(&server, &account, "ada@example.com", "developer");
        let answer = Visitor::new(server.portal).get(path(&link)).expect(303);
        let cookies = answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value);
        let mut own = cookies.filter(|value| value.starts_with("claviger="));
        let (_, age) = own.next().and_then(|value| value.split_once("Max-Age=")).expect("there is a session");
        let age: u64 = age.split(';').next().unwrap_or_default().parse().expect("an age is a number");
        assert!((least..=least + 10).contains(&age), "{longest}: {age}");
    }
}

#[test]
fn who_was_handed_over_is_shown_the_way_back_when_they_sign_out() {
    let mut profile = include_str!("../../../../../profiles/default.toml").to_owned();
    profile.push_str("\n[dashboard]\nreturn_to = [\"https://app.example.com\"]\n");
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&profile).start();
    let account = server.operator().account("Acme");
    let back = "https://app.example.com/settings?tab=keys";
    let order = json!({"account_id": account, "email": "ada@example.com", "return_to": back});
    for form in ["/sign-out", "/sign-out-everywhere"] {
        let made = server.operator().post("/v1/sessions", &order).expect(201).json();
        let mut visitor = Visitor::new(server.portal);
        let _ = visitor.get(path(made["url"].as_str().expect("a link has a url"))).expect(303);
        let _ = visitor.get("/sessions").expect(200);
        // A redirection to another site would be refused by `form-action 'self'`.
        let page = visitor.submit(form, &[]).expect(200);
        assert!(page.text().contains(&format!("href=\"{back}\"")), "{form}: {}", page.text());
        assert_eq!(visitor.cookie("claviger"), None);
        let _ = visitor.get("/sessions").expect(303);
    }
}
