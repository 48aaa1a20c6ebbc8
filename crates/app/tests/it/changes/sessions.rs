//! `/v1/sessions`: links by which a company hands its customer over, and the browsers that are signed in.

use claviger_testkit::{Operator, Server, Visitor};
use serde_json::{Value, json};

use super::{link_of, opened, opened_with_clock, opened_with_profile, text};

/// Signs in by `order`'s link, and returns what was answered with the link.
#[track_caller]
fn enter(server: &Server, operator: &Operator, order: &Value) -> (Visitor, Value) {
    let linked = operator.post("/v1/sessions", order).expect(201).json();
    let token = link_of(server, text(&linked, "url"), "link");
    let mut visitor = Visitor::new(server.portal).with("User-Agent", "Test/1.0");
    let _ = visitor.get(&format!("/link/{token}")).expect(303);
    (visitor, linked)
}

/// Where the portal sends someone first: the keys, or the way in.
#[track_caller]
fn front(visitor: &mut Visitor) -> String {
    visitor.get("/").expect(303).header("location").expect("it leads somewhere").to_owned()
}

fn sessions(operator: &Operator, account: &str) -> Vec<Value> {
    let list = operator.get(&format!("/v1/sessions?account_id={account}")).expect(200).json();
    list["items"].as_array().expect("a list has items").clone()
}

#[test]
fn a_link_makes_its_member_once_however_the_address_is_spelled() {
    let (server, operator, account) = opened("default");
    let mut ids = Vec::new();
    for spelling in ["ada@example.com", "Ada@Example.com", " ADA@EXAMPLE.COM "] {
        let order = json!({"account_id": account, "email": spelling});
        let linked = operator.post("/v1/sessions", &order).expect(201).json();
        link_of(&server, text(&linked, "url"), "link");
        let member = &linked["member"];
        assert_eq!((text(member, "email"), text(member, "role")), ("ada@example.com", "developer"));
        ids.push(text(member, "id").to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let trail = operator.get(&format!("/v1/audit-events?subject={}", ids[0])).expect(200).json();
    let actions: Vec<_> =
        trail["items"].as_array().unwrap().iter().map(|event| text(event, "action")).collect();
    assert_eq!(actions, ["member.create", "session.link", "session.link", "session.link"]);
}

#[test]
fn a_role_that_is_stated_holds_and_one_that_is_not_stays() {
    let (_server, operator, account) = opened("default");
    let mut order = json!({"account_id": account, "email": "ada@example.com"});
    for (stated, role) in [
        (json!("administrator"), "administrator"),
        (Value::Null, "administrator"),
        (json!("viewer"), "viewer"),
        (Value::Null, "viewer"),
    ] {
        order["role"] = stated.clone();
        let linked = operator.post("/v1/sessions", &order).expect(201).json();
        assert_eq!(text(&linked["member"], "role"), role, "{stated}");
    }
}

#[test]
fn one_address_is_a_member_of_each_account_by_itself() {
    let (_server, operator, account) = opened("default");
    let other = operator.account("Other");
    let link = |account: &str, role: &str| {
        let order = json!({"account_id": account, "email": "ada@example.com", "role": role});
        operator.post("/v1/sessions", &order).expect(201).json()["member"].clone()
    };
    let (here, there) = (link(&account, "viewer"), link(&other, "administrator"));
    assert_ne!(here["id"], there["id"]);
    assert_eq!(operator.get(&format!("/v1/members/{}", text(&here, "id"))).expect(200).json(), here);
}

#[test]
fn a_link_signs_in_once_and_is_on_the_trail_but_in_no_log() {
    let (server, operator, account) = opened("default");
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "viewer"});
    let (_, linked) = enter(&server, &operator, &order);
    let token = link_of(&server, text(&linked, "url"), "link").to_owned();
    assert_eq!(Visitor::new(server.portal).get(&format!("/link/{token}")).status, 410);
    let trail = operator.get(&format!("/v1/audit-events?account_id={account}")).expect(200);
    let events = trail.json()["items"].as_array().unwrap().clone();
    let actions: Vec<_> = events.iter().map(|event| text(event, "action")).collect();
    assert_eq!(actions, ["account.create", "member.create", "session.link", "session.begin"]);
    assert_eq!(events[3]["detail"]["method"], "link");
    assert!(!trail.text().contains(&token) && !server.log().contains(&token));
}

