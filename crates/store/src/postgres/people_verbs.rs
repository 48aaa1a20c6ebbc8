//! The verbs about members, their sessions and one-time links, each handed to a change or to a read.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use claviger_model::{AccountId, Digest, Email, MemberId, SessionId, Timestamp};

use super::{
    Postgres,
    change::{Durability, make},
    links, members, sessions,
    verbs::{change, to_its_end},
};
use crate::{
    AuditNote, Candidate, Committed, Entrance, LinkRow, MemberChange, MemberFilter, MemberRow, NewLink,
    NewSession, OpenSession, Page, PageRequest, SessionRow, SessionsOf, StoreError,
    people_store::PeopleDatabase,
};

#[async_trait]
impl PeopleDatabase for Postgres {
    async fn insert_link(&self, new: NewLink) -> Result<Committed<LinkRow>, StoreError> {
        change!(self, |change| links::insert(change, new.clone()))
    }

    async fn find_link(&self, digest: Digest) -> Result<Option<LinkRow>, StoreError> {
        Ok(links::find(&self.0.pool, digest).await?)
    }

    async fn find_member(&self, id: MemberId) -> Result<Option<MemberRow>, StoreError> {
        Ok(members::find(&self.0.pool, id).await?)
    }

    async fn list_members(
        &self,
        filter: MemberFilter,
        page: PageRequest<MemberId>,
    ) -> Result<Page<MemberRow, MemberId>, StoreError> {
        Ok(members::list(&self.0.pool, filter, page).await?)
    }

    async fn candidates(&self, api: Arc<str>, email: Email) -> Result<Vec<Candidate>, StoreError> {
        Ok(members::candidates(&self.0.pool, &api, &email).await?)
    }

    async fn known_as(
        &self,
        api: Arc<str>,
        issuer: String,
        subject: String,
    ) -> Result<Vec<Candidate>, StoreError> {
        Ok(members::known_as(&self.0.pool, &api, &issuer, &subject).await?)
    }

    async fn change_member(
        &self,
        id: MemberId,
        within: Option<AccountId>,
        wanted: MemberChange,
        keep_administrator: bool,
        note: AuditNote,
    ) -> Result<Committed<MemberRow>, StoreError> {
        change!(self, |change| members::change(change, id, within, wanted.clone(), keep_administrator, &note))
    }

    async fn begin_session(
        &self,
        entrance: Entrance,
        new: NewSession,
        note: AuditNote,
    ) -> Result<OpenSession, StoreError> {
        change!(self, |change| sessions::begin(change, entrance.clone(), &new, &note)).map(|done| done.value)
    }

    async fn find_session(&self, digest: Digest, now: Timestamp) -> Result<Option<OpenSession>, StoreError> {
        Ok(sessions::find(&self.0.pool, digest, now).await?)
    }

    async fn touch_session(
        &self,
        id: SessionId,
        at: Timestamp,
        address: Option<IpAddr>,
    ) -> Result<(), StoreError> {
        change!(self, |change| sessions::touch(change, id, at, address)).map(|done| done.value)
    }

    async fn list_sessions(
        &self,
        of: SessionsOf,
        now: Timestamp,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, StoreError> {
        Ok(sessions::list(&self.0.pool, of, now, page).await?)
    }

    async fn list_sessions_newest_first(
        &self,
        of: SessionsOf,
        now: Timestamp,
        seen_after: Timestamp,
        page: PageRequest<SessionId>,
    ) -> Result<Page<SessionRow, SessionId>, StoreError> {
        Ok(sessions::list_newest_first(&self.0.pool, of, now, seen_after, page).await?)
    }

    async fn end_sessions(
        &self,
        of: SessionsOf,
        within: Option<AccountId>,
        note: AuditNote,
    ) -> Result<u64, StoreError> {
        change!(self, |change| sessions::end(change, of, within, &note)).map(|done| done.value)
    }
}
