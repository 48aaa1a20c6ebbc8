//! Something to count the instructions of: questions of forward auth alone, or with the answers to them, from the head that
//! the HTTP server has read to the one that it writes; and decisions alone.
//!
//! `bench/instructions` runs it under callgrind and tells the differences. Clocks stand still, for reading them is the
//! system's affair.

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use claviger_bench::{MadeUp, Plain, Seeded, StillClock, plain_key, profile};
use claviger_gateway::{Desk, ForwardAuth};
use claviger_judge::Api;
use claviger_model::{Attempt, Clock, RequestId, restriction::Networks};
use claviger_verify::Decision;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Empty;

const KEYS: u64 = 1_000;

const ATTEMPT: Attempt<'_> = Attempt {
    method: Some("GET"),
    path: Some("/v1/things"),
    address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
    referrer: None,
    environment: None,
    scopes: &[],
};

fn question(key: &Plain) -> Request<Empty<Bytes>> {
    let mut authorization = b"Bearer ".to_vec();
    authorization.extend(key);
    Request::get("/forward-auth/default")
        .header("host", "127.0.0.1:8082")
        .header("authorization", HeaderValue::from_bytes(&authorization).expect("a key is visible ASCII"))
        .header("x-original-method", "GET")
        .header("x-original-uri", "/v1/things")
        .header("x-forwarded-for", "192.0.2.1")
        .body(Empty::new())
        .expect("a request")
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The keys are looked at, and nothing is asked.
    Keys,
    /// Decisions.
    Decisions,
    /// The questions are put together, and not asked.
    Questions,
    /// They are answered.
    Answers,
}

#[derive(Parser)]
struct Flags {
    what: What,
    /// How many.
    count: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Flags { what, count } = Flags::parse();
    let clock: Arc<dyn Clock> = Arc::new(StillClock);
    let verifier = MadeUp { keys: KEYS, keys_per_account: 4 }.loaded(Arc::clone(&clock)).await;
    let profile = Arc::new(profile());
    let keys: Vec<_> = (0..KEYS).map(|number| plain_key(&profile, number)).collect();
    let forward_auth = ForwardAuth::new(Arc::new(Desk {
        apis: vec![Arc::new(
            Api::new(Arc::clone(&profile)).expect("the profile that ships can be answered with"),
        )],
        callers: Networks::parse(&["127.0.0.0/8"]).expect("a network"),
        verifier: Arc::clone(&verifier),
        clock,
        entropy: Arc::new(Seeded::new(1)),
    }));
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let request = RequestId::from_bytes([7; 16]);
    for key in keys.iter().cycle().take(count) {
        match what {
            What::Keys => drop(black_box(key)),
            What::Decisions => {
                let decided = verifier.verify(&profile, Ok(key), &ATTEMPT, request).await;
                assert!(matches!(decided, Ok(Decision::Allow(_))));
            }
            What::Questions => drop(black_box(question(key))),
            What::Answers => {
                let answer = forward_auth.handle(peer, question(key)).await;
                assert_eq!(answer.status(), StatusCode::OK);
            }
        }
    }
}
