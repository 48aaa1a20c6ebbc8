//! Sign-ins: seeing and ending them, and changing one's own password.

use claviger_testkit::{Server, ServerBuilder, Visitor};

use super::stage::{link, path, sign_in_as};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn stage() -> (Server, String) {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").start();
    let account = server.operator().account("Acme");
    (server, account)
}

/// Somebody who signs in with a browser that calls itself `agent`.
#[track_caller]
fn with_browser(server: &Server, account: &str, email: &str, role: &str, agent: &str) -> Visitor {
    let mut visitor = Visitor::new(server.portal).with("User-Agent", agent);
    let _ = visitor.get(path(&link(server, account, email, role))).expect(303);
    visitor
}

/// Where the forms of a page end sessions.
fn ends(page: &str) -> Vec<String> {
    let actions = page.split("action=\"/sessions/").skip(1).filter_map(|rest| rest.split('"').next());
    actions.filter(|action| action.ends_with("/end")).map(|action| format!("/sessions/{action}")).collect()
}

#[track_caller]
fn is_signed_out(visitor: &mut Visitor) -> bool {
    let answer = visitor.get("/sessions");
    answer.status == 303 && answer.header("location").is_some_and(|place| place.starts_with("/sign-in"))
}

#[test]
fn a_browser_is_named_and_what_it_says_of_itself_is_only_text() {
    let (server, account) = stage();
    let mut ada = with_browser(&server, &account, "ada@example.com", "developer", FIREFOX);
    let _ = with_browser(&server, &account, "ada@example.com", "developer", "<script>alert(1)</script>");
    let page = ada.get("/sessions").expect(200);
    let page = page.text();
    assert!(page.contains("Firefox on Linux") && page.contains("This browser"), "{page}");
    assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert"), "{page}");
    assert!(page.contains("127.0.0.1"), "{page}");
}

#[test]
fn members_see_and_end_their_own_sign_ins_only() {
    let (server, account) = stage();
    let mut admin = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let mut bob = sign_in_as(&server, &account, "bob@example.com", "developer");
    let mut other_bob = sign_in_as(&server, &account, "bob@example.com", "developer");
    let page = bob.get("/sessions").expect(200);
    assert!(!page.text().contains("ada@example.com"), "{}", page.text());
    let own = ends(page.text());
    assert_eq!(own.len(), 1, "this browser is signed out by the frame's own button: {}", page.text());
    let all = admin.get("/sessions").expect(200);
    let all = ends(all.text());
    assert_eq!(all.len(), 2);
    // The administrator's own session is known to nobody else.
    let listed = server.operator().get(&format!("/v1/sessions?account_id={account}")).expect(200).json();
    let sessions = listed["items"].as_array().expect("a list has items");
    let ids = sessions.iter().filter_map(|session| session["id"].as_str());
    let mut of_admin = ids.filter(|id| !all.iter().any(|end| end.contains(id)));
    let of_admin = format!("/sessions/{}/end", of_admin.next().expect("the administrator has one"));
    let csrf = bob.csrf();
    let _ = bob.post(&of_admin, &[("csrf", &csrf)]).expect(404);
    let _ = admin.get("/sessions").expect(200);
    let _ = bob.get("/sessions").expect(200);
    let done = bob.submit(&own[0], &[]).expect(303);
    assert_eq!(done.header("location"), Some("/sessions?done=session-ended"));
    assert!(is_signed_out(&mut other_bob));
    let remaining = all.iter().find(|end| **end != own[0]).expect("there were two");
    let _ = admin.submit(remaining, &[]).expect(303);
    assert!(is_signed_out(&mut bob));
}

