//! An axum service behind a node: extractors, a scope, and a route that needs no key.
//!
//! `CLAVIGER_OPERATOR_KEY=… cargo run --example axum --features axum -- 127.0.0.1:8000 default`

use std::{env, error::Error, io, net::SocketAddr};

use axum::{Json, Router, routing::get};
use claviger_layer::{ClavigerLayer, MissingScope, Node, RemoteApi, RemotePermit, Scopes};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let api = arguments.next().unwrap_or_else(|| "default".to_owned());
    let url = env::var("CLAVIGER_URL").unwrap_or_else(|_| "http://127.0.0.1:8082".to_owned());
    let node = Node::new(&url, env::var("CLAVIGER_OPERATOR_KEY")?)?;
    serve(TcpListener::bind(address).await?, node.api(&api)).await?;
    Ok(())
}

/// Serves until the process ends.
pub(crate) async fn serve(listener: TcpListener, api: RemoteApi) -> io::Result<()> {
    let app = Router::new()
        .route("/v1/alerts", get(list_alerts).post(create_alert))
        .layer(ClavigerLayer::new(api))
        // What is added after the layer is not behind it.
        .route("/healthz", get(|| async { "ok" }));
    // The layer has to know who connects: keys can be restricted to networks.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
}

async fn list_alerts(permit: RemotePermit) -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "account": permit.account_id(),
        "customer": permit.external_id(),
        "environment": permit.environment().as_str(),
        "alerts": [],
    }))
}

/// What the api's profile says of routes the node has judged already; this is for what a table of routes can't say.
async fn create_alert(scopes: Scopes) -> Result<&'static str, MissingScope> {
    scopes.require("alerts:write")?;
    Ok("created")
}
