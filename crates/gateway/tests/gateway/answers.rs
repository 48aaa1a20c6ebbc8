//! Requests that are answered here: no permit, no api, no sense.

use std::sync::Arc;

use claviger_gateway::{Backend, Backends, BackendsError, Body, InProcess, Upstream, body};
use claviger_judge::Api;
use claviger_model::profile::Profile;
use http::{Request, Response};
use http_body_util::Empty;

use crate::{
    keys::{LIVE, TEST, UNKNOWN, unready_verifier, verifier},
    stage::{Stage, get, listen, profile},
    wire::Wire,
};

fn asking(host: &str, authorization: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n{authorization}\r\n")
}

#[tokio::test]
async fn without_a_permit_the_api_answers_in_its_own_words() {
    let stage = Stage::set().await;
    let missing = stage.refused(asking("api.shop.test", "")).await;
    assert_eq!((missing.0.status(), &*missing.1), (401, r#"{"code":"missing"}"#));
    assert_eq!(missing.0.all("www-authenticate"), ["Bearer realm=\"Shop\"", "ApiKey realm=\"Shop\""]);
    assert_eq!(missing.0.only("cache-control"), Some("private, no-store"));
    assert!(missing.0.only("x-request-id").unwrap().starts_with("req_"));

    let unknown =
        stage.refused(asking("api.shop.test", &format!("Authorization: Bearer {UNKNOWN}\r\n"))).await;
    assert_eq!((unknown.0.status(), &*unknown.1), (401, r#"{"code":"unknown"}"#));
    assert_eq!(unknown.0.all("www-authenticate")[0], "Bearer realm=\"Shop\", error=\"invalid_token\"");

    let two = format!("Authorization: Bearer {LIVE}\r\nX-Api-Key: {LIVE}\r\n");
    assert_eq!(stage.refused(asking("api.shop.test", &two)).await.0.status(), 400);
}

#[tokio::test]
async fn a_node_that_can_not_know_says_503_and_never_401() {
    let stage = Stage::with(profile(""), unready_verifier()).await;
    for authorization in ["", "Authorization: nonsense\r\n", &format!("Authorization: Bearer {LIVE}\r\n")] {
        let (head, body) = stage.refused(asking("api.shop.test", authorization)).await;
        assert_eq!((head.status(), &*body), (503, r#"{"code":"unavailable"}"#));
        assert!(["1", "2", "3"].contains(&head.only("retry-after").unwrap()));
    }
}

#[tokio::test]
async fn every_answer_has_an_id_of_ours_and_no_two_the_same() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        caller.send(asking("api.shop.test", "X-Request-Id: mine\r\n")).await;
        ids.push(caller.message().await.0.only("x-request-id").unwrap().to_owned());
    }
    assert!(ids[0] != ids[1] && !ids.contains(&"mine".to_owned()), "{ids:?}");
}

#[tokio::test]
async fn a_test_key_is_refused_where_the_host_is_for_live_keys() {
    let stage = Stage::set().await;
    for host in ["live.shop.test", "LIVE.shop.test:8080", "live.shop.test."] {
        let (head, body) = stage.refused(asking(host, &format!("X-Api-Key: {TEST}\r\n"))).await;
        assert_eq!((head.status(), &*body), (401, r#"{"code":"environment"}"#), "{host}");
    }
}

#[tokio::test]
async fn a_request_for_no_one_host_is_refused() {
    let stage = Stage::set().await;
    let key = format!("Authorization: Bearer {LIVE}\r\n");
    for request in [
        format!("GET / HTTP/1.1\r\n{key}\r\n"),
        format!("GET / HTTP/1.0\r\n{key}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n{key}\r\n"),
        format!("GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n{key}\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a.test/x\r\n{key}\r\n"),
        format!("GET / HTTP/1.1\r\nHost:\r\n{key}\r\n"),
    ] {
        let (head, body) = stage.refused(&request).await;
        // There is one api only, so that even such a request is answered in its words.
        assert_eq!((head.status(), &*body), (400, r#"{"code":"bad_request"}"#), "{request}");
        assert_eq!(head.only("connection"), Some("close"), "{request}");
    }
}

#[tokio::test]
async fn methods_and_targets_that_speak_to_a_proxy_are_refused() {
    let stage = Stage::set().await;
    let fields = format!("Host: api.shop.test\r\nAuthorization: Bearer {LIVE}\r\nX-Secret: x\r\n");
    for line in ["TRACE / HTTP/1.1", "OPTIONS * HTTP/1.1", "CONNECT api.shop.test HTTP/1.1"] {
        let (head, body) = stage.refused(format!("{line}\r\n{fields}\r\n")).await;
        assert_eq!((head.status(), &*body), (400, r#"{"code":"bad_request"}"#), "{line}");
    }
    let preflight =
        stage.refused("OPTIONS / HTTP/1.1\r\nHost: api.shop.test\r\nOrigin: https://evil.test\r\n\r\n").await;
    assert_eq!(preflight.0.status(), 401);
}

#[tokio::test]
async fn a_head_beyond_its_bounds_is_refused_in_the_api_s_words() {
    let stage = Stage::set().await;
    for (target, field, status) in [
        (format!("/{}", "a".repeat(8 << 10)), String::new(), 414),
        (format!("/?{}", "a".repeat(33 << 10)), String::new(), 414),
        ("/".to_owned(), format!("X-Long: {}\r\n", "a".repeat(17 << 10)), 431),
    ] {
        let (head, body) = stage.refused(get(&target, &field)).await;
        assert_eq!((head.status(), &*body), (status, r#"{"code":"too_large"}"#));
    }
}

#[tokio::test]
async fn a_head_beyond_the_server_s_own_bounds_is_answered_too() {
    let stage = Stage::set().await;
    for (target, fields, status) in [
        ("/".to_owned(), "X-Many: a\r\n".repeat(1000), 431),
        ("/".to_owned(), format!("X-Long: {}\r\n", "a".repeat(100 << 10)), 431),
        (format!("/?{}", "a".repeat(65 << 10)), String::new(), 414),
    ] {
        let mut caller = stage.caller().await;
        caller.send(get(&target, &fields)).await;
        assert_eq!(caller.head().await.status(), status);
    }
}

#[tokio::test]
async fn a_caller_refused_while_sending_a_body_sees_why_and_keeps_its_connection() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    for _ in 0..2 {
        caller.send("POST / HTTP/1.1\r\nHost: api.shop.test\r\nContent-Length: 1000000\r\n\r\n").await;
        caller.send("x".repeat(1_000_000)).await;
        assert_eq!(caller.message().await.0.status(), 401);
    }
}

struct Silent;

#[async_trait::async_trait]
impl InProcess for Silent {
    async fn call(&self, request: Request<Body>) -> Response<Body> {
        let mut response = Response::new(body(Empty::new()));
        response.headers_mut().insert("x-account", request.headers()["x-claviger-account"].clone());
        response
    }
}

fn second_api(host: &str) -> Profile {
    let mut other = profile("");
    other.name = "other".into();
    host.clone_into(&mut other.hosts[0].host);
    other.hosts.truncate(1);
    other
}

fn backend(profile: Profile) -> Backend {
    let silent = Upstream::InProcess(Arc::new(Silent));
    Backend { api: Arc::new(Api::new(Arc::new(profile)).unwrap()), live: silent.clone(), test: silent }
}

#[tokio::test]
async fn the_host_chooses_among_several_apis_and_an_unknown_one_is_misdirected() {
    let address =
        listen(vec![backend(profile("")), backend(second_api("other.test"))], verifier().await).await;
    let key = format!("Authorization: Bearer {LIVE}\r\n");
    for (host, status) in [("api.shop.test", 200), ("other.test", 401), ("third.test", 421)] {
        let mut caller = Wire::to(address).await;
        caller.send(asking(host, &key)).await;
        let (head, _) = caller.message().await;
        assert_eq!(head.status(), status, "{host}");
        assert_eq!(head.only("x-account").is_some(), status == 200);
        assert!(head.only("x-request-id").is_some());
    }
}

#[test]
fn two_apis_can_not_have_one_host_and_a_gateway_needs_an_api() {
    let error = Backends::new(vec![backend(profile("")), backend(second_api("api.shop.test"))]).unwrap_err();
    assert_eq!(error.to_string(), "the apis \"shop\" and \"other\" both claim the host api.shop.test");
    assert_eq!(Backends::new(Vec::new()).unwrap_err(), BackendsError::None);
}
