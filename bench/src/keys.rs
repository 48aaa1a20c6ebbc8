//! Made-up keys of the default profile, told as a feed tells them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use claviger_model::{
    AccountId, AccountState, Clock, Digest, Entropy, Environment, InstallationId, KeyId, KeyState, Policy,
    Restrictions, Scopes, Timestamp, profile::Profile,
};
use claviger_verify::{
    Follower, Verifier,
    feed::{
        AccountRecord, Changes, FeedSource, Intake, Mark, Position, Record, SecretRecord, Seq, SourceError,
        Terms,
    },
    nodes::NodeCard,
};

use crate::ISSUED_AT;

/// Length of a live key of the default profile.
pub const PLAIN_LENGTH: usize = 46;

/// One plain key.
pub type Plain = [u8; PLAIN_LENGTH];

/// The default profile.
///
/// # Panics
/// When it can't be read.
pub fn profile() -> Profile {
    let text = include_str!("../../profiles/default.toml");
    Profile::parse("default.toml", text).expect("the profile that ships can be read")
}

/// Splitmix64: the same keys each time, which no key that matters may be.
pub struct Seeded(AtomicU64);

impl Seeded {
    /// What comes after this seed.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// The plain key with this number.
///
/// # Panics
/// When the default profile's keys have another length than [`PLAIN_LENGTH`].
pub fn plain_key(profile: &Profile, number: u64) -> Plain {
    let entropy = Seeded::new(number.wrapping_mul(0xd134_2543_de82_ef95));
    let minted =
        profile.minted_format().mint(Environment::Live, &entropy).expect("every format has live keys");
    minted.expose().as_bytes().try_into().expect("keys of the default profile have one length")
}

/// So many keys of so many to an account.
pub struct MadeUp {
    /// How many keys.
    pub keys: u64,
    /// How many of them one account has.
    pub keys_per_account: u64,
}

impl MadeUp {
    /// A verifier that holds these keys, with a lease that outlasts any probe.
    ///
    /// # Panics
    /// Never: made-up keys can always be told.
    pub async fn loaded(self, clock: Arc<dyn Clock>) -> Arc<Verifier> {
        let lease = Duration::from_hours(24 * 365);
        let verifier = Verifier::new(clock, lease);
        let (card, entropy) = (NodeCard::alone(lease), Arc::new(Seeded::new(9)));
        let mut follower = Follower::new(Arc::clone(&verifier), Arc::new(self), card, entropy);
        follower.load().await.expect("made-up keys can always be told");
        verifier
    }

    fn tell(&self, into: &dyn Intake) {
        let profile = profile();
        let policy = Policy { scopes: Scopes::All, restrictions: Restrictions::default() };
        let terms = Arc::new(Terms { policy, created_by: "operator".into() });
        let entropy = Seeded::new(7);
        let now = ISSUED_AT;
        let mut account = AccountId::mint(now, &entropy);
        for number in 0..self.keys {
            if number % self.keys_per_account == 0 {
                account = AccountId::mint(now, &entropy);
                let (api, external_id) =
                    (Arc::clone(&profile.name), Some(format!("cus_{number:012}").into()));
                into.take(Record::Account(AccountRecord {
                    id: account,
                    api,
                    external_id,
                    state: AccountState::Active,
                }));
            }
            into.take(Record::Secret(SecretRecord {
                digest: Digest::of(&plain_key(&profile, number)),
                key: KeyId::mint(now, &entropy),
                secret: 1,
                account,
                environment: Environment::Live,
                state: KeyState::Active,
                ends_at: None,
                expires_at: None,
                terms: Arc::clone(&terms),
                foreign: None,
            }));
        }
    }
}

fn standing_at(head: Seq) -> Position {
    Position { history: InstallationId::from_bytes([1; 16]), head, mark: Mark::default() }
}

#[async_trait]
impl FeedSource for MadeUp {
    async fn load(&self, into: Arc<dyn Intake>, _: Timestamp) -> Result<Position, SourceError> {
        self.tell(&*into);
        Ok(standing_at(Seq(0)))
    }

    async fn after(&self, seq: Seq) -> Result<Changes, SourceError> {
        Ok(Changes { position: standing_at(seq), from: None, clock: None, entries: Vec::new() })
    }

    async fn woken(&self) {
        std::future::pending::<()>().await;
    }
}
