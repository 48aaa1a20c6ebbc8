//! The suite. It knows no database but through [`Fixture`], which whoever mounts it provides.

mod accounts;
mod audit;
mod authority;
mod clients;
mod consents;
mod feed;
mod foreign;
mod grants;
mod idempotency;
mod import;
mod keys;
mod limits;
mod links;
mod members;
mod nodes;
mod old_grants;
mod operators;
mod overlaps;
mod processes;
mod quotas;
mod refreshing;
mod retention;
mod sealed;
mod sessions;
mod settings;
mod usage;

use super::fixture::Fixture;
