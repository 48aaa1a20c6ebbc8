//! What goes in and out of the verbs about OAuth clients, what they were allowed, and their tokens.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use claviger_model::{
    AccountId, ClientId, Digest, Email, IdError, KeyId, MemberId, Scopes, Timestamp,
    oauth::{Challenge, ClientKind, RedirectUri},
};

use crate::{AuditNote, Idempotency, KeyRow, NewKey, NewSecret, limits::stands};

/// An application to register.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Its id.
    pub id: ClientId,
    /// The api that it is for.
    pub api: Arc<str>,
    /// The account that it acts for by itself (`client_credentials`), if it may.
    pub account: Option<AccountId>,
    /// What members read.
    pub name: String,
    /// How it authenticates.
    pub kind: ClientKind,
    /// Where members are sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// What it may ask for.
    pub scopes: Scopes,
    /// Whether the people who run this know whose it is.
    pub verified: bool,
    /// Whether it may ask what others' tokens are (RFC 7662).
    pub introspects: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Who registered it.
    pub created_by: String,
    /// Its first secret; a public one has none.
    pub secret: Option<NewSecret>,
}

/// An application as the database has it.
#[derive(Clone, Debug)]
pub struct ClientRow {
    /// Its id.
    pub id: ClientId,
    /// The api that it is for.
    pub api: Arc<str>,
    /// The account that it acts for by itself, if it may.
    pub account: Option<AccountId>,
    /// What members read.
    pub name: String,
    /// How it authenticates.
    pub kind: ClientKind,
    /// Where members are sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// What it may ask for.
    pub scopes: Scopes,
    /// Whether the people who run this know whose it is.
    pub verified: bool,
    /// Whether it may ask what others' tokens are.
    pub introspects: bool,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Who registered it.
    pub created_by: String,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Its secrets, the newest first.
    pub secrets: Vec<ClientSecretRow>,
}

/// A client's secret as the database has it.
#[derive(Clone, Debug)]
pub struct ClientSecretRow {
    /// Counted from 1 within the client.
    pub number: u16,
    /// SHA-256 of it.
    pub digest: Digest,
    /// What lists show of it.
    pub hint: String,
    /// When it was minted.
    pub created_at: Timestamp,
    /// When its overlap ends or ended; `None` for the current one.
    pub ends_at: Option<Timestamp>,
}

/// Which applications to list.
#[derive(Clone, Debug, Default)]
pub struct ClientFilter {
    /// Of this api only.
    pub api: Option<Arc<str>>,
    /// Revoked ones too.
    pub include_revoked: bool,
}

/// A change of an application.
#[derive(Clone, Debug)]
pub enum ClientChange {
    /// Replace what is `Some`.
    Describe {
        /// New name.
        name: Option<String>,
        /// New addresses.
        redirect_uris: Option<Vec<RedirectUri>>,
        /// New scopes: what was granted stays as it is.
        scopes: Option<Scopes>,
        /// Whether it is known whose it is.
        verified: Option<bool>,
        /// Whether it may introspect.
        introspects: Option<bool>,
    },
    /// New secret; all others end at `others_end_at` unless they end earlier.
    Rotate {
        /// The new secret.
        secret: NewSecret,
        /// When the overlap ends.
        others_end_at: Timestamp,
        /// What the call says about being repeated.
        call: Option<Idempotency>,
    },
    /// End for good, with everything that it was granted.
    Revoke,
}

/// What a member allows an application, and the code by which it fetches its tokens.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// SHA-256 of the code.
    pub digest: Digest,
    /// For which application.
    pub client: ClientId,
    /// Who allows it.
    pub member: MemberId,
    /// Where the code is sent.
    pub redirect_uri: String,
    /// What proves that it is fetched by whoever began.
    pub challenge: Challenge,
    /// What is allowed by it.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends working.
    pub expires_at: Timestamp,
}

/// A code as the database has it.
#[derive(Clone, Debug)]
pub struct CodeRow {
    /// For which application.
    pub client: ClientId,
    /// Who allowed it.
    pub member: MemberId,
    /// Their account.
    pub account: AccountId,
    /// Where it was sent.
    pub redirect_uri: String,
    /// What proves that it is fetched by whoever began.
    pub challenge: Challenge,
    /// What is allowed by it.
    pub scopes: Scopes,
    /// When it ends working.
    pub expires_at: Timestamp,
    /// The grant it was exchanged for.
    pub key: Option<KeyId>,
}

/// A grant to make: a key that an application holds, whose secret is an access token.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// The key. One for a code is `created_by` the member who allowed it, whatever is said here.
    pub key: NewKey,
    /// Who holds it.
    pub client: ClientId,
    /// By which refresh token it can be gone on with, if by one.
    pub refresh: Option<NewRefresh>,
}

