//! Dynamic registration (RFC 7591), where the profile has it: public or confidential applications that nobody vouches for.

use std::net::IpAddr;

use claviger_manage::{ClientOrder, Manager};
use claviger_model::{
    RequestId,
    oauth::{ClientKind, ErrorCode, RedirectUri, scopes_asked},
    profile::Profile,
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::answer::{self, Answer, Wrong};

/// What an application says of itself. RFC 7591 §2: what isn't understood is ignored, addresses of pictures and keys
/// included: nothing is ever fetched from them.
#[derive(Deserialize)]
struct Metadata {
    redirect_uris: Option<Vec<String>>,
    client_name: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
}

pub(crate) async fn register(
    manager: &Manager,
    profile: &Profile,
    from: Option<IpAddr>,
    request: RequestId,
    body: &[u8],
) -> Result<Answer, Wrong> {
    let metadata: Metadata = serde_json::from_slice(body).map_err(|error| {
        // What the caller wrote isn't repeated: a description is plain ASCII.
        let place = format!("the body can't be read at line {}, column {}", error.line(), error.column());
        wrong(ErrorCode::InvalidClientMetadata, place)
    })?;
    let kind = match metadata.token_endpoint_auth_method.as_deref() {
        Some("none") => ClientKind::Public,
        None | Some("client_secret_basic" | "client_secret_post") => ClientKind::Confidential,
        Some(_) => {
            let description = "token_endpoint_auth_method is none, client_secret_basic or client_secret_post";
            return Err(wrong(ErrorCode::InvalidClientMetadata, description));
        }
    };
    let grants = metadata.grant_types.unwrap_or_else(|| vec!["authorization_code".to_owned()]);
    let fits = |grant: &String| grant == "authorization_code" || grant == "refresh_token";
    if !grants.iter().all(fits) || !grants.iter().any(|grant| grant == "authorization_code") {
        let description = "grant_types are authorization_code and refresh_token";
        return Err(wrong(ErrorCode::InvalidClientMetadata, description));
    }
    if metadata.response_types.is_some_and(|types| types != ["code"]) {
        return Err(wrong(ErrorCode::InvalidClientMetadata, "response_types is code"));
    }
    let uris = metadata.redirect_uris.unwrap_or_default();
    let redirect_uris = uris.iter().map(|uri| RedirectUri::register(uri)).collect::<Result<Vec<_>, _>>();
    let redirect_uris = redirect_uris
        .map_err(|error| wrong(ErrorCode::InvalidRedirectUri, format!("redirect_uris: {error}")))?;
    if redirect_uris.is_empty() {
        return Err(wrong(ErrorCode::InvalidRedirectUri, "redirect_uris: at least one"));
    }
    let all: Vec<_> = profile.scopes.iter().map(|(scope, _)| scope.clone()).collect();
    let scopes = metadata.scope.map(|scope| scopes_asked(Some(&scope), &all)).transpose();
    let scopes = scopes.map_err(|error| wrong(ErrorCode::InvalidClientMetadata, error.to_string()))?;
    let order = ClientOrder {
        api: Some(profile.name.to_string()),
        name: metadata.client_name.unwrap_or_else(|| "An application".to_owned()),
        kind,
        redirect_uris,
        scopes,
        account: None,
        verified: false,
        introspects: false,
    };
    let issued = manager.register_itself(order, from, request).await?;
    let row = issued.row;
    let method = match row.kind {
        ClientKind::Public => "none",
        ClientKind::Confidential => metadata
            .token_endpoint_auth_method
            .filter(|method| method == "client_secret_post")
            .map_or("client_secret_basic", |_| "client_secret_post"),
    };
    let mut body = json!({
        "client_id": row.id,
        "client_id_issued_at": row.created_at.as_millis().div_euclid(1000),
        "client_name": row.name,
        "redirect_uris": row.redirect_uris,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
    });
    if let Some(secret) = issued.secret {
        body["client_secret"] = json!(secret.expose());
        body["client_secret_expires_at"] = json!(0);
    }
    if let Some(scope) = crate::token::scope(profile, &row.scopes) {
        body["scope"] = json!(scope);
    }
    Ok(answer::of(StatusCode::CREATED, &body))
}

fn wrong(code: ErrorCode, description: impl Into<String>) -> Wrong {
    Wrong::new(StatusCode::BAD_REQUEST, code, description)
}
