//! Members to play with: signed in by a one-time link, as a company's own app would hand them over.

use claviger_testkit::{Server, Visitor};
use serde_json::json;

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
