//! One-time links: twice, too late, for something else, looked at by machines, two at once.

use std::{sync::Barrier, thread};

use claviger_testkit::{ServerBuilder, Visitor, repository};

use super::{Request, Scene, is_signed_in};

const PASSWORD: &str = "correct horse battery staple";

#[test]
fn only_following_a_link_uses_it_up() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let link = scene.link("ada@example.com");
    let before = (scene.events(), scene.sessions());
    let get = Request::get(portal, &link);
    let token = link.trim_start_matches("/link/");
    let percent: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let rows = [
        ("HEAD", Request { method: "HEAD".to_owned(), ..get.clone() }, 503),
        ("OPTIONS", Request { method: "OPTIONS".to_owned(), ..get.clone() }, 405),
        ("POST", Request { method: "POST".to_owned(), ..get.clone() }, 405),
        ("PUT", Request { method: "PUT".to_owned(), ..get.clone() }, 405),
        ("TRACE", Request { method: "TRACE".to_owned(), ..get.clone() }, 405),
        ("prefetch", get.clone().with("Sec-Purpose", "prefetch"), 503),
        ("prerender", get.clone().with("Sec-Purpose", "prefetch;prerender"), 503),
        ("prerender by itself", get.clone().with("Sec-Purpose", "prerender"), 503),
        ("in capitals", get.clone().with("Sec-Purpose", "Prefetch"), 503),
        ("old prefetch", get.clone().with("Purpose", "prefetch"), 503),
        ("old preview", get.clone().with("X-Purpose", "preview"), 503),
        ("older prefetch", get.clone().with("X-Moz", "prefetch"), 503),
        ("a slash behind", Request::get(portal, &format!("{link}/")), 404),
        ("a dot behind", Request::get(portal, &format!("{link}.")), 410),
        ("a space behind", Request::get(portal, &format!("{link}%20")), 410),
        ("a NUL behind", Request::get(portal, &format!("{link}%00")), 410),
        ("padding behind", Request::get(portal, &format!("{link}=")), 410),
        ("cut", Request::get(portal, &link[..link.len() - 1]), 410),
        ("nothing", Request::get(portal, "/link/"), 404),
        ("encoded twice", Request::get(portal, &format!("/link/{}", percent.replace('%', "%25"))), 410),
        ("no UTF-8", Request::get(portal, "/link/%ff%fe"), 400),
        ("as an invitation", Request::get(portal, &format!("/invitation/{token}")), 410),
        ("as a password link", Request::get(portal, &format!("/password/{token}")), 410),
        ("to another place", Request::get(portal, &format!("/link/x/../{token}")), 404),
    ];
    for (row, request, status) in rows {
        assert_eq!(scene.ask(row, &request).status, status, "{row}");
        assert_eq!((scene.events(), scene.sessions()), before, "{row}");
    }
    // Another spelling of the same address is the same link.
    let spelled = scene.ask("percent-encoded", &Request::get(portal, &format!("/link/{percent}")));
    assert_eq!(spelled.expect(303).header("location"), Some("/keys"));
    assert_eq!(scene.ask("again", &get).status, 410);
    assert_eq!(scene.sessions(), 1);
}