#[test]
fn sign_ins_of_another_account_are_not_there() {
    let (server, account) = stage();
    let other = server.operator().account("Other");
    let mut olga = sign_in_as(&server, &other, "olga@example.com", "administrator");
    let listed = server.operator().get(&format!("/v1/sessions?account_id={other}")).expect(200).json();
    let id = listed["items"][0]["id"].as_str().expect("a session has an id").to_owned();
    for role in ["administrator", "viewer"] {
        let mut visitor = sign_in_as(&server, &account, &format!("{role}@example.com"), role);
        let page = visitor.get("/sessions").expect(200);
        assert!(!page.text().contains("olga@example.com") && !page.text().contains(&id));
        let csrf = visitor.csrf();
        for id in [id.as_str(), "ses_00000000000000000000000000", "x"] {
            let _ = visitor.post(&format!("/sessions/{id}/end"), &[("csrf", &csrf)]).expect(404);
        }
    }
    let _ = olga.get("/sessions").expect(200);
}

#[test]
fn signing_out_everywhere_ends_the_other_browser() {
    let (server, account) = stage();
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "developer");
    let mut other_ada = sign_in_as(&server, &account, "ada@example.com", "developer");
    let mut bob = sign_in_as(&server, &account, "bob@example.com", "developer");
    let mut copy = ada.clone();
    let _ = ada.get("/sessions").expect(200);
    let _ = ada.submit("/sign-out-everywhere", &[]).expect(303);
    for visitor in [&mut ada, &mut other_ada, &mut copy] {
        assert!(is_signed_out(visitor));
    }
    let _ = bob.get("/sessions").expect(200);
}

#[test]
fn a_changed_password_ends_the_other_browsers() {
    let (server, account) = stage();
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "developer");
    let mut other = sign_in_as(&server, &account, "ada@example.com", "developer");
    let first = "one two three four five";
    let page = ada.get("/sessions").expect(200);
    assert!(!page.text().contains("name=\"current\""), "who has no password isn't asked for it");
    let done = ada.submit("/sessions/password", &[("password", first), ("again", first)]).expect(303);
    assert_eq!(done.header("location"), Some("/sessions?done=password"));
    assert!(is_signed_out(&mut other));
    let second = "six seven eight nine ten";
    for (current, new, again, error) in [
        ("wrong", second, second, "current-error"),
        ("", second, second, "current-error"),
        (first, "short", "short", "password-error"),
        (first, second, first, "again-error"),
    ] {
        let page = ada.get("/sessions").expect(200);
        assert!(page.text().contains("name=\"current\""), "{}", page.text());
        let fields = [("current", current), ("password", new), ("again", again)];
        let refused = ada.submit("/sessions/password", &fields).expect(422);
        assert!(refused.text().contains(error), "{error}: {}", refused.text());
        assert!(!refused.text().contains(second), "what was typed is not shown");
    }
    let _ = ada.get("/sessions").expect(200);
    let fields = [("current", first), ("password", second), ("again", second)];
    let _ = ada.submit("/sessions/password", &fields).expect(303);
    let mut again = Visitor::new(server.portal);
    let _ = again.get("/sign-in").expect(200);
    let fields = [("email", "ada@example.com"), ("password", second)];
    let _ = again.submit("/sign-in/example", &fields).expect(303);
    let _ = again.get("/sessions").expect(200);
}

#[test]
fn a_browser_that_was_left_for_too_long_is_not_listed_any_more() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("example").movable_clock().start();
    let account = server.operator().account("Acme");
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let mut bob = sign_in_as(&server, &account, "bob@example.com", "developer");
    let listed = || {
        let path = format!("/v1/sessions?account_id={account}");
        server.operator().get(&path).expect(200).json()["items"].as_array().map_or(0, Vec::len)
    };
    server.move_clock("+20m");
    assert_eq!(ends(ada.get("/sessions").expect(200).text()).len(), 1);
    assert_eq!(listed(), 2);
    server.move_clock("+40m");
    let page = ada.get("/sessions").expect(200);
    assert_eq!(ends(page.text()).len(), 0, "{}", page.text());
    assert!(!page.text().contains("bob@example.com"), "{}", page.text());
    assert_eq!(listed(), 1);
    assert!(is_signed_out(&mut bob));
}
