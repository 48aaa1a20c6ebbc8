//! Several nodes on one database, and what breaks between them and under them: no good key is ever taken for a wrong one,
//! no revoked key works after its receipt was complete, and what was answered is there afterwards.

mod stage;

mod beside;
mod clocks;
mod cold;
mod crowd;
mod cut_off;
mod database_away;
mod database_slow;
mod everywhere;
mod failover;
mod frozen;
mod killed;
mod lost_answers;
mod names;
mod notifications;
mod restarts;
mod restored;
mod revoked;
mod roll;
mod split;
mod starved;
mod stopped;
mod usage;

use std::time::Duration;

use claviger_testkit::{Hammer, Operator, Probe, Server, Stopwatch, eventually};
use serde_json::Value;

use self::stage::Stage;

/// The shortest lease there is, and how long it lasts at most by anybody's clock.
const STRICT: &str = "2s";
const STRICT_BOUND: Duration = Duration::from_millis(2_040);
/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(5);
/// The lease of a node that isn't told another.
const DEFAULT: &str = "120s";

/// A request with `key` to the gateway.
fn request(key: &str) -> Vec<u8> {
    format!("GET /v1/things HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n").into_bytes()
}

/// Asks a node for a decision about `key`, again and again, but not so often that it costs others their time.
fn hammer(clock: Stopwatch, server: &Server, key: &str) -> Hammer {
    Hammer::with_pauses(clock, server.gateway, &request(key), 1, PAUSE)
}

/// The same at each of a stage's nodes, which allow it.
#[track_caller]
fn hammer_each(stage: &Stage, clock: Stopwatch, key: &str) -> Vec<Hammer> {
    let hammers: Vec<_> = stage.cluster.running().map(|server| hammer(clock, server, key)).collect();
    all_until(&hammers, 200, 5);
    hammers
}

/// Waits until each of the clients was answered so.
#[track_caller]
fn all_until(hammers: &[Hammer], status: u16, times: usize) {
    for hammer in hammers {
        hammer.until(status, times);
    }
}

/// Everything that the clients wrote down.
#[track_caller]
fn stop(hammers: Vec<Hammer>) -> Vec<Probe> {
    hammers.into_iter().flat_map(Hammer::stop).collect()
}

/// What the gateway answers a request with `key`.
#[track_caller]
fn status(server: &Server, key: &str) -> u16 {
    server.customer(key).get("/v1/things").status
}

/// Whether a node says that it can decide.
#[track_caller]
fn is_ready(server: &Server) -> bool {
    server.operator().get("/readyz").status == 200
}

#[track_caller]
fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("the field is text")
}

/// Revokes a key and returns the receipt, whatever it says.
#[track_caller]
fn revoke(operator: &Operator, id: &str) -> Value {
    let answer = operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null);
    assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
    answer.json()["receipt"].take()
}

/// Revokes a key, which must be complete when it is answered: everybody has confirmed it, or whoever hasn't was taken for
/// dead or can hold no lease any more.
#[track_caller]
fn revoked(operator: &Operator, id: &str) {
    let receipt = revoke(operator, id);
    assert_eq!(receipt["complete"], true, "{receipt}");
}

/// Revokes a key, which this many nodes must have confirmed when it is answered.
#[track_caller]
fn confirmed_by(nodes: usize, operator: &Operator, id: &str) {
    let receipt = revoke(operator, id);
    let confirmed = receipt["nodes"].as_array().map(Vec::len);
    assert_eq!((text(&receipt, "via"), confirmed), ("ack", Some(nodes)), "{receipt}");
}

/// The members as a node's operator sees them: name and id, the oldest first. None while the node says that it can't tell.
#[track_caller]
fn members(operator: &Operator) -> Vec<(String, String)> {
    let answer = operator.get("/v1/nodes");
    if answer.status == 503 {
        return Vec::new();
    }
    let nodes = answer.expect(200).json();
    let items = nodes["items"].as_array().expect("a list has items");
    items.iter().map(|node| (text(node, "name").to_owned(), text(node, "id").to_owned())).collect()
}

/// The id under which the node called `name` is a member; none if it is none or several.
#[track_caller]
fn member(operator: &Operator, name: &str) -> Option<String> {
    let mut found = members(operator).into_iter().filter(|(of, _)| of == name).map(|(_, id)| id);
    found.next().filter(|_| found.next().is_none())
}

/// Each status that was answered, and how often. What was still to be answered in the end is none.
fn statuses(probes: &[Probe]) -> Vec<(u16, usize)> {
    let mut counted = std::collections::BTreeMap::new();
    for status in probes.iter().filter_map(|probe| probe.status) {
        *counted.entry(status).or_insert(0) += 1;
    }
    counted.into_iter().collect()
}

/// The requests were answered, and each with one of these.
#[track_caller]
fn only(probes: &[Probe], allowed: &[u16]) {
    let counted = statuses(probes);
    assert!(!counted.is_empty() && counted.iter().all(|(status, _)| allowed.contains(status)), "{counted:?}");
}

/// From when to when requests were answered with `status`; none if none were.
fn span(probes: &[Probe], status: u16) -> Option<(Duration, Duration)> {
    let of_status = || probes.iter().filter(|probe| probe.status == Some(status));
    Some((of_status().map(|probe| probe.sent).min()?, of_status().map(|probe| probe.ended).max()?))
}

/// Nothing that was sent after `told` was allowed.
#[track_caller]
fn none_allowed_after(probes: &[Probe], told: Duration) {
    let stale = probes.iter().filter(|probe| probe.sent >= told && probe.status == Some(200)).count();
    assert_eq!(stale, 0, "requests with a revoked key were let through after the receipt");
    assert!(probes.iter().any(|probe| probe.sent >= told), "nobody asked afterwards");
}

/// Lets the clients go on until `clock` says so much; they are answered all the while.
#[track_caller]
fn go_on_until(clock: Stopwatch, moment: Duration, hammers: &[Hammer]) {
    while clock.now() < moment {
        all_until(hammers, 200, 5);
    }
}

/// Returns when `clock` says so much, for what is away and answers nobody meanwhile.
#[track_caller]
fn wait_until(clock: Stopwatch, moment: Duration) {
    eventually(|| (clock.now() >= moment).then_some(()));
}
