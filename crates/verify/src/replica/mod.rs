//! The compact copy of all keys that a node decides from.
//!
//! It is whole or not there: nothing is fetched on demand and nothing is evicted. Readers and the one writer (the
//! follower) meet at the lock of a shard, each holding it for one row.

mod accounts;
mod foreign;
mod index;
#[cfg(test)]
mod oracle;
mod secrets;
mod slab;
mod terms;

use std::{collections::HashMap, sync::Arc};

use claviger_model::{AccountState, Digest, Environment, KeyFacts, KeyId, KeyState, Timestamp};
use parking_lot::RwLock;

pub(crate) use self::secrets::Broom;
use self::{
    accounts::Accounts,
    foreign::Foreign,
    secrets::{Row, Secrets},
    terms::TermsPool,
};
use crate::{
    feed::{AccountRecord, ClientSecretRecord, Intake, OperatorRecord, Record, SecretRecord, Terms},
    foreign::Candidate,
};

/// All keys, accounts, operator keys and applications' secrets.
#[derive(Default)]
pub(crate) struct Replica {
    secrets: Secrets,
    accounts: Accounts,
    terms: TermsPool,
    operators: RwLock<HashMap<Digest, Arc<OperatorRecord>>>,
    client_secrets: RwLock<HashMap<Digest, ClientSecretRecord>>,
    foreign: Foreign,
}

/// What is known of a presented secret.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) digest: Digest,
    pub(crate) key: KeyId,
    pub(crate) secret: u16,
    pub(crate) environment: Environment,
    pub(crate) state: KeyState,
    pub(crate) ends_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) account: Arc<AccountRecord>,
    pub(crate) terms: Arc<Terms>,
}

impl Held {
    /// What of it is decided by.
    pub(crate) fn facts(&self) -> KeyFacts<'_> {
        KeyFacts {
            state: self.state,
            account_active: self.account.state == AccountState::Active,
            ends_at: self.ends_at,
            expires_at: self.expires_at,
            environment: self.environment,
            policy: &self.terms.policy,
        }
    }
}

/// How much a replica holds, and the memory it takes by its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaSize {
    /// Secrets, the disabled, expired and lately revoked ones included.
    pub secrets: usize,
    /// Accounts.
    pub accounts: usize,
    /// Different scope lists, restrictions and creators, each held once.
    pub terms: usize,
    /// Bytes of secrets and accounts with all there is to find them by; without the terms and the allocator's share.
    pub bytes: usize,
}

impl Replica {
    /// The key of which `digest` is a secret. A secret whose account never arrived is unknown.
    pub(crate) fn find(&self, digest: &Digest) -> Option<Held> {
        let row = self.secrets.get(digest)?;
        let account = self.accounts.get(row.account)?;
        Some(Held {
            digest: *digest,
            key: row.key,
            secret: row.secret,
            environment: row.environment,
            state: row.state,
            ends_at: row.ends_at(),
            expires_at: row.expires_at(),
            account,
            terms: row.terms,
        })
    }

    /// The secrets of keys of `api` that begin so and are known by other systems' hashes.
    pub(crate) fn candidates(&self, api: &str, lookup: &str) -> Vec<Candidate> {
        let candidate = |(stand_in, foreign)| {
            let held = self.find(&stand_in).filter(|held| &*held.account.api == api)?;
            Some(Candidate { stand_in, key: held.key, number: held.secret, foreign })
        };
        self.foreign.found_by(lookup).into_iter().filter_map(candidate).collect()
    }

    /// The operator key with this digest. Operators are told no more of a revoked one than that it isn't accepted.
    pub(crate) fn find_operator(&self, digest: &Digest) -> Option<Arc<OperatorRecord>> {
        self.operators.read().get(digest).filter(|operator| !operator.revoked).cloned()
    }

    /// The application's secret with this digest.
    pub(crate) fn find_client_secret(&self, digest: &Digest) -> Option<ClientSecretRecord> {
        self.client_secrets.read().get(digest).cloned()
    }

