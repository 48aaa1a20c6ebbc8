//! The two ways to ask, by axum.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse as _, Response},
    routing::{get, post},
    serve::ListenerExt as _,
};
use serde::Deserialize;

use crate::{
    answers,
    check::{Attempt, Keys, check},
    listen::listen,
};

struct Service<K> {
    keys: K,
    operator_key: String,
}

#[derive(Deserialize)]
struct VerifyKey {
    key: String,
    method: String,
    path: String,
    address: Option<IpAddr>,
}

/// Answers by what `keys` says, those who have the operator key.
pub async fn serve<K: Keys>(keys: K, operator_key: String) -> anyhow::Result<()> {
    let service = Arc::new(Service { keys, operator_key });
    let routes = Router::new()
        .route("/v1/keys/verify", post(verify::<K>))
        .route("/forward-auth/{api}", get(forward_auth::<K>))
        .with_state(service);
    let listener = listen().await?.tap_io(|stream| {
        // It is quick or slow; either way it answers.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}

async fn verify<K: Keys>(
    State(service): State<Arc<Service<K>>>,
    headers: HeaderMap,
    Json(call): Json<VerifyKey>,
) -> Response {
    if bearer(&headers) != Some(&service.operator_key) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let VerifyKey { key, method, path, address } = &call;
    let attempt = Attempt { key, method, path, address: *address };
    match check(&service.keys, &attempt).await {
        Ok(judged) => answers::verdict(judged),
        Err(error) => unavailable(&error),
    }
}

async fn forward_auth<K: Keys>(State(service): State<Arc<Service<K>>>, headers: HeaderMap) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(key), Some(method), Some(path)) =
        (bearer(&headers), text("x-original-method"), text("x-original-uri"))
    else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let address = text("x-forwarded-for").and_then(|address| address.parse().ok());
    match check(&service.keys, &Attempt { key, method, path, address }).await {
        Ok(judged) => answers::pass(judged),
        Err(error) => unavailable(&error),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn unavailable(error: &anyhow::Error) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response()
}
