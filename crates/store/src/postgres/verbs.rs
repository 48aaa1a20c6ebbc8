//! The verbs of the store, each handed to a change or to a read.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use async_trait::async_trait;
use claviger_model::{Account, AccountId, Digest, InstallationId, KeyId, NodeId, OperatorId};
use claviger_verify::{
    feed::{FeedSource, Seq},
    limits::QuotaLedger,
    nodes::{Dead, Roll},
    usage::{DeniedAttempt, LastUse, UsageSink},
};

use super::{
    Postgres, accounts, audit,
    change::{Durability, make},
    feed::Feed,
    idempotency, keep, key_rows, keys, operators,
    quota::Ledger,
    receipts, retention, roll, secrets, settings,
    usage::Sink,
    usage_rows,
};
use crate::{
    AccountChange, AccountFilter, AuditEvent, AuditFilter, AuditNote, ChainCheck, Committed, DayCount,
    FoundSecret, Idempotency, KeyChange, KeyFilter, KeyLimits, KeyRow, NewAccount, NewKey, NewOperator, Old,
    OperatorRow, Page, PageRequest, ReceiptRow, SealedSecret, StoreError, UsageFilter, database::Database,
};

/// Runs a change to its end, also where whoever asked for it goes away.
pub(super) async fn to_its_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::spawn(change).await {
        Ok(answer) => answer,
        Err(fault) => Err(StoreError::Internal(format!("a change ended early: {fault}"))),
    }
}

/// A change of the work that is written here, which may be done more than once.
macro_rules! change {
    ($self:ident, |$change:ident| $work:expr) => {{
        let inner = Arc::clone(&$self.0);
        to_its_end(async move {
            let answer = make!(&inner.pool, Durability::EveryCommit, |$change| $work);
            inner.changed();
            answer
        })
        .await
    }};
}

pub(super) use change;

#[async_trait]
impl Database for Postgres {
    fn installation(&self) -> InstallationId {
        self.0.installation
    }

    fn feed(&self) -> Arc<dyn FeedSource> {
        Arc::new(Feed(Arc::clone(&self.0)))
    }

    fn quota_ledger(&self) -> Arc<dyn QuotaLedger> {
        Arc::new(Ledger(Arc::clone(&self.0)))
    }

    fn usage_sink(&self) -> Arc<dyn UsageSink> {
        Arc::new(Sink(Arc::clone(&self.0)))
    }

    async fn close(&self) {
        self.0.wake.stop();
        self.0.pool.close().await;
        self.0.feed_pool.close().await;
    }

    async fn is_initialised(&self) -> Result<bool, StoreError> {
        Ok(operators::exist(&self.0.pool).await?)
    }

    async fn initialise(
        &self,
        operator: NewOperator,
        note: AuditNote,
    ) -> Result<Committed<bool>, StoreError> {
        change!(self, |change| operators::initialise(change, operator.clone(), &note))
    }

    async fn admit(&self, call: Idempotency) -> Result<(), StoreError> {
        Ok(idempotency::look(&self.0.pool, &call).await?)
    }

