//! What a decision costs at one million keys, next to one SHA-256 of the same key.
//!
//! The bare decision is digest, look-up and `decide`. The whole one is `Verifier::verify`: two clocks, lease, form,
//! digest, look-up, `decide` and count, while a flusher takes the counts away as it does in the product. Hot is the
//! same key again and again; cold is another one each time, in no order that memory knows.

use std::{hint::black_box, sync::Arc, time::Duration};

use claviger_bench::{Figure, HostClock, MadeUp, Plain, StillClock, measure_pairs, plain_key, profile};
use claviger_model::{
    Attempt, Digest, Environment, KeyFacts, KeyState, Policy, RequestId, Restrictions, Scopes, Timestamp,
    decide, profile::Profile,
};
use claviger_verify::{
    Decision, Verifier,
    usage::{BatchId, SinkError, UsageBatch, UsageSink, UsageWriter},
};
use criterion::Criterion;
use futures_util::FutureExt as _;
use tokio::runtime::Runtime;

const KEYS: u64 = 1_000_000;
const ROUNDS: usize = 101;
const REQUEST: RequestId = RequestId::from_bytes([7; 16]);

/// The allocator the product ships with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Nowhere;

#[async_trait::async_trait]
impl UsageSink for Nowhere {
    async fn add(&self, _: BatchId, _: &UsageBatch) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Two verifiers with the same keys, and what they are asked.
struct Probe {
    verifier: Arc<Verifier>,
    without_clocks: Arc<Verifier>,
    profile: Profile,
    attempt: Attempt<'static>,
    policy: Policy,
}

impl Probe {
    fn new(runtime: &Runtime) -> Self {
        let made_up = || MadeUp { keys: KEYS, keys_per_account: 10 };
        let address = Some([192, 0, 2, 1].into());
        Self {
            verifier: runtime.block_on(made_up().loaded(Arc::new(HostClock))),
            without_clocks: runtime.block_on(made_up().loaded(Arc::new(StillClock))),
            profile: profile(),
            attempt: Attempt {
                method: Some("GET"),
                path: Some("/v1/users/usr_123"),
                address,
                ..Attempt::default()
            },
            policy: Policy { scopes: Scopes::All, restrictions: Restrictions::default() },
        }
    }

    fn whole(&self, key: &Plain) -> bool {
        let deciding = self.verifier.verify(&self.profile, Ok(black_box(key)), &self.attempt, REQUEST);
        let decision = deciding.now_or_never().expect("keys without limits wait for nothing");
        matches!(black_box(decision), Ok(Decision::Allow(_)))
    }

    /// `api_of` digests and looks up, and does nothing else that takes time.
    fn bare(&self, key: &Plain) -> bool {
        let found = black_box(self.without_clocks.api_of(black_box(key)));
        let facts = KeyFacts {
            state: KeyState::Active,
            account_active: true,
            ends_at: None,
            expires_at: None,
            environment: Environment::Live,
            policy: &self.policy,
        };
        let decided =
            decide(&facts, &self.profile.rules(), black_box(&self.attempt), Timestamp::from_millis(0));
        matches!(found, Ok(Some(_))) && black_box(decided).is_ok()
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build();
    let runtime = runtime.expect("a runtime with one thread can be started");
    let probe = Probe::new(&runtime);
    let writer = UsageWriter::new(Arc::clone(&probe.verifier), Arc::new(Nowhere), [0; 16]);
    runtime.spawn(writer.run(std::future::pending()));
    // Laid out in the order of use: fetching the plain key itself must not be what is measured.
    let keys: Vec<Plain> = (0..KEYS).map(|step| plain_key(&probe.profile, step * 382_241 % KEYS)).collect();
    by_criterion(&probe, &keys);
    in_turns(&probe, &keys);
}

fn by_criterion(probe: &Probe, keys: &[Plain]) {
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_secs(1))
        .without_plots()
        .configure_from_args();
    let hot = &keys[0];
    let stranger = plain_key(&probe.profile, KEYS);
    let mut cold = keys.iter().cycle();
    criterion.bench_function("SHA-256 of a key", |bench| bench.iter(|| Digest::of(black_box(hot))));
    criterion.bench_function("form of a key", |bench| bench.iter(|| probe.profile.parse_key(black_box(hot))));
    criterion.bench_function("bare decision, hot", |bench| bench.iter(|| assert!(probe.bare(hot))));
    criterion.bench_function("whole decision, hot", |bench| bench.iter(|| assert!(probe.whole(hot))));
    criterion.bench_function("whole decision, cold", |bench| {
        bench.iter(|| assert!(probe.whole(cold.next().expect("a cycle has no end"))));
    });
    criterion
        .bench_function("denial of an unknown key", |bench| bench.iter(|| assert!(!probe.whole(&stranger))));
    criterion.final_summary();
}

/// SHA-256 and a decision in turns, so that the ratio doesn't depend on what else the machine does.
fn in_turns(probe: &Probe, keys: &[Plain]) {
    let hot = &keys[0];
    println!("median (and quartiles) of {ROUNDS} rounds, at {KEYS} keys:");
    report("bare decision, hot", against_sha(hot, || assert!(probe.bare(hot))));
    report("whole decision, hot", against_sha(hot, || assert!(probe.whole(hot))));
    let mut cold = keys.iter().cycle();
    let mut next = || cold.next().expect("a cycle has no end");
    report("bare decision, cold", against_sha(hot, || assert!(probe.bare(next()))));
    report("whole decision, cold", against_sha(hot, || assert!(probe.whole(next()))));
}

fn against_sha(key: &Plain, decide: impl FnMut()) -> [Figure; 3] {
    measure_pairs(ROUNDS, 20_000, || _ = black_box(Digest::of(black_box(key))), decide)
}

fn report(what: &str, [sha, decision, ratio]: [Figure; 3]) {
    println!("{what:20} {decision:.0} ns, {ratio:.2} times a SHA-256 of {sha:.0} ns");
}
