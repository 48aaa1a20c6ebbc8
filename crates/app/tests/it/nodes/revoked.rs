//! The one test that matters: clients hammer one key on three nodes while it is revoked, again and again, with a node
//! stopped or cut off now and then. No request that was sent after the receipt was complete is allowed, and no good
//! key is ever refused.

use std::time::Duration;

use claviger_testkit::{
    Cluster, FaultProxy, Hammer, Namespace, Operator, Postgres, Probe, Server, ServerBuilder, Stopwatch,
    eventually,
};
use serde_json::{Value, json};

use super::PAUSE;

/// How often a key is revoked, and how often in the long run.
const ROUNDS: usize = 100;
const ROUNDS_LONG: usize = 1_000;

/// Clients of each node: with their pauses some four hundred requests a second, which leaves the nodes their time.
const CLIENTS: usize = 2;

/// What befalls a node while a key is revoked on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// The process is stopped (`SIGSTOP`), and its clients send on.
    Stopped,
    /// It is cut off from the database, and its clients reach it.
    NoDatabase,
    /// It is cut off from everything.
    CutOff,
}

/// Three nodes. The third has a network of its own, and reaches the database by way of a proxy.
struct Stage {
    cluster: Cluster,
    third: Server,
    network: Namespace,
    proxy: FaultProxy,
    clock: Stopwatch,
    account: String,
    _database: Postgres,
}

impl Stage {
    fn set(lease: &str) -> Self {
        let database = Postgres::start();
        let url = database.database();
        let with = |builder: ServerBuilder| builder.argument("--lease").argument(lease);
        let cluster = Cluster::start(crate::PROGRAM, 2, &url, |builder, _| with(builder));
        let network = Namespace::new();
        let server = database.address();
        let proxy = FaultProxy::on(network.host_address(), server);
        let third = with(ServerBuilder::new(crate::PROGRAM))
            .database(&url.replace(&server.to_string(), &proxy.address().to_string()))
            .listening_on(network.address())
            .under(&network.prefix())
            .join(cluster.operator_key());
        let account = cluster.operator(0).account("Acme");
        Self { cluster, third, network, proxy, clock: Stopwatch::start(), account, _database: database }
    }

    fn operator(&self) -> Operator {
        self.cluster.operator(0)
    }

    fn nodes(&self) -> [&Server; 3] {
        [&self.cluster[0], &self.cluster[1], &self.third]
    }

    fn begin(&self, trouble: Trouble) {
        match trouble {
            Trouble::None => {}
            Trouble::Stopped => self.cluster[1].pause(),
            Trouble::NoDatabase => self.proxy.blackhole(),
            Trouble::CutOff => self.network.cut(),
        }
    }

    fn end(&self, trouble: Trouble) {
        match trouble {
            Trouble::None => {}
            Trouble::Stopped => self.cluster[1].resume(),
            // What lost a byte says nothing more: the connections of the outage are gone with it.
            Trouble::NoDatabase => {
                self.proxy.pass();
                self.proxy.close_all();
            }
            Trouble::CutOff => {
                self.network.heal();
                self.proxy.close_all();
            }
        }
    }

    fn hammers(&self, key: &str) -> [Hammer; 3] {
        let request = super::request(key);
        self.nodes().map(|node| Hammer::with_pauses(self.clock, node.gateway, &request, CLIENTS, PAUSE))
    }

    /// All nodes decide, and each has everything.
    fn settled(&self) {
        for node in self.nodes() {
            eventually(|| (node.operator().get("/readyz").status == 200).then_some(()));
        }
        eventually(|| {
            let nodes = self.operator().get("/v1/nodes").expect(200).json();
            let items = nodes["items"].as_array().expect("a list has items");
            (items.len() == 3 && items.iter().all(|node| node["lag"] == 0)).then_some(())
        });
    }

    /// A key that works on all nodes: its id and the plain key. Issuing waits for them for a second, and says so where
    /// that was too short.
    fn issue(&self) -> (String, String) {
        let issued = self.operator().issue(&self.account, &json!({"name": "hammered"}));
        self.complete(&issued);
        let text = |field: &str| issued[field].as_str().expect("an issued key has it").to_owned();
        (text("id"), text("key"))
    }

    /// Waits until a change is complete, by asking for its receipt.
    fn complete(&self, answer: &Value) -> Value {
        let receipt = answer["receipt"].clone();
        if receipt["complete"] == true {
            return receipt;
        }
        assert!(receipt["guaranteed_by"].is_string(), "{receipt}");
        let path = format!("/v1/receipts/{}", receipt["seq"]);
        eventually(|| {
            let now = self.operator().get(&path).expect(200).json();
            (now["complete"] == true).then_some(now)
        })
    }
}

/// What a round came to.
struct Round {
    trouble: Trouble,
    /// How long the call took.
    took: Duration,
    status: u16,
    via: String,
}

