//! What goes in and out of the store's verbs: requests and rows.

use std::{fmt, sync::Arc};

use claviger_model::{
    Abilities, Account, AccountId, AccountState, ClientId, Digest, Environment, KeyId, KeyState, NodeId,
    OperatorId, Restrictions, RestrictionsPatch, Scopes, Timestamp, foreign::ForeignSecret,
};
use claviger_verify::{feed::Seq, nodes::Via};

use crate::{AuditNote, Brought};

/// What a change returned, and the feed's position that contains it.
#[derive(Clone, Debug)]
pub struct Committed<T> {
    /// What the change left.
    pub value: T,
    /// The first position at which every node knows of it.
    pub seq: Seq,
    /// Whether this call made the change: false where it found nothing left to do.
    pub made: bool,
}

/// A page of a list, in the order of creation.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<Id> {
    /// The last id of the page before.
    pub after: Option<Id>,
    /// At most this many; the caller bounds it.
    pub limit: usize,
}

/// What a list returned.
#[derive(Clone, Debug)]
pub struct Page<T, Id> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page goes on, if there is one.
    pub next: Option<Id>,
}

/// Which accounts to list.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Of this api only.
    pub api: Option<Arc<str>>,
    /// With this external id only.
    pub external_id: Option<String>,
    /// Whose name or external id begins so only. In names, A to Z are as good as a to z.
    pub name: Option<String>,
}

/// A change of an account.
#[derive(Clone, Debug)]
pub enum AccountChange {
    /// New name.
    Rename(String),
    /// Suspend or reinstate.
    SetState(AccountState),
    /// Replace the metadata.
    SetMetadata(serde_json::Value),
}

/// A key to insert, with its first secret.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// Its account.
    pub account: AccountId,
    /// Its name; contracts may leave it out.
    pub name: Option<String>,
    /// Its environment.
    pub environment: Environment,
    /// Its scopes.
    pub scopes: Scopes,
    /// Its restrictions.
    pub restrictions: Restrictions,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// The company's own id for it.
    pub external_id: Option<String>,
    /// The company's own data, a JSON object.
    pub metadata: serde_json::Value,
    /// Its first secret.
    pub secret: NewSecret,
}

impl NewKey {
    /// The row that is made of it: reading it back would cost as much as writing it.
    pub(crate) fn into_row(self, api: Arc<str>) -> KeyRow {
        let created_at = self.created_at;
        KeyRow {
            id: self.id,
            account: self.account,
            api,
            name: self.name,
            environment: self.environment,
            scopes: self.scopes,
            restrictions: self.restrictions,
            state: KeyState::Active,
            created_at,
            created_by: self.created_by,
            expires_at: self.expires_at,
            revoked_at: None,
            external_id: self.external_id,
            metadata: self.metadata,
            client: None,
            secrets: vec![SecretRow {
                number: 1,
                digest: self.secret.digest,
                hint: self.secret.hint,
                created_at,
                ends_at: self.secret.expires_at,
                brought: self.secret.foreign.as_ref().map(Into::into),
            }],
        }
    }
}

/// A secret to insert.
#[derive(Clone)]
pub struct NewSecret {
    /// SHA-256 of the plain key.
    pub digest: Digest,
    /// What lists show of it.
    pub hint: String,
    /// The sealed plain key, where the profile keeps one.
    pub sealed: Option<Vec<u8>>,
    /// When it runs out by itself, as access tokens do.
    pub expires_at: Option<Timestamp>,
    /// What another system kept of it, where `digest` only stands in its place.
    pub foreign: Option<ForeignSecret>,
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, hint, sealed, expires_at, foreign } = self;
        let sealed = sealed.is_some();
        f.debug_struct("NewSecret")
            .field("digest", digest)
            .field("hint", hint)
            .field("sealed", &sealed)
            .field("expires_at", expires_at)
            .field("foreign", foreign)
            .finish()
    }
}

/// A key, and the sealed plain key of its newest secret.
pub type SealedSecret = (KeyId, Vec<u8>);

/// A key as the database has it.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyId,
    /// Its account.
    pub account: AccountId,
    /// Its account's api.
    pub api: Arc<str>,
    /// Its name.
    pub name: Option<String>,
    /// Its environment.
    pub environment: Environment,
    /// Its scopes.
    pub scopes: Scopes,
    /// Its restrictions.
    pub restrictions: Restrictions,
    /// Its state.
    pub state: KeyState,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: String,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The company's own id for it.
    pub external_id: Option<String>,
    /// The company's own data.
    pub metadata: serde_json::Value,
    /// The application that holds it: it is a grant then, and its secrets are access tokens.
    pub client: Option<ClientId>,
    /// Its secrets, the newest first; at least one.
    pub secrets: Vec<SecretRow>,
}