#[test]
fn a_link_is_for_what_it_was_made_for() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let _ = scene.link("ada@example.com");
    let places = ["/link/", "/invitation/", "/password/"];
    let made = [
        scene.link("ada@example.com"),
        scene.invitation("bob@example.com"),
        scene.password_link("ada@example.com"),
    ];
    let before = (scene.events(), scene.sessions());
    let mut stranger = Visitor::new(portal);
    let _ = stranger.get("/sign-in").expect(200);
    let csrf = stranger.csrf();
    let fields = [("csrf", csrf.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
    for (own, link) in places.iter().zip(&made) {
        for place in places.iter().filter(|place| *place != own) {
            let other = link.replace(own, place);
            let row = format!("a link to {own} at {place}");
            assert_eq!(scene.ask(&row, &Request::get(portal, &other)).status, 410, "{row}");
            let posted = Request::form(portal, &other, &fields).of(&stranger);
            let status = if *place == "/link/" { 405 } else { 410 };
            assert_eq!(scene.ask(&row, &posted).status, status, "{row}");
        }
    }
    assert_eq!((scene.events(), scene.sessions()), before);
    // Looking at a form doesn't use its link up, and every bad password leaves it.
    for link in &made[1..] {
        for _ in 0..2 {
            let _ = scene.ask(link, &Request::get(portal, link)).expect(200);
        }
        let short =
            Request::form(portal, link, &[("csrf", &csrf), ("password", "short"), ("again", "short")]);
        assert_eq!(scene.ask(link, &short.of(&stranger)).status, 422);
        let _ = scene.ask(link, &Request::form(portal, link, &fields).of(&stranger)).expect(303);
        assert_eq!(scene.ask(link, &Request::form(portal, link, &fields).of(&stranger)).status, 410);
        assert_eq!(scene.ask(link, &Request::get(portal, link)).status, 410);
    }
}

#[test]
fn links_end_in_time() {
    let scene = Scene::of(ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock());
    let portal = scene.server.portal;
    let _ = scene.link("ada@example.com");
    for (lasts, ends, made) in [
        // Signing in would end the others' links.
        ("+14m", "+16m", [scene.link("dora@example.com"), scene.link("dora@example.com")]),
        ("+59m", "+61m", [scene.password_link("ada@example.com"), scene.password_link("ada@example.com")]),
        ("+167h", "+169h", [scene.invitation("bob@example.com"), scene.invitation("carl@example.com")]),
    ] {
        let [good, late] = made;
        scene.server.move_clock(lasts);
        let wanted = if good.starts_with("/link/") { 303 } else { 200 };
        assert_eq!(scene.ask(lasts, &Request::get(portal, &good)).status, wanted, "{lasts}");
        scene.server.move_clock(ends);
        assert_eq!(scene.ask(ends, &Request::get(portal, &late)).status, 410, "{ends}");
        let mut stranger = Visitor::new(portal);
        let _ = stranger.get("/sign-in").expect(200);
        let csrf = stranger.csrf();
        let fields = [("csrf", csrf.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
        if !late.starts_with("/link/") {
            let posted = Request::form(portal, &late, &fields).of(&stranger);
            assert_eq!(scene.ask(ends, &posted).status, 410, "{ends}");
        }
    }
}

/// Whoever made an invitation may have kept it; whose it is came in another way.
#[test]
fn an_invitation_ends_when_its_member_signs_in() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    let invitation = scene.invitation("ada@example.com");
    let password = scene.password_link("ada@example.com");
    let _ = scene.ask("a link", &Request::get(portal, &scene.link("ada@example.com"))).expect(303);
    for kept in [invitation, password] {
        assert_eq!(scene.ask(&kept, &Request::get(portal, &kept)).status, 410);
    }
}

#[test]
fn no_link_leads_to_a_password_where_there_are_none() {
    let text = std::fs::read_to_string(repository().join("profiles/default.toml")).expect("it ships");
    let mut builder = ServerBuilder::new(crate::PROGRAM);
    let file = builder.directory().join("profile-0.toml");
    let scene = Scene::of(builder.profile_text(&text));
    let links = [scene.invitation("ada@example.com"), scene.password_link("ada@example.com")];
    let Scene { server, .. } = scene;
    let stopped = server.stop();
    std::fs::write(file, format!("{text}\n[sign_in]\npasswords = false\n")).expect("it can be written");
    let server = stopped.start();
    let mut stranger = Visitor::new(server.portal);
    let _ = stranger.get("/sign-in");
    for link in links {
        assert_eq!(Request::get(server.portal, &link).send(server.portal).status, 410, "{link}");
        let csrf = "x".repeat(43);
        let fields = [("csrf", csrf.as_str()), ("password", PASSWORD), ("again", PASSWORD)];
        let posted = Request::form(server.portal, &link, &fields).of(&stranger);
        assert!(matches!(posted.send(server.portal).status, 403 | 410), "{link}");
    }
}

#[test]
fn of_two_who_follow_a_link_at_once_one_is_let_in() {
    let scene = Scene::open();
    let portal = scene.server.portal;
    for round in 1..=8 {
        let link = scene.link("ada@example.com");
        let start = Barrier::new(6);
        let statuses: Vec<_> = thread::scope(|scope| {
            let follow = || {
                let request = Request::get(portal, &link);
                start.wait();
                request.send(portal).status
            };
            let running: Vec<_> = (0..6).map(|_| scope.spawn(follow)).collect();
            running.into_iter().map(|one| one.join().expect("it ends")).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 410).count(), 5, "{statuses:?}");
        assert_eq!(scene.sessions(), round);
    }
}

#[test]
fn a_new_password_ends_the_sessions_of_before() {
    let scene = Scene::open();
    let thief = scene.with_password("ada@example.com", PASSWORD);
    assert!(is_signed_in(&thief));
    let link = scene.password_link("ada@example.com");
    let mut owner = Visitor::new(scene.server.portal);
    let _ = owner.get(&link).expect(200);
    let new = "an altogether different one";
    let _ = owner.submit(&link, &[("password", new), ("again", new)]).expect(303);
    assert!(is_signed_in(&owner) && !is_signed_in(&thief));
    assert_eq!(scene.attempt("ada@example.com", PASSWORD).1.status, 422);
    assert_eq!(scene.attempt("ada@example.com", new).1.status, 303);
}
