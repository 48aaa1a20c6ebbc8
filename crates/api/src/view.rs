//! What the API shows: each resource as a JSON object.

use claviger_manage::{AuditEvent, Changed, DayCount, Issued, IssuedOperator, KeyView, OperatorRow, Receipt};
use claviger_model::{Account, Digest, profile::Profile};
use claviger_verify::usage::{DeniedAttempt, LastUse};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

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
    /// `operator:op_…` or `key:key_…`.
    created_by: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
    external_id: Option<String>,
    #[schema(value_type = Object)]
    metadata: Value,
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
            restrictions: RestrictionsJson {
                networks: row
                    .restrictions
                    .networks
                    .as_ref()
                    .map(claviger_model::restriction::Networks::to_texts),
                referrers: row
                    .restrictions
                    .referrers
                    .as_ref()
                    .map(claviger_model::restriction::Referrers::to_texts),
                endpoints: row
                    .restrictions
                    .endpoints
                    .as_ref()
                    .map(claviger_model::restriction::Endpoints::to_texts),
            },
            state: row.state.as_str().to_owned(),
            created_at: row.created_at.to_string(),
            created_by: row.created_by.clone(),
            expires_at: row.expires_at.map(|at| at.to_string()),
            revoked_at: row.revoked_at.map(|at| at.to_string()),
            last_used_at: view.last_use().map(|last| last.at.to_string()),
            external_id: row.external_id.clone(),
            metadata: row.metadata.clone(),
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

/// How far a change has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(crate) struct ReceiptJson {
    /// The change's place in the feed; a verify call may ask for it as `min_seq`.
    seq: u64,
    /// Whether no node can decide as before the change.
    complete: bool,
    /// How that is known: `ack`, every node has confirmed it; `pending` while it isn't.
    via: String,
    /// When it will be complete at the latest, where it isn't yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    guaranteed_by: Option<String>,
    /// The nodes that have confirmed it.
    nodes: Vec<String>,
}

impl From<&Receipt> for ReceiptJson {
    fn from(receipt: &Receipt) -> Self {
        Self {
            seq: receipt.seq,
            complete: receipt.complete,
            via: receipt.via.to_owned(),
            guaranteed_by: receipt.guaranteed_by.map(|at| at.to_string()),
            nodes: receipt.nodes.iter().map(ToString::to_string).collect(),
        }
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

/// An event of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub(crate) struct AuditJson {
    /// Its place in the chain, counted from 1.
    number: u64,
    id: String,
    at: String,
    /// `operator:op_…`, `key:key_…` or `system`.
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

/// A count of one secret on one day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DayCount)]
pub(crate) struct CountJson {
    /// The day, in UTC.
    #[schema(example = "2025-01-15")]
    day: String,
    /// `null` for what no key is known of.
    key_id: Option<String>,
    secret: Option<u16>,
    /// `live`, `test`, or `null` where what was presented has none.
    environment: Option<String>,
    /// `allowed`, or a denial code.
    outcome: String,
    count: u64,
}

impl From<&DayCount> for CountJson {
    fn from(count: &DayCount) -> Self {
        let midnight = claviger_model::Timestamp::from_millis(count.day * 86_400_000).to_string();
        Self {
            day: midnight.split('T').next().unwrap_or_default().to_owned(),
            key_id: count.key.map(|key| key.to_string()),
            secret: count.secret,
            environment: count.environment.map(|environment| environment.to_string()),
            outcome: count.outcome.clone(),
            count: count.count,
        }
    }
}

/// A denied attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Denial)]
pub(crate) struct DenialJson {
    at: String,
    request_id: String,
    api: String,
    key_id: Option<String>,
    code: String,
    detail: String,
    address: Option<String>,
    /// The method and path, without the query.
    endpoint: Option<String>,
}

impl From<&DeniedAttempt> for DenialJson {
    fn from(denied: &DeniedAttempt) -> Self {
        Self {
            at: denied.at.to_string(),
            request_id: denied.request.to_string(),
            api: denied.api.to_string(),
            key_id: denied.key.map(|key| key.to_string()),
            code: denied.code.to_string(),
            detail: denied.detail.to_string(),
            address: denied.address.map(|address| address.to_string()),
            endpoint: denied.endpoint.as_deref().map(ToOwned::to_owned),
        }
    }
}

/// An api and what its profile says of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Api)]
pub(crate) struct ApiJson {
    name: String,
    title: String,
    hosts: Vec<String>,
    env_var: String,
    /// Each scope with its description.
    #[schema(value_type = Object)]
    scopes: Value,
    keys_max: Option<u32>,
    keys_min: u32,
    accepts_test: bool,
}

impl From<&Profile> for ApiJson {
    fn from(profile: &Profile) -> Self {
        let scopes =
            profile.scopes.iter().map(|(scope, text)| (scope.to_string(), Value::from(text.clone())));
        Self {
            name: profile.name.to_string(),
            title: profile.title.clone(),
            hosts: profile.hosts.iter().map(|rule| rule.host.clone()).collect(),
            env_var: profile.env_var.clone(),
            scopes: Value::Object(scopes.collect()),
            keys_max: profile.keys.max,
            keys_min: profile.keys.min,
            accepts_test: profile.keys.accepts_test,
        }
    }
}