impl KeyRow {
    /// Whether what a form shows of it is still what was `seen`.
    pub(crate) fn is_as_seen(&self, seen: &Self) -> bool {
        self.name == seen.name
            && self.scopes == seen.scopes
            && self.restrictions == seen.restrictions
            && self.expires_at == seen.expires_at
    }
}

/// A secret as the database has it.
#[derive(Clone, Debug)]
pub struct SecretRow {
    /// Counted from 1 within the key.
    pub number: u16,
    /// SHA-256 of the plain key, or what stands in its place until its first use.
    pub digest: Digest,
    /// What lists show of it.
    pub hint: String,
    /// When it was minted.
    pub created_at: Timestamp,
    /// When its overlap ends or ended; `None` for the current one.
    pub ends_at: Option<Timestamp>,
    /// What it came as, where it came by another system's hash.
    pub brought: Option<Brought>,
}

/// Which keys to list. Those that applications hold are never among them.
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    /// Of this api only.
    pub api: Option<Arc<str>>,
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Revoked ones too.
    pub include_revoked: bool,
    /// With a secret of this hint only.
    pub hint: Option<String>,
    /// With this external id only.
    pub external_id: Option<String>,
}

/// The key that a digest leads to.
#[derive(Clone, Debug)]
pub struct FoundSecret {
    /// The key.
    pub key: KeyRow,
    /// Which of its secrets.
    pub number: u16,
}

/// A change of a key.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// New name.
    Rename(Option<String>),
    /// Replace what is `Some`; the inner `None` of `expires_at` removes the expiry.
    Restrict {
        /// New scopes.
        scopes: Option<Scopes>,
        /// New restrictions, kind by kind.
        restrictions: RestrictionsPatch,
        /// New expiry.
        expires_at: Option<Option<Timestamp>>,
    },
    /// Replace the company's own data.
    Describe {
        /// New external id.
        external_id: Option<Option<String>>,
        /// New metadata.
        metadata: Option<serde_json::Value>,
    },
    /// New secret; all others end at `others_end_at` unless they end earlier.
    Rotate {
        /// The new secret.
        secret: NewSecret,
        /// When the overlap ends.
        others_end_at: Timestamp,
    },
    /// Switch off.
    Disable,
    /// Switch on again.
    Enable,
    /// End for good: deletes sealed copies too.
    Revoke,
}

/// Bounds on an account's keys, decided inside the transaction that locks the account's row.
///
/// A key counts as long as it is neither revoked nor expired.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyLimits {
    /// At most this many keys. Counts disabled ones.
    pub max: Option<u32>,
    /// At least this many keys that work: binds the changes that stop one. Where it isn't 0, the last key that works
    /// and will not expire can't be stopped or given an end either.
    pub min: u32,
}

/// A creating call that may be repeated (`Idempotency-Key`).
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// Who repeats it: replays are scoped to them.
    pub principal: String,
    /// What the caller chose.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub fingerprint: [u8; 32],
    /// Older records are forgotten.
    pub forget_before: Timestamp,
}

/// An operator key to insert.
#[derive(Clone, Debug)]
pub struct NewOperator {
    /// Its id.
    pub id: OperatorId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub abilities: Abilities,
    /// SHA-256 of the plain operator key.
    pub digest: Digest,
    /// What lists show of it.
    pub hint: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// An operator key as the database has it.
#[derive(Clone, Debug)]
pub struct OperatorRow {
    /// Its id.
    pub id: OperatorId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub abilities: Abilities,
    /// What lists show of it.
    pub hint: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Counts of one secret on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// The key, if known.
    pub key: Option<KeyId>,
    /// Which of its secrets.
    pub secret: Option<u16>,
    /// `live`, `test`, or unknown.
    pub environment: Option<Environment>,
    /// `allowed` or a denial code.
    pub outcome: String,
    /// How many.
    pub count: u64,
}

/// Which counts to list.
#[derive(Clone, Debug)]
pub struct UsageFilter {
    /// Of this api only.
    pub api: Option<Arc<str>>,
    /// Of this key only.
    pub key: Option<KeyId>,
    /// From this day on.
    pub from_day: i64,
    /// To this day, included.
    pub to_day: i64,
}

/// A new account together with its first key, where the profile provides one.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// Its first key and what the trail says of it.
    pub first_key: Option<(NewKey, AuditNote)>,
}

/// What became of a change that was not known everywhere when it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// The change's place in the feed.
    pub seq: Seq,
    /// How and when it was complete; `None` while it isn't known to be.
    pub complete: Option<(Via, Timestamp)>,
    /// When it is complete at the latest.
    pub guaranteed_by: Timestamp,
    /// The nodes that had confirmed it when this was written.
    pub confirmed: Vec<NodeId>,
    /// Those that had not.
    pub pending: Vec<NodeId>,
}

/// How long the receipt of a change that is complete is kept: ninety days, in milliseconds.
pub(crate) const RECEIPT_KEPT_MILLIS: i64 = 90 * 24 * 60 * 60 * 1000;
