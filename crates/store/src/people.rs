//! What goes in and out of the verbs about members, their sessions and one-time links.

use std::{fmt, net::IpAddr, sync::Arc};

use claviger_model::{AccountId, AccountState, Digest, Email, LinkId, MemberId, Role, SessionId, Timestamp};

use crate::AuditNote;

/// A password's argon2id string in PHC format. It has no honest `Debug`.
#[derive(Clone)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Takes a PHC string.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The string, to verify a password by or to store.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A member to insert.
#[derive(Clone, Debug)]
pub struct NewMember {
    /// Their id.
    pub id: MemberId,
    /// Their account.
    pub account: AccountId,
    /// Their address.
    pub email: Email,
    /// Their role.
    pub role: Role,
    /// When they became one.
    pub created_at: Timestamp,
    /// Who made them one.
    pub created_by: String,
}

/// A member as the database has them.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// Their id.
    pub id: MemberId,
    /// Their account.
    pub account: AccountId,
    /// Their address.
    pub email: Email,
    /// Their role.
    pub role: Role,
    /// Whether they have a password.
    pub has_password: bool,
    /// When they became one.
    pub created_at: Timestamp,
    /// Who made them one.
    pub created_by: String,
    /// When they ceased to be one.
    pub removed_at: Option<Timestamp>,
}

/// Which members to list.
#[derive(Clone, Debug, Default)]
pub struct MemberFilter {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// With this address only.
    pub email: Option<Email>,
}

impl MemberFilter {
    /// All of an account.
    pub fn of(account: AccountId) -> Self {
        Self { account: Some(account), email: None }
    }
}

/// A change of a member.
#[derive(Clone, Debug)]
pub enum MemberChange {
    /// New role. Ends every session of the member but the one that asks, and every link they haven't used; one that is
    /// [below](Role::is_below) theirs also ends what they have allowed applications.
    SetRole(Role),
    /// New password. Ends every session of the member but the one that is named, and every link they haven't used.
    SetPassword {
        /// The password's hash.
        password: PasswordHash,
        /// The session that stays.
        keep: Option<SessionId>,
    },
    /// No password: the member has to set a new one by a link. Ends every session, and every link they haven't used.
    ForgetPassword,
    /// Ends the membership, every session, every link and what they have allowed applications, and forgets the password and whom a provider knows them as.
    Remove,
}

/// Someone who may be signing in.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The member.
    pub member: MemberRow,
    /// The name of their account.
    pub account_name: String,
    /// Their password's hash, if they have one.
    pub password: Option<PasswordHash>,
    /// Whom the provider knows them as, if one does: issuer and subject.
    pub subject: Option<(String, String)>,
}

/// How a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// By a one-time link.
    Link,
    /// By a password.
    Password,
    /// By an identity provider.
    Oidc,
}

impl SignInMethod {
    /// The method as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Password => "password",
            Self::Oidc => "oidc",
        }
    }
}

/// A session to begin.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// SHA-256 of what the browser holds.
    pub digest: Digest,
    /// How it began.
    pub method: SignInMethod,
    /// From which address.
    pub address: Option<IpAddr>,
    /// By which browser, as it calls itself.
    pub agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// A session as the database has it.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub member: MemberId,
    /// Their address.
    pub email: Email,
    /// How it began.
    pub method: SignInMethod,
    /// Where the member came from and goes back to.
    pub return_to: Option<String>,
    /// From which address it was last used.
    pub address: Option<IpAddr>,
    /// By which browser.
    pub agent: Option<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, give or take a minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// A session with all that a request needs to know of it.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// The session.
    pub session: SessionRow,
    /// Its member, who was not removed.
    pub member: MemberRow,
    /// The api of their account.
    pub api: Arc<str>,
    /// The name of their account.
    pub account_name: String,
    /// Whether their account is suspended.
    pub account_state: AccountState,
}

/// What a one-time link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// To sign in.
    SignIn,
    /// To become a member: sets the first password and signs in.
    Invitation,
    /// To set a new password, and sign in.
    Password,
}

impl LinkPurpose {
    /// The purpose as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Invitation => "invitation",
            Self::Password => "password",
        }
    }
}

/// A one-time link to make, for a member who is made if they are new.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// Its id.
    pub id: LinkId,
    /// SHA-256 of its secret part.
    pub digest: Digest,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// The member, as they are made if the account has nobody with this address.
    pub member: NewMember,
    /// Whether someone who is a member already gets the role of `member`, and may get this link at all.
    pub existing: Existing,
    /// Where the member goes back to.
    pub return_to: Option<String>,
    /// Whom a provider knows the member as from its use on: issuer and subject.
    pub subject: Option<(String, String)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends working.
    pub expires_at: Timestamp,
    /// What the trail says where a member is made.
    pub joined: AuditNote,
    /// What the trail says where their role changes.
    pub role_changed: AuditNote,
    /// What the trail says of the link.
    pub linked: AuditNote,
}

/// What becomes of someone who is a member already when a link is made for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// They get the link, and keep their role.
    Keep,
    /// They get the link and the role that is stated. Another than theirs ends what
    /// [`SetRole`](MemberChange::SetRole) ends.
    SetRole,
    /// They don't get it: [`StoreError::MemberExists`](crate::StoreError::MemberExists).
    Refuse,
    /// Nobody is made: whoever isn't a member is [`StoreError::NotFound`](crate::StoreError::NotFound).
    Require,
}

/// A link as the database has it.
#[derive(Clone, Debug)]
pub struct LinkRow {
    /// Its id.
    pub id: LinkId,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// For whom; not removed.
    pub member: MemberRow,
    /// The api of their account.
    pub api: Arc<str>,
    /// The name of their account.
    pub account_name: String,
    /// Where the member goes back to.
    pub return_to: Option<String>,
    /// Whom a provider knows the member as from its use on: issuer and subject.
    pub subject: Option<(String, String)>,
    /// When it ends working.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

/// Who signs in.
#[derive(Clone, Debug)]
pub enum Entrance {
    /// Whoever has this link, which is used up. A link of another purpose is [`StoreError::NotFound`], as is one of a
    /// subject whose member a provider knows already as somebody else; one that was used or ran out is [`StoreError::LinkUsed`] or [`StoreError::LinkExpired`].
    ///
    /// [`StoreError::NotFound`]: crate::StoreError::NotFound
    /// [`StoreError::LinkUsed`]: crate::StoreError::LinkUsed
    /// [`StoreError::LinkExpired`]: crate::StoreError::LinkExpired
    Link {
        /// SHA-256 of its secret part.
        digest: Digest,
        /// What it must be for.
        purpose: LinkPurpose,
        /// The password it sets, for invitations and new passwords. All earlier sessions of the member end with it, and
        /// all links they haven't used.
        password: Option<PasswordHash>,
    },
    /// This member, who was judged by the caller; whoever was removed since is
    /// [`StoreError::NotFound`](crate::StoreError::NotFound).
    Member {
        /// Who.
        id: MemberId,
        /// Whom the provider knows them as from now on: issuer and subject. Whom it knows already as somebody else is
        /// [`StoreError::NotFound`](crate::StoreError::NotFound).
        subject: Option<(String, String)>,
    },
}

/// Which sessions to list or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionsOf {
    /// All of an account's members.
    Account(AccountId),
    /// All of a member.
    Member(MemberId),
    /// This one.
    One(SessionId),
}
