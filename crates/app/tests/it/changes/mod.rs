//! Each change that an operator can make, by its URL, and what it does to the very next request.

mod account_keys;
mod accounts;
mod attention;
mod audit;
mod authority;
mod connected_apps;
mod denials;
mod enable_disable;
mod found;
mod hammer;
mod idempotency;
mod keys;
mod limits;
mod members;
mod oauth_clients;
mod operators;
mod receipts;
mod restrict;
mod reveal;
mod revoke;
mod rotate;
mod sessions;
mod usage;
mod verify_batch;

use claviger_testkit::{Operator, Server, ServerBuilder, repository};
use serde_json::Value;

/// A server of one of the profiles that ship, its operator, and an account.
#[track_caller]
fn opened(profile: &str) -> (Server, Operator, String) {
    with_account(ServerBuilder::new(crate::PROGRAM).profile(profile).start())
}

/// The same with a wall clock that the test moves.
#[track_caller]
fn opened_with_clock(profile: &str) -> (Server, Operator, String) {
    with_account(ServerBuilder::new(crate::PROGRAM).profile(profile).movable_clock().start())
}

/// The same with these tables at the end of the built-in profile.
#[track_caller]
fn opened_with_profile(tables: &str) -> (Server, Operator, String) {
    let file = repository().join("profiles/default.toml");
    let text = std::fs::read_to_string(file).expect("the profile can be read");
    with_account(ServerBuilder::new(crate::PROGRAM).profile_text(&format!("{text}\n{tables}")).start())
}

/// The same where there are applications, with scopes.
#[track_caller]
fn opened_with_oauth() -> (Server, Operator, String) {
    let profile = crate::attacks::profile_with_oauth("cicosts");
    with_account(ServerBuilder::new(crate::PROGRAM).profile_text(&profile).start())
}

#[track_caller]
fn with_account(server: Server) -> (Server, Operator, String) {
    let operator = server.operator();
    let account = operator.account("Acme");
    (server, operator, account)
}

/// What the gateway answers a request with `key`.
#[track_caller]
fn status(server: &Server, key: &str) -> u16 {
    server.customer(key).get("/v1/things").status
}

#[track_caller]
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("the field is text")
}

/// The names of the keys in a list.
fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("a list has items");
    items.iter().map(|item| item["name"].as_str().unwrap_or("-")).collect()
}

/// The secret part of a link to `place` on the server's portal.
#[track_caller]
fn link_of<'a>(server: &Server, url: &'a str, place: &str) -> &'a str {
    let start = format!("http://{}/{place}/", server.portal);
    let token = url.strip_prefix(&start).expect("it leads to the portal");
    assert!(
        token.len() == 43 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    );
    token
}
