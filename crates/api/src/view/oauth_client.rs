//! Applications as they are shown.

use claviger_manage::{ChangedClient, ClientRow, IssuedClient};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::ReceiptJson;

/// An application that asks for access by OAuth 2.0.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OauthClient)]
pub(crate) struct ClientJson {
    /// Its `client_id`.
    #[schema(example = "app_01h455vb4pex5vsknk084sn02q")]
    id: String,
    api: String,
    /// The account that it acts for by itself (`client_credentials`); `null` where it acts for members alone.
    account_id: Option<String>,
    /// What members read.
    name: String,
    /// `confidential` or `public`.
    kind: String,
    /// Where members are sent back to.
    redirect_uris: Vec<String>,
    /// What it may ask for: `"all"`, or a list of scopes; the empty list is none.
    scopes: Value,
    /// Whether it is known whose it is: members who have allowed it something aren't asked for the same again.
    verified: bool,
    /// Whether it may ask what tokens and keys of the api are (RFC 7662).
    introspects: bool,
    /// What lists show of its newest secret; `null` where it has none.
    hint: Option<String>,
    created_at: String,
    /// `operator:op_…`, or `system` where it registered itself.
    created_by: String,
    revoked_at: Option<String>,
    /// The newest first; a public one has none.
    secrets: Vec<ClientSecretJson>,
}

/// A secret of an application.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientSecret)]
struct ClientSecretJson {
    number: u16,
    hint: String,
    created_at: String,
    /// When its overlap ends or ended; `null` for the current one.
    ends_at: Option<String>,
}

impl From<&ClientRow> for ClientJson {
    fn from(row: &ClientRow) -> Self {
        let secrets = row.secrets.iter().map(|secret| ClientSecretJson {
            number: secret.number,
            hint: secret.hint.clone(),
            created_at: secret.created_at.to_string(),
            ends_at: secret.ends_at.map(|at| at.to_string()),
        });
        Self {
            id: row.id.to_string(),
            api: row.api.to_string(),
            account_id: row.account.map(|account| account.to_string()),
            name: row.name.clone(),
            kind: row.kind.as_str().to_owned(),
            redirect_uris: row.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect(),
            scopes: serde_json::json!(row.scopes),
            verified: row.verified,
            introspects: row.introspects,
            hint: row.secrets.first().map(|secret| secret.hint.clone()),
            created_at: row.created_at.to_string(),
            created_by: row.created_by.clone(),
            revoked_at: row.revoked_at.map(|at| at.to_string()),
            secrets: secrets.collect(),
        }
    }
}

/// An application with its secret: this once.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedOauthClient)]
pub(crate) struct IssuedClientJson {
    #[serde(flatten)]
    object: ClientJson,
    /// The secret. It is shown here and never again; a public application has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    receipt: ReceiptJson,
}

impl From<&IssuedClient> for IssuedClientJson {
    fn from(issued: &IssuedClient) -> Self {
        Self {
            object: (&issued.row).into(),
            client_secret: issued.secret.as_ref().map(|secret| secret.expose().to_owned()),
            receipt: (&issued.receipt).into(),
        }
    }
}

/// An application after a change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangedOauthClient)]
pub(crate) struct ChangedClientJson {
    client: ClientJson,
    receipt: ReceiptJson,
}

impl From<&ChangedClient> for ChangedClientJson {
    fn from(changed: &ChangedClient) -> Self {
        Self { client: (&changed.row).into(), receipt: (&changed.receipt).into() }
    }
}
