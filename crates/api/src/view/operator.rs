//! Operator keys as they are shown.

use claviger_manage::{IssuedOperator, OperatorRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::ReceiptJson;

/// An operator key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Operator)]
pub(crate) struct OperatorJson {
    id: String,
    name: String,
    /// `verify`, `read`, `manage`, `reveal`, or `all`.
    can: Vec<String>,
    hint: String,
    created_at: String,
    revoked_at: Option<String>,
}

impl From<&OperatorRow> for OperatorJson {
    fn from(row: &OperatorRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            can: row.abilities.names().into_iter().map(ToOwned::to_owned).collect(),
            hint: row.hint.clone(),
            created_at: row.created_at.to_string(),
            revoked_at: row.revoked_at.map(|at| at.to_string()),
        }
    }
}

/// An operator key with its secret: this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IssuedOperator)]
pub(crate) struct IssuedOperatorJson {
    #[serde(flatten)]
    object: OperatorJson,
    /// The plain operator key. It is shown here and never again.
    key: String,
    receipt: ReceiptJson,
}

impl From<&IssuedOperator> for IssuedOperatorJson {
    fn from(issued: &IssuedOperator) -> Self {
        Self {
            object: (&issued.row).into(),
            key: issued.plain.expose().to_owned(),
            receipt: (&issued.receipt).into(),
        }
    }
}

/// An operator key after it was revoked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangedOperator)]
pub(crate) struct ChangedOperatorJson {
    pub(crate) operator: OperatorJson,
    pub(crate) receipt: ReceiptJson,
}
