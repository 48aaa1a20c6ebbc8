//! What becomes of header fields, there and back.

use claviger_model::KeyId;

use crate::{
    keys::{ACCOUNT, CREATED_BY, LIVE, TEST},
    stage::{Stage, get},
};

#[tokio::test]
async fn the_upstream_learns_whose_request_it_is() {
    let stage = Stage::set().await;
    let head = stage.received(&get("/", "")).await;
    assert_eq!(head.only("x-claviger-account"), Some(&*ACCOUNT.to_string()));
    assert_eq!(head.only("x-claviger-external-id"), Some("cus%2042%25"));
    assert_eq!(head.only("x-claviger-key-id"), Some(&*KeyId::from_bytes([2; 16]).to_string()));
    assert_eq!(head.only("x-claviger-environment"), Some("live"));
    assert_eq!(head.only("x-claviger-scopes"), Some("all"));
    assert_eq!(head.only("x-claviger-created-by"), Some(&*CREATED_BY.replace(' ', "%20")));
    assert!(head.only("x-request-id").unwrap().starts_with("req_"));

    let test = format!("GET / HTTP/1.1\r\nHost: api.shop.test\r\nX-Api-Key: {TEST}\r\n\r\n");
    assert_eq!(stage.received(&test).await.only("x-claviger-environment"), Some("test"));
}

#[tokio::test]
async fn nobody_can_claim_an_identity_or_take_ours_away() {
    let stage = Stage::set().await;
    for fields in [
        "X-Claviger-Account: forged\r\nx-claviger-account: forged\r\nX_Claviger_Account: forged\r\n",
        "X-CLAVIGER-KEY-ID: forged\r\nX-Claviger_External-Id: forged\r\nX.Claviger.Scopes: forged\r\n",
        "X-Claviger-Admin: forged\r\nX-Request-Id: forged\r\n",
        "Connection: X-Claviger-Account, x-claviger-key-id, X-Request-Id, Host, X-Forwarded-For\r\n",
        "Connection: close, X-Claviger-Scopes\r\nConnection: x-claviger-created-by\r\n",
    ] {
        let head = stage.received(&get("/", fields)).await;
        assert!(!head.contains("forged"), "{head:?}");
        assert_eq!(head.only("x-claviger-account"), Some(&*ACCOUNT.to_string()), "{fields}");
        let ours = head.names().into_iter().filter(|name| name.contains("claviger")).count();
        assert_eq!(ours, 6, "{head:?}");
        assert_eq!(head.only("host"), Some("api.shop.test"));
        assert_eq!(head.only("x-forwarded-for"), Some("127.0.0.1"));
        assert!(head.only("x-request-id").is_some());
    }
}

#[tokio::test]
async fn the_credential_goes_no_further_unless_the_profile_says_so() {
    let stage = Stage::set().await;
    let head = stage.received(&get("/", "")).await;
    assert!(!head.contains(LIVE) && head.only("authorization").is_none());

    let forwarding = Stage::set_with(|profile| profile.credentials.forward = true).await;
    let head = forwarding.received(&get("/", "")).await;
    assert_eq!(head.only("authorization"), Some(&*format!("Bearer {LIVE}")));
}

#[tokio::test]
async fn fields_for_one_connection_stop_here_and_the_others_pass() {
    let stage = Stage::set().await;
    let fields = "Connection: keep-alive, X-Hop, TE\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\n\
                  TE: trailers\r\nUpgrade: websocket\r\nProxy-Authorization: Basic x\r\nTrailer: X-T\r\n\
                  Cookie:\r\nAccept: a\r\nAccept: b\r\nX-End: \u{e4}\r\nContent-Type: application/json\r\n";
    let head = stage.received(&get("/", fields)).await;
    for gone in [
        "connection",
        "x-hop",
        "keep-alive",
        "proxy-connection",
        "te",
        "upgrade",
        "proxy-authorization",
        "trailer",
    ] {
        assert_eq!(head.only(gone), None, "{gone}");
    }
    assert_eq!(head.only("cookie"), Some(""));
    assert_eq!(head.all("accept"), ["a", "b"]);
    assert_eq!(head.only("x-end"), Some("\u{e4}"));
    assert_eq!(head.only("content-type"), Some("application/json"));
    assert_eq!(head.only("content-length"), None);
}

#[tokio::test]
async fn an_answer_passes_but_for_the_fields_of_its_connection() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/", "")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    upstream
        .send(
            "HTTP/1.1 418 Short And Stout\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
             Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Request-Id: theirs\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
             WWW-Authenticate: Bearer\r\nLocation: http://elsewhere.test/\r\nContent-Length: 3\r\n\r\ntea",
        )
        .await;
    let (head, body) = caller.message().await;
    assert_eq!((head.status(), &*body), (418, "tea"));
    for gone in ["connection", "x-hop", "keep-alive", "proxy-authenticate", "upgrade"] {
        assert_eq!(head.only(gone), None, "{gone}");
    }
    assert_eq!(head.all("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(head.only("www-authenticate"), Some("Bearer"));
    assert_eq!(head.only("location"), Some("http://elsewhere.test/"));
    assert!(head.only("x-request-id").unwrap().starts_with("req_"));
}

#[tokio::test]
async fn both_ways_are_noted_in_via_after_those_that_were_there() {
    let stage = Stage::set().await;
    for (version, noted) in [("1.1", "1.1 claviger"), ("1.0", "1.0 claviger")] {
        let mut caller = stage.caller().await;
        let fields = "Via: 1.0 fred\r\nVia: HTTP/2 edge (x)\r\n";
        caller.send(get("/", fields).replace("HTTP/1.1", &format!("HTTP/{version}"))).await;
        let mut upstream = stage.upstream.accept().await;
        assert_eq!(upstream.head().await.all("via"), ["1.0 fred", "HTTP/2 edge (x)", noted]);
        upstream.send(format!("HTTP/{version} 200 OK\r\nVia: 1.1 inner\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(caller.head().await.all("via"), ["1.1 inner", noted]);
    }
    let (refused, _) = stage.refused("GET / HTTP/1.1\r\nHost: api.shop.test\r\n\r\n").await;
    assert_eq!(refused.only("via"), None, "what is answered here came through nothing");
}

#[tokio::test]
async fn a_redirect_is_passed_on_and_not_followed() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/", "")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    upstream.send("HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(caller.head().await.status(), 307);
}

#[tokio::test]
async fn an_interim_answer_is_not_the_answer() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/", "")).await;
    let mut upstream = stage.upstream.accept().await;
    upstream.head().await;
    upstream
        .send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    let (head, body) = caller.message().await;
    assert_eq!((head.status(), head.only("link"), &*body), (200, None, "ok"));
}
