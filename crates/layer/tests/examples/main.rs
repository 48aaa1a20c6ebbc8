//! The examples, run: each refuses, lets in and says what it can't know.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../examples/axum.rs"]
#[expect(dead_code, reason = "its main is the example's")]
mod axum_service;
#[path = "../../examples/hyper.rs"]
#[expect(dead_code, reason = "its main is the example's")]
mod hyper_service;
#[path = "../../examples/tonic.rs"]
#[expect(dead_code, reason = "its main is the example's")]
mod tonic_service;

mod over_grpc;
mod over_http;

use bytes::Bytes;
use claviger_layer::{Node, RemoteApi};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower::service_fn;

/// The api of a node at which the key `good` is allowed, with the scope `alerts:read`; `best` has every scope, and
/// about `lost` it answers nothing. Others are denied.
fn api() -> RemoteApi {
    let node = service_fn(|question: Request<Full<Bytes>>| async {
        let asked = question.into_body().collect().await.unwrap().to_bytes();
        let asked: Value = serde_json::from_slice(&asked).unwrap();
        assert_eq!(asked["address"], "127.0.0.1", "the service says who connects");
        let permit = |scopes: Value| {
            json!({"allowed": true, "permit": {
                "key_id": "key_1", "account_id": "acc_1", "external_id": "cus_42", "api": "default",
                "environment": "live", "scopes": scopes,
            }})
        };
        let said = match asked["key"].as_str().unwrap() {
            "good" => permit(json!(["alerts:read"])),
            "best" => permit(json!("all")),
            "lost" => return Err("the node is gone"),
            _ => json!({"allowed": false, "response": {"status": 401, "headers": {}, "body": "no"}}),
        };
        Ok(Response::new(Full::new(Bytes::from(said.to_string()))))
    });
    Node::builder("http://node.test", "op_key").build_over(node).unwrap().api("default")
}
