//! The introspection endpoint (RFC 7662): what a token is, or an API key.

use claviger_manage::{ClientPermit, Manager};
use claviger_model::{AccountId, KeyId, oauth::Parameters, profile::Profile};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use crate::{
    answer::{self, Answer, Wrong},
    token::scope,
};

/// Says what a token is. One that doesn't work, for whatever reason, is not active and nothing more (RFC 7662 §2.2).
pub(crate) async fn introspect(
    manager: &Manager,
    profile: &Profile,
    client: &ClientPermit,
    parameters: &Parameters<'_>,
) -> Result<Answer, Wrong> {
    let token = parameters.get("token").ok_or_else(|| Wrong::request("token is missing"))?;
    let Some(found) = manager.introspect(profile, client, token).await? else {
        return Ok(answer::of(StatusCode::OK, &json!({"active": false})));
    };
    let (account, terms) = (&found.account, &found.terms);
    let body = Told {
        active: true,
        token_type: "Bearer",
        iss: manager.issuer(profile),
        sub: account.id,
        account_id: account.id,
        key_id: found.key,
        environment: found.environment.as_str(),
        created_by: &terms.created_by,
        scope: scope(profile, &terms.policy.scopes),
        external_id: account.external_id.as_deref(),
        exp: found.ends_at.map(|at| at.as_millis().div_euclid(1000)),
    };
    Ok(answer::of(StatusCode::OK, &body))
}

/// A token that works, in the words of RFC 7662 §2.2 and a few of our own.
#[derive(Serialize)]
struct Told<'a> {
    active: bool,
    token_type: &'static str,
    iss: String,
    sub: AccountId,
    account_id: AccountId,
    key_id: KeyId,
    environment: &'static str,
    created_by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
}
