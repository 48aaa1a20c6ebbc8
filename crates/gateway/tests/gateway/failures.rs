//! Upstreams that don't answer, or not sensibly.

use std::time::Duration;

use crate::{
    keys::LIVE,
    stage::{Stage, get},
    wire::{Head, Server},
};

async fn answered(stage: &Stage, with: &str) -> (Head, String) {
    let mut caller = stage.caller().await;
    caller.send(get("/", "")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    upstream.send(with).await;
    drop(upstream);
    caller.message().await
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let mut stage = Stage::set().await;
    // The listener that the gateway knows is closed by this.
    stage.upstream = Server::start().await;
    let (head, body) = stage.refused(get("/", "")).await;
    assert_eq!((head.status(), &*body), (502, r#"{"code":"bad_gateway"}"#));
    assert_eq!(head.only("cache-control"), Some("private, no-store"));
}

#[tokio::test]
async fn nonsense_from_an_upstream_is_a_bad_gateway() {
    let stage = Stage::set().await;
    for nonsense in [
        "",
        "nonsense\r\n\r\n",
        "HTTP/1.1 200",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ] {
        let (head, body) = answered(&stage, nonsense).await;
        assert_eq!((head.status(), &*body), (502, r#"{"code":"bad_gateway"}"#), "{nonsense:?}");
    }
}

#[tokio::test]
async fn a_written_request_is_never_sent_again() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/0", "")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 204);
    // The kept connection takes the next request and closes without a word.
    caller.send(get("/1", "")).await;
    assert_eq!(upstream.head().await.first_line(), "GET /1 HTTP/1.1");
    drop(upstream);
    assert_eq!(caller.message().await.0.status(), 502);
    caller.send(get("/2", "")).await;
    assert_eq!(stage.upstream.accept().await.head().await.first_line(), "GET /2 HTTP/1.1");
}

#[tokio::test]
async fn an_upstream_that_takes_too_long_is_a_gateway_timeout() {
    let stage = Stage::set_with(|profile| profile.upstream.timeout = Duration::from_millis(50)).await;
    let mut caller = stage.caller().await;
    caller.send(get("/", "")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    let (head, body) = caller.message().await;
    assert_eq!((head.status(), &*body), (504, r#"{"code":"gateway_timeout"}"#));
    assert_eq!(upstream.rest().await, "", "the upstream's connection is given up");
}

#[tokio::test]
async fn a_caller_who_stops_in_the_middle_of_a_body_is_at_fault_and_not_the_upstream() {
    let stage = Stage::set_with(|profile| profile.upstream.timeout = Duration::from_millis(50)).await;
    let mut caller = stage.caller().await;
    caller
        .send(format!(
            "POST / HTTP/1.1\r\nHost: api.shop.test\r\nAuthorization: Bearer {LIVE}\r\nContent-Length: 9\r\n\r\nhalf"
        ))
        .await;
    let (head, body) = caller.message().await;
    assert_eq!((head.status(), &*body), (400, r#"{"code":"bad_request"}"#));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_passed_off_as_whole() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/", "")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    caller.head().await;
    assert_eq!(caller.text(9).await, "4\r\nhalf\r\n");
    drop(upstream);
    assert_eq!(caller.rest().await, "", "no last chunk");
}

#[tokio::test]
async fn a_caller_who_goes_away_takes_the_upstream_s_request_along() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/", "")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    drop(caller);
    assert_eq!(upstream.rest().await, "");
}
