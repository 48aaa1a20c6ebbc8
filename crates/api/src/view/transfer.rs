//! Keys on their way from and to other systems.

use claviger_manage::{ExportedKey, ImportOutcome, ImportReport, KeyView, SecretRow};
use claviger_model::{AccountState, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{ReceiptJson, RestrictionsJson};

/// A key with its account, as another system can take it over; what isn't there isn't said.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyRow)]
pub(crate) struct KeyRowJson {
    /// The company's own id for the customer, or the account's id here.
    account: String,
    /// The customer's name: where the account is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_name: Option<String>,
    /// The company's own data about the customer: where the account is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    account_metadata: Option<Value>,
    /// `active` or `suspended`: where the account is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_state: Option<&'static str>,
    #[schema(inline)]
    #[serde(flatten)]
    secret: KnownByJson,
    /// Secrets that the key had before a rotation and that work until their overlaps end, the newest first; 100 at most.
    /// An import takes them with a key that is new, by `key` too. A key that is here keeps the secrets that it has, but for
    /// a rotation since: where the newest one here is among these, it gets what is new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    earlier_secrets: Vec<EarlierSecretJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The company's own id for it; unique within the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    metadata: Option<Value>,
    /// `live` or `test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// `"all"`, or a list of scopes. Needed where the api has scopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restrictions: Option<RestrictionsJson>,
    /// `active`, `disabled` or `revoked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// By the key's own secret, or by one that isn't among `earlier_secrets`.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
}

/// What a secret is known by.
#[derive(Debug, Default, Serialize, ToSchema)]
struct KnownByJson {
    /// SHA-256 of the plain key: 64 hexadecimal digits, or Base64 of either alphabet.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// What another system kept of the key that SHA-256 can't be had from, in place of `digest`: HMAC-SHA256, SHA-512,
    /// SHA-512/256, salted SHA-2, PBKDF2, bcrypt or Argon2, as that system writes it. It is checked at the key's first use.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    /// The first characters of the key, by which a `hash` is found: as many as a format of the profile says.
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup: Option<String>,
    /// What lists show of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// A secret that a key had before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EarlierSecret)]
struct EarlierSecretJson {
    #[schema(inline)]
    #[serde(flatten)]
    secret: KnownByJson,
    /// When the key was, where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// When its overlap ends, at most 366 days ahead. One that has ended isn't taken.
    ends_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
}

impl From<&SecretRow> for KnownByJson {
    fn from(secret: &SecretRow) -> Self {
        let brought = secret.brought.as_ref();
        let unused = brought.and_then(|brought| Some((&brought.lookup, brought.hash.as_ref()?)));
        Self {
            digest: unused.is_none().then(|| secret.digest.to_hex()),
            hash: unused.map(|(_, hash)| hash.as_str().to_owned()),
            lookup: unused.map(|(lookup, _)| lookup.clone()),
            hint: Some(secret.hint.clone()).filter(|hint| !hint.is_empty()),
        }
    }
}

/// When the key was last used by a secret of which this is so.
fn last_used_by(key: &KeyView, is_meant: impl Fn(u16) -> bool) -> Option<String> {
    let uses = key.last_uses.iter().filter(|last| is_meant(last.secret.secret));
    uses.map(|last| last.at).max().map(|at| at.to_string())
}

impl From<&ExportedKey> for KeyRowJson {
    fn from(ExportedKey { key, account, earlier }: &ExportedKey) -> Self {
        let row = &key.row;
        let earlier_secret = |secret: &SecretRow| EarlierSecretJson {
            secret: secret.into(),
            created_at: Some(secret.created_at.to_string()),
            ends_at: secret.ends_at.as_ref().map(Timestamp::to_string).unwrap_or_default(),
            last_used_at: last_used_by(key, |number| number == secret.number),
        };
        let said = |data: &Value| Some(data.clone()).filter(|data| *data != serde_json::json!({}));
        Self {
            account: account.external_id.clone().unwrap_or_else(|| account.id.to_string()),
            account_name: Some(account.name.clone()),
            account_metadata: said(&account.metadata),
            account_state: (account.state == AccountState::Suspended).then_some("suspended"),
            secret: row.secrets.first().map(Into::into).unwrap_or_default(),
            earlier_secrets: earlier.iter().map(earlier_secret).collect(),
            name: row.name.clone(),
            external_id: row.external_id.clone(),
            metadata: said(&row.metadata),
            environment: Some(row.environment.to_string()),
            scopes: Some(serde_json::json!(row.scopes)),
            restrictions: (!row.restrictions.is_empty()).then(|| (&row.restrictions).into()),
            state: Some(row.state.as_str().to_owned()),
            created_at: Some(row.created_at.to_string()),
            expires_at: row.expires_at.map(|at| at.to_string()),
            revoked_at: row.revoked_at.map(|at| at.to_string()),
            last_used_at: last_used_by(key, |number| earlier.iter().all(|secret| secret.number != number)),
        }
    }
}

/// A key to take over.
#[derive(ToSchema)]
#[schema(as = ImportRow)]
#[expect(dead_code, reason = "documents the rows, each of which is read by itself")]
pub(crate) struct ImportRowJson {
    /// The plain key, where there is neither `digest` nor `hash`. Only its digest is kept.
    key: Option<String>,
    #[schema(inline)]
    #[serde(flatten)]
    row: KeyRowJson,
}

/// What became of the rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Imported)]
pub(crate) struct ImportedJson {
    /// Keys that are new.
    created: usize,
    /// Keys that were here, and of which a row says something new.
    changed: usize,
    /// Keys that were here as their rows say.
    unchanged: usize,
    /// Accounts that are new.
    accounts: usize,
    /// Rows that aren't taken, in their order.
    refused: Vec<RefusedRowJson>,
    /// Left out where nothing was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<ReceiptJson>,
}

/// A row that isn't taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefusedRow)]
struct RefusedRowJson {
    /// Its place among the rows, from 0.
    row: usize,
    /// `malformed`, `unknown_hash`, `costly_hash`, `format`, `weak`, `duplicate`, `other_account`, `taken`, `external_id_taken`, `revoked`,
    /// `disabled` or `replaced`.
    code: &'static str,
    /// What is wrong and what to do.
    detail: String,
}

impl From<&ImportReport> for ImportedJson {
    fn from(report: &ImportReport) -> Self {
        let count =
            |outcome: &ImportOutcome| report.outcomes.iter().filter(|other| *other == outcome).count();
        let refused = report.outcomes.iter().enumerate().filter_map(|(row, outcome)| match outcome {
            ImportOutcome::Refused(refusal) => {
                Some(RefusedRowJson { row, code: refusal.code(), detail: refusal.to_string() })
            }
            ImportOutcome::Created | ImportOutcome::Changed | ImportOutcome::Unchanged => None,
        });
        Self {
            created: count(&ImportOutcome::Created),
            changed: count(&ImportOutcome::Changed),
            unchanged: count(&ImportOutcome::Unchanged),
            accounts: report.accounts,
            refused: refused.collect(),
            receipt: report.receipt.as_ref().map(Into::into),
        }
    }
}
