//! Codat: bare keys in Basic, sealed so that they can be seen again, at most ten of them and never none.

mod credential;
mod endpoints;
mod limits;
mod secrecy;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_testkit::{Answer, Customer, Server};
use serde_json::{Value, json};

use super::wire::{assert_said, text};

const COMPANIES: &str = "/companies";
const KEYS: &str = "/apiKeys";
const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];
const FULL: &str =
    "Maximum number of API keys reached. To create a new API key, delete an unused key and try again.";
const LAST: &str = "The last remaining API key can't be deleted. To delete this key, create a new one first.";

/// A new client with the key that it starts with.
struct Client {
    account: String,
    id: String,
    key: String,
}

/// Creates a client of the api.
#[track_caller]
fn client(server: &Server, name: &str) -> Client {
    let made = server.operator().post("/v1/accounts", &json!({"name": name})).expect(201).json();
    let first = &made["first_key"];
    Client { account: text(&made, "id"), id: text(first, "id"), key: text(first, "key") }
}

/// The authorization header for a key, as the portal shows it.
fn header(key: &str) -> String {
    format!("Basic {}", STANDARD.encode(key))
}

/// A program that sends `key`.
pub(super) fn program(server: &Server, key: &str) -> Customer {
    server.customer("").authorized_by(&header(key))
}

/// The keys as the program lists them.
#[track_caller]
fn listed(program: &Customer) -> Vec<Value> {
    program.get(KEYS).expect(200).json()["results"].as_array().expect("a list has results").clone()
}

/// A refusal in the contract's words; its correlation id is 32 hexadecimal digits, whichever.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, error: &str) {
    let before =
        format!(r#"{{"statusCode":{status},"service":"PublicApi","error":"{error}","correlationId":""#);
    let after = r#"","canBeRetried":"Unknown","detailedErrorCode":0}"#;
    let id =
        answer.text().strip_prefix(&before).and_then(|rest| rest.strip_suffix(after)).unwrap_or_default();
    assert!(
        id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
        "{}",
        answer.text()
    );
    let challenge = (status == 401).then_some(r#"Basic realm="Codat API", charset="UTF-8""#);
    assert_said(answer, status, challenge, &format!("{before}{id}{after}"));
}

/// The key is missing or not accepted.
#[track_caller]
fn assert_unauthorized(answer: &Answer) {
    assert_refused(answer, 401, "Unauthorized");
}

/// The key may not do this.
#[track_caller]
fn assert_forbidden(answer: &Answer) {
    assert_refused(
        answer,
        403,
        "You are using an outdated API key or a key not associated with that resource.",
    );
}
