//! The answers of a service that checks keys: the same statuses, fields and members as the product's.

use axum::{
    Json,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use claviger_bench::API;
use serde::Serialize;

use crate::check::Row;

#[derive(Serialize)]
struct Allowed<'a> {
    allowed: bool,
    permit: Permit<'a>,
}

#[derive(Serialize)]
struct Permit<'a> {
    key_id: &'a str,
    account_id: &'a str,
    external_id: &'a str,
    api: &'a str,
    environment: &'a str,
    scopes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<&'a str>,
}

#[derive(Serialize)]
struct Denied {
    allowed: bool,
    denial: Denial,
}

#[derive(Serialize)]
struct Denial {
    code: &'static str,
}

/// To whoever asks by a call.
pub fn verdict(judged: Result<Row, &'static str>) -> Response {
    match judged {
        Ok(row) => Json(Allowed {
            allowed: true,
            permit: Permit {
                key_id: &row.key_id,
                account_id: &row.account_id,
                external_id: &row.external_id,
                api: API,
                environment: &row.environment,
                scopes: row.scopes.split(' ').collect(),
                // All keys of the race have the same.
                expires_at: row.expires_at.map(|_| "2100-01-01T00:00:00Z"),
            },
        })
        .into_response(),
        Err(code) => Json(Denied { allowed: false, denial: Denial { code } }).into_response(),
    }
}

/// To a proxy.
pub fn pass(judged: Result<Row, &'static str>) -> Response {
    match judged {
        Ok(row) => {
            let mut headers = HeaderMap::new();
            let mut tell = |name, value: &str| {
                headers.insert(
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).expect("what was issued can be a field"),
                );
            };
            tell("x-claviger-account", &row.account_id);
            tell("x-claviger-external-id", &row.external_id);
            tell("x-claviger-key-id", &row.key_id);
            tell("x-claviger-environment", &row.environment);
            tell("x-claviger-scopes", &row.scopes);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            (StatusCode::OK, headers).into_response()
        }
        Err("scope" | "network") => StatusCode::FORBIDDEN.into_response(),
        Err(_) => StatusCode::UNAUTHORIZED.into_response(),
    }
}
