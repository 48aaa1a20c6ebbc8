//! Members to play with: signed in by a one-time link, as a company's own app would hand them over, or by a password.

use claviger_testkit::{Server, Visitor};
use serde_json::json;

/// A password that somebody else knows, and one that takes its place.
pub(crate) const LEAKED: &str = "one two three four five";
pub(crate) const LATER: &str = "six seven eight nine ten";

/// A one-time link for `email`, who becomes a member of the account with this role.
#[track_caller]
pub(crate) fn link(server: &Server, account: &str, email: &str, role: &str) -> String {
    let order = json!({"account_id": account, "email": email, "role": role});
    let made = server.operator().post("/v1/sessions", &order).expect(201).json();
    made["url"].as_str().expect("a link has a url").to_owned()
}

/// The path of a URL of the portal.
pub(crate) fn path(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').map_or("/", |slash| &after_scheme[slash..])
}

/// Somebody with this role, signed in.
#[track_caller]
pub(crate) fn sign_in(server: &Server, account: &str, role: &str) -> Visitor {
    sign_in_as(server, account, &format!("{role}@example.com"), role)
}

/// Somebody with this address and role, signed in.
#[track_caller]
pub(crate) fn sign_in_as(server: &Server, account: &str, email: &str, role: &str) -> Visitor {
    let mut visitor = Visitor::new(server.portal);
    let answer = visitor.get(path(&link(server, account, email, role)));
    assert_eq!(answer.expect(303).header("location"), Some("/keys"), "a link leads to the keys");
    visitor
}

/// A member with the password that leaked: their id, and their browser.
#[track_caller]
pub(crate) fn with_password(server: &Server, account: &str, name: &str) -> (String, Visitor) {
    let email = format!("{name}@example.com");
    let mut visitor = sign_in_as(server, account, &email, "developer");
    let _ = visitor.get("/sessions").expect(200);
    let _ = visitor.submit("/sessions/password", &[("password", LEAKED), ("again", LEAKED)]).expect(303);
    let listed = server.operator().get(&format!("/v1/members?account_id={account}"));
    let listed = listed.expect(200).json();
    let mut members = listed["items"].as_array().expect("a list").iter();
    let member = members.find(|member| member["email"] == *email).expect("there is such a member");
    (member["id"].as_str().expect("a member has an id").to_owned(), visitor)
}

/// What signing in by a password is answered at the built-in profile's api: 303 where it is right.
#[track_caller]
pub(crate) fn signs_in(server: &Server, name: &str, password: &str) -> u16 {
    let mut visitor = Visitor::new(server.portal);
    let _ = visitor.get("/sign-in").expect(200);
    let email = format!("{name}@example.com");
    visitor.submit("/sign-in/default", &[("email", &email), ("password", password)]).status
}

/// Sets a password by a link that an operator makes.
#[track_caller]
pub(crate) fn set_password_by_link(server: &Server, member: &str, password: &str) {
    let made = server.operator().post(&format!("/v1/members/{member}/password-link"), &json!({}));
    let made = made.expect(201).json();
    let link = path(made["url"].as_str().expect("a link has a url"));
    let mut visitor = Visitor::new(server.portal);
    let _ = visitor.get(link).expect(200);
    let _ = visitor.submit(link, &[("password", password), ("again", password)]).expect(303);
}
