//! Sessions as they are shown: never what a browser holds.

use claviger_manage::SessionRow;
use serde::Serialize;
use utoipa::ToSchema;

/// A signed-in browser.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionJson {
    #[schema(example = "ses_01h455vb4pex5vsknk084sn02q")]
    id: String,
    member_id: String,
    /// The member's address.
    email: Option<String>,
    /// How it began: `link`, `password` or `oidc`.
    method: String,
    /// The address it was last used from.
    address: Option<String>,
    /// The browser, as it calls itself.
    agent: Option<String>,
    created_at: String,
    /// When it was last used, give or take a minute.
    seen_at: String,
    /// When it ends at the latest.
    expires_at: String,
}

impl From<&SessionRow> for SessionJson {
    fn from(row: &SessionRow) -> Self {
        Self {
            id: row.id.to_string(),
            member_id: row.member.to_string(),
            email: Some(row.email.to_string()),
            method: row.method.as_str().to_owned(),
            address: row.address.map(|address| address.to_string()),
            agent: row.agent.clone(),
            created_at: row.created_at.to_string(),
            seen_at: row.seen_at.to_string(),
            expires_at: row.expires_at.to_string(),
        }
    }
}

/// A session that was ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedSession)]
pub(crate) struct EndedSessionJson {
    pub(crate) id: String,
}
