//! F42: all the traffic comes to a node that has loaded nothing yet.
//!
//! It waits until the node knows all keys. Nobody hears that a good key is a wrong one, and the database hears of none.

use std::{
    net::SocketAddr,
    sync::{Arc, Barrier, Mutex},
    thread,
};

use claviger_model::{Entropy, Environment, profile::Profile};
use claviger_testkit::{Connection, Postgres, Server, ServerBuilder, eventually, repository};

use super::stage::{DATABASE, give_turns_back, postgres, take_turns, turns_are_taken};
use crate::faults::crowd::open_files;

/// Requests at once, each with a connection of its own.
const CROWD: usize = 5_000;
/// As many of them as the system keeps for a listener that doesn't accept yet.
const EARLY: usize = 1_000;
/// Those who send them.
const CLIENTS: usize = 20;

/// Chance that is the same every time.
struct Seeded(Mutex<u64>);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock().expect("nobody panics with the lock");
        for byte in bytes {
            // Xorshift (Marsaglia 2003).
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            *byte = state.to_be_bytes()[0];
        }
    }
}

/// So many keys that the built-in profile could have minted and nobody was given.
fn unknown(count: usize) -> Vec<String> {
    let file = repository().join("profiles/default.toml");
    let text = std::fs::read_to_string(file).expect("the profile is there");
    let profile = Profile::parse("default.toml", &text).expect("it is right");
    let entropy = Seeded(Mutex::new(0x9e37_79b9_7f4a_7c15));
    let mint = || profile.minted_format().mint(Environment::Live, &entropy).expect("it has live keys");
    (0..count).map(|_| mint().expose().to_owned()).collect()
}

fn asking(key: &str) -> Vec<u8> {
    format!(
        "GET /v1/things HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    )
    .into_bytes()
}

/// Sends a request with each of `keys`, and returns what they were answered. The first come before `loads`, which is
/// run when they are there.
fn crowd(gateway: SocketAddr, keys: &[String], loads: impl FnOnce()) -> Vec<u16> {
    let (early, late) = keys.split_at(keys.len().min(EARLY));
    let share = |keys: &[String]| keys.len().div_ceil(CLIENTS).max(1);
    let ask = |key: &String| {
        let mut connection = Connection::open(gateway);
        connection.send(&asking(key));
        connection
    };
    let there = Arc::new(Barrier::new(CLIENTS + 1));
    let mut parts = early.chunks(share(early)).zip(late.chunks(share(late)));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let ((early, late), there) = (parts.next().unwrap_or_default(), Arc::clone(&there));
                scope.spawn(move || {
                    let mut sent: Vec<_> = early.iter().map(ask).collect();
                    there.wait();
                    sent.extend(late.iter().map(ask));
                    let answer =
                        |mut sent: Connection| sent.answer("GET").expect("whoever asks is answered").status;
                    sent.into_iter().map(answer).collect::<Vec<_>>()
                })
            })
            .collect();
        there.wait();
        loads();
        clients.into_iter().flat_map(|client| client.join().expect("it reads its answers")).collect()
    })
}

/// How often the tables were read that say what a key may do. Nobody is connected who has something to add.
fn reads(postgres: &Postgres) -> u64 {
    let connected = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'claviger'";
    eventually(|| (postgres.sql(DATABASE, connected).as_deref() == Ok("0")).then_some(()));
    let read = "SELECT sum(seq_scan + coalesce(idx_scan, 0)) FROM pg_stat_user_tables \
                WHERE relname IN ('accounts', 'keys', 'secrets')";
    postgres.sql(DATABASE, read).expect("the statement is right").parse().expect("it is a number")
}

/// A node that starts while all these come: what they were answered, and how often keys were read for it.
fn started_amid(postgres: &Postgres, node: Server, keys: &[String]) -> (Server, Vec<u16>, u64) {
    let gateway = node.gateway;
    let stopped = node.stop();
    let before = reads(postgres);
    let (node, answers) = thread::scope(|scope| {
        scope.spawn(|| take_turns(postgres));
        turns_are_taken(postgres);
        let starting = scope.spawn(|| stopped.start());
        // Before it loads it is a member.
        let members = "SELECT count(*) FROM feed_node";
        eventually(|| (postgres.sql(DATABASE, members).as_deref() == Ok("1")).then_some(()));
        let answers = crowd(gateway, keys, || {
            assert!(!starting.is_finished(), "it has loaded already");
            give_turns_back(postgres);
        });
        (starting.join().expect("it starts"), answers)
    });
    let stopped = node.stop();
    let read = reads(postgres) - before;
    (stopped.start(), answers, read)
}

#[test]
fn all_traffic_waits_for_a_node_that_is_loading_and_costs_the_database_nothing() {
    let count = CROWD.min(open_files().saturating_sub(512));
    if count < CROWD {
        eprintln!("ONLY {count} OF {CROWD} CONNECTIONS: raise the limit of open files (ulimit -Hn)");
    }
    let postgres = postgres();
    let builder = ServerBuilder::new(crate::PROGRAM).database(&postgres.url(DATABASE)).profile("default");
    let node = builder.on_lasting_ports().start();
    let account = node.operator().account("Acme");
    let good: Vec<_> = (0..20).map(|n| node.operator().issue_plain(&account, &n.to_string()).1).collect();

    let (node, answers, quiet) = started_amid(&postgres, node, &[]);
    assert!(answers.is_empty() && quiet > 0);
    let (node, answers, read) = started_amid(&postgres, node, &vec![unknown(1).remove(0); count]);
    assert_eq!((answers.len(), read), (count, quiet), "one unknown key");
    assert!(answers.iter().all(|status| *status == 401));
    let (node, answers, read) = started_amid(&postgres, node, &unknown(count));
    assert_eq!((answers.len(), read), (count, quiet), "as many unknown keys");
    assert!(answers.iter().all(|status| *status == 401));

    let all: Vec<_> = good.iter().cycle().take(count).cloned().collect();
    let (_node, answers, _) = started_amid(&postgres, node, &all);
    assert_eq!(answers.len(), count);
    assert!(answers.iter().all(|status| *status == 200), "no good key is refused, nor asked to come again");
}
