//! What a database must do for the store: one method for each verb, each in one transaction.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use claviger_model::{Account, AccountId, Digest, InstallationId, KeyId, NodeId, OperatorId};
use claviger_verify::{
    feed::{FeedSource, Seq},
    limits::QuotaLedger,
    nodes::{Dead, Roll},
    usage::{DeniedAttempt, LastUse, UsageSink},
};

use crate::{
    AccountChange, AccountFilter, AuditEvent, AuditFilter, AuditNote, ChainCheck, Committed, DayCount,
    FoundSecret, Idempotency, KeyChange, KeyFilter, KeyLimits, KeyRow, NewAccount, NewKey, NewOperator, Old,
    OperatorRow, Page, PageRequest, ReceiptRow, SealedSecret, StoreError, UsageFilter,
    apps_store::AppsDatabase, people_store::PeopleDatabase, transfer::TransferDatabase,
};

/// A database that can be stored in. [`Store`](crate::Store) says what each method promises.
#[async_trait]
pub(crate) trait Database: AppsDatabase + PeopleDatabase + TransferDatabase {
    fn installation(&self) -> InstallationId;
    fn feed(&self) -> Arc<dyn FeedSource>;
    fn usage_sink(&self) -> Arc<dyn UsageSink>;
    fn quota_ledger(&self) -> Arc<dyn QuotaLedger>;
    async fn close(&self);

    async fn is_initialised(&self) -> Result<bool, StoreError>;
    async fn initialise(&self, operator: NewOperator, note: AuditNote)
    -> Result<Committed<bool>, StoreError>;

    async fn admit(&self, call: Idempotency) -> Result<(), StoreError>;
    async fn insert_account(
        &self,
        new: NewAccount,
        note: AuditNote,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<(Account, Option<KeyRow>)>, StoreError>;
    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;
    async fn list_accounts(
        &self,
        filter: AccountFilter,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Account, AccountId>, StoreError>;
    async fn apis_in_use(&self) -> Result<Vec<Arc<str>>, StoreError>;
    async fn patch_account(
        &self,
        id: AccountId,
        changes: Vec<(AccountChange, AuditNote)>,
    ) -> Result<Committed<Account>, StoreError>;

    async fn insert_key(
        &self,
        new: NewKey,
        limits: KeyLimits,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<KeyRow>, StoreError>;
    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRow>, StoreError>;
    async fn list_keys(
        &self,
        filter: KeyFilter,
        page: PageRequest<KeyId>,
    ) -> Result<Page<KeyRow, KeyId>, StoreError>;
    async fn change_key(
        &self,
        id: KeyId,
        within: Option<AccountId>,
        change: KeyChange,
        limits: KeyLimits,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<KeyRow>, StoreError>;
    async fn patch_key(
        &self,
        id: KeyId,
        seen: Option<KeyRow>,
        changes: Vec<(KeyChange, AuditNote)>,
        limits: KeyLimits,
    ) -> Result<Committed<KeyRow>, StoreError>;
    async fn sealed_secrets(
        &self,
        keys: Vec<KeyId>,
        note: AuditNote,
        account: Option<AccountId>,
    ) -> Result<Vec<SealedSecret>, StoreError>;

    async fn insert_operator(
        &self,
        new: NewOperator,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<OperatorRow>, StoreError>;
    async fn list_operators(
        &self,
        page: PageRequest<OperatorId>,
    ) -> Result<Page<OperatorRow, OperatorId>, StoreError>;
    async fn revoke_operator(
        &self,
        id: OperatorId,
        note: AuditNote,
    ) -> Result<Committed<OperatorRow>, StoreError>;

    async fn find_secret(&self, digest: Digest) -> Result<Option<FoundSecret>, StoreError>;

    async fn list_audit(
        &self,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, StoreError>;
    async fn list_audit_newest_first(
        &self,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, StoreError>;
    async fn check_audit(&self) -> Result<ChainCheck, StoreError>;

    async fn last_uses(&self, keys: Vec<KeyId>) -> Result<Vec<LastUse>, StoreError>;
    async fn usage(&self, filter: UsageFilter) -> Result<Vec<DayCount>, StoreError>;
    async fn denials(
        &self,
        key: Option<KeyId>,
        request: Option<String>,
    ) -> Result<Vec<DeniedAttempt>, StoreError>;

    async fn forget(&self, old: Old, after: KeyId) -> Result<Option<KeyId>, StoreError>;
    async fn erase_addresses(&self, account: AccountId, note: AuditNote) -> Result<u64, StoreError>;

    async fn begin_anew(&self, note: AuditNote) -> Result<(), StoreError>;

    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    async fn put_setting_if_absent(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError>;

    async fn roll(&self) -> Result<Roll, StoreError>;
    async fn exclude(&self, dead: Dead) -> Result<bool, StoreError>;
    async fn serves(&self, id: NodeId, profiles: BTreeMap<Arc<str>, String>) -> Result<(), StoreError>;
    async fn fence(&self, id: NodeId, note: AuditNote) -> Result<(), StoreError>;
    async fn put_receipt(&self, receipt: ReceiptRow) -> Result<(), StoreError>;
    async fn find_receipt(&self, seq: Seq) -> Result<Option<ReceiptRow>, StoreError>;
}