    /// Forgets what ended before `instant` in a small part, and moves `broom` on; false when all parts are done.
    pub(crate) fn sweep(&self, broom: &mut Broom, instant: Timestamp) -> bool {
        if *broom == Broom::default() {
            let stays = |secret: &ClientSecretRecord| secret.ends_at.is_none_or(|at| at >= instant);
            self.client_secrets.write().retain(|_, secret| stays(secret));
            for stand_in in self.foreign.stand_ins() {
                if self.secrets.get(&stand_in).is_none() {
                    self.foreign.remove(&stand_in);
                }
            }
        }
        self.secrets.sweep(broom, instant)
    }

    /// Revokes what is revoked in `before` and stands here, and says which keys that are.
    pub(crate) fn keep_revoked(&self, before: &Self) -> Vec<KeyId> {
        let mut revived = Vec::new();
        let mut unknown = HashMap::new();
        before.secrets.each_revoked(|row| {
            if self.secrets.revoke_again(row) {
                revived.push(row.key);
            } else if self.foreign.len() > 0 && self.secrets.get(&row.digest).is_none() {
                unknown.insert((row.key, row.secret), row.clone());
            }
        });
        // A source that lost a revocation may have lost the first use before it, and the digest with it.
        for stand_in in self.foreign.stand_ins() {
            let place = self.secrets.get(&stand_in).map(|row| (row.key, row.secret));
            let Some(revoked) = place.and_then(|place| unknown.get(&place)) else { continue };
            if self.secrets.revoke_again(&revoked.standing_under(stand_in)) {
                revived.push(revoked.key);
            }
        }
        revived.sort_unstable();
        revived.dedup();
        let mut operators = self.operators.write();
        for (digest, operator) in before.operators.read().iter().filter(|(_, operator)| operator.revoked) {
            operators.insert(*digest, Arc::clone(operator));
        }
        let mut client_secrets = self.client_secrets.write();
        for (digest, secret) in before.client_secrets.read().iter().filter(|(_, secret)| secret.revoked) {
            client_secrets.insert(*digest, secret.clone());
        }
        revived
    }

    /// How much it holds.
    pub(crate) fn size(&self) -> ReplicaSize {
        let (secrets, secrets_bytes) = self.secrets.size();
        let (accounts, accounts_bytes) = self.accounts.size();
        ReplicaSize { secrets, accounts, terms: self.terms.len(), bytes: secrets_bytes + accounts_bytes }
    }

    fn put_secret(&self, record: &SecretRecord) {
        let (account, known) = self.accounts.slot_of(record.account);
        if !known {
            tracing::error!(key = %record.key, account = %record.account, "a key came before its account; it is unknown until the account comes");
        }
        let terms = self.terms.share(Arc::clone(&record.terms));
        self.foreign.put(record.digest, record.foreign.as_ref());
        self.secrets.put(Row::new(record, account, terms));
    }

    fn put_operator(&self, record: OperatorRecord) {
        self.operators.write().insert(record.digest, Arc::new(record));
    }

    fn put_client_secret(&self, record: ClientSecretRecord) {
        let mut held = self.client_secrets.write();
        // A source that lost a revocation may tell of the application again before it has it back.
        if record.revoked || held.get(&record.digest).is_none_or(|held| !held.revoked) {
            held.insert(record.digest, record);
        }
    }
}

impl Intake for Replica {
    fn take(&self, record: Record) {
        match record {
            Record::Secret(secret) => self.put_secret(&secret),
            Record::NoSecret(digest) => {
                self.foreign.remove(&digest);
                self.secrets.remove(&digest);
            }
            Record::Account(account) => self.accounts.put(account),
            Record::Operator(operator) => self.put_operator(operator),
            Record::ClientSecret(secret) => self.put_client_secret(secret),
        }
    }
}
