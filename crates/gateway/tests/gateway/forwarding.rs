//! What the upstream receives of a request's target and of who asked.

use crate::{
    keys::{ENDPOINT, LIVE, NETWORK},
    stage::{Stage, get},
};

#[tokio::test]
async fn what_was_judged_is_forwarded_to_the_byte() {
    let stage = Stage::set().await;
    for target in [
        "/",
        "/?",
        "//evil.test/x",
        "/http://evil.test/",
        "/a//b/../c/%2e%2E;x=1?q=%zz&r=//",
        "/a?b=c?d",
        "/%61?%00",
        "/v1/costs?x=/../y",
    ] {
        assert_eq!(stage.received(&get(target, "")).await.first_line(), format!("GET {target} HTTP/1.1"));
    }
}

#[tokio::test]
async fn an_absolute_target_is_forwarded_in_origin_form_to_the_configured_upstream() {
    let stage = Stage::set().await;
    let head = stage.received(&get("http://api.shop.test/a?b", "")).await;
    assert_eq!(head.first_line(), "GET /a?b HTTP/1.1");
    assert_eq!(head.only("host"), Some("api.shop.test"));
}

#[tokio::test]
async fn a_path_with_two_readings_is_refused_to_a_key_with_endpoints() {
    let stage = Stage::set().await;
    let asking = |target: &str, fields: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: api.shop.test\r\nX-Api-Key: {ENDPOINT}\r\n{fields}\r\n")
    };
    for target in ["/pub/../admin", "/pub/%2e%2e/admin", "//pub/x", "/pub/..%2Fadmin", "/pub;a/x", "/pub/%00"]
    {
        assert_eq!(stage.refused(asking(target, "")).await.0.status(), 400, "{target}");
    }
    for target in ["/admin", "/admin?/pub/x", "/public/x", "/PUB/x", "http://api.shop.test/admin"] {
        let fields = "X-Original-URI: /pub/x\r\nX-HTTP-Method-Override: GET\r\n";
        assert_eq!(stage.refused(asking(target, fields)).await.0.status(), 403, "{target}");
    }
    assert_eq!(stage.received(&asking("/pub/x?y", "")).await.first_line(), "GET /pub/x?y HTTP/1.1");
}

#[tokio::test]
async fn a_caller_s_word_for_another_method_or_path_goes_no_further() {
    let stage = Stage::set_behind_a_proxy().await;
    let fields = "X-HTTP-Method-Override: DELETE\r\nX_HTTP_Method: DELETE\r\nX-Method-Override: PUT\r\n\
                  X-Original-URI: /admin\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n\
                  X-Original-Path: /admin\r\nX-Envoy-Original-Path: /admin\r\nX-Forwarded-Uri: /admin\r\n\
                  X-Forwarded-Method: DELETE\r\nX-Forwarded-Prefix: /admin\r\nX-Forwarded-Path: /admin\r\n\
                  X-Forwarded-Server: admin\r\nX_Forwarded_Uri: /admin\r\n";
    let head = stage.received(&get("/", fields)).await;
    let names = head.names();
    assert!(!names.iter().any(|name| name.contains("method") || name.contains("-ur")), "{names:?}");
    assert!(!head.contains("admin"), "{head:?}");
}

