//! `/v1/members`: invited, listed, given a role, removed; and links to a new password.

use claviger_testkit::Operator;
use serde_json::{Value, json};

use super::{link_of, opened, opened_with_profile, text};
use crate::members::sign_in_as;

#[track_caller]
fn invite(operator: &Operator, account: &str, email: &str) -> Value {
    let order = json!({"account_id": account, "email": email, "role": "viewer"});
    operator.post("/v1/members", &order).expect(201).json()["member"].clone()
}

fn emails(operator: &Operator, account: &str) -> Vec<String> {
    let list = operator.get(&format!("/v1/members?account_id={account}")).expect(200).json();
    let items = list["items"].as_array().expect("a list has items");
    items.iter().map(|member| text(member, "email").to_owned()).collect()
}

#[test]
fn someone_is_invited_once_and_shown_without_a_secret() {
    let (server, operator, account) = opened("default");
    let order = json!({"account_id": account, "email": " Ada@Example.com ", "role": "administrator"});
    let invited = operator.post("/v1/members", &order).expect(201).json();
    let member = &invited["member"];
    assert_eq!((text(member, "email"), text(member, "role")), ("ada@example.com", "administrator"));
    assert_eq!((text(member, "account_id"), &member["has_password"]), (&*account, &json!(false)));
    assert!(text(member, "created_by").starts_with("operator:op_"));
    assert!(text(&invited, "expires_at") > text(member, "created_at"));
    let token = link_of(&server, text(&invited, "invitation_url"), "invitation");
    let path = format!("/v1/members/{}", text(member, "id"));
    assert_eq!(operator.get(&path).expect(200).json(), *member);
    for spelling in ["ada@example.com", "ADA@EXAMPLE.COM"] {
        let again =
            operator.post("/v1/members", &json!({"account_id": account, "email": spelling})).expect(409);
        assert_eq!(text(&again.json(), "code"), "member_exists");
    }
    assert_eq!(emails(&operator, &account), ["ada@example.com"]);
    let trail = operator.get("/v1/audit-events").expect(200);
    assert!(!trail.text().contains(token) && !server.log().contains(token));
}

#[test]
fn members_are_listed_in_the_order_they_joined_and_by_pages() {
    let (_server, operator, account) = opened("default");
    let wanted: Vec<_> = (0..7).map(|number| format!("member{number}@example.com")).collect();
    for email in &wanted {
        invite(&operator, &account, email);
    }
    invite(&operator, &operator.account("Other"), "of.another@example.com");
    assert_eq!(emails(&operator, &account), wanted);
    let page = |more: &str| {
        operator.get(&format!("/v1/members?account_id={account}&limit=5{more}")).expect(200).json()
    };
    let first = page("");
    let rest = page(&format!("&cursor={}", text(&first, "next_cursor")));
    assert_eq!(text(&rest["items"][0], "email"), wanted[5]);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (2, &Value::Null));
}

