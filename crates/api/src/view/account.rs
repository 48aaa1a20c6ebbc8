//! Accounts as they are shown.

use claviger_model::Account;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{IssuedJson, ReceiptJson};

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountJson {
    id: String,
    api: String,
    name: String,
    external_id: Option<String>,
    #[schema(value_type = Object)]
    metadata: Value,
    /// `active` or `suspended`.
    state: String,
    created_at: String,
}

impl From<&Account> for AccountJson {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            api: account.api.to_string(),
            name: account.name.clone(),
            external_id: account.external_id.clone(),
            metadata: account.metadata.clone(),
            state: match account.state {
                claviger_model::AccountState::Active => "active".to_owned(),
                claviger_model::AccountState::Suspended => "suspended".to_owned(),
            },
            created_at: account.created_at.to_string(),
        }
    }
}

/// An account just created.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewAccount)]
pub(crate) struct NewAccountJson {
    #[serde(flatten)]
    pub(crate) account: AccountJson,
    /// Its first key, where the profile provides one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_key: Option<IssuedJson>,
    pub(crate) receipt: ReceiptJson,
}

/// An account after a change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangedAccount)]
pub(crate) struct ChangedAccountJson {
    pub(crate) account: AccountJson,
    pub(crate) receipt: ReceiptJson,
}
