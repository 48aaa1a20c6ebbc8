//! The store's verbs about members, their sessions and one-time links.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use claviger_model::{AccountId, Digest, Email, MemberId, SessionId, Timestamp};

use crate::{
    AuditNote, Candidate, Committed, Entrance, LinkRow, MemberChange, MemberFilter, MemberRow, NewLink,
    NewSession, OpenSession, Page, PageRequest, SessionRow, SessionsOf, Store, StoreError,
};

/// What a database must do for them: [`Store`] says what each method promises.
#[async_trait]
pub(crate) trait PeopleDatabase: Send + Sync {
    async fn insert_link(&self, new: NewLink) -> Result<Committed<LinkRow>, StoreError>;
    async fn find_link(&self, digest: Digest) -> Result<Option<LinkRow>, StoreError>;
    async fn find_member(&self, id: MemberId) -> Result<Option<MemberRow>, StoreError>;
    async fn list_members(
        &self,
        filter: MemberFilter,
        page: PageRequest<MemberId>,
    ) -> Result<Page<MemberRow, MemberId>, StoreError>;
    async fn candidates(&self, api: Arc<str>, email: Email) -> Result<Vec<Candidate>, StoreError>;
    async fn known_as(
        &self,
        api: Arc<str>,
        issuer: String,
        subject: String,
    ) -> Result<Vec<Candidate>, StoreError>;
    async fn change_member(
        &self,
        id: MemberId,
        within: Option<AccountId>,
        change: MemberChange,
        keep_administrator: bool,
        note: AuditNote,
    ) -> Result<Committed<MemberRow>, StoreError>;
    async fn begin_session(
        &self,
        entrance: Entrance,
        new: NewSession,
        note: AuditNote,
    ) -> Result<OpenSession, StoreError>;
    async fn find_session(&self, digest: Digest, now: Timestamp) -> Result<Option<OpenSession>, StoreError>;
    async fn touch_session(
        &self,
        id: SessionId,
        at: Timestamp,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError>;
    async fn list_sessions(
        &self,
        of: SessionsOf,
        now: Timestamp,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, StoreError>;
    async fn list_sessions_newest_first(
        &self,
        of: SessionsOf,
        now: Timestamp,
        seen_after: Timestamp,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, StoreError>;
    async fn end_sessions(
        &self,
        of: SessionsOf,
        within: Option<AccountId>,
        note: AuditNote,
    ) -> Result<u64, StoreError>;
}

/// Members, their sessions and one-time links.
impl Store {
    /// Makes a one-time link, and its member where the account has nobody with that address: one transaction, one
    /// event for each thing that happened. An account that isn't there is [`StoreError::NotFound`].
    pub async fn insert_link(&self, new: NewLink) -> Result<Committed<LinkRow>, StoreError> {
        self.0.insert_link(new).await
    }

    /// The link with this digest, also when it was used or ran out; a removed member's is gone.
    pub async fn find_link(&self, digest: Digest) -> Result<Option<LinkRow>, StoreError> {
        self.0.find_link(digest).await
    }

    /// The member with this id, also when removed.
    pub async fn find_member(&self, id: MemberId) -> Result<Option<MemberRow>, StoreError> {
        self.0.find_member(id).await
    }

    /// Members in the order they joined, without the removed ones.
    pub async fn list_members(
        &self,
        filter: MemberFilter,
        page: PageRequest<MemberId>,
    ) -> Result<Page<MemberRow, MemberId>, StoreError> {
        self.0.list_members(filter, page).await
    }

    /// The members with this address in the accounts of an api; at most thirty-two. Those who have entered (who have a
    /// password, a subject or a session) come first, in the order they joined; then the others, the newest first.
    pub async fn candidates(&self, api: Arc<str>, email: Email) -> Result<Vec<Candidate>, StoreError> {
        self.0.candidates(api, email).await
    }

    /// The members whom a provider knows by this subject in the accounts of an api; at most thirty-two.
    pub async fn known_as(
        &self,
        api: Arc<str>,
        issuer: String,
        subject: String,
    ) -> Result<Vec<Candidate>, StoreError> {
        self.0.known_as(api, issuer, subject).await
    }

    /// Changes a member. `within`: a member of another account is [`StoreError::NotFound`], as is a removed one.
    /// With `keep_administrator`, a change that leaves the account without an administrator is
    /// [`StoreError::LastAdministrator`]. A role that is theirs already changes nothing and writes no event.
    pub async fn change_member(
        &self,
        id: MemberId,
        within: Option<AccountId>,
        change: MemberChange,
        keep_administrator: bool,
        note: AuditNote,
    ) -> Result<Committed<MemberRow>, StoreError> {
        self.0.change_member(id, within, change, keep_administrator, note).await
    }

    /// Begins a session; its event names the member as who did it. It ends every invitation and password link the
    /// member hasn't used. A member keeps their twenty newest sessions; what
    /// ran out is forgotten.
    pub async fn begin_session(
        &self,
        entrance: Entrance,
        new: NewSession,
        note: AuditNote,
    ) -> Result<OpenSession, StoreError> {
        self.0.begin_session(entrance, new, note).await
    }

    /// The session with this digest, unless it or its member's membership has ended by `now`.
    pub async fn find_session(
        &self,
        digest: Digest,
        now: Timestamp,
    ) -> Result<Option<OpenSession>, StoreError> {
        self.0.find_session(digest, now).await
    }

    /// Notes that a session was used. No event tells of it.
    pub async fn touch_session(
        &self,
        id: SessionId,
        at: Timestamp,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError> {
        self.0.touch_session(id, at, address).await
    }

    /// Sessions that have not ended by `now`, in the order they began.
    pub async fn list_sessions(
        &self,
        of: SessionsOf,
        now: Timestamp,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, StoreError> {
        self.0.list_sessions(of, now, page).await
    }

    /// Sessions that have not ended by `now` and were used after `seen_after`, the newest first: a page goes down from
    /// the session that `page.after` names.
    pub async fn list_sessions_newest_first(
        &self,
        of: SessionsOf,
        now: Timestamp,
        seen_after: Timestamp,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, StoreError> {
        self.0.list_sessions_newest_first(of, now, seen_after, page).await
    }

    /// Ends sessions and returns how many there were: one event about what `of` names, unless there were none.
    /// `within`: those of other accounts are left alone.
    pub async fn end_sessions(
        &self,
        of: SessionsOf,
        within: Option<AccountId>,
        note: AuditNote,
    ) -> Result<u64, StoreError> {
        self.0.end_sessions(of, within, note).await
    }
}
