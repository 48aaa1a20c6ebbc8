//! The verbs about applications, each handed to the writer or to a reader.

use async_trait::async_trait;
use claviger_model::{AccountId, ClientId, Digest, MemberId, Scopes, Timestamp};

use super::{Sqlite, authority, clients, grants, old_grants};
use crate::{
    AuditNote, ClientChange, ClientFilter, ClientRow, CodeRow, Committed, ConsentFilter, ConsentId,
    ConsentRow, Exchange, Exchanged, Idempotency, NewClient, NewCode, NewGrant, Page, PageRequest,
    RefreshRow, Refreshing, StoreError, apps_store::AppsDatabase,
};

#[async_trait]
impl AppsDatabase for Sqlite {
    async fn insert_client(
        &self,
        new: NewClient,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<ClientRow>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                clients::insert(connection, &new, idempotency.as_ref(), &note)
            })
            .await
    }

    async fn find_client(&self, id: ClientId) -> Result<Option<ClientRow>, StoreError> {
        self.0.readers.run(move |connection| clients::find(connection, id)).await
    }

    async fn list_clients(
        &self,
        filter: ClientFilter,
        page: PageRequest<ClientId>,
    ) -> Result<Page<ClientRow, ClientId>, StoreError> {
        self.0.readers.run(move |connection| clients::list(connection, &filter, page)).await
    }

    async fn change_client(
        &self,
        id: ClientId,
        change: ClientChange,
        note: AuditNote,
    ) -> Result<Committed<ClientRow>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                clients::change(connection, id, change, &note)
            })
            .await
    }

    async fn find_consent(&self, client: ClientId, member: MemberId) -> Result<Option<Scopes>, StoreError> {
        self.0.readers.run(move |connection| grants::consent(connection, client, member)).await
    }

    async fn allow(&self, code: NewCode, note: AuditNote) -> Result<(), StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                grants::allow(connection, &code, &note)
            })
            .await
    }

    async fn list_consents(
        &self,
        filter: ConsentFilter,
        page: PageRequest<ConsentId>,
    ) -> Result<Page<ConsentRow, ConsentId>, StoreError> {
        self.0.readers.run(move |connection| grants::consents(connection, filter, page)).await
    }

    async fn withdraw(
        &self,
        client: ClientId,
        member: MemberId,
        within: AccountId,
        note: AuditNote,
    ) -> Result<Committed<()>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                grants::withdraw(connection, client, member, within, &note)
            })
            .await
    }

    async fn find_code(&self, digest: Digest) -> Result<Option<CodeRow>, StoreError> {
        self.0.readers.run(move |connection| grants::find_code(connection, digest)).await
    }

    async fn exchange(
        &self,
        exchange: Exchange,
        grant: NewGrant,
        note: AuditNote,
    ) -> Result<Committed<Exchanged>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                grants::exchange(connection, &exchange, grant, &note)
            })
            .await
    }

    async fn find_refresh(&self, digest: Digest) -> Result<Option<RefreshRow>, StoreError> {
        self.0.readers.run(move |connection| grants::find_refresh(connection, digest)).await
    }

    async fn refresh(
        &self,
        refreshing: Refreshing,
        note: AuditNote,
    ) -> Result<Committed<Exchanged>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                grants::refresh(connection, &refreshing, &note)
            })
            .await
    }

    /// What is in the other file goes first: a crash in between costs when a token that ran out was last used.
    async fn forget_grants(&self, before: Timestamp) -> Result<usize, StoreError> {
        let old = self.0.readers.run(move |connection| old_grants::find(connection, before)).await?;
        if old.is_empty() {
            return Ok(0);
        }
        let keys = old.clone();
        self.0.usage_writer.run(move |connection| old_grants::forget_uses(connection, &keys)).await?;
        let count = old.len();
        self.0.change(move |connection| old_grants::forget(connection, &old)).await.map(|()| count)
    }
}
