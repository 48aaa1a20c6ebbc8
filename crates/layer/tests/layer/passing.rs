//! What reaches the service behind, and what is answered in its place.

use claviger_layer::{Carrier, Environment, Peer, TrustedProxies};
use http::{HeaderName, Request, StatusCode};
use serde_json::json;
use tokio::join;

use crate::node::{ScriptedNode, ask, get};

#[tokio::test]
async fn an_allowed_request_passes_with_its_permit_and_without_key_and_claims() {
    let (mut node, api) = ScriptedNode::start();
    let request = get()
        .header("x-claviger-account", "forged")
        .header("X_Claviger_Key-Id", "forged")
        .header("accept", "*/*");
    let (answer, ()) = join!(ask(&api, request), async {
        let question = node.question().await;
        assert_eq!(question.head.method, "POST");
        assert_eq!(question.head.uri, "http://node.test/v1/keys/verify");
        assert_eq!(question.head.headers["authorization"], "Bearer op_key");
        assert!(question.head.headers["authorization"].is_sensitive());
        assert_eq!(
            question.asked,
            json!({"key": "cc_live_KEY", "api": "cashcat", "method": "GET", "path": "/v1/things", "scopes": []})
        );
        question.allow();
    });
    assert_eq!(answer.body(), "acc_1 key_1 [read] sees accept");
}

#[tokio::test]
async fn a_denied_request_is_answered_as_the_node_says() {
    let (mut node, api) = ScriptedNode::start();
    let (answer, ()) = join!(ask(&api, get()), async { node.question().await.deny() });
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        (&answer.headers()["content-type"], answer.headers().len()),
        (&"application/json".parse().unwrap(), 2)
    );
    assert_eq!(answer.body(), "{\"error\":\"invalid_api_key\"}");
}

#[tokio::test]
async fn a_caller_that_speaks_grpc_is_told_in_grpc() {
    let (mut node, api) = ScriptedNode::start();
    let request = get().header("content-type", "application/grpc");
    let (answer, ()) = join!(ask(&api, request), async { node.question().await.deny() });
    assert_eq!((answer.status(), answer.body().as_str()), (StatusCode::OK, ""));
    assert_eq!(answer.headers()["grpc-status"], "16");
    assert_eq!(answer.headers()["x-request-id"], "req_1");
}

#[tokio::test]
async fn two_credentials_are_refused_without_asking() {
    let (mut node, api) = ScriptedNode::start();
    let answer = ask(&api, get().header("x-api-key", "cc_live_KEY")).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(node.is_silent().await);
}

#[tokio::test]
async fn what_is_said_of_an_api_is_done() {
    let (mut node, api) = ScriptedNode::start();
    let api = api
        .carriers([Carrier::Header(HeaderName::from_static("x-key"))])
        .forward_credential()
        .trusted_proxies(TrustedProxies::new(["10.0.0.0/8"]).unwrap())
        .scopes(["write"])
        .unwrap()
        .environment(Environment::Live);
    let request = Request::delete("/v1")
        .header("x-key", "KEY")
        .header("x-forwarded-for", "198.51.100.1, 203.0.113.9")
        .extension(Peer("10.1.2.3".parse().unwrap()));
    let (answer, ()) = join!(ask(&api, request), async {
        let question = node.question().await;
        let expected = json!({
            "key": "KEY", "api": "cashcat", "method": "DELETE", "path": "/v1", "address": "203.0.113.9",
            "scopes": ["write"], "environment": "live",
        });
        assert_eq!(question.asked, expected);
        question.allow();
    });
    assert_eq!(answer.body(), "acc_1 key_1 [read] sees x-forwarded-for x-key");
}
