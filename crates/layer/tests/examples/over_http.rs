//! The services that speak HTTP, asked by a client.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;

use crate::{api, axum_service, hyper_service};

async fn ask(address: SocketAddr, method: &str, path: &str, key: &str) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .header("authorization", format!("Bearer {key}"));
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let response = client.request(request.body(Full::default()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn axum() {
    let (listener, address) = listener().await;
    tokio::spawn(axum_service::serve(listener, api()));
    let alerts = r#"{"account":"acc_1","customer":"cus_42","environment":"live","alerts":[]}"#;
    assert_eq!(ask(address, "GET", "/v1/alerts", "good").await, (200, alerts.to_owned()));
    assert_eq!(ask(address, "GET", "/v1/alerts", "bad").await, (401, "no".to_owned()));
    assert_eq!(ask(address, "GET", "/v1/alerts", "lost").await.0, 503);
    let (status, body) = ask(address, "POST", "/v1/alerts", "good").await;
    assert_eq!((status, body.contains("lacks the scope alerts:write")), (403, true), "{body}");
    assert_eq!(ask(address, "POST", "/v1/alerts", "best").await.0, 200);
    assert_eq!(ask(address, "GET", "/healthz", "bad").await, (200, "ok".to_owned()));
}

#[tokio::test]
async fn hyper() {
    let (listener, address) = listener().await;
    tokio::spawn(hyper_service::serve(listener, api()));
    assert_eq!(ask(address, "GET", "/", "good").await, (200, "hello, acc_1".to_owned()));
    assert_eq!(ask(address, "GET", "/", "bad").await, (401, "no".to_owned()));
    assert_eq!(ask(address, "GET", "/", "lost").await.0, 503);
}
