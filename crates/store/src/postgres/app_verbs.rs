//! The verbs about applications, each handed to a change or to a read.

use std::sync::Arc;

use async_trait::async_trait;
use claviger_model::{AccountId, ClientId, Digest, MemberId, Scopes, Timestamp};

use super::{
    Postgres,
    change::{Durability, make},
    clients, grants,
    issuing::{self, Issue},
    old_grants,
    verbs::{change, to_its_end},
};
use crate::{
    AuditNote, ClientChange, ClientFilter, ClientRow, CodeRow, Committed, ConsentFilter, ConsentId,
    ConsentRow, Exchange, Exchanged, Idempotency, NewClient, NewCode, NewGrant, Page, PageRequest,
    RefreshRow, Refreshing, StoreError, apps_store::AppsDatabase,
};

#[async_trait]
impl AppsDatabase for Postgres {
    async fn insert_client(
        &self,
        new: NewClient,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<ClientRow>, StoreError> {
        change!(self, |change| clients::insert(change, &new, idempotency.as_ref(), &note))
    }

    async fn find_client(&self, id: ClientId) -> Result<Option<ClientRow>, StoreError> {
        Ok(clients::find(&self.0.pool, id).await?)
    }

    async fn list_clients(
        &self,
        filter: ClientFilter,
        page: PageRequest<ClientId>,
    ) -> Result<Page<ClientRow, ClientId>, StoreError> {
        Ok(clients::list(&self.0.pool, filter, page).await?)
    }

    async fn change_client(
        &self,
        id: ClientId,
        wanted: ClientChange,
        note: AuditNote,
    ) -> Result<Committed<ClientRow>, StoreError> {
        change!(self, |change| clients::change(change, id, wanted.clone(), &note))
    }

    async fn find_consent(&self, client: ClientId, member: MemberId) -> Result<Option<Scopes>, StoreError> {
        Ok(grants::consent(&self.0.pool, client, member).await?)
    }

    async fn allow(&self, code: NewCode, note: AuditNote) -> Result<(), StoreError> {
        change!(self, |change| grants::allow(change, &code, &note)).map(|committed| committed.value)
    }

    async fn list_consents(
        &self,
        filter: ConsentFilter,
        page: PageRequest<ConsentId>,
    ) -> Result<Page<ConsentRow, ConsentId>, StoreError> {
        Ok(grants::consents(&self.0.pool, filter, page).await?)
    }

    async fn withdraw(
        &self,
        client: ClientId,
        member: MemberId,
        within: AccountId,
        note: AuditNote,
    ) -> Result<Committed<()>, StoreError> {
        change!(self, |change| grants::withdraw(change, client, member, within, &note))
    }

    async fn find_code(&self, digest: Digest) -> Result<Option<CodeRow>, StoreError> {
        Ok(grants::find_code(&self.0.pool, digest).await?)
    }

    async fn exchange(
        &self,
        exchange: Exchange,
        grant: NewGrant,
        note: AuditNote,
    ) -> Result<Committed<Exchanged>, StoreError> {
        issuing::issue(&self.0, Issue::Grant { exchange, grant: Box::new(grant), note }).await
    }

    async fn find_refresh(&self, digest: Digest) -> Result<Option<RefreshRow>, StoreError> {
        Ok(grants::find_refresh(&self.0.pool, digest).await?)
    }

    async fn refresh(
        &self,
        refreshing: Refreshing,
        note: AuditNote,
    ) -> Result<Committed<Exchanged>, StoreError> {
        issuing::issue(&self.0, Issue::Refresh { refreshing: Box::new(refreshing), note }).await
    }

    async fn forget_grants(&self, before: Timestamp) -> Result<usize, StoreError> {
        let forgotten =
            make!(&self.0.pool, Durability::EveryCommit, |change| old_grants::forget(change, before));
        Ok(forgotten?.value)
    }
}
