//! A verifier that knows a handful of keys, with a clock that stands still and chance that counts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use claviger_model::{
    AccountId, AccountState, Clock, Digest, Entropy, Environment, InstallationId, KeyId, KeyState, Moment,
    Policy, Restrictions, Scopes, Timestamp,
};
use claviger_verify::{
    Follower, Verifier,
    feed::{
        AccountRecord, Changes, FeedSource, Intake, Mark, Position, Record, SecretRecord, Seq, SourceError,
        Terms,
    },
    nodes::NodeCard,
};

pub(crate) const LIVE: &str = "k_live_abcdefghijklmnopqrstuvwx";
pub(crate) const TEST: &str = "k_test_abcdefghijklmnopqrstuvwx";
/// May be used from 203.0.113.0/24 only.
pub(crate) const NETWORK: &str = "k_live_networknetworknetworknet";
/// May be used for `GET /pub/**` only.
pub(crate) const ENDPOINT: &str = "k_live_endpointendpointendpoint";
pub(crate) const UNKNOWN: &str = "k_live_unknownunknownunknownunk";

pub(crate) const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);
pub(crate) const CREATED_BY: &str = "member Ann <ann@example.com>";

pub(crate) struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000)
    }

    fn boot(&self) -> Moment {
        Moment::since_boot(Duration::from_secs(1000))
    }
}

#[derive(Default)]
pub(crate) struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (place, byte) in bytes.iter_mut().rev().enumerate() {
            *byte = count[7 - place % 8];
        }
    }
}

struct Told(Vec<Record>);

const HERE: Position =
    Position { history: InstallationId::from_bytes([9; 16]), head: Seq(1), mark: Mark([0; 16]) };

#[async_trait]
impl FeedSource for Told {
    async fn load(&self, into: Arc<dyn Intake>, _: Timestamp) -> Result<Position, SourceError> {
        self.0.iter().cloned().for_each(|record| into.take(record));
        Ok(HERE)
    }

    async fn after(&self, _: Seq) -> Result<Changes, SourceError> {
        Ok(Changes { position: HERE, from: None, clock: None, entries: Vec::new() })
    }

    async fn woken(&self) {
        std::future::pending::<()>().await;
    }
}

fn secret(plain: &str, number: u8, restrictions: &str) -> Record {
    let restrictions: Restrictions = serde_json::from_str(restrictions).unwrap();
    let policy = Policy { scopes: Scopes::All, restrictions };
    Record::Secret(SecretRecord {
        digest: Digest::of(plain.as_bytes()),
        key: KeyId::from_bytes([number; 16]),
        secret: 1,
        account: ACCOUNT,
        environment: if plain.contains("_test_") { Environment::Test } else { Environment::Live },
        state: KeyState::Active,
        ends_at: None,
        expires_at: None,
        terms: Arc::new(Terms { policy, created_by: CREATED_BY.into() }),
        foreign: None,
    })
}

pub(crate) fn unready_verifier() -> Arc<Verifier> {
    Verifier::new(Arc::new(StandingClock), Duration::from_secs(100))
}

pub(crate) async fn verifier() -> Arc<Verifier> {
    let account = AccountRecord {
        id: ACCOUNT,
        api: "shop".into(),
        external_id: Some("cus 42%".into()),
        state: AccountState::Active,
    };
    let records = vec![
        Record::Account(account),
        secret(LIVE, 2, "{}"),
        secret(TEST, 3, "{}"),
        secret(NETWORK, 4, r#"{"networks":["203.0.113.0/24"]}"#),
        secret(ENDPOINT, 5, r#"{"endpoints":["GET /pub/**"]}"#),
    ];
    let verifier = unready_verifier();
    let card = NodeCard::alone(Duration::from_secs(100));
    let entropy = Arc::<CountingEntropy>::default();
    let mut follower = Follower::new(Arc::clone(&verifier), Arc::new(Told(records)), card, entropy);
    follower.load().await.unwrap();
    verifier
}
