//! What the API shows: each resource as a JSON object.

mod account;
mod api;
mod audit;
mod key;
mod operator;
mod receipt;
mod usage;

pub(crate) use account::{AccountJson, ChangedAccountJson, NewAccountJson};
pub(crate) use api::ApiJson;
pub(crate) use audit::AuditJson;
pub(crate) use key::{ChangedJson, IssuedJson, KeyJson, RestrictionsJson, RevealedJson};
pub(crate) use operator::{ChangedOperatorJson, IssuedOperatorJson, OperatorJson};
pub(crate) use receipt::ReceiptJson;
pub(crate) use usage::{CountJson, DenialJson};