/// Revokes a key that is hammered, and judges every probe.
fn round(stage: &Stage, trouble: Trouble) -> Round {
    let operator = stage.operator();
    let (id, key) = stage.issue();
    let hammers = stage.hammers(&key);
    for hammer in &hammers {
        hammer.until(200, 2);
    }
    stage.begin(trouble);
    let called = stage.clock.now();
    let answer = operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null);
    let took = stage.clock.now().saturating_sub(called);
    assert!(matches!(answer.status, 200 | 202), "{trouble:?}: {} {}", answer.status, answer.text());
    // At a long lease it is complete only when the node is back.
    let late = answer.status == 202;
    if late {
        stage.end(trouble);
    }
    let receipt = stage.complete(&answer.json());
    let complete = stage.clock.now();
    // Whoever comes only now, to a node that is still stopped or cut off.
    let newcomers = stage.hammers(&key);
    if !late {
        stage.end(trouble);
    }
    for hammer in hammers.iter().chain(&newcomers) {
        hammer.until(401, 2);
    }
    for probe in hammers.into_iter().chain(newcomers).flat_map(Hammer::stop) {
        judge(probe, called, complete, trouble);
    }
    stage.settled();
    Round {
        trouble,
        took,
        status: answer.status,
        via: receipt["via"].as_str().unwrap_or_default().to_owned(),
    }
}

/// What may be answered: no before the call never, yes after the receipt never; that it can't be known always, for two
/// seconds without a turn on a busy machine are an outage to a node whose lease is that short.
fn judge(probe: Probe, called: Duration, complete: Duration, trouble: Trouble) {
    match probe.status {
        Some(200) => assert!(probe.sent <= complete, "allowed after the receipt ({trouble:?}): {probe:?}"),
        Some(401) => assert!(probe.ended >= called, "a good key was refused ({trouble:?}): {probe:?}"),
        // The last request of a hammer that is stopped has no answer.
        other => assert!(matches!(other, Some(503) | None), "answered {other:?} ({trouble:?}): {probe:?}"),
    }
}

fn rounds() -> usize {
    if crate::at_length() { ROUNDS_LONG } else { ROUNDS }
}

/// Prints how long revoking took, by what befell a node meanwhile.
#[expect(clippy::print_stdout, reason = "the distribution is what a reader wants of this test")]
fn tell(lease: &str, rounds: &[Round]) {
    println!("revocations at a lease of {lease}, three nodes:");
    for trouble in [Trouble::None, Trouble::Stopped, Trouble::NoDatabase, Trouble::CutOff] {
        let mut took: Vec<_> =
            rounds.iter().filter(|round| round.trouble == trouble).map(|round| round.took).collect();
        took.sort_unstable();
        let Some(longest) = took.last() else { continue };
        let part = |of_100: usize| took[(took.len() - 1) * of_100 / 100];
        println!(
            "  {trouble:<12?} {:>4} times: median {:.1?}, 90 % {:.1?}, 99 % {:.1?}, longest {longest:.1?}",
            took.len(),
            part(50),
            part(90),
            part(99)
        );
    }
}

#[test]
fn no_node_allows_a_key_after_its_receipt_at_a_lease_of_two_seconds() {
    let stage = Stage::set("2s");
    stage.settled();
    let trouble = |number: usize| match number % 20 {
        4 => Trouble::Stopped,
        10 => Trouble::NoDatabase,
        16 => Trouble::CutOff,
        _ => Trouble::None,
    };
    let done: Vec<_> = (0..rounds()).map(|number| round(&stage, trouble(number))).collect();
    tell("2s", &done);
    for round in &done {
        assert_eq!(round.status, 200, "{:?}", round.trouble);
        let via = if round.trouble == Trouble::None { "ack" } else { "lease" };
        assert!(round.via == via || round.via == "ack", "{:?} via {}", round.trouble, round.via);
    }
}

#[test]
fn no_node_allows_a_key_after_its_receipt_at_the_default_lease() {
    let stage = Stage::set("120s");
    stage.settled();
    let trouble = |number: usize| match number % 100 {
        20 => Trouble::Stopped,
        50 => Trouble::NoDatabase,
        80 => Trouble::CutOff,
        _ => Trouble::None,
    };
    let done: Vec<_> = (0..rounds()).map(|number| round(&stage, trouble(number))).collect();
    tell("120s", &done);
    for round in &done {
        let status = if round.trouble == Trouble::None { 200 } else { 202 };
        assert_eq!(round.status, status, "{:?}", round.trouble);
        assert_eq!(round.via, "ack", "the node came back and confirmed it");
    }
}

/// Also what isn't a revocation: whatever takes something away is waited for alike.
#[test]
fn what_takes_something_away_holds_on_all_nodes_when_it_is_complete() {
    let stage = Stage::set("120s");
    let operator = stage.operator();
    let account = format!("/v1/accounts/{}", stage.account);
    let tries = |key: &str| stage.nodes().map(|node| node.customer(key).get("/v1/things").status);
    for (method, of_account, body, verb, refused) in [
        ("POST", false, Value::Null, "/disable", 401),
        ("PATCH", false, json!({"restrictions": {"networks": ["192.0.2.0/24"]}}), "", 403),
        ("PATCH", false, json!({"restrictions": {"endpoints": ["GET /v2"]}}), "", 403),
        ("POST", false, json!({"overlap": "0"}), "/rotate", 401),
        ("PATCH", true, json!({"state": "suspended"}), "", 401),
    ] {
        let (id, key) = stage.issue();
        assert_eq!(tries(&key), [200; 3], "a key works everywhere once it is issued");
        let path = if of_account { account.clone() } else { format!("/v1/keys/{id}{verb}") };
        let answer = operator.call(method, &path, &body).expect(200).json();
        assert_eq!(answer["receipt"]["complete"], true, "{answer}");
        assert_eq!(tries(&key), [refused; 3], "{method} {path} {body}");
    }
}
