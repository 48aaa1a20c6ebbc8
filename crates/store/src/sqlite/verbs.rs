//! The verbs of the store, each handed to the writer or to a reader.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use claviger_model::{Account, AccountId, Digest, InstallationId, KeyId, NodeId, OperatorId};
use claviger_verify::{
    feed::{FeedSource, Seq},
    limits::QuotaLedger,
    nodes::{Dead, Roll},
    usage::{DeniedAttempt, LastUse, UsageSink},
};

use rusqlite::Connection;

use super::{
    Sqlite, accounts, audit, authority, failure::Outcome, feed, feed::Feed, idempotency, keep, key_rows,
    keys, operators, quota::Ledger, receipts, retention, secrets, settings, usage::Sink, usage_rows,
};
use crate::{
    AccountChange, AccountFilter, AuditEvent, AuditFilter, AuditNote, ChainCheck, Committed, DayCount,
    FoundSecret, Idempotency, KeyChange, KeyFilter, KeyLimits, KeyRow, NewAccount, NewKey, NewOperator, Old,
    OperatorRow, Page, PageRequest, ReceiptRow, SealedSecret, StoreError, UsageFilter, database::Database,
};

/// Applies changes in their order within one change of the writer, so that all are made or none, and returns what
/// the last one left.
fn one_by_one<C, T>(
    connection: &Connection,
    changes: Vec<(C, AuditNote)>,
    mut apply: impl FnMut(C, &AuditNote) -> Outcome<T>,
) -> Outcome<T> {
    let mut left = Err(StoreError::Internal("a patch of nothing".to_owned()).into());
    for (change, note) in changes {
        authority::hold(connection, &note)?;
        left = Ok(apply(change, &note)?);
    }
    left
}

#[async_trait]
impl Database for Sqlite {
    fn installation(&self) -> InstallationId {
        self.0.installation
    }

    fn feed(&self) -> Arc<dyn FeedSource> {
        Arc::new(Feed { inner: Arc::clone(&self.0), committed: self.0.writer.committed() })
    }

    fn usage_sink(&self) -> Arc<dyn UsageSink> {
        Arc::new(Sink(Arc::clone(&self.0)))
    }

    fn quota_ledger(&self) -> Arc<dyn QuotaLedger> {
        Arc::new(Ledger(Arc::clone(&self.0)))
    }

    async fn close(&self) {
        self.0.writer.close().await;
        self.0.usage_writer.close().await;
        self.0.readers.close();
        self.0.usage_readers.close();
    }

    async fn is_initialised(&self) -> Result<bool, StoreError> {
        self.0.readers.run(operators::exist).await
    }

    async fn initialise(
        &self,
        operator: NewOperator,
        note: AuditNote,
    ) -> Result<Committed<bool>, StoreError> {
        self.0.change(move |connection| operators::initialise(connection, operator, &note)).await
    }

    async fn admit(&self, call: Idempotency) -> Result<(), StoreError> {
        self.0.readers.run(move |connection| idempotency::look(connection, &call)).await
    }