#[test]
fn members_of_any_account_are_found_by_their_address() {
    let (_server, operator, account) = opened("default");
    let other = operator.account("Other");
    for place in [&account, &other] {
        invite(&operator, place, "ada@example.com");
    }
    invite(&operator, &account, "ada@example.co");
    let found = |query: &str| {
        let list = operator.get(&format!("/v1/members?{query}")).expect(200).json();
        let items = list["items"].as_array().expect("a list has items").clone();
        items.iter().map(|member| text(member, "account_id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("email=Ada@Example.com"), [&*account, &*other]);
    assert_eq!(found(&format!("email=ada@example.com&account_id={other}")), [&*other]);
    assert_eq!(found("email=bea@example.com"), [""; 0]);
    for (query, pointer) in [("", "/account_id"), ("email=nobody", "/email")] {
        let refused = operator.get(&format!("/v1/members?{query}")).expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
}

#[test]
fn a_role_is_changed_and_the_same_role_again_is_no_event() {
    let (_server, operator, account) = opened("default");
    let member = invite(&operator, &account, "ada@example.com");
    let id = text(&member, "id");
    for _ in 0..2 {
        let changed = operator.patch(&format!("/v1/members/{id}"), &json!({"role": "developer"})).expect(200);
        assert_eq!(text(&changed.json(), "role"), "developer");
    }
    let trail = operator.get(&format!("/v1/audit-events?subject={id}")).expect(200).json();
    let told: Vec<_> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (text(event, "action"), event["detail"]["role"].as_str()))
        .collect();
    let wanted =
        [("member.create", Some("viewer")), ("member.invite", None), ("member.role", Some("developer"))];
    assert_eq!(told, wanted);
}

#[test]
fn an_operator_may_change_and_remove_the_last_administrator() {
    let (_server, operator, account) = opened("default");
    let order = json!({"account_id": account, "email": "ada@example.com", "role": "administrator"});
    let ada = operator.post("/v1/members", &order).expect(201).json()["member"].clone();
    let path = format!("/v1/members/{}", text(&ada, "id"));
    assert_eq!(operator.patch(&path, &json!({"role": "viewer"})).status, 200);
    assert_eq!(operator.patch(&path, &json!({"role": "administrator"})).status, 200);
    let removed = operator.post(&format!("{path}/remove"), &Value::Null).expect(200).json();
    assert_eq!((&removed["member"]["id"], &removed["receipt"]["complete"]), (&ada["id"], &json!(true)));
    assert_eq!(emails(&operator, &account), [""; 0]);
}

#[test]
fn a_member_leaves_alone_whose_role_may_more() {
    let tables = "[roles]\ndeveloper = [\"read\", \"manage\", \"members\"]\n";
    let (server, operator, account) = opened_with_profile(tables);
    let mut developer = sign_in_as(&server, &account, "dev@example.com", "developer");
    for email in ["ada@example.com", "zoe@example.com"] {
        let _ = sign_in_as(&server, &account, email, "administrator");
    }
    let viewer = invite(&operator, &account, "vic@example.com");
    let list = operator.get(&format!("/v1/members?account_id={account}")).expect(200).json();
    let ada = list["items"].as_array().unwrap().iter().find(|member| member["email"] == "ada@example.com");
    let ada = text(ada.unwrap(), "id").to_owned();
    let _ = developer.get("/members").expect(200);
    let csrf = developer.csrf();
    let mut post = |id: &str, what: &str, value: &str| {
        let fields = [("csrf", csrf.as_str()), (if what == "role" { "role" } else { "confirm" }, value)];
        developer.post(&format!("/members/{id}/{what}"), &fields).status
    };
    assert_eq!(post(&ada, "role", "viewer"), 403);
    assert_eq!(post(&ada, "remove", "ada@example.com"), 403);
    let path = format!("/v1/members/{ada}");
    assert_eq!(text(&operator.get(&path).expect(200).json(), "role"), "administrator");
    assert_eq!(post(text(&viewer, "id"), "role", "developer"), 303);
    assert_eq!(post(text(&viewer, "id"), "remove", "vic@example.com"), 303);
}

#[test]
fn who_was_removed_is_nobody_and_may_be_invited_anew() {
    let (_server, operator, account) = opened("default");
    let member = invite(&operator, &account, "ada@example.com");
    let path = format!("/v1/members/{}", text(&member, "id"));
    let _ = operator.post(&format!("{path}/remove"), &Value::Null).expect(200);
    for (method, place, body) in [
        ("GET", path.clone(), Value::Null),
        ("PATCH", path.clone(), json!({"role": "viewer"})),
        ("POST", format!("{path}/remove"), Value::Null),
        ("POST", format!("{path}/password-link"), Value::Null),
    ] {
        let gone = operator.call(method, &place, &body).expect(404).json();
        assert_eq!(text(&gone, "detail"), "no such member", "{method} {place}");
    }
    let again = invite(&operator, &account, "ada@example.com");
    assert_ne!(again["id"], member["id"]);
}

#[test]
fn a_password_link_is_for_one_who_is_a_member_and_each_is_another() {
    let (server, operator, account) = opened("default");
    let member = invite(&operator, &account, "ada@example.com");
    let path = format!("/v1/members/{}/password-link", text(&member, "id"));
    let made: Vec<_> = (0..2).map(|_| operator.post(&path, &Value::Null).expect(201).json()).collect();
    let tokens = [0, 1].map(|number| link_of(&server, text(&made[number], "url"), "password"));
    assert_ne!(tokens[0], tokens[1]);
    assert!(tokens.iter().all(|token| !server.log().contains(token)));
}

#[test]
fn without_passwords_there_are_no_links_to_one() {
    let (_server, operator, account) = opened_with_profile("[sign_in]\npasswords = false\n");
    let order = json!({"account_id": account, "email": "ada@example.com"});
    let refused = operator.post("/v1/members", &order).expect(403).json();
    assert!(text(&refused, "detail").contains("make a sign-in link"), "{refused}");
    let linked = operator.post("/v1/sessions", &order).expect(201).json();
    let path = format!("/v1/members/{}/password-link", text(&linked["member"], "id"));
    assert_eq!(operator.post(&path, &Value::Null).status, 403);
}

#[test]
fn what_can_not_be_a_member_is_refused_with_its_field() {
    let (_server, operator, account) = opened("default");
    let long = format!("{}@example.com", "a".repeat(250));
    for (order, field) in [
        (json!({"account_id": account, "email": "ada"}), "/email"),
        (json!({"account_id": account, "email": long}), "/email"),
        (json!({"account_id": account, "email": "a@example.com\r\nBcc: b@example.com"}), "/email"),
        (json!({"account_id": account, "email": "a@b.c", "role": "owner"}), "/role"),
        (json!({"account_id": account, "email": "a@b.c", "role": "Administrator"}), "/role"),
        (json!({"account_id": "acme", "email": "a@b.c"}), "/account_id"),
        (json!({"account_id": account, "email": 1}), "/email"),
    ] {
        for place in ["/v1/members", "/v1/sessions"] {
            let refused = operator.post(place, &order).expect(422).json();
            assert_eq!(text(&refused["errors"][0], "pointer"), field, "{place} {order}");
        }
    }
    let nobodys = json!({"account_id": "acc_01h455vb4pex5vsknk084sn02q", "email": "a@b.c"});
    for place in ["/v1/members", "/v1/sessions"] {
        assert_eq!(text(&operator.post(place, &nobodys).expect(404).json(), "detail"), "no such account");
        for query in ["", "?account_id=", "?account_id=acme"] {
            assert_eq!(operator.get(&format!("{place}{query}")).status, 422, "{place}{query}");
        }
        let query = "?account_id=acc_01h455vb4pex5vsknk084sn02q";
        assert_eq!(operator.get(&format!("{place}{query}")).status, 404, "{place}{query}");
    }
    assert_eq!(emails(&operator, &account), [""; 0]);
}
