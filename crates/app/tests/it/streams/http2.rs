//! Streams of several keys on one HTTP/2 connection: one ends with its key, and the connection goes on.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, task::JoinHandle};

use super::{Key, Stage, wire::Wire};

/// Asks for events with `key`; the answer comes when the upstream has begun it.
fn ask(sender: &SendRequest<Empty<Bytes>>, key: &Key) -> JoinHandle<Response<Incoming>> {
    let mut sender = sender.clone();
    let authorization = format!("Bearer {}", key.plain);
    let request = Request::get("http://api.test/v1/live").header("authorization", authorization);
    let request = request.header("te", "trailers").body(Empty::new()).expect("it is a request");
    tokio::spawn(async move { sender.send_request(request).await.expect("it is answered") })
}

async fn begun(stage: &Stage, answer: JoinHandle<Response<Incoming>>) -> (Incoming, Wire) {
    let mut upstream = stage.upstream.next();
    assert_eq!(upstream.head().all("via"), ["2.0 claviger"]);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    let answer = answer.await.expect("nobody panics");
    assert_eq!(answer.status(), StatusCode::OK);
    (answer.into_body(), upstream)
}

async fn pass_event(upstream: &mut Wire, body: &mut Incoming) {
    upstream.send("5\r\nevent\r\n");
    let frame = body.frame().await.expect("it goes on").expect("it isn't reset");
    assert_eq!(frame.into_data().expect("no trailers"), "event");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_reset_and_its_neighbour_is_not() {
    let stage = Stage::set();
    let (goes, stays) = (stage.good_key(), stage.good_key());
    let socket = TokioIo::new(TcpStream::connect(stage.server.gateway).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), socket).await.unwrap();
    tokio::spawn(connection);
    let (mut going, mut upstream) = begun(&stage, ask(&sender, &goes)).await;
    let (mut staying, mut other_upstream) = begun(&stage, ask(&sender, &stays)).await;
    pass_event(&mut upstream, &mut going).await;
    let soon = stage.revoke(&goes);
    assert!(going.frame().await.unwrap().is_err(), "it is no end");
    assert!(upstream.rest().is_empty());
    soon.happened();
    for _ in 0..3 {
        pass_event(&mut other_upstream, &mut staying).await;
    }
}
