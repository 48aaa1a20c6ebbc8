//! Self-service endpoints are answered here, with the permit in hand, and nothing of them reaches the upstream.

use crate::{
    keys::{ACCOUNT, LIVE},
    stage::Stage,
};

fn asking(line: &str, fields: &str, body: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: api.shop.test\r\nAuthorization: Bearer {LIVE}\r\n{fields}\r\n{body}")
}

#[tokio::test]
async fn the_handler_gets_permit_action_and_body_but_no_credential() {
    let stage = Stage::set().await;
    let create = stage.refused(asking("POST /keys", "Content-Length: 2\r\n", "{}")).await;
    assert_eq!(create.1, format!("Create for {ACCOUNT} with {{}} (2 bytes, credential: false)"));
    assert!(create.0.only("x-request-id").unwrap().starts_with("req_"));

    let delete = stage.refused(asking("DELETE /keys/key_1?x=y", "Content-Length: 0\r\n", "")).await;
    assert_eq!(delete.1, format!("Delete(\"key_1\") for {ACCOUNT} with  (0 bytes, credential: false)"));
}

#[tokio::test]
async fn without_a_permit_there_is_no_self_service() {
    let stage = Stage::set().await;
    let (head, _) =
        stage.refused("POST /keys HTTP/1.1\r\nHost: api.shop.test\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(head.status(), 401);
}

#[tokio::test]
async fn a_body_beyond_its_bound_is_refused() {
    let stage = Stage::set().await;
    let body = "x".repeat((64 << 10) + 1);
    let length = format!("Content-Length: {}\r\n", body.len());
    assert_eq!(stage.refused(asking("POST /keys", &length, &body)).await.0.status(), 413);
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    assert_eq!(
        stage.refused(asking("POST /keys", "Transfer-Encoding: chunked\r\n", &chunked)).await.0.status(),
        413
    );
}

#[tokio::test]
async fn another_method_or_path_is_the_upstream_s() {
    let stage = Stage::set().await;
    for line in
        ["GET /keys", "PUT /keys", "HEAD /keys/key_1", "DELETE /keys/key_1/x", "GET /KEYS", "GET /a//b"]
    {
        assert_eq!(stage.received(&asking(line, "", "")).await.first_line(), format!("{line} HTTP/1.1"));
    }
}

#[tokio::test]
async fn what_an_upstream_could_take_for_an_endpoint_goes_no_further() {
    let stage = Stage::set().await;
    for line in [
        "DELETE /keys/key_1/",
        "DELETE //keys/key_1",
        "DELETE /%6Beys/key_1",
        "DELETE /keys;v=1/key_1",
        "DELETE /x/../keys/key_1",
        "POST /keys/",
        "PUT /keys/",
    ] {
        let (head, body) = stage.refused(asking(line, "Content-Length: 0\r\n", "")).await;
        assert_eq!((head.status(), &*body), (400, r#"{"code":"bad_request"}"#), "{line}");
    }
    let nobody = "DELETE /keys/key_1/ HTTP/1.1\r\nHost: api.shop.test\r\n\r\n";
    assert_eq!(stage.refused(nobody).await.0.status(), 401);
}