#[test]
fn a_link_works_for_fifteen_minutes() {
    let (server, operator, account) = opened_with_clock("default");
    let order = json!({"account_id": account, "email": "ada@example.com"});
    let paths: Vec<_> = (0..2)
        .map(|_| {
            let linked = operator.post("/v1/sessions", &order).expect(201).json();
            format!("/link/{}", link_of(&server, text(&linked, "url"), "link"))
        })
        .collect();
    server.move_clock("+14m");
    assert_eq!(Visitor::new(server.portal).get(&paths[0]).status, 303);
    server.move_clock("+16m");
    assert_eq!(Visitor::new(server.portal).get(&paths[1]).status, 410);
}

#[test]
fn who_is_signed_in_is_listed_without_what_their_browser_holds() {
    let (server, operator, account) = opened("default");
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "viewer"});
    let (visitor, linked) = enter(&server, &operator, &order);
    let _ = enter(&server, &operator, &json!({"account_id": operator.account("Other"), "email": "b@b.b"}));
    let listed = sessions(&operator, &account);
    let [session] = &*listed else { panic!("{listed:?}") };
    for (field, wanted) in [
        ("email", "ada@example.com"),
        ("member_id", text(&linked["member"], "id")),
        ("method", "link"),
        ("address", "127.0.0.1"),
        ("agent", "Test/1.0"),
    ] {
        assert_eq!(text(session, field), wanted);
    }
    assert!(text(session, "expires_at") > text(session, "seen_at"));
    for (_, value) in visitor.cookies() {
        assert!(!session.to_string().contains(value.as_str()) && !server.log().contains(value.as_str()));
    }
}

#[test]
fn a_session_that_was_ended_is_nobody_at_its_next_request() {
    let (server, operator, account) = opened("default");
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "viewer"});
    let (mut visitor, _) = enter(&server, &operator, &order);
    let (mut other, _) = enter(&server, &operator, &order);
    assert_eq!(front(&mut visitor), "/keys");
    let id = text(&sessions(&operator, &account)[0], "id").to_owned();
    let path = format!("/v1/sessions/{id}/end");
    assert_eq!(operator.post(&path, &Value::Null).expect(200).json(), json!({"id": id}));
    assert_eq!(front(&mut visitor), "/sign-in");
    assert_eq!(front(&mut other), "/keys", "another browser of theirs stays");
    let again = operator.post(&path, &Value::Null).expect(404).json();
    assert_eq!(text(&again, "detail"), "no such session");
}

#[test]
fn who_is_removed_is_signed_out_everywhere_and_has_no_link_left() {
    let (server, operator, account) = opened("default");
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "viewer"});
    let (mut visitor, linked) = enter(&server, &operator, &order);
    let left = operator.post("/v1/sessions", &order).expect(201).json();
    let left = format!("/link/{}", link_of(&server, text(&left, "url"), "link"));
    let path = format!("/v1/members/{}/remove", text(&linked["member"], "id"));
    let _ = operator.post(&path, &Value::Null).expect(200);
    assert_eq!(front(&mut visitor), "/sign-in");
    assert_eq!(sessions(&operator, &account), [Value::Null; 0]);
    assert!(matches!(Visitor::new(server.portal).get(&left).status, 404 | 410));
}

#[test]
fn another_role_ends_what_was_handed_out_for_the_old_one() {
    let (server, operator, account) = opened("default");
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "viewer"});
    let (mut visitor, linked) = enter(&server, &operator, &order);
    let left = operator.post("/v1/sessions", &order).expect(201).json();
    let left = format!("/link/{}", link_of(&server, text(&left, "url"), "link"));
    let path = format!("/v1/members/{}", text(&linked["member"], "id"));
    let _ = operator.patch(&path, &json!({"role": "administrator"})).expect(200);
    assert_eq!(front(&mut visitor), "/sign-in");
    assert_eq!(Visitor::new(server.portal).get(&left).status, 410);
}