#[tokio::test]
async fn forwarding_fields_of_a_stranger_are_replaced() {
    let stage = Stage::set().await;
    let fields = "X-Forwarded-For: 203.0.113.9\r\nX_Forwarded_For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\
                  X-Forwarded-Host: evil.test\r\nX-Forwarded-Uri: /admin\r\nX-Forwarded-Prefix: /x\r\n\
                  Forwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nTrue-Client-IP: 203.0.113.9\r\n";
    let head = stage.received(&get("/", fields)).await;
    assert_eq!(head.only("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(head.only("x-forwarded-proto"), Some("http"));
    assert_eq!(head.only("x-forwarded-host"), Some("api.shop.test"));
    assert!(!head.contains("203.0.113.9") && !head.contains("evil") && !head.contains("/admin"), "{head:?}");
}

#[tokio::test]
async fn only_a_trusted_proxy_may_say_in_its_own_field_who_asked() {
    let (exposed, behind) = (Stage::set().await, Stage::set_behind_a_proxy().await);
    for field in [
        "X-Forwarded-Port",
        "X-Real-IP",
        "X-Client-IP",
        "True-Client-IP",
        "X-Cluster-Client-IP",
        "X-Envoy-External-Address",
        "CF-Connecting-IP",
        "CF-Connecting-IPv6",
        "Fastly-Client-IP",
        "X-Original-Forwarded-For",
        "X-Remote-Addr",
        "X-Remote-IP",
        "X-Originating-IP",
        "Client-IP",
        "X-ProxyUser-Ip",
    ] {
        let fields = format!("{field}: 203.0.113.9\r\n");
        assert_eq!(exposed.received(&get("/", &fields)).await.only(field), None, "{field}");
        assert_eq!(behind.received(&get("/", &fields)).await.only(field), Some("203.0.113.9"), "{field}");
        let misspelt = fields.replace('-', "_");
        assert!(!behind.received(&get("/", &misspelt)).await.contains("203.0.113.9"), "{field}");
    }
}

#[tokio::test]
async fn forwarding_fields_of_a_trusted_proxy_are_kept_and_added_to() {
    let stage = Stage::set_behind_a_proxy().await;
    let fields = "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-For: 203.0.113.9, 10.0.0.2\r\nX_Forwarded_For: 1.1.1.1\r\n\
                  X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\nForwarded: for=203.0.113.9\r\n";
    let head = stage.received(&get("/", fields)).await;
    assert_eq!(head.only("x-forwarded-for"), Some("198.51.100.7, 203.0.113.9, 10.0.0.2, 127.0.0.1"));
    assert_eq!(head.only("x-forwarded-proto"), Some("https"));
    assert_eq!(head.only("x-forwarded-host"), Some("shop.example"));
    assert_eq!(head.only("forwarded"), Some("for=203.0.113.9"));
    assert!(!head.contains("1.1.1.1"));
}

#[tokio::test]
async fn a_network_is_judged_by_the_address_a_trusted_proxy_saw() {
    let asking = |noted: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: api.shop.test\r\nX-Api-Key: {NETWORK}\r\nX-Forwarded-For: {noted}\r\n\r\n"
        )
    };
    let exposed = Stage::set().await;
    assert_eq!(exposed.refused(asking("203.0.113.9")).await.0.status(), 403);

    let behind = Stage::set_behind_a_proxy().await;
    assert_eq!(behind.refused(asking("203.0.113.9, 198.51.100.7")).await.0.status(), 403);
    assert_eq!(behind.refused(asking("203.0.113.9, nonsense")).await.0.status(), 403);
    behind.received(&asking("198.51.100.7, 203.0.113.9, 10.0.0.2")).await;
    // The judgement is made before `Connection` can take the evidence away.
    let nominated = asking("198.51.100.7").replace("\r\n\r\n", "\r\nConnection: X-Forwarded-For\r\n\r\n");
    assert_eq!(behind.refused(nominated).await.0.status(), 403);
}

#[tokio::test]
async fn ten_requests_share_the_callers_and_the_upstream_s_connection() {
    let stage = Stage::set().await;
    let mut caller = stage.caller().await;
    caller.send(get("/0", "")).await;
    let mut upstream = stage.upstream.accept().await;
    for number in 0..10 {
        assert_eq!(upstream.head().await.first_line(), format!("GET /{number} HTTP/1.1"));
        upstream.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}")).await;
        assert_eq!(caller.message().await.1, number.to_string());
        caller.send(get(&format!("/{}", number + 1), "")).await;
    }
}

#[tokio::test]
async fn a_key_is_not_read_from_the_query() {
    let stage = Stage::set().await;
    let (head, _) =
        stage.refused(format!("GET /?api_key={LIVE} HTTP/1.1\r\nHost: api.shop.test\r\n\r\n")).await;
    assert_eq!(head.status(), 401);
}
