//! What members have allowed applications, as it is shown.

use claviger_manage::ConsentView;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::ReceiptJson;

/// An application that a member has allowed something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectedApp)]
pub(crate) struct ConnectedAppJson {
    /// The application's id.
    #[schema(example = "app_01h455vb4pex5vsknk084sn02q")]
    client_id: String,
    /// Its name.
    name: String,
    /// Whether it is known whose it is.
    verified: bool,
    /// Who has allowed it.
    #[schema(example = "mem_01h455vb4pex5vsknk084sn02q")]
    member_id: String,
    /// Their address.
    email: String,
    /// What it was allowed: `"all"`, or a list of scopes.
    scopes: Value,
    /// When it was last asked for.
    granted_at: String,
    /// When a token by it last worked.
    last_used_at: Option<String>,
    /// The grants by it that aren't revoked: keys that the application holds.
    key_ids: Vec<String>,
}

impl From<&ConsentView> for ConnectedAppJson {
    fn from(view: &ConsentView) -> Self {
        let row = &view.row;
        Self {
            client_id: row.id.client.to_string(),
            name: row.name.clone(),
            verified: row.verified,
            member_id: row.id.member.to_string(),
            email: row.email.to_string(),
            scopes: serde_json::json!(row.scopes),
            granted_at: row.granted_at.to_string(),
            last_used_at: view.last_used_at.map(|at| at.to_string()),
            key_ids: row.keys.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What was taken back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WithdrawnApp)]
pub(crate) struct WithdrawnJson {
    pub(crate) client_id: String,
    pub(crate) member_id: String,
    pub(crate) receipt: ReceiptJson,
}