/// It outlasts the session: whoever has somebody's browser for a moment must not get in for good.
#[test]
fn a_first_password_is_set_just_after_signing_in() {
    let (server, operator, account) = opened_with_clock("default");
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "viewer"});
    let password = "one two three four five";
    let fields = [("password", password), ("again", password)];
    let (mut visitor, _) = enter(&server, &operator, &order);
    let _ = visitor.get("/sessions").expect(200);
    server.move_clock("+11m");
    let refused = visitor.submit("/sessions/password", &fields).expect(403);
    assert!(refused.text().contains("sign out, and in anew"), "{}", refused.text());
    let (mut visitor, _) = enter(&server, &operator, &order);
    let _ = visitor.get("/sessions").expect(200);
    let _ = visitor.submit("/sessions/password", &fields).expect(303);
}

#[test]
fn the_way_back_leads_to_an_origin_that_the_profile_lists() {
    let (_server, operator, account) = opened_with_profile(
        "[dashboard]\nreturn_to = [\"https://app.example.com\", \"http://localhost:3000\"]\n",
    );
    let order = |place: &str| json!({"account_id": account, "email": "ada@example.com", "return_to": place});
    let long = format!("https://app.example.com/{}", "x".repeat(2000));
    for place in [
        "https://app.example.com",
        "https://app.example.com/settings?tab=keys#new",
        "https://APP.example.com:443/settings",
        "http://localhost:3000/",
    ] {
        assert_eq!(operator.post("/v1/sessions", &order(place)).status, 201, "{place}");
    }
    for place in [
        "",
        "/settings",
        "//app.example.com/settings",
        "https://other.example.com/",
        "http://app.example.com/",
        "https://app.example.com:8443/",
        "https://app.example.com.evil.example/",
        "https://evil.example/https://app.example.com",
        "https://ada@app.example.com/",
        "https://app.example.com@evil.example/",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com\\evil",
        "https:\\\\app.example.com/",
        "https://app.example.com/\nevil",
        " https://app.example.com/",
        "https://app.example.com/a b",
        "javascript:alert(1)",
        "javascript://app.example.com/%0aalert(1)",
        "data:text/html,x",
        &long,
    ] {
        let refused = operator.post("/v1/sessions", &order(place));
        assert_eq!(refused.status, 422, "{place:?}");
        let refused = refused.json();
        assert_eq!(text(&refused["errors"][0], "pointer"), "/return_to", "{place:?}");
        assert!(text(&refused["errors"][0], "detail").contains("https://app.example.com"), "{place:?}");
    }
}

#[test]
fn where_the_profile_lists_no_way_back_there_is_none() {
    let (_server, operator, account) = opened("default");
    let order =
        json!({"account_id": account, "email": "ada@example.com", "return_to": "https://app.example.com"});
    let refused = operator.post("/v1/sessions", &order).expect(422).json();
    assert!(text(&refused["errors"][0], "detail").contains("it lists none"), "{refused}");
    assert_eq!(
        operator.get(&format!("/v1/members?account_id={account}")).expect(200).json()["items"],
        json!([])
    );
}

#[test]
fn an_operator_hands_over_no_more_than_they_may() {
    let (server, operator, account) = opened("codat");
    let with = |can: &[&str]| {
        let made = operator.post("/v1/operators", &json!({"name": "app", "can": can})).expect(201).json();
        Operator::new(server.control, text(&made, "key"))
    };
    let order =
        |role: &str| json!({"account_id": account, "email": format!("{role}@example.com"), "role": role});
    let (manage, reading, all) =
        (with(&["manage"]), with(&["manage", "read"]), with(&["manage", "read", "reveal"]));
    // Codat's viewers see nothing, its developers see keys and reveal them.
    let _ = manage.post("/v1/sessions", &order("viewer")).expect(201);
    let _ = manage.post("/v1/sessions", &order("developer")).expect(403);
    let _ = reading.post("/v1/sessions", &order("developer")).expect(403);
    let _ = all.post("/v1/sessions", &order("developer")).expect(201);
    // A member keeps a role that is not stated, whatever it is.
    let unstated = json!({"account_id": account, "email": "developer@example.com"});
    let _ = reading.post("/v1/sessions", &unstated).expect(403);
    let _ = reading.post("/v1/members", &order("administrator")).expect(403);
}
