//! The token endpoint (RFC 6749 §3.2, OAuth 2.1 §3.2).

use std::net::IpAddr;

use claviger_manage::{ClientPermit, Manager, TokenError, Tokens};
use claviger_model::{
    Scopes,
    oauth::{ErrorCode, Parameters},
    profile::Profile,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Answer, Wrong};

pub(crate) async fn issue(
    manager: &Manager,
    profile: &Profile,
    client: &ClientPermit,
    parameters: &Parameters<'_>,
    from: Option<IpAddr>,
) -> Result<Answer, Wrong> {
    let guessed = |error: TokenError| match error {
        TokenError::InvalidGrant(_) => Wrong::from(error).counted(manager.count_wrong_grant(client, from)),
        other => other.into(),
    };
    let needed =
        |name: &'static str| parameters.get(name).ok_or_else(|| Wrong::request(format!("{name} is missing")));
    manager.check_target(profile, parameters.all("resource"))?;
    let tokens = match needed("grant_type")? {
        "authorization_code" => {
            let (code, redirect_uri) = (needed("code")?, needed("redirect_uri")?);
            let verifier = needed("code_verifier")?;
            manager.redeem_code(profile, client, code, redirect_uri, verifier).await.map_err(guessed)?
        }
        "refresh_token" => {
            let token = needed("refresh_token")?;
            manager.refresh_grant(profile, client, token, parameters.get("scope")).await.map_err(guessed)?
        }
        "client_credentials" => manager.client_grant(profile, client, parameters.get("scope")).await?,
        _ => {
            let description = "grant_type is authorization_code, refresh_token or client_credentials";
            return Err(Wrong::new(StatusCode::BAD_REQUEST, ErrorCode::UnsupportedGrantType, description));
        }
    };
    Ok(answer::of(StatusCode::OK, &told(profile, &tokens)))
}

fn told(profile: &Profile, tokens: &Tokens) -> Value {
    let mut body = json!({
        "access_token": tokens.access.expose(),
        "token_type": "Bearer",
        "expires_in": tokens.lasts.as_secs(),
    });
    if let Some(refresh) = &tokens.refresh {
        body["refresh_token"] = json!(refresh.expose());
    }
    if let Some(scope) = scope(profile, &tokens.scopes) {
        body["scope"] = json!(scope);
    }
    body
}

/// Scopes as OAuth writes them; `None` where they are everything that an api without scopes lets keys do.
pub(crate) fn scope(profile: &Profile, scopes: &Scopes) -> Option<String> {
    match scopes {
        Scopes::Listed(_) => Some(scopes.to_string()),
        Scopes::All if profile.scopes.is_empty() => None,
        Scopes::All => Some(profile.scope_names().join(" ")),
    }
}
