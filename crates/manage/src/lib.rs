//! What is changed: issue, rotate, restrict, revoke; who may, within which limits, and the receipt.
//!
//! Every verb checks the authority of who asks, validates, hands the store one transaction (row, audit event and feed
//! entry together) and waits until the replica has it. It speaks no HTTP and no SQL.

mod accounts;
mod actor;
mod apis;
mod audit;
mod check;
mod figures;
mod first_uses;
mod keys;
mod nodes;
mod oauth;
mod open_waits;
mod operators;
mod own;
mod people;
mod receipt;
mod refusal;
mod retention;
mod rollcall;
mod transfer;
mod usage;
mod vault;

use std::{collections::BTreeMap, sync::Arc};

use claviger_model::{Clock, Entropy};
use claviger_store::Store;
use claviger_verify::Verifier;
use parking_lot::Mutex;

pub use accounts::{AccountOrder, AccountPatch, NewAccountAnswer};
pub use actor::{Actor, By};
pub use apis::Apis;
pub use figures::{ChangeTimes, GrantType};
pub use keys::{
    Browse, Browsed, Changed, Diagnosis, IssueKey, Issued, KeyFinding, KeyPatch, KeyQuery, KeyShow, KeySort,
    KeyView, Rotation,
};
pub use nodes::Nodes;
pub use oauth::{
    Astray, ChangedClient, ClientOrder, ClientPatch, ClientPermit, ConsentView, IssuedClient, Pending,
    TokenError, Tokens,
};
pub use operators::{IssuedOperator, OperatorOrder};
pub use people::{
    Browser, Choice, Identity, IssuedLink, LinkOrder, MemberPermit, OidcEntrance, OneTimeToken,
    PeopleSettings, SessionToken, SignedIn,
};
pub use receipt::Receipt;
pub use refusal::{Fault, Refusal};
pub use retention::Retention;
pub use transfer::{ExportedKey, ImportOrder, ImportReport};
pub use usage::{UsageQuery, WouldBeDenied};
pub use vault::{MasterKey, VaultError};

/// What the store's answers look like where they pass through unchanged.
pub use claviger_store::{
    AccountFilter, AuditEvent, AuditFilter, ChainCheck, ClientFilter, ClientRow, ConsentId, DayCount,
    Idempotency, ImportOutcome, KeyRow, LinkPurpose, LinkRow, MemberRow, OperatorRow, Page, PageRequest,
    SecretRow, SessionRow, SignInMethod,
};

/// The SHA-256 of each profile's text in hexadecimal digits, by its api.
pub type ServedProfiles = BTreeMap<Arc<str>, String>;

/// The engine of all changes. Cheap to clone.
#[derive(Clone)]
pub struct Manager {
    store: Store,
    verifier: Arc<Verifier>,
    apis: Arc<Apis>,
    vault: Option<Arc<vault::Vault>>,
    people: Arc<people::People>,
    rollcall: Arc<rollcall::Rollcall>,
    open_waits: Arc<open_waits::OpenWaits>,
    granted: Arc<oauth::Granted>,
    figures: Arc<figures::Figures>,
    /// What an older node serves otherwise than this one.
    other_profiles: Arc<Mutex<Option<String>>>,
    /// What this one serves since it read its profiles again: its row is to say so.
    served: Arc<Mutex<Option<ServedProfiles>>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What the engine is made of.
pub struct ManagerParts<'a> {
    /// What is remembered.
    pub store: Store,
    /// What is decided.
    pub verifier: Arc<Verifier>,
    /// The apis there are.
    pub apis: Arc<Apis>,
    /// Needed where a profile seals its keys.
    pub master: Option<&'a MasterKey>,
    /// Where the pages are, and how long sessions last.
    pub people: PeopleSettings,
    /// The engine's clock.
    pub clock: Arc<dyn Clock>,
    /// The engine's randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl Manager {
    /// An engine made of `parts`.
    pub fn new(parts: ManagerParts<'_>) -> Self {
        let ManagerParts { store, verifier, apis, master, people, clock, entropy } = parts;
        let vault = master.map(|key| Arc::new(vault::Vault::new(key, store.installation())));
        let people = Arc::new(people::People::new(people, &*entropy));
        let rollcall = Arc::new(rollcall::Rollcall::new(store.clone(), Arc::clone(&clock)));
        let (open_waits, granted, figures) = (Arc::default(), Arc::default(), Arc::default());
        let (other_profiles, served) = (Arc::default(), Arc::default());
        Self {
            store,
            verifier,
            apis,
            vault,
            people,
            rollcall,
            open_waits,
            granted,
            figures,
            other_profiles,
            served,
            clock,
            entropy,
        }
    }

    /// The same engine where there are these apis; what it knows otherwise, both know.
    #[must_use]
    pub fn serving(&self, apis: Arc<Apis>) -> Self {
        Self { apis, ..self.clone() }
    }

    /// The other nodes are told within a second that these profiles are served here.
    pub fn tells(&self, served: ServedProfiles) {
        *self.served.lock() = Some(served);
    }

    /// Whether keys can be sealed.
    pub fn seals(&self) -> bool {
        self.vault.is_some()
    }

    /// The apis there are.
    pub fn apis(&self) -> &Apis {
        &self.apis
    }
}
