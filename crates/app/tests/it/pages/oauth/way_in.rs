//! Whoever isn't signed in is asked after they are, whichever way they come in.

use claviger_testkit::{Answer, Server, ServerBuilder, Visitor};
use serde_json::json;

use super::{application, asking, says, server};
use crate::pages::stage::{link, path, sign_in};

const PASSWORD: &str = "one two three four five";

/// Sends `visitor` to the sign-in page for `place`, and shows it to them.
#[track_caller]
fn at_sign_in(visitor: &mut Visitor, place: &str) -> Answer {
    let way = visitor.get(place).expect(303).header("location").expect("it leads on").to_owned();
    assert!(way.starts_with("/sign-in/cicosts?"), "{way}");
    visitor.get(&way).expect(200)
}

/// The id of an account of this api.
#[track_caller]
fn account(server: &Server, api: &str) -> String {
    let made =
        server.operator().post("/v1/accounts", &json!({"name": "Acme", "api": api})).expect(201).json();
    made["id"].as_str().expect("it has an id").to_owned()
}

#[test]
fn a_one_time_link_leads_back_to_the_question() {
    let server = server();
    let account = server.operator().account("Acme");
    let place = asking("cicosts", &application(&server, "Cost Reports", &[]), "&scope=costs%3Aread");
    let mut visitor = Visitor::new(server.portal);
    let _ = at_sign_in(&mut visitor, &place);
    let link_of = |email| link(&server, &account, email, "developer");
    let entered = visitor.get(path(&link_of("ada@example.com"))).expect(303);
    assert_eq!(entered.header("location"), Some(&*place));
    assert_eq!(visitor.cookie("claviger-next"), None, "it is gone on with once");
    says(&visitor.get(&place).expect(200), "ada@example.com");
    let entered = visitor.get(path(&link_of("bob@example.com"))).expect(303);
    assert_eq!(entered.header("location"), Some("/keys"));
    // Whoever opens the sign-in page by itself wants something else by then.
    let mut other = Visitor::new(server.portal);
    let _ = at_sign_in(&mut other, &place);
    let _ = other.get("/sign-in").expect(200);
    assert_eq!(other.cookie("claviger-next"), None);
}

#[test]
fn a_password_leads_back_to_the_question_in_a_new_session() {
    let server = server();
    let account = server.operator().account("Acme");
    let place = asking("cicosts", &application(&server, "Cost Reports", &[]), "");
    let mut ada = sign_in(&server, &account, "developer");
    let _ = ada.get("/sessions").expect(200);
    let _ = ada.submit("/sessions/password", &[("password", PASSWORD), ("again", PASSWORD)]).expect(303);
    let before = ada.cookie("claviger").expect("there is a session").to_owned();
    let _ = ada.get(&place).expect(200);
    let csrf = ada.csrf();
    let left = ada.post(&place, &[("csrf", &csrf), ("answer", "leave")]).expect(303);
    assert_eq!(ada.cookie("claviger"), None, "they are signed out");
    let way = left.header("location").expect("it leads on").to_owned();
    let _ = ada.get(&way).expect(200);
    let fields = |password| [("email", "developer@example.com"), ("password", password)];
    let _ = ada.submit("/sign-in/cicosts", &fields("wrong")).expect(422);
    let entered = ada.submit("/sign-in/cicosts", &fields(PASSWORD)).expect(303);
    assert_eq!(entered.header("location"), Some(&*place));
    let after = ada.cookie("claviger").expect("there is a session");
    assert_ne!(before, after);
    // The session before is over, and an answer by it leads to the same question.
    let mut old = Visitor::new(server.portal);
    old.set_cookie("claviger", &before);
    let over = old.post(&place, &[("csrf", &csrf), ("answer", "allow")]).expect(303);
    let way = over.header("location").expect("it leads on");
    assert!(
        way.starts_with("/sign-in/cicosts?done=session-over&next=%2Foauth%2Fcicosts%2Fauthorize%3F"),
        "{way}"
    );
}

#[test]
fn a_member_of_another_api_signs_in_to_this_one() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cicosts").profile("codat").start();
    let mut root = super::operator(&server);
    let _ = root.get("/applications/new").expect(200);
    let fields = [("name", "A"), ("kind", "public"), ("redirect_uris", super::BACK), ("permissions", "all")];
    let made = root.submit("/applications/new", &fields).expect(303);
    let client = made.header("location").and_then(|place| place.strip_prefix("/applications/"));
    let place = asking("cicosts", client.expect("it has a page"), "");
    let (here, there) = (account(&server, "cicosts"), account(&server, "codat"));
    let mut member = sign_in(&server, &there, "administrator");
    let _ = at_sign_in(&mut member, &place);
    // A link to the other api has nothing to do with it.
    let other = link(&server, &there, "bob@example.com", "developer");
    assert_eq!(member.clone().get(path(&other)).expect(303).header("location"), Some("/keys"));
    let own = link(&server, &here, "ada@example.com", "developer");
    assert_eq!(member.get(path(&own)).expect(303).header("location"), Some(&*place));
    says(&member.get(&place).expect(200), "ada@example.com");
}

#[test]
fn a_long_request_is_gone_on_with_where_it_can_be_kept_and_else_it_is_said_what_to_do() {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[]);
    let asking = |count| asking("cicosts", &client, &format!("&more={}", "a".repeat(count)));
    let mut ada = sign_in(&server, &account, "developer");
    let _ = ada.get("/sessions").expect(200);
    let _ = ada.submit("/sessions/password", &[("password", PASSWORD), ("again", PASSWORD)]).expect(303);
    let fields = [("email", "developer@example.com"), ("password", PASSWORD)];
    for (count, is_kept) in [(2000, true), (9000, false)] {
        let place = asking(count);
        // What was kept before takes room, too.
        let mut visitor = Visitor::new(server.portal);
        let _ = at_sign_in(&mut visitor, &asking(2000));
        let page = at_sign_in(&mut visitor, &place);
        assert_eq!(page.text().contains("begin again there"), !is_kept, "{}", page.text());
        let mut linked = visitor.clone();
        let entered = visitor.submit("/sign-in/cicosts", &fields).expect(303);
        assert_eq!(entered.header("location"), Some(&*place));
        says(&visitor.get(&place).expect(200), "Cost Reports");
        let by_link = linked.get(path(&link(&server, &account, "ada@example.com", "developer"))).expect(303);
        assert_eq!(by_link.header("location"), Some(if is_kept { &*place } else { "/keys" }));
    }
    let longer = asking(12_000);
    let stopped = Visitor::new(server.portal).get(&longer).expect(414);
    says(&stopped, "Sign in first, then begin again at the application");
    let _ = ada.get(&longer).expect(200);
}
