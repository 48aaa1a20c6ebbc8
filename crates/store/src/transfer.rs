//! The store's verbs by which keys come from other systems, and go to them.

use async_trait::async_trait;
use claviger_model::{Account, AccountId};
use claviger_verify::foreign::FirstUse;

use crate::{AuditNote, Committed, Import, Imported, Store, StoreError};

/// What a database must do for them: [`Store`] says what each method promises.
#[async_trait]
pub(crate) trait TransferDatabase: Send + Sync {
    async fn import(&self, import: Import, note: AuditNote) -> Result<Committed<Imported>, StoreError>;
    async fn would_import(&self, import: Import) -> Result<Imported, StoreError>;
    async fn keep_first_uses(
        &self,
        first_uses: Vec<FirstUse>,
        note: AuditNote,
    ) -> Result<Committed<usize>, StoreError>;
    async fn find_accounts(&self, ids: Vec<AccountId>) -> Result<Vec<Account>, StoreError>;
}

/// Keys that come from other systems, and go to them.
impl Store {
    /// Takes over what the rows say: one transaction for those that can be taken, and one event that is found by each
    /// account and key that is new or changed, and whose detail names them, whatever the note's is. Where nothing is new
    /// there is no event.
    ///
    /// A key is known again by its digest, or by what it came as where that was a hash, and an account by its external id.
    /// No limit on an account's keys binds: what comes is what the account has had. When keys were last used is written
    /// beside, which a crash may lose: the same import again writes it again.
    pub async fn import(&self, import: Import, note: AuditNote) -> Result<Committed<Imported>, StoreError> {
        self.0.import(import, note).await
    }

    /// What [`import`](Self::import) would make of the rows now. Nothing is written.
    pub async fn would_import(&self, import: Import) -> Result<Imported, StoreError> {
        self.0.would_import(import).await
    }

    /// Keeps the digests of secrets that came by hashes and were used for the first time; how many that weren't kept
    /// already. There is one event that is found by each of their keys.
    pub async fn keep_first_uses(
        &self,
        first_uses: Vec<FirstUse>,
        note: AuditNote,
    ) -> Result<Committed<usize>, StoreError> {
        self.0.keep_first_uses(first_uses, note).await
    }

    /// The accounts with these ids, in any order; those that aren't there are left out.
    pub async fn find_accounts(&self, ids: Vec<AccountId>) -> Result<Vec<Account>, StoreError> {
        self.0.find_accounts(ids).await
    }
}
