//! The port through which records arrive: one ordered load, then every change in order, to those who are members.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use claviger_model::{
    Abilities, AccountId, AccountState, ClientId, Digest, Environment, InstallationId, KeyId, KeyState,
    NodeId, OperatorId, Policy, Scopes, Timestamp, foreign::ForeignSecret,
};

use crate::nodes::NodeCard;

/// A position in the feed: the number of changes committed up to here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The random name of one change: two histories that count alike differ in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mark(pub [u8; 16]);

/// One thing the replica holds.
#[derive(Clone, Debug)]
pub enum Record {
    /// A secret of a key, as it is now.
    Secret(SecretRecord),
    /// A secret that exists no more.
    NoSecret(Digest),
    /// An account, as it is now. Comes before the first secret of its keys.
    Account(AccountRecord),
    /// An operator key, as it is now.
    Operator(OperatorRecord),
    /// A secret of an application, as it is now.
    ClientSecret(ClientSecretRecord),
}

/// What verifying a secret takes.
#[derive(Clone, Debug)]
pub struct SecretRecord {
    /// SHA-256 of the plain key, or what stands in its place.
    pub digest: Digest,
    /// The key it is a secret of.
    pub key: KeyId,
    /// Which of the key's secrets it is, counted from 1.
    pub secret: u16,
    /// The key's account.
    pub account: AccountId,
    /// The key's environment.
    pub environment: Environment,
    /// The key's state.
    pub state: KeyState,
    /// When the key was revoked, or when this secret's overlap ends.
    pub ends_at: Option<Timestamp>,
    /// When the key expires.
    pub expires_at: Option<Timestamp>,
    /// What many keys have in common.
    pub terms: Arc<Terms>,
    /// What another system kept of it, where that is all that is known of it: `digest` is no key's then.
    pub foreign: Option<Arc<ForeignSecret>>,
}

/// What is equal for many keys, held once for all of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// Scopes and restrictions.
    pub policy: Policy,
    /// Who created the key.
    pub created_by: Box<str>,
}

/// What verifying takes of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// Its id.
    pub id: AccountId,
    /// The api it is a customer of.
    pub api: Arc<str>,
    /// The company's id for it.
    pub external_id: Option<Arc<str>>,
    /// Whether its keys may work.
    pub state: AccountState,
}

/// What verifying takes of an operator key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRecord {
    /// SHA-256 of the plain operator key.
    pub digest: Digest,
    /// Its id.
    pub id: OperatorId,
    /// Its name.
    pub name: Arc<str>,
    /// What it may do.
    pub abilities: Abilities,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// What authenticating an application by a secret takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecretRecord {
    /// SHA-256 of the secret.
    pub digest: Digest,
    /// The application it is a secret of.
    pub client: Arc<ClientRecord>,
    /// When the application was revoked, or when this secret's overlap ends.
    pub ends_at: Option<Timestamp>,
    /// Whether the application was revoked.
    pub revoked: bool,
}

/// An application, as far as its own calls depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRecord {
    /// Its id.
    pub id: ClientId,
    /// The api that it is for.
    pub api: Arc<str>,
    /// The account it acts for by itself.
    pub account: Option<AccountId>,
    /// What members read.
    pub name: String,
    /// What it may ask for.
    pub scopes: Scopes,
    /// Whether it may introspect.
    pub introspects: bool,
}

/// Where records go. Implemented by the replica.
pub trait Intake: Send + Sync {
    /// Takes one record, replacing what was known of the same thing.
    fn take(&self, record: Record);
}

/// The history a source is telling, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which database this is; another one means another history.
    pub history: InstallationId,
    /// The last change it contains.
    pub head: Seq,
    /// The name of that change; the same for every change where the source can't be replaced while it is followed.
    pub mark: Mark,
}

/// What happened after a position.
#[derive(Clone, Debug)]
pub struct Changes {
    /// Where the source stood when it was asked.
    pub position: Position,
    /// The name of the change at the position that was asked from, if the source still knows it.
    pub from: Option<Mark>,
    /// What the source's own clock said, where that is another clock than the node's.
    pub clock: Option<Timestamp>,
    /// One entry per sequence number, without gaps, up to `position.head`.
    pub entries: Vec<Change>,
}

/// One change and what it left.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its place in the feed.
    pub seq: Seq,
    /// Its name.
    pub mark: Mark,
    /// The things it touched, as they are at the instant of the answer: they may include changes up to its head, and
    /// none after it.
    pub records: Vec<Record>,
}

/// What became of a renewal.
#[derive(Clone, Debug)]
pub enum Renewal {
    /// The node is a member, its renewal is committed, and this is what happened after what it has applied.
    Renewed(Changes),
    /// The node is no member: it was taken for dead, or the source is another one. It must hold no lease.
    NoMember,
}

/// The source could not be read; nothing is known of what changed.
#[derive(Debug, thiserror::Error)]
#[error("the feed can't be read: {0}")]
pub struct SourceError(pub String);

/// Where records come from. Implemented by the store.
///
/// Every answer is of one instant that lies after the question, and contains everything that was committed before it.
/// What is implemented here is right for a source that one node follows alone and nobody else changes.
#[async_trait]
pub trait FeedSource: Send + Sync {
    /// Makes the node a member, in a transaction of its own: every change that commits later waits for it. False
    /// when it was one and was excluded. Earlier members of the same place are excluded: their process is gone.
    async fn join(&self, _card: &NodeCard) -> Result<bool, SourceError> {
        Ok(true)
    }

    /// Hands everything there is to `into`, accounts before their keys, as of one instant, and says which.
    ///
    /// Revoked secrets older than `forget_before` are left out.
    async fn load(&self, into: Arc<dyn Intake>, forget_before: Timestamp) -> Result<Position, SourceError>;

    /// What happened after `seq`, at most 10,000 entries at a time. A read.
    async fn after(&self, seq: Seq) -> Result<Changes, SourceError>;

    /// Commits that the node lives and has applied everything up to `applied` (`None`: it holds nothing yet), and
    /// says what happened after it, as [`after`](Self::after) does, from a snapshot that began after the question.
    async fn renew(&self, _node: NodeId, applied: Option<Seq>) -> Result<Renewal, SourceError> {
        self.after(applied.unwrap_or_default()).await.map(Renewal::Renewed)
    }

    /// Ends the membership of a node that decides no more.
    async fn leave(&self, _node: NodeId) -> Result<(), SourceError> {
        Ok(())
    }

    /// Returns when there may be something new. A hint: it may come late, never, or for nothing.
    async fn woken(&self);
}
