//! Keys as they are shown.

use claviger_manage::{Changed, Issued, KeyView};
use claviger_model::{
    Restrictions,
    restriction::{Endpoints, Networks, Referrers},
};
use claviger_verify::usage::LastUse;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    ReceiptJson,
    limit::{QuotaJson, RateJson, quotas_json, rates_json},
};

/// A key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyJson {
    #[schema(example = "key_01h455vb4pex5vsknk084sn02q")]
    id: String,
    #[schema(example = "acc_01h455vb4pex5vsknk084sn02q")]
    account_id: String,
    api: String,
    name: Option<String>,
    /// The characters of the plain key that lists show.
    hint: String,
    /// `live` or `test`.
    environment: String,
    /// `"all"`, or a list of scopes; the empty list is none.
    scopes: Value,
    restrictions: RestrictionsJson,
    /// `active`, `disabled` or `revoked`.
    state: String,
    created_at: String,
    /// `operator:op_…` or `key:key_…`; of a grant, `member:mem_…` or `client:app_…`.
    created_by: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
    external_id: Option<String>,
    #[schema(value_type = Object)]
    metadata: Value,
    /// The application that holds it: the key is a grant then, its secrets are access tokens, and no list of keys has
    /// it. Left out where the key is the customer's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    /// Its secret is older than the profile wants.
    due_for_rotation: bool,
    /// It has not been used for as long as the profile says.
    unused: bool,
    /// The newest first.
    secrets: Vec<SecretJson>,
}

/// What narrows a key; `null` doesn't.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Restrictions)]
pub(crate) struct RestrictionsJson {
    networks: Option<Vec<String>>,
    referrers: Option<Vec<String>>,
    endpoints: Option<Vec<String>>,
    /// Left out where the key has none of its own; the api's profile may have some for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rates: Option<Vec<RateJson>>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    quotas: Option<Vec<QuotaJson>>,
    /// Which of `networks`, `referrers` and `endpoints` refuse nobody yet; left out where none does. A kind that is given anew
    /// without being named here is enforced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    observed: Vec<&'static str>,
}

impl From<&Restrictions> for RestrictionsJson {
    fn from(restrictions: &Restrictions) -> Self {
        Self {
            networks: restrictions.networks.as_ref().map(Networks::to_texts),
            referrers: restrictions.referrers.as_ref().map(Referrers::to_texts),
            endpoints: restrictions.endpoints.as_ref().map(Endpoints::to_texts),
            rates: rates_json(restrictions),
            quotas: quotas_json(restrictions),
            observed: restrictions.observed.names(),
        }
    }
}

/// A secret of a key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Secret)]
struct SecretJson {
    number: u16,
    hint: String,
    created_at: String,
    /// When its overlap ends or ended; `null` for the current one.
    ends_at: Option<String>,
    last_used_at: Option<String>,
    /// The address it was last used from.
    last_used_from: Option<String>,
    /// The method and path it was last used for.
    last_used_for: Option<String>,
}

impl From<&KeyView> for KeyJson {
    fn from(view: &KeyView) -> Self {
        let row = &view.row;
        Self {
            id: row.id.to_string(),
            account_id: row.account.to_string(),
            api: row.api.to_string(),
            name: row.name.clone(),
            hint: row.secrets.first().map(|secret| secret.hint.clone()).unwrap_or_default(),
            environment: row.environment.to_string(),
            scopes: serde_json::json!(row.scopes),
            restrictions: (&row.restrictions).into(),
            state: row.state.as_str().to_owned(),
            created_at: row.created_at.to_string(),
            created_by: row.created_by.clone(),
            expires_at: row.expires_at.map(|at| at.to_string()),
            revoked_at: row.revoked_at.map(|at| at.to_string()),
            last_used_at: view.last_use().map(|last| last.at.to_string()),
            external_id: row.external_id.clone(),
            metadata: row.metadata.clone(),
            client_id: row.client.map(|client| client.to_string()),
            due_for_rotation: view.due_for_rotation,
            unused: view.unused,
            secrets: row.secrets.iter().map(|secret| secret_json(secret, &view.last_uses)).collect(),
        }
    }
}

fn secret_json(secret: &claviger_manage::SecretRow, last_uses: &[LastUse]) -> SecretJson {
    let last = last_uses.iter().find(|last| last.secret.secret == secret.number);
    SecretJson {
        number: secret.number,
        hint: secret.hint.clone(),
        created_at: secret.created_at.to_string(),
        ends_at: secret.ends_at.map(|at| at.to_string()),
        last_used_at: last.map(|last| last.at.to_string()),
        last_used_from: last.and_then(|last| last.address).map(|address| address.to_string()),
        last_used_for: last.and_then(|last| last.endpoint.as_deref().map(ToOwned::to_owned)),
    }
}

/// A key with its secret: this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IssuedKey)]
pub(crate) struct IssuedJson {
    #[serde(flatten)]
    object: KeyJson,
    /// The plain key. It is shown here and never again.
    key: String,
    receipt: ReceiptJson,
}

impl From<&Issued> for IssuedJson {
    fn from(issued: &Issued) -> Self {
        Self {
            object: (&issued.key).into(),
            key: issued.plain.expose().to_owned(),
            receipt: (&issued.receipt).into(),
        }
    }
}

/// A key after a change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangedKey)]
pub(crate) struct ChangedJson {
    key: KeyJson,
    receipt: ReceiptJson,
}

impl From<&Changed> for ChangedJson {
    fn from(changed: &Changed) -> Self {
        Self { key: (&changed.key).into(), receipt: (&changed.receipt).into() }
    }
}

/// A sealed key, shown again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevealedKey)]
pub(crate) struct RevealedJson {
    pub(crate) id: String,
    /// The plain key.
    pub(crate) key: String,
}
