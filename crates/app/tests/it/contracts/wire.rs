//! What a contract's answers are on the wire, to the byte, and clients that come at the same time.

use std::{sync::Barrier, thread};

use claviger_testkit::{Answer, Server};
use serde_json::{Value, json};

/// An answer of a contract: all that its text says of it, and the fields that every one of them has.
#[track_caller]
pub(super) fn assert_said(answer: &Answer, status: u16, challenge: Option<&str>, body: &str) {
    assert_eq!(answer.text(), body);
    assert_eq!(answer.status, status);
    let fields = |name: &str| {
        let of_name = answer.headers.iter().filter(|(field, _)| field == name);
        of_name.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let media: &[&str] = if body.is_empty() { &[] } else { &["application/json"] };
    assert_eq!(fields("content-type"), media);
    // Where applications can get access, a challenge also leads them to where they learn how (RFC 9728).
    let challenges: Vec<_> = fields("www-authenticate").iter().map(|field| without_resource(field)).collect();
    assert_eq!(challenges, challenge.as_slice());
    assert_eq!(fields("cache-control"), ["private, no-store"]);
    assert_eq!(fields("x-request-id").len(), 1);
    assert!(fields("server").is_empty());
}

fn without_resource(challenge: &str) -> String {
    let leads = |(_, rest): &(&str, &str)| {
        rest.contains("/.well-known/oauth-protected-resource") && rest.ends_with('"')
    };
    let led = challenge.split_once(", resource_metadata=\"http://").filter(leads);
    led.map_or(challenge, |(before, _)| before).to_owned()
}

/// What the built-in upstream received, where the request came through.
#[track_caller]
pub(super) fn received(answer: Answer) -> Value {
    let Answer { status, body, .. } = answer;
    let text = String::from_utf8_lossy(&body);
    assert!((200..300).contains(&status), "{status} {text}");
    let mut object: Value = serde_json::from_str(&text).expect("the built-in upstream answers JSON");
    object["received"].take()
}

/// Runs `act` in this many threads, all let go at once, and returns what each got.
pub(super) fn at_once<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (together, act) = (Barrier::new(count), &act);
    thread::scope(|scope| {
        let client = |place| {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                act(place)
            })
        };
        let clients: Vec<_> = (0..count).map(client).collect();
        clients.into_iter().map(|client| client.join().expect("a client comes to its end")).collect()
    })
}

/// Revokes a key through the management API: when this returns, no node accepts it.
#[track_caller]
pub(super) fn revoke(server: &Server, key: &str) {
    let revoked = server.operator().post(&format!("/v1/keys/{key}/revoke"), &Value::Null).expect(200).json();
    assert_eq!(revoked["receipt"]["complete"], true);
}

/// A key as the management API lists it, when it was used.
pub(super) fn used(server: &Server, key: &str) -> Option<Value> {
    let shown = server.operator().get(&format!("/v1/keys/{key}")).expect(200).json();
    shown["last_used_at"].is_string().then_some(shown)
}

/// The ids that a list of the management API has.
pub(super) fn ids(server: &Server, path: &str) -> Vec<String> {
    let list = server.operator().get(path).expect(200).json();
    let items = list["items"].as_array().expect("a list has items");
    items.iter().map(|item| text(item, "id")).collect()
}

/// A field that is a text.
#[track_caller]
pub(super) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| missing(object, field)).to_owned()
}

#[expect(clippy::panic, reason = "a test whose answer lacks a field has failed")]
#[track_caller]
fn missing(object: &Value, field: &str) -> &'static str {
    panic!("no text {field} in {object}")
}

/// An instant as contracts write it: without its milliseconds.
pub(super) fn whole_seconds(instant: &str) -> String {
    format!("{}Z", instant.trim_end_matches('Z').split('.').next().unwrap_or_default())
}

/// Another key than `key` of the same form: its last letter is another one.
pub(super) fn mistyped(key: &str) -> String {
    let (most, last) = key.split_at(key.len() - 1);
    format!("{most}{}", if last == "a" { "b" } else { "a" })
}

/// What the trail says was done to this account, as action and actor.
pub(super) fn trail(server: &Server, account: &str) -> Vec<(String, String)> {
    let path = format!("/v1/audit-events?account_id={account}&limit=100");
    let events = server.operator().get(&path).expect(200).json();
    let events = events["items"].as_array().expect("a list has items");
    events.iter().map(|event| (text(event, "action"), text(event, "actor"))).collect()
}

/// The counts of a key, as environment, outcome and count.
pub(super) fn counts(server: &Server, key: &str) -> Value {
    let usage = server.operator().get(&format!("/v1/usage?key_id={key}")).expect(200).json();
    let items = usage["items"].as_array().expect("a list has items");
    items.iter().map(|count| json!([count["environment"], count["outcome"], count["count"]])).collect()
}
