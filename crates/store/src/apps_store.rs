//! The store's verbs about OAuth clients, what they were allowed, and their tokens.

use async_trait::async_trait;
use claviger_model::{AccountId, ClientId, Digest, MemberId, Scopes, Timestamp};

use crate::{
    AuditNote, ClientChange, ClientFilter, ClientRow, CodeRow, Committed, ConsentFilter, ConsentId,
    ConsentRow, Exchange, Exchanged, Idempotency, NewClient, NewCode, NewGrant, Page, PageRequest,
    RefreshRow, Refreshing, Store, StoreError,
    apps::{FORGOTTEN_AT_ONCE, forgotten_before},
};

/// What a database must do for them: [`Store`] says what each method promises.
#[async_trait]
pub(crate) trait AppsDatabase: Send + Sync {
    async fn insert_client(
        &self,
        new: NewClient,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<ClientRow>, StoreError>;
    async fn find_client(&self, id: ClientId) -> Result<Option<ClientRow>, StoreError>;
    async fn list_clients(
        &self,
        filter: ClientFilter,
        page: PageRequest<ClientId>,
    ) -> Result<Page<ClientRow, ClientId>, StoreError>;
    async fn change_client(
        &self,
        id: ClientId,
        change: ClientChange,
        note: AuditNote,
    ) -> Result<Committed<ClientRow>, StoreError>;
    async fn find_consent(&self, client: ClientId, member: MemberId) -> Result<Option<Scopes>, StoreError>;
    async fn allow(&self, code: NewCode, note: AuditNote) -> Result<(), StoreError>;
    async fn list_consents(
        &self,
        filter: ConsentFilter,
        page: PageRequest<ConsentId>,
    ) -> Result<Page<ConsentRow, ConsentId>, StoreError>;
    async fn withdraw(
        &self,
        client: ClientId,
        member: MemberId,
        within: AccountId,
        note: AuditNote,
    ) -> Result<Committed<()>, StoreError>;
    async fn find_code(&self, digest: Digest) -> Result<Option<CodeRow>, StoreError>;
    async fn exchange(
        &self,
        exchange: Exchange,
        grant: NewGrant,
        note: AuditNote,
    ) -> Result<Committed<Exchanged>, StoreError>;
    async fn find_refresh(&self, digest: Digest) -> Result<Option<RefreshRow>, StoreError>;
    async fn refresh(
        &self,
        refreshing: Refreshing,
        note: AuditNote,
    ) -> Result<Committed<Exchanged>, StoreError>;
    async fn forget_grants(&self, before: Timestamp) -> Result<usize, StoreError>;
}

/// Applications, what members have allowed them, and their tokens.
impl Store {
    /// Registers an application.
    pub async fn insert_client(
        &self,
        new: NewClient,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<ClientRow>, StoreError> {
        self.0.insert_client(new, idempotency, note).await
    }

    /// The application with this id, revoked or not.
    pub async fn find_client(&self, id: ClientId) -> Result<Option<ClientRow>, StoreError> {
        self.0.find_client(id).await
    }

    /// Applications in the order of their registration.
    pub async fn list_clients(
        &self,
        filter: ClientFilter,
        page: PageRequest<ClientId>,
    ) -> Result<Page<ClientRow, ClientId>, StoreError> {
        self.0.list_clients(filter, page).await
    }

    /// Changes an application. One that is revoked changes no more, and takes with it all that it was granted: the
    /// feed's position is that of the last grant.
    pub async fn change_client(
        &self,
        id: ClientId,
        change: ClientChange,
        note: AuditNote,
    ) -> Result<Committed<ClientRow>, StoreError> {
        self.0.change_client(id, change, note).await
    }

    /// What a member has allowed an application and not withdrawn.
    pub async fn find_consent(
        &self,
        client: ClientId,
        member: MemberId,
    ) -> Result<Option<Scopes>, StoreError> {
        self.0.find_consent(client, member).await
    }

    /// Remembers what a member allows, beside what they allowed before unless that is too much for one list, and the code
    /// that says so. Where the application is revoked or the member removed it is [`StoreError::NotFound`].
    pub async fn allow(&self, code: NewCode, note: AuditNote) -> Result<(), StoreError> {
        self.0.allow(code, note).await
    }

    /// What members have allowed, by application; those of applications that were revoked are left out.
    pub async fn list_consents(
        &self,
        filter: ConsentFilter,
        page: PageRequest<ConsentId>,
    ) -> Result<Page<ConsentRow, ConsentId>, StoreError> {
        self.0.list_consents(filter, page).await
    }

    /// Takes back what a member of the account `within` has allowed, with all grants by it, and the codes that weren't
    /// exchanged: none works again when the member allows something anew.
    pub async fn withdraw(
        &self,
        client: ClientId,
        member: MemberId,
        within: AccountId,
        note: AuditNote,
    ) -> Result<Committed<()>, StoreError> {
        self.0.withdraw(client, member, within, note).await
    }

    /// The code with this digest, used or not.
    pub async fn find_code(&self, digest: Digest) -> Result<Option<CodeRow>, StoreError> {
        self.0.find_code(digest).await
    }

    /// Makes a grant. A code is used up by it, and one that was used before revokes the grant that it was used for, of
    /// which [`Exchange::Code`] says what is told. A code that ran out, was never there, or whose consent was withdrawn is
    /// [`StoreError::NotFound`], as is an application that was revoked.
    pub async fn exchange(
        &self,
        exchange: Exchange,
        grant: NewGrant,
        note: AuditNote,
    ) -> Result<Committed<Exchanged>, StoreError> {
        self.0.exchange(exchange, grant, note).await
    }

    /// The refresh token with this digest, used or not.
    pub async fn find_refresh(&self, digest: Digest) -> Result<Option<RefreshRow>, StoreError> {
        self.0.find_refresh(digest).await
    }

    /// Gives new tokens for a refresh token, which is used up by it. One that was used before is a repetition or a theft, as
    /// [`Refreshing`] says: a repetition takes the pair back that was given and gives another, a theft revokes the grant, as
    /// does one that was taken back. One that ran out or never was, or whose grant has ended, is
    /// [`StoreError::NotFound`]. Access tokens that ran out more than a day ago are forgotten.
    pub async fn refresh(
        &self,
        refreshing: Refreshing,
        note: AuditNote,
    ) -> Result<Committed<Exchanged>, StoreError> {
        self.0.refresh(refreshing, note).await
    }

    /// Forgets some of the grants that ran out more than a day before `now`, the oldest first, with their tokens, when
    /// those were last used and what was denied to them; whether more may be left. The trail and the counts stay.
    pub async fn forget_grants(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0.forget_grants(forgotten_before(now)).await? == FORGOTTEN_AT_ONCE)
    }
}
