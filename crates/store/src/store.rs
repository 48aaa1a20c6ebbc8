//! The store: the verbs of what is remembered, whichever database is underneath.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use claviger_model::{
    Account, AccountId, Digest, Entropy, InstallationId, KeyId, NodeId, OperatorId, Timestamp,
};
use claviger_verify::{
    feed::{FeedSource, Seq},
    limits::QuotaLedger,
    nodes::{Dead, Roll},
    usage::{DeniedAttempt, LastUse, UsageSink},
};

use crate::{
    AccountChange, AccountFilter, AuditEvent, AuditFilter, AuditNote, ChainCheck, Committed, DayCount,
    FoundSecret, Idempotency, KeyChange, KeyFilter, KeyLimits, KeyRow, Migrated, NewAccount, NewKey,
    NewOperator, OpenError, OperatorRow, Page, PageRequest, PostgresOptions, ReceiptRow, SealedSecret,
    StoreError, UsageFilter, database::Database, postgres, sqlite,
};

/// Everything that is remembered. Cheap to clone: all clones are one.
///
/// A verb that changes something is one transaction: the rows, the audit events, the feed's entries and the record
/// of the idempotency key stand or fall together, and are on disk when it returns. Dropping a call's future doesn't
/// take the change back.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<dyn Database>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.installation()).finish()
    }
}

