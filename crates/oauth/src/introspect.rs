//! The introspection endpoint (RFC 7662): what a token is, or an API key.

use claviger_manage::{ClientPermit, Manager};
use claviger_model::{oauth::Parameters, profile::Profile};
use http::StatusCode;
use serde_json::json;

use crate::{
    answer::{self, Answer, Wrong},
    token::scope,
};

/// Says what a token is. One that doesn't work, for whatever reason, is not active and nothing more (RFC 7662 §2.2).
pub(crate) fn introspect(
    manager: &Manager,
    profile: &Profile,
    client: &ClientPermit,
    parameters: &Parameters,
) -> Result<Answer, Wrong> {
    let token = parameters.get("token").ok_or_else(|| Wrong::request("token is missing"))?;
    let Some(found) = manager.introspect(profile, client, token)? else {
        return Ok(answer::of(StatusCode::OK, &json!({"active": false})));
    };
    let mut body = json!({
        "active": true,
        "token_type": "Bearer",
        "iss": manager.issuer(profile),
        "sub": found.account,
        "account_id": found.account,
        "key_id": found.key,
        "environment": found.environment.as_str(),
        "created_by": found.created_by,
    });
    if let Some(scope) = scope(profile, &found.scopes) {
        body["scope"] = json!(scope);
    }
    if let Some(external_id) = &found.external_id {
        body["external_id"] = json!(&**external_id);
    }
    if let Some(ends_at) = found.ends_at {
        body["exp"] = json!(ends_at.as_millis().div_euclid(1000));
    }
    Ok(answer::of(StatusCode::OK, &body))
}
