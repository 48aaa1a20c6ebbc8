//! What the API shows: each resource as a JSON object.

mod account;
mod api;
mod audit;
mod connected_app;
mod key;
mod limit;
mod member;
mod node;
mod oauth_client;
mod operator;
mod receipt;
mod session;
mod transfer;
mod usage;

pub(crate) use account::{AccountJson, ChangedAccountJson, NewAccountJson};
pub(crate) use api::ApiJson;
pub(crate) use audit::AuditJson;
pub(crate) use connected_app::{ConnectedAppJson, WithdrawnJson};
pub(crate) use key::{ChangedJson, IssuedJson, KeyJson, RestrictionsJson, RevealedJson};
pub(crate) use limit::{LimitJson, limits_json};
pub(crate) use member::{InvitationJson, MemberJson, PasswordLinkJson, RemovedMemberJson, SignInLinkJson};
pub(crate) use node::NodesJson;
pub(crate) use oauth_client::{ChangedClientJson, ClientJson, IssuedClientJson};
pub(crate) use operator::{ChangedOperatorJson, IssuedOperatorJson, OperatorJson};
pub(crate) use receipt::ReceiptJson;
pub(crate) use session::{EndedSessionJson, SessionJson};
pub(crate) use transfer::{ImportRowJson, ImportedJson, KeyRowJson};
pub(crate) use usage::{CountJson, DenialJson, WouldBeDeniedJson};
