//! Callers that speak HTTP/2: the upstream can't tell.

use bytes::Bytes;
use http::{Request, Response, header::COOKIE};
use http_body_util::Empty;
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::{keys::LIVE, stage::Stage};

async fn asked(
    stage: &Stage,
    request: http::request::Builder,
) -> tokio::task::JoinHandle<Response<Incoming>> {
    let stream = TokioIo::new(TcpStream::connect(stage.gateway).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    let request =
        request.header("authorization", format!("Bearer {LIVE}")).body(Empty::<Bytes>::new()).unwrap();
    tokio::spawn(async move { sender.send_request(request).await.unwrap() })
}

#[tokio::test]
async fn the_authority_becomes_the_host_and_cookies_become_one_field() {
    let stage = Stage::set().await;
    let request = Request::get("http://api.shop.test/a?b").header(COOKIE, "a=1").header(COOKIE, "b=2");
    let answer = asked(&stage, request).await;
    let mut upstream = stage.upstream.accept().await;
    let head = upstream.head().await;
    assert_eq!(head.first_line(), "GET /a?b HTTP/1.1");
    assert_eq!(head.only("host"), Some("api.shop.test"));
    assert_eq!(head.only("cookie"), Some("a=1; b=2"));
    assert_eq!(head.only("via"), Some("2.0 claviger"));
    upstream.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.headers()["via"], "1.1 claviger");
}

#[tokio::test]
async fn an_authority_that_is_not_the_host_is_refused() {
    let stage = Stage::set().await;
    let request = Request::get("http://live.shop.test/").header("host", "api.shop.test");
    assert_eq!(asked(&stage, request).await.await.unwrap().status(), 400);
}
