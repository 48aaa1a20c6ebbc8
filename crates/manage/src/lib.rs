//! What is changed: issue, rotate, restrict, revoke; who may, within which limits, and the receipt.
//!
//! Every verb checks the authority of who asks, validates, hands the store one transaction (row, audit event and feed
//! entry together) and waits until the replica has it. It speaks no HTTP and no SQL.

mod accounts;
mod actor;
mod apis;
mod audit;
mod check;
mod keys;
mod operators;
mod own;
mod receipt;
mod refusal;
mod usage;
mod vault;

use std::sync::Arc;

use claviger_model::{Clock, Entropy};
use claviger_store::Store;
use claviger_verify::Verifier;

pub use accounts::{AccountOrder, AccountPatch, NewAccountAnswer};
pub use actor::{Actor, By};
pub use apis::Apis;
pub use keys::{Changed, IssueKey, Issued, KeyPatch, KeyQuery, KeyView, Rotation};
pub use operators::{IssuedOperator, OperatorOrder};
pub use receipt::Receipt;
pub use refusal::{Fault, Refusal};
pub use usage::UsageQuery;
pub use vault::{MasterKey, VaultError};

/// What the store's answers look like where they pass through unchanged.
pub use claviger_store::{
    AccountFilter, AuditEvent, AuditFilter, ChainCheck, DayCount, Idempotency, KeyRow, OperatorRow, Page,
    PageRequest, SecretRow,
};

/// The engine of all changes. Cheap to clone.
#[derive(Clone)]
pub struct Manager {
    store: Store,
    verifier: Arc<Verifier>,
    apis: Arc<Apis>,
    vault: Option<Arc<vault::Vault>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Manager {
    /// An engine over `store`. `master` is needed where a profile seals its keys.
    pub fn new(
        store: Store,
        verifier: Arc<Verifier>,
        apis: Arc<Apis>,
        master: Option<&MasterKey>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let vault = master.map(|key| Arc::new(vault::Vault::new(key, store.installation())));
        Self { store, verifier, apis, vault, clock, entropy }
    }

    /// The apis there are.
    pub fn apis(&self) -> &Apis {
        &self.apis
    }
}
