//! The replica against a model of it that is too simple to be wrong.

use std::collections::HashMap;

use claviger_model::{AccountId, AccountState, Digest, Environment, KeyState, Timestamp};
use proptest::prelude::*;

use super::{Broom, Replica};
use crate::{
    fake::{account, account_id, key_id, secret, terms},
    feed::{AccountRecord, Intake as _, Record, SecretRecord},
};

const SECRETS: u16 = 300;
const ACCOUNTS: u64 = 6;

/// Digests that crowd two shards and eight places of their indexes.
fn crowded(number: u16) -> Digest {
    let mut bytes = [0; 32];
    bytes[0] = u8::try_from(number % 2).unwrap();
    bytes[2] = u8::try_from(number % 8).unwrap();
    bytes[30..].copy_from_slice(&number.to_be_bytes());
    Digest::from_bytes(bytes)
}

#[derive(Clone, Debug)]
enum Step {
    Put {
        number: u16,
        account: u64,
        state: KeyState,
        ends_at: Option<i64>,
        expires_at: Option<i64>,
        by: u8,
    },
    /// A rotation as the feed tells it: the old secret ends, a new one comes, in one change.
    Rotate {
        old: u16,
        new: u16,
        ends_at: i64,
    },
    Remove {
        number: u16,
    },
    Account {
        number: u64,
        suspended: bool,
    },
    Sweep {
        before: i64,
    },
}

fn state() -> impl Strategy<Value = KeyState> {
    prop_oneof![Just(KeyState::Active), Just(KeyState::Disabled), Just(KeyState::Revoked)]
}

fn step() -> impl Strategy<Value = Step> {
    let instant = || prop::option::of(-50i64..50);
    let put = (0..SECRETS, 0..ACCOUNTS, state(), instant(), instant(), 0u8..4);
    prop_oneof![
        8 => put.prop_map(|(number, account, state, ends_at, expires_at, by)| {
            Step::Put { number, account, state, ends_at, expires_at, by }
        }),
        2 => (0..SECRETS, 0..SECRETS, -50i64..50).prop_map(|(old, new, ends_at)| Step::Rotate { old, new, ends_at }),
        2 => (0..SECRETS).prop_map(|number| Step::Remove { number }),
        2 => (0..ACCOUNTS, any::<bool>()).prop_map(|(number, suspended)| Step::Account { number, suspended }),
        1 => (-50i64..50).prop_map(|before| Step::Sweep { before }),
    ]
}

#[derive(Default)]
struct Oracle {
    secrets: HashMap<Digest, SecretRecord>,
    accounts: HashMap<AccountId, AccountRecord>,
}

impl Oracle {
    fn take(&mut self, record: Record) {
        match record {
            Record::Secret(secret) => {
                let revoked = |held: &&SecretRecord| held.state == KeyState::Revoked;
                let ended = self.secrets.get(&secret.digest).filter(revoked).map(|held| held.ends_at);
                let secret = match ended {
                    Some(ends_at) if secret.state != KeyState::Revoked => {
                        SecretRecord { state: KeyState::Revoked, ends_at, ..secret }
                    }
                    _ => secret,
                };
                self.secrets.insert(secret.digest, secret);
            }
            Record::NoSecret(digest) => _ = self.secrets.remove(&digest),
            Record::Account(account) => _ = self.accounts.insert(account.id, account),
            Record::Operator(_) | Record::ClientSecret(_) => {}
        }
    }

    fn records(&self, step: &Step) -> Vec<Record> {
        match *step {
            Step::Put { number, account, state, ends_at, expires_at, by } => {
                vec![Record::Secret(SecretRecord {
                    digest: crowded(number),
                    key: key_id(number.into()),
                    account: account_id(account),
                    environment: if number % 3 == 0 { Environment::Test } else { Environment::Live },
                    state,
                    ends_at: ends_at.map(Timestamp::from_millis),
                    expires_at: expires_at.map(Timestamp::from_millis),
                    terms: terms(&by.to_string()),
                    ..secret(0)
                })]
            }
            Step::Rotate { old, new, ends_at } => {
                let Some(known) = self.secrets.get(&crowded(old)) else { return Vec::new() };
                let ended = SecretRecord { ends_at: Some(Timestamp::from_millis(ends_at)), ..known.clone() };
                let fresh = SecretRecord { digest: crowded(new), secret: known.secret + 1, ..known.clone() };
                vec![Record::Secret(ended), Record::Secret(fresh)]
            }
            Step::Remove { number } => vec![Record::NoSecret(crowded(number))],
            Step::Account { number, suspended } => {
                let state = if suspended { AccountState::Suspended } else { AccountState::Active };
                vec![Record::Account(AccountRecord { state, ..account(account_id(number), "example") })]
            }
            Step::Sweep { .. } => Vec::new(),
        }
    }
}

/// Everything that is known of a secret, as a text.
fn told_by(replica: &Replica, digest: &Digest) -> Option<String> {
    let held = replica.find(digest)?;
    let ends = (held.state, held.ends_at, held.expires_at);
    Some(format!("{:?}", (held.key, held.secret, held.environment, ends, &*held.account, &*held.terms)))
}

fn told_by_oracle(oracle: &Oracle, digest: &Digest) -> Option<String> {
    let held = oracle.secrets.get(digest)?;
    let account = oracle.accounts.get(&held.account)?;
    let ends = (held.state, held.ends_at, held.expires_at);
    Some(format!("{:?}", (held.key, held.secret, held.environment, ends, account, &*held.terms)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_holds_what_a_plain_map_would_hold(steps in prop::collection::vec(step(), 1..600)) {
        let (replica, mut oracle) = (Replica::default(), Oracle::default());
        for step in &steps {
            for record in oracle.records(step) {
                oracle.take(record.clone());
                replica.take(record);
            }
            if let Step::Sweep { before } = *step {
                let before = Timestamp::from_millis(before);
                // What ran out is forgotten so much sooner that here it always is.
                let ran_out = |secret: &SecretRecord| {
                    secret.ends_at == secret.expires_at && secret.state != KeyState::Revoked
                };
                oracle.secrets.retain(|_, secret| {
                    secret.ends_at.is_none_or(|at| at >= before && !ran_out(secret))
                });
                let mut broom = Broom::default();
                while replica.sweep(&mut broom, before) {}
            }
        }
        for number in 0..SECRETS {
            prop_assert_eq!(told_by(&replica, &crowded(number)), told_by_oracle(&oracle, &crowded(number)));
        }
        prop_assert_eq!(replica.size().secrets, oracle.secrets.len());
    }
}

#[test]
fn forgetting_and_learning_again_takes_no_more_memory() {
    let replica = Replica::default();
    let fill = |round: i64| {
        for number in 0..SECRETS {
            let ends_at = Some(Timestamp::from_millis(round));
            replica.take(Record::Secret(SecretRecord { digest: crowded(number), ends_at, ..secret(0) }));
        }
    };
    fill(0);
    let bytes = replica.size().bytes;
    for round in 1..50 {
        let mut broom = Broom::default();
        while replica.sweep(&mut broom, Timestamp::from_millis(round)) {}
        assert_eq!(replica.size().secrets, 0);
        fill(round);
    }
    let free_list = 4 * 1024;
    assert!(replica.size().bytes <= bytes + free_list, "{} after {bytes}", replica.size().bytes);
}
