//! Keys: what is asked for and what is answered; each verb has a file of its own.

mod browse;
mod change;
mod diagnose;
mod issue;
mod list;
mod reveal;

use claviger_model::{Environment, PlainKey, Restrictions, RestrictionsPatch, Scopes, Timestamp};
use claviger_store::KeyRow;
use claviger_verify::usage::LastUse;
use serde_json::Value;

use crate::Receipt;

pub use browse::{Browse, Browsed, KeyShow, KeySort};
pub use diagnose::{Diagnosis, KeyFinding};
pub use list::KeyQuery;

/// A key to issue; what is `None` takes the default.
#[derive(Clone, Debug, Default)]
pub struct IssueKey {
    /// What it is for.
    pub name: Option<String>,
    /// Its environment: `live` by default.
    pub environment: Option<Environment>,
    /// Its scopes: all by default, and written out.
    pub scopes: Option<Scopes>,
    /// When it expires: never by default.
    pub expires_at: Option<Timestamp>,
    /// What narrows it: nothing by default.
    pub restrictions: Restrictions,
    /// The company's own id for it.
    pub external_id: Option<String>,
    /// The company's own data.
    pub metadata: Option<Value>,
}

/// A key just minted, with its secret: this once.
#[derive(Debug)]
pub struct Issued {
    /// The key.
    pub key: KeyView,
    /// The secret.
    pub plain: PlainKey,
    /// How far it has come.
    pub receipt: Receipt,
}

/// A key after a change.
#[derive(Debug)]
pub struct Changed {
    /// The key.
    pub key: KeyView,
    /// How far the change has come.
    pub receipt: Receipt,
    /// Whether this call made it: false where it found nothing left to do.
    pub made: bool,
}

/// A change of a key; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct KeyPatch {
    /// New name.
    pub name: Option<Option<String>>,
    /// New scopes.
    pub scopes: Option<Scopes>,
    /// New restrictions, kind by kind.
    pub restrictions: RestrictionsPatch,
    /// New expiry; the inner `None` removes it.
    pub expires_at: Option<Option<Timestamp>>,
    /// New external id.
    pub external_id: Option<Option<String>>,
    /// New metadata.
    pub metadata: Option<Value>,
    /// The key as whoever asks saw it: where its name, scopes, restrictions or expiry are others by now, nothing is
    /// changed.
    pub seen: Option<Box<KeyRow>>,
}

/// How a key is rotated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotation {
    /// How long the old secret stays valid; the profile's default where it is `None`, zero for a compromise.
    pub overlap: Option<std::time::Duration>,
}

/// A key as it is shown.
#[derive(Clone, Debug)]
pub struct KeyView {
    /// What the database has.
    pub row: KeyRow,
    /// When, from where and for what each of its secrets last worked.
    pub last_uses: Vec<LastUse>,
    /// Its secret is older than the profile wants.
    pub due_for_rotation: bool,
    /// It has not been used for as long as the profile says.
    pub unused: bool,
}

impl KeyView {
    /// The newest use of any of its secrets.
    pub fn last_use(&self) -> Option<&LastUse> {
        self.last_uses.iter().max_by_key(|last| last.at)
    }
}
