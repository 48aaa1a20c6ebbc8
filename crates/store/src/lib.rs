//! What is remembered: accounts, keys, operators, the audit chain, the feed and usage, each change in one transaction.
//!
//! It decides no policy: who may, which limits hold and what the trail says are its caller's; that limits hold at
//! every instant is decided here. Which database is underneath shows nowhere outside that database's own module.

mod apps;
mod apps_store;
mod audit;
mod backup;
mod copy;
mod database;
mod directory;
mod earlier;
mod error;
mod events;
mod examine;
mod foreign;
mod import;
mod limits;
mod lost;
mod open;
mod people;
mod people_store;
mod postgres;
mod postgres_options;
mod retention;
mod sqlite;
mod store;
mod terms;
mod trail;
mod transfer;
mod usage;
mod verbs;
mod words;

pub use apps::*;
pub use backup::{Again, BackedUp, BackupError, TrailReader, Unpacked, back_up};
pub use copy::{Copied, CopyError, CopyOrder, abort_copy, copy};
pub use directory::DirectoryLock;
pub use earlier::EarlierSecret;
pub use error::StoreError;
pub use events::*;
pub use examine::{Examined, Finding, Health, examine_directory, examine_postgres};
pub use foreign::Brought;
pub use import::{Import, ImportOutcome, ImportRow, Imported};
pub use lost::LostChanges;
pub use open::{Migrated, OpenError};
pub use people::*;
pub use postgres_options::PostgresOptions;
pub use retention::Old;
pub use store::Store;
pub use trail::{TrailError, TrailHead, TrailLines, TrailWalk};
pub use verbs::*;