/// A refresh token to insert.
#[derive(Clone, Copy, Debug)]
pub struct NewRefresh {
    /// SHA-256 of it.
    pub digest: Digest,
    /// When it ends working.
    pub expires_at: Timestamp,
}

/// By what right a grant is made.
#[derive(Clone, Debug)]
pub enum Exchange {
    /// For a code, which is used up.
    Code {
        /// SHA-256 of it.
        digest: Digest,
        /// What the trail says where it was used before.
        replayed: Box<AuditNote>,
    },
    /// For the application's own account.
    Itself,
}

/// What became of a code, or of a refresh token.
#[derive(Clone, Debug)]
pub enum Exchanged {
    /// There is a new access token of this grant.
    Granted(KeyRow),
    /// It was used before: this grant was revoked for it.
    Replayed(KeyRow),
    /// Nothing was done: the grant is disabled, and goes on with the same refresh token once it is enabled.
    Disabled,
}

/// A refresh token as the database has it.
#[derive(Clone, Debug)]
pub struct RefreshRow {
    /// The grant.
    pub key: KeyRow,
    /// When it ends working.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// When it was taken back because its answer was lost.
    pub ended_at: Option<Timestamp>,
}

/// New tokens for a refresh token.
#[derive(Clone, Debug)]
pub struct Refreshing {
    /// SHA-256 of the refresh token.
    pub presented: Digest,
    /// The access token.
    pub access: NewSecret,
    /// The refresh token.
    pub refresh: NewRefresh,
    /// One that was used since then, and whose successor wasn't, is taken for a repetition of a call whose answer was
    /// lost; one that was used earlier, for a theft.
    pub repeated_since: Timestamp,
    /// What the trail says of a theft.
    pub stolen: AuditNote,
}

/// What a member has allowed.
#[derive(Clone, Debug)]
pub struct ConsentRow {
    /// Which application, and who allowed it.
    pub id: ConsentId,
    /// What members read of the application.
    pub name: String,
    /// Whether it is known whose it is.
    pub verified: bool,
    /// The member's address.
    pub email: Email,
    /// What.
    pub scopes: Scopes,
    /// When it was last asked for.
    pub granted_at: Timestamp,
    /// The grants by it that weren't revoked.
    pub keys: Vec<KeyId>,
}

/// Which consent: a member has one for each application. Lists are in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentId {
    /// The application.
    pub client: ClientId,
    /// Who allowed it.
    pub member: MemberId,
}

impl fmt::Display for ConsentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.client, self.member)
    }
}

impl FromStr for ConsentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let (client, member) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self { client: client.parse()?, member: member.parse()? })
    }
}

/// Which consents to list.
#[derive(Clone, Copy, Debug)]
pub struct ConsentFilter {
    /// Of this account's members.
    pub account: AccountId,
    /// Of this one of them only.
    pub member: Option<MemberId>,
    /// For this application only.
    pub client: Option<ClientId>,
}

/// How long what ran out is told from what never was: a day. Nodes have forgotten it by then.
const KEPT: Duration = Duration::from_hours(24);
/// Grants that are forgotten in one transaction: the feed tells of each key and secret under its one lock.
pub(crate) const FORGOTTEN_AT_ONCE: usize = 64;

/// Codes, tokens and grants that ran out before this instant are forgotten.
pub(crate) fn forgotten_before(now: Timestamp) -> Timestamp {
    now.minus(KEPT)
}

impl RefreshRow {
    /// Whether it can still be of use, be it to tell of a theft. A grant ends with its last number for an access token.
    pub(crate) fn counts(&self, now: Timestamp) -> bool {
        let goes_on = self.key.secrets.first().is_some_and(|newest| newest.number < u16::MAX);
        self.key.client.is_some() && stands(&self.key, now) && goes_on && self.expires_at > now
    }

    /// Whether it was used, or taken back, in a way that only a thief could come back from: a repetition comes since this
    /// instant.
    pub(crate) fn tells_of_theft(&self, repeated_since: Timestamp) -> bool {
        self.ended_at.is_some() || self.used_at.is_some_and(|at| at < repeated_since)
    }
}

/// Who is said to have made what a member allowed: their grants are found by it.
pub(crate) fn allowed_by(member: MemberId) -> String {
    format!("member:{member}")
}

/// Everything that is in either; where that is too much, what is in the later one.
pub(crate) fn both(earlier: &Scopes, later: &Scopes) -> Scopes {
    match (earlier, later) {
        (Scopes::Listed(one), Scopes::Listed(other)) => {
            Scopes::listed([&**one, other].concat()).unwrap_or_else(|_too_many| later.clone())
        }
        _ => Scopes::All,
    }
}
