//! The audit trail as it is shown.

use claviger_manage::AuditEvent;
use claviger_model::Digest;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An event of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct AuditJson {
    /// Its place in the chain, counted from 1.
    number: u64,
    id: String,
    at: String,
    /// `operator:op_…`, `key:key_…`, `member:mem_…`, `client:app_…` or `system`.
    actor: String,
    #[schema(example = "key.revoke")]
    action: String,
    account_id: Option<String>,
    /// The id of what was changed.
    subject: Option<String>,
    request_id: Option<String>,
    #[schema(value_type = Object)]
    detail: Value,
    /// SHA-256 over the event before and this one, hexadecimal.
    hash: String,
}

impl From<&AuditEvent> for AuditJson {
    fn from(event: &AuditEvent) -> Self {
        Self {
            number: event.number,
            id: event.id.to_string(),
            at: event.at.to_string(),
            actor: event.actor.clone(),
            action: event.action.clone(),
            account_id: event.account.map(|account| account.to_string()),
            subject: event.subject.clone(),
            request_id: event.request.clone(),
            detail: event.detail.clone(),
            hash: Digest::from_bytes(event.hash).to_hex(),
        }
    }
}