/// Opening, closing, and what is true of the whole.
impl Store {
    /// Opens the embedded database in this data directory, and makes both when they aren't there.
    ///
    /// The directory is this process's alone from here on: a second process is refused until the store is closed or
    /// the process gone. Files and directory are made for their owner only.
    pub async fn open_embedded(dir: &Path, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, OpenError> {
        let installation = InstallationId::mint(now, entropy);
        let database = sqlite::open(dir.to_owned(), installation).await?;
        Ok(Self(Arc::new(database)))
    }

    /// Opens the database that nodes share, and makes its schema where it has none.
    ///
    /// Any number of processes may have it open. It returns when the database has answered; from then on an outage is
    /// what each call says.
    pub async fn open_postgres(
        options: PostgresOptions,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, OpenError> {
        let installation = InstallationId::mint(now, entropy);
        let database = postgres::open(options, installation).await?;
        Ok(Self(Arc::new(database)))
    }

    /// Brings the schema of the database at this URL up to this version, and opens nothing.
    ///
    /// All steps that are lacking are one transaction, and whoever migrates at the same time waits. Nodes of the version
    /// before may go on meanwhile, unless what changed says otherwise.
    pub async fn migrate_postgres(
        url: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Migrated, OpenError> {
        postgres::migrate(url, InstallationId::mint(now, entropy)).await
    }

    /// Which history this is: made with the database, never changed.
    pub fn installation(&self) -> InstallationId {
        self.0.installation()
    }

    /// Where the replica's records come from.
    ///
    /// Entries are kept for 48 hours. Asked for what came after a position that is older than that, or that lies ahead
    /// of the head after a restore, it answers with what there is: the gap shows, and whoever follows loads again.
    pub fn feed(&self) -> Arc<dyn FeedSource> {
        self.0.feed()
    }

    /// Where counts go.
    pub fn usage_sink(&self) -> Arc<dyn UsageSink> {
        self.0.usage_sink()
    }

    /// Where calls of quotas are reserved.
    pub fn quota_ledger(&self) -> Arc<dyn QuotaLedger> {
        self.0.quota_ledger()
    }

    /// The value of a setting.
    pub async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.setting(name).await
    }

    /// Gives a setting its value if it has none, and returns the one it has.
    pub async fn put_setting_if_absent(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        self.0.put_setting_if_absent(name, value).await
    }

    /// Finishes what was begun, tidies the files and releases the directory. Every later call, on any clone, is
    /// answered by [`StoreError::Unavailable`].
    pub async fn close(self) {
        self.0.close().await;
    }
}

/// Operators.
impl Store {
    /// Whether there is, or ever was, an operator.
    pub async fn is_initialised(&self) -> Result<bool, StoreError> {
        self.0.is_initialised().await
    }

    /// Makes the first operator. `false`, and nothing happened, when there already was one.
    pub async fn initialise(
        &self,
        operator: NewOperator,
        note: AuditNote,
    ) -> Result<Committed<bool>, StoreError> {
        self.0.initialise(operator, note).await
    }

    /// Makes an operator.
    pub async fn insert_operator(
        &self,
        new: NewOperator,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<OperatorRow>, StoreError> {
        self.0.insert_operator(new, idempotency, note).await
    }

    /// All operators, the revoked ones too.
    pub async fn list_operators(
        &self,
        page: PageRequest<OperatorId>,
    ) -> Result<Page<OperatorRow, OperatorId>, StoreError> {
        self.0.list_operators(page).await
    }

    /// Ends an operator; [`StoreError::LastKey`] for the last one that may do everything. Ending one that has ended changes
    /// nothing and writes no event.
    pub async fn revoke_operator(
        &self,
        id: OperatorId,
        note: AuditNote,
    ) -> Result<Committed<OperatorRow>, StoreError> {
        self.0.revoke_operator(id, note).await
    }
}

/// Calls that may be repeated.
impl Store {
    /// Whether a creating call is made for the first time: a replay is [`StoreError::AlreadyCreated`] before anything
    /// about it is judged, for what could be asked then may not be asked now. The verbs that take an
    /// [`Idempotency`] ask again in their transaction.
    pub async fn admit(&self, call: Idempotency) -> Result<(), StoreError> {
        self.0.admit(call).await
    }
}

/// Accounts.
impl Store {
    /// Makes an account, and its first key if it comes with one: two events then, one transaction.
    pub async fn insert_account(
        &self,
        new: NewAccount,
        note: AuditNote,
        idempotency: Option<Idempotency>,
    ) -> Result<Committed<(Account, Option<KeyRow>)>, StoreError> {
        self.0.insert_account(new, note, idempotency).await
    }

    /// The account with this id.
    pub async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.0.find_account(id).await
    }

    /// Accounts in the order of creation.
    pub async fn list_accounts(
        &self,
        filter: AccountFilter,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Account, AccountId>, StoreError> {
        self.0.list_accounts(filter, page).await
    }

    /// The names of all apis that have accounts, in alphabetical order.
    pub async fn apis_in_use(&self) -> Result<Vec<Arc<str>>, StoreError> {
        self.0.apis_in_use().await
    }

    /// Makes changes of an account, each with its event, in one transaction: all or none.
    pub async fn patch_account(
        &self,
        id: AccountId,
        changes: Vec<(AccountChange, AuditNote)>,
    ) -> Result<Committed<Account>, StoreError> {
        self.0.patch_account(id, changes).await
    }
}

/// Keys.
impl Store {
    /// Makes a key with its first secret.
    pub async fn insert_key(
        &self,
        new: NewKey,
        limits: KeyLimits,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<KeyRow>, StoreError> {
        self.0.insert_key(new, limits, idempotency, note).await
    }

    /// The key with this id.
    pub async fn find_key(&self, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        self.0.find_key(id).await
    }

    /// The secret with this digest, be it of the key's current one or an older one, and its key in any state.
    pub async fn find_secret(&self, digest: Digest) -> Result<Option<FoundSecret>, StoreError> {
        self.0.find_secret(digest).await
    }

    /// Keys in the order of creation.
    pub async fn list_keys(
        &self,
        filter: KeyFilter,
        page: PageRequest<KeyId>,
    ) -> Result<Page<KeyRow, KeyId>, StoreError> {
        self.0.list_keys(filter, page).await
    }

    /// Changes a key. `within`: the key of another account is [`StoreError::NotFound`].
    ///
    /// `limits.min` binds whatever stops a working key: disabling, revoking, and an expiry at or before now. An expiry
    /// to come is refused to the last key that has none.
    /// `limits.max` binds a later expiry that brings an expired key back.
    /// Rotating deletes the sealed copies of the older secrets, revoking those of all.
    /// Revoking a revoked key changes nothing, writes no event and returns the feed's head, which contains the
    /// revocation; any other change of a revoked key is [`StoreError::Revoked`].
    pub async fn change_key(
        &self,
        id: KeyId,
        within: Option<AccountId>,
        change: KeyChange,
        limits: KeyLimits,
        idempotency: Option<Idempotency>,
        note: AuditNote,
    ) -> Result<Committed<KeyRow>, StoreError> {
        self.0.change_key(id, within, change, limits, idempotency, note).await
    }

    /// Makes several changes of a key, each with its event, in one transaction: all or none. Limits bind as they do
    /// in [`change_key`](Self::change_key). Where the key's name, scopes, restrictions or expiry aren't those that were
    /// `seen`, it is [`StoreError::ChangedMeanwhile`].
    pub async fn patch_key(
        &self,
        id: KeyId,
        seen: Option<KeyRow>,
        changes: Vec<(KeyChange, AuditNote)>,
        limits: KeyLimits,
    ) -> Result<Committed<KeyRow>, StoreError> {
        self.0.patch_key(id, seen, changes, limits).await
    }

    /// The sealed copies of the newest secret of these keys, those of `account` only if one is given. Keys without
    /// one are left out. One audit event is on disk before anything is returned, and is found by each key: its detail
    /// is the `keys` that are, whatever the note's is. Where there are none, there is no event.
    pub async fn sealed_secrets(
        &self,
        keys: Vec<KeyId>,
        note: AuditNote,
        account: Option<AccountId>,
    ) -> Result<Vec<SealedSecret>, StoreError> {
        self.0.sealed_secrets(keys, note, account).await
    }
}

/// The audit trail.
impl Store {
    /// Events in the order they happened.
    pub async fn list_audit(
        &self,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, StoreError> {
        self.0.list_audit(filter, page).await
    }

    /// Events, the newest first: a page goes down from the event that `page.after` names.
    pub async fn list_audit_newest_first(
        &self,
        filter: AuditFilter,
        page: PageRequest<u64>,
    ) -> Result<Page<AuditEvent, u64>, StoreError> {
        self.0.list_audit_newest_first(filter, page).await
    }

    /// Walks the whole chain, up to where it ended when the walk began.
    pub async fn check_audit(&self) -> Result<ChainCheck, StoreError> {
        self.0.check_audit().await
    }
}

/// The nodes that follow the feed, and what was promised about them.
impl Store {
    /// Who is a member, and where the feed stands.
    pub async fn roll(&self) -> Result<Roll, StoreError> {
        self.0.roll().await
    }

    /// Ends the membership of a node that is dead, unless it has renewed since it was found so; whether it did. No
    /// event tells of it: it follows from what the node did, and changes nothing but who is waited for.
    pub async fn exclude(&self, dead: Dead) -> Result<bool, StoreError> {
        self.0.exclude(dead).await
    }

    /// A member serves these profiles from now on, each known by its digest; nothing is done where it is no member.
    pub async fn serves(&self, id: NodeId, profiles: BTreeMap<Arc<str>, String>) -> Result<(), StoreError> {
        self.0.serves(id, profiles).await
    }

    /// Ends the membership of a node that somebody knows to be dead; [`StoreError::NotFound`] where it is no member.
    pub async fn fence(&self, id: NodeId, note: AuditNote) -> Result<(), StoreError> {
        self.0.fence(id, note).await
    }

    /// Keeps a receipt. One that was complete stays as it is.
    pub async fn put_receipt(&self, receipt: ReceiptRow) -> Result<(), StoreError> {
        self.0.put_receipt(receipt).await
    }

    /// What was kept of a receipt.
    pub async fn find_receipt(&self, seq: Seq) -> Result<Option<ReceiptRow>, StoreError> {
        self.0.find_receipt(seq).await
    }
}

/// Usage, as far as it was flushed.
impl Store {
    /// When each secret of these keys last worked; those that never did are left out.
    pub async fn last_uses(&self, keys: Vec<KeyId>) -> Result<Vec<LastUse>, StoreError> {
        self.0.last_uses(keys).await
    }

    /// Counts by day, the newest first, and by key within a day: at most 100,000 of them, which are the newest.
    pub async fn usage(&self, filter: UsageFilter) -> Result<Vec<DayCount>, StoreError> {
        self.0.usage(filter).await
    }

    /// Denied attempts, the newest first: of this key, of this request (as its caller was told it, in either form),
    /// or of all; at most 1,000. Ten of each known key are kept, and ten thousand of unknown keys.
    pub async fn denials(
        &self,
        key: Option<KeyId>,
        request: Option<String>,
    ) -> Result<Vec<DeniedAttempt>, StoreError> {
        self.0.denials(key, request).await
    }
}
