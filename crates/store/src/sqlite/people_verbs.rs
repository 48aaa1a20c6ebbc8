//! The verbs about members, their sessions and one-time links, each handed to the writer or to a reader.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use claviger_model::{AccountId, Digest, Email, MemberId, SessionId, Timestamp};

use super::{Sqlite, authority, links, members, sessions};
use crate::{
    AuditNote, Candidate, Committed, Entrance, LinkRow, MemberChange, MemberFilter, MemberRow, NewLink,
    NewSession, OpenSession, Page, PageRequest, SessionRow, SessionsOf, StoreError,
    people_store::PeopleDatabase,
};

#[async_trait]
impl PeopleDatabase for Sqlite {
    async fn insert_link(&self, new: NewLink) -> Result<Committed<LinkRow>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &new.linked)?;
                links::insert(connection, new)
            })
            .await
    }

    async fn find_link(&self, digest: Digest) -> Result<Option<LinkRow>, StoreError> {
        self.0.readers.run(move |connection| links::find(connection, digest)).await
    }

    async fn find_member(&self, id: MemberId) -> Result<Option<MemberRow>, StoreError> {
        self.0.readers.run(move |connection| members::find(connection, id)).await
    }

    async fn list_members(
        &self,
        filter: MemberFilter,
        page: PageRequest<MemberId>,
    ) -> Result<Page<MemberRow, MemberId>, StoreError> {
        self.0.readers.run(move |connection| members::list(connection, filter, page)).await
    }

    async fn candidates(&self, api: Arc<str>, email: Email) -> Result<Vec<Candidate>, StoreError> {
        self.0.readers.run(move |connection| members::candidates(connection, &api, &email)).await
    }

    async fn known_as(
        &self,
        api: Arc<str>,
        issuer: String,
        subject: String,
    ) -> Result<Vec<Candidate>, StoreError> {
        self.0.readers.run(move |connection| members::known_as(connection, &api, &issuer, &subject)).await
    }

    async fn change_member(
        &self,
        id: MemberId,
        within: Option<AccountId>,
        change: MemberChange,
        keep_administrator: bool,
        note: AuditNote,
    ) -> Result<Committed<MemberRow>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                members::change(connection, id, within, change, keep_administrator, &note)
            })
            .await
    }

    async fn begin_session(
        &self,
        entrance: Entrance,
        new: NewSession,
        note: AuditNote,
    ) -> Result<OpenSession, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                sessions::begin(connection, entrance, &new, &note)
            })
            .await
    }

    async fn find_session(&self, digest: Digest, now: Timestamp) -> Result<Option<OpenSession>, StoreError> {
        self.0.readers.run(move |connection| sessions::find(connection, digest, now)).await
    }

    async fn touch_session(
        &self,
        id: SessionId,
        at: Timestamp,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError> {
        self.0.change(move |connection| sessions::touch(connection, id, at, address)).await
    }

    async fn list_sessions(
        &self,
        of: SessionsOf,
        now: Timestamp,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, StoreError> {
        self.0.readers.run(move |connection| sessions::list(connection, of, now, page)).await
    }

    async fn list_sessions_newest_first(
        &self,
        of: SessionsOf,
        now: Timestamp,
        seen_after: Timestamp,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, StoreError> {
        self.0
            .readers
            .run(move |connection| sessions::list_newest_first(connection, of, now, seen_after, page))
            .await
    }

    async fn end_sessions(
        &self,
        of: SessionsOf,
        within: Option<AccountId>,
        note: AuditNote,
    ) -> Result<u64, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                sessions::end(connection, of, within, &note)
            })
            .await
    }
}