    async fn insert_account(
        &self,
        new: NewAccount,
        note: AuditNote,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<(Account, Option<KeyRow>)>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                accounts::insert(connection, new, &note, idempotency.as_ref())
            })
            .await
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.0.readers.run(move |connection| accounts::find(connection, id)).await
    }

    async fn list_accounts(
        &self,
        filter: AccountFilter,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Account, AccountId>, StoreError> {
        self.0.readers.run(move |connection| accounts::list(connection, filter, page)).await
    }

    async fn apis_in_use(&self) -> Result<Vec<Arc<str>>, StoreError> {
        self.0.readers.run(accounts::apis).await
    }

    async fn patch_account(
        &self,
        id: AccountId,
        changes: Vec<(AccountChange, AuditNote)>,
    ) -> Result<Committed<Account>, StoreError> {
        let all = move |connection: &Connection| {
            one_by_one(connection, changes, |change, note| accounts::change(connection, id, change, note))
        };
        self.0.change(all).await
    }

    async fn insert_key(
        &self,
        new: NewKey,
        limits: KeyLimits,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<KeyRow>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                keys::insert(connection, new, limits, idempotency.as_ref(), &note)
            })
            .await
    }

    async fn find_key(&self, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        self.0.readers.run(move |connection| key_rows::find(connection, id)).await
    }

    async fn list_keys(
        &self,
        filter: KeyFilter,
        page: PageRequest<KeyId>,
    ) -> Result<Page<KeyRow, KeyId>, StoreError> {
        self.0.readers.run(move |connection| key_rows::list(connection, &filter, page)).await
    }

    async fn change_key(
        &self,
        id: KeyId,
        within: Option<AccountId>,
        change: KeyChange,
        limits: KeyLimits,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<KeyRow>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                keys::change(connection, id, within, change, limits, idempotency.as_ref(), &note)
            })
            .await
    }

    async fn patch_key(
        &self,
        id: KeyId,
        seen: Option<KeyRow>,
        changes: Vec<(KeyChange, AuditNote)>,
        limits: KeyLimits,
    ) -> Result<Committed<KeyRow>, StoreError> {
        let all = move |connection: &Connection| {
            keys::hold_unchanged(connection, id, seen.as_ref())?;
            one_by_one(connection, changes, |change, note| {
                keys::change(connection, id, None, change, limits, None, note)
            })
        };
        self.0.change(all).await
    }

    async fn sealed_secrets(
        &self,
        keys: Vec<KeyId>,
        note: AuditNote,
        account: Option<AccountId>,
    ) -> Result<Vec<SealedSecret>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                secrets::reveal(connection, &keys, &note, account)
            })
            .await
    }

    async fn insert_operator(
        &self,
        new: NewOperator,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<OperatorRow>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                operators::insert(connection, new, idempotency.as_ref(), &note)
            })
            .await
    }

    async fn list_operators(
        &self,
        page: PageRequest<OperatorId>,
    ) -> Result<Page<OperatorRow, OperatorId>, StoreError> {
        self.0.readers.run(move |connection| operators::list(connection, page)).await
    }

    async fn revoke_operator(
        &self,
        id: OperatorId,
        note: AuditNote,
    ) -> Result<Committed<OperatorRow>, StoreError> {
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                operators::revoke(connection, id, &note)
            })
            .await
    }

    async fn find_secret(&self, digest: Digest) -> Result<Option<FoundSecret>, StoreError> {
        self.0.readers.run(move |connection| key_rows::find_secret(connection, digest)).await
    }

    async fn list_audit(
        &self,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, StoreError> {
        self.0.readers.run(move |connection| audit::list(connection, filter, page)).await
    }

    async fn list_audit_newest_first(
        &self,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, StoreError> {
        self.0.readers.run(move |connection| audit::list_newest_first(connection, filter, page)).await
    }

    async fn check_audit(&self) -> Result<ChainCheck, StoreError> {
        audit::check(&self.0.readers).await
    }

    async fn last_uses(&self, keys: Vec<KeyId>) -> Result<Vec<LastUse>, StoreError> {
        self.0.usage_readers.run(move |connection| usage_rows::last_uses(connection, &keys)).await
    }

    async fn usage(&self, filter: UsageFilter) -> Result<Vec<DayCount>, StoreError> {
        self.0.usage_readers.run(move |connection| usage_rows::counts(connection, filter)).await
    }

    async fn denials(
        &self,
        key: Option<KeyId>,
        request: Option<String>,
    ) -> Result<Vec<DeniedAttempt>, StoreError> {
        self.0
            .usage_readers
            .run(move |connection| usage_rows::denials(connection, key, request.as_deref()))
            .await
    }

    async fn forget(&self, old: Old, after: KeyId) -> Result<Option<KeyId>, StoreError> {
        retention::forget(&self.0, old, after).await
    }

    async fn erase_addresses(&self, account: AccountId, note: AuditNote) -> Result<u64, StoreError> {
        retention::erase(&self.0, account, note).await
    }

    async fn begin_anew(&self, note: AuditNote) -> Result<(), StoreError> {
        self.0.change(move |connection| keep::begin_anew(connection, &note)).await
    }

    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        self.0.readers.run(move |connection| settings::find(connection, &name)).await
    }

    async fn put_setting_if_absent(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let name = name.to_owned();
        self.0.change(move |connection| settings::put_if_absent(connection, &name, &value)).await
    }

    async fn roll(&self) -> Result<Roll, StoreError> {
        let head = self.0.readers.run(feed::position).await?.head;
        Ok(Roll { head, nodes: self.0.node.list() })
    }

    async fn exclude(&self, dead: Dead) -> Result<bool, StoreError> {
        Ok(self.0.node.exclude(dead))
    }

    async fn serves(&self, id: NodeId, profiles: BTreeMap<Arc<str>, String>) -> Result<(), StoreError> {
        self.0.node.serves(id, profiles);
        Ok(())
    }

    async fn fence(&self, id: NodeId, note: AuditNote) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.0);
        self.0
            .change(move |connection| {
                authority::hold(connection, &note)?;
                if !inner.node.end(id) {
                    return Err(StoreError::NotFound.into());
                }
                audit::append(connection, &note, None, Some(&id.to_string()))
            })
            .await
    }

    async fn put_receipt(&self, receipt: ReceiptRow) -> Result<(), StoreError> {
        self.0.change(move |connection| receipts::put(connection, &receipt)).await
    }

    async fn find_receipt(&self, seq: Seq) -> Result<Option<ReceiptRow>, StoreError> {
        self.0.readers.run(move |connection| receipts::find(connection, seq)).await
    }
}
