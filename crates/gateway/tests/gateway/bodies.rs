//! Bodies pass as they come: whole, unchanged, without being held back, within their bounds.

use crate::{
    keys::LIVE,
    stage::{Stage, get},
};

fn post(fields: &str) -> String {
    format!("POST /upload HTTP/1.1\r\nHost: api.shop.test\r\nAuthorization: Bearer {LIVE}\r\n{fields}\r\n")
}

#[tokio::test]
async fn a_body_passes_both_ways_byte_for_byte() {
    let stage = Stage::set().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let mut caller = stage.caller().await;
    caller.send(post("Content-Length: 300000\r\n")).await;
    caller.send(&bytes).await;
    let mut upstream = stage.upstream.accept().await;
    let head = upstream.head().await;
    assert_eq!((head.only("content-length"), head.only("transfer-encoding")), (Some("300000"), None));
    assert!(upstream.bytes(300_000).await == bytes);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 300000\r\n\r\n").await;
    upstream.send(&bytes).await;
    let head = caller.head().await;
    assert_eq!((head.only("content-length"), head.only("content-encoding")), (Some("300000"), Some("gzip")));
    assert!(caller.bytes(300_000).await == bytes);
}

#[tokio::test]
async fn an_upload_arrives_while_it_is_being_sent() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(post("Transfer-Encoding: chunked\r\n")).await;
    caller.send("5\r\nfirst\r\n").await;
    let mut upstream = stage.upstream.accept().await;
    assert_eq!(upstream.head().await.only("transfer-encoding"), Some("chunked"));
    assert_eq!(upstream.text(10).await, "5\r\nfirst\r\n");
    caller.send("4\r\nlast\r\n0\r\n\r\n").await;
    assert_eq!(upstream.text(14).await, "4\r\nlast\r\n0\r\n\r\n");
    upstream.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 204);
}

#[tokio::test]
async fn an_answer_arrives_while_it_is_being_sent() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/events", "")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
    assert_eq!(caller.head().await.only("transfer-encoding"), Some("chunked"));
    assert_eq!(caller.text(10).await, "5\r\nfirst\r\n");
    upstream.send("4\r\nlast\r\n0\r\n\r\n").await;
    assert_eq!(caller.text(14).await, "4\r\nlast\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_answer_without_a_length_ends_with_its_connection() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/", "Connection: close\r\n")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    drop(upstream);
    let answer = caller.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("9\r\nall of it\r\n0\r\n"), "{answer}");
}

#[tokio::test]
async fn trailers_are_dropped_and_never_become_fields() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(post("Transfer-Encoding: chunked\r\nTrailer: X-Claviger-Account\r\nTE: trailers\r\n")).await;
    caller.send("2\r\nhi\r\n0\r\nX-Claviger-Account: forged\r\nAuthorization: forged\r\n\r\n").await;
    let mut upstream = stage.upstream.accept().await;
    let head = upstream.head().await;
    assert!(!head.contains("forged") && head.only("trailer").is_none());
    assert_eq!(upstream.text(12).await, "2\r\nhi\r\n0\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nho\r\n0\r\nX-T: t\r\n\r\n").await;
    assert_eq!(caller.head().await.only("trailer"), None);
    assert_eq!(caller.text(12).await, "2\r\nho\r\n0\r\n\r\n");
}

#[tokio::test]
async fn the_body_of_a_get_is_forwarded_too() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/search", "Transfer-Encoding: chunked\r\n")).await;
    caller.send("2\r\n{}\r\n0\r\n\r\n").await;
    let mut upstream = stage.upstream.accept().await;
    assert_eq!(upstream.head().await.only("transfer-encoding"), Some("chunked"));
    assert_eq!(upstream.text(12).await, "2\r\n{}\r\n0\r\n\r\n");
}

#[tokio::test]
async fn lengths_that_disagree_never_reach_the_upstream() {
    let stage = Stage::set().await;
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5,6\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ] {
        let mut caller = stage.caller().await;
        caller.send(post(fields)).await;
        caller.send("hello").await;
        assert_eq!(caller.head().await.status(), 400, "{fields}");
    }
    // hyper reads both as chunked and drops the length: what is forwarded has one framing.
    let mut caller = stage.caller().await;
    caller.send(post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")).await;
    caller.send("2\r\nhi\r\n0\r\n\r\n").await;
    let mut upstream = stage.upstream.accept().await;
    let head = upstream.head().await;
    assert_eq!((head.only("content-length"), head.only("transfer-encoding")), (None, Some("chunked")));
    assert_eq!(upstream.text(12).await, "2\r\nhi\r\n0\r\n\r\n");
}

#[tokio::test]
async fn an_empty_body_stays_empty() {
    let stage = Stage::set().await;
    for (line, fields, length) in [
        ("DELETE", "Content-Length: 0\r\n", Some("0")),
        ("POST", "Content-Type: application/json\r\nContent-Length: 0\r\n", Some("0")),
        ("DELETE", "", None),
    ] {
        let request = post(fields).replacen("POST", line, 1);
        let head = stage.received(&request).await;
        assert_eq!((head.only("content-length"), head.only("transfer-encoding")), (length, None), "{line}");
    }
}

#[tokio::test]
async fn an_answer_to_head_keeps_its_length_and_has_no_body() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/", "").replacen("GET", "HEAD", 1)).await;
    let mut upstream = stage.upstream.accept().await;
    assert_eq!(upstream.head().await.first_line(), "HEAD / HTTP/1.1");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    assert_eq!(caller.head().await.only("content-length"), Some("1234"));
    caller.send(get("/next", "")).await;
    assert_eq!(upstream.head().await.first_line(), "GET /next HTTP/1.1");
    upstream.send("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 1234\r\n\r\n").await;
    let head = caller.head().await;
    assert_eq!((head.status(), head.only("etag")), (304, Some("\"x\"")));
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_at_once() {
    let stage = Stage::set_with(|profile| profile.upstream.body_max = 5).await;
    let mut caller = stage.caller().await;
    for _ in 0..2 {
        caller.send(post("Content-Length: 6\r\n")).await;
        let (head, body) = caller.message().await;
        assert_eq!((head.status(), &*body), (413, r#"{"code":"too_large"}"#));
        caller.send("hello!").await;
    }
}

#[tokio::test]
async fn a_body_that_turns_out_too_large_is_refused_and_broken_off() {
    let stage = Stage::set_with(|profile| profile.upstream.body_max = 5).await;
    let mut caller = stage.caller().await;
    caller.send(post("Transfer-Encoding: chunked\r\n")).await;
    caller.send("5\r\nhello\r\n").await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    assert_eq!(upstream.text(10).await, "5\r\nhello\r\n");
    caller.send("1\r\n!\r\n0\r\n\r\n").await;
    let (head, body) = caller.message().await;
    assert_eq!((head.status(), &*body), (413, r#"{"code":"too_large"}"#));
    assert_eq!(upstream.rest().await, "");
}

#[tokio::test]
async fn a_caller_who_waits_for_a_word_is_told_to_go_on() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(post("Content-Length: 5\r\nExpect: 100-continue\r\n")).await;
    let mut upstream = stage.upstream.accept().await;
    assert_eq!(upstream.head().await.only("expect"), None);
    assert_eq!(caller.head().await.first_line(), "HTTP/1.1 100 Continue");
    caller.send("hello").await;
    assert_eq!(upstream.text(5).await, "hello");

    let refused = post("Content-Length: 5\r\nExpect: 100-continue\r\n").replace(LIVE, "nonsense");
    assert_eq!(stage.refused(refused).await.0.status(), 401);
}