    async fn insert_account(
        &self,
        new: NewAccount,
        note: AuditNote,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<(Account, Option<KeyRow>)>, StoreError> {
        change!(self, |change| accounts::insert(change, new.clone(), &note, idempotency.as_ref()))
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(accounts::find(&self.0.pool, id).await?)
    }

    async fn list_accounts(
        &self,
        filter: AccountFilter,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Account, AccountId>, StoreError> {
        Ok(accounts::list(&self.0.pool, filter, page).await?)
    }

    async fn apis_in_use(&self) -> Result<Vec<Arc<str>>, StoreError> {
        Ok(accounts::apis(&self.0.pool).await?)
    }

    async fn patch_account(
        &self,
        id: AccountId,
        changes: Vec<(AccountChange, AuditNote)>,
    ) -> Result<Committed<Account>, StoreError> {
        change!(self, |change| accounts::patch(change, id, changes.clone()))
    }

    async fn insert_key(
        &self,
        new: NewKey,
        limits: KeyLimits,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<KeyRow>, StoreError> {
        change!(self, |change| keys::insert(change, new.clone(), limits, idempotency.as_ref(), &note))
    }

    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        Ok(key_rows::find(&self.0.pool, id).await?)
    }

    async fn list_keys(
        &self,
        filter: KeyFilter,
        page: PageRequest<KeyId>,
    ) -> Result<Page<KeyRow, KeyId>, StoreError> {
        Ok(key_rows::list(&self.0.pool, filter, page).await?)
    }

    async fn change_key(
        &self,
        id: KeyId,
        within: Option<AccountId>,
        wanted: KeyChange,
        limits: KeyLimits,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<KeyRow>, StoreError> {
        change!(self, |change| keys::change(
            change,
            id,
            within,
            wanted.clone(),
            limits,
            idempotency.as_ref(),
            &note
        ))
    }

    async fn patch_key(
        &self,
        id: KeyId,
        seen: Option<KeyRow>,
        changes: Vec<(KeyChange, AuditNote)>,
        limits: KeyLimits,
    ) -> Result<Committed<KeyRow>, StoreError> {
        change!(self, |change| keys::patch(change, id, seen.as_ref(), changes.clone(), limits))
    }

    async fn sealed_secrets(
        &self,
        keys: Vec<KeyId>,
        note: AuditNote,
        account: Option<AccountId>,
    ) -> Result<Vec<SealedSecret>, StoreError> {
        change!(self, |change| secrets::reveal(change, keys.clone(), &note, account)).map(|done| done.value)
    }

    async fn insert_operator(
        &self,
        new: NewOperator,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<OperatorRow>, StoreError> {
        change!(self, |change| operators::insert(change, new.clone(), idempotency.as_ref(), &note))
    }

    async fn list_operators(
        &self,
        page: PageRequest<OperatorId>,
    ) -> Result<Page<OperatorRow, OperatorId>, StoreError> {
        Ok(operators::list(&self.0.pool, page).await?)
    }

    async fn revoke_operator(
        &self,
        id: OperatorId,
        note: AuditNote,
    ) -> Result<Committed<OperatorRow>, StoreError> {
        change!(self, |change| operators::revoke(change, id, &note))
    }

    async fn find_secret(&self, digest: Digest) -> Result<Option<FoundSecret>, StoreError> {
        Ok(key_rows::find_secret(&self.0.pool, digest).await?)
    }

    async fn list_audit(
        &self,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, StoreError> {
        Ok(audit::list(&self.0.pool, filter, page).await?)
    }

    async fn list_audit_newest_first(
        &self,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, StoreError> {
        Ok(audit::list_newest_first(&self.0.pool, filter, page).await?)
    }

    async fn check_audit(&self) -> Result<ChainCheck, StoreError> {
        Ok(audit::check(&self.0.pool).await?)
    }

    async fn last_uses(&self, keys: Vec<KeyId>) -> Result<Vec<LastUse>, StoreError> {
        Ok(usage_rows::last_uses(&self.0.pool, keys).await?)
    }

    async fn usage(&self, filter: UsageFilter) -> Result<Vec<DayCount>, StoreError> {
        Ok(usage_rows::counts(&self.0.pool, filter).await?)
    }

    async fn denials(
        &self,
        key: Option<KeyId>,
        request: Option<String>,
    ) -> Result<Vec<DeniedAttempt>, StoreError> {
        Ok(usage_rows::denials(&self.0.pool, key, request).await?)
    }

    async fn forget(&self, old: Old, after: KeyId) -> Result<Option<KeyId>, StoreError> {
        change!(self, |change| retention::forget(change, old, after)).map(|done| done.value)
    }

    async fn erase_addresses(&self, account: AccountId, note: AuditNote) -> Result<u64, StoreError> {
        change!(self, |change| retention::erase(change, account, &note)).map(|done| done.value)
    }

    async fn begin_anew(&self, note: AuditNote) -> Result<(), StoreError> {
        change!(self, |change| keep::begin_anew(change, &note)).map(|done| done.value)
    }

    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(settings::find(&self.0.pool, name).await?)
    }

    async fn put_setting_if_absent(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let name = name.to_owned();
        change!(self, |change| settings::put_if_absent(change, &name, &value)).map(|done| done.value)
    }

    async fn roll(&self) -> Result<Roll, StoreError> {
        Ok(roll::list(&self.0.feed_pool).await?)
    }

    async fn exclude(&self, dead: Dead) -> Result<bool, StoreError> {
        let excluded =
            make!(&self.0.feed_pool, Durability::EveryCommit, |change| roll::exclude(change, dead));
        excluded.map(|done| done.value)
    }

    async fn serves(&self, id: NodeId, profiles: BTreeMap<Arc<str>, String>) -> Result<(), StoreError> {
        let told =
            make!(&self.0.feed_pool, Durability::EveryCommit, |change| roll::serves(change, id, &profiles));
        told.map(|done| done.value)
    }

    async fn fence(&self, id: NodeId, note: AuditNote) -> Result<(), StoreError> {
        change!(self, |change| roll::fence(change, id, &note)).map(|done| done.value)
    }

    async fn put_receipt(&self, receipt: ReceiptRow) -> Result<(), StoreError> {
        change!(self, |change| receipts::put(change, &receipt)).map(|done| done.value)
    }

    async fn find_receipt(&self, seq: Seq) -> Result<Option<ReceiptRow>, StoreError> {
        Ok(receipts::find(&self.0.pool, seq).await?)
    }
}
