//! Methods that a resource doesn't have (A26): refused on every path of the document, and echoed on none.

use claviger_testkit::exchange;

use super::operations::World;

#[test]
fn a_method_that_a_resource_has_not_is_refused() {
    let world = World::start();
    let document = world.document();
    let paths = document["paths"].as_object().expect("the document has paths");
    let key = world.server.operator_key();
    for (path, operations) in paths {
        let path = World::filled(path);
        let known: Vec<_> = operations
            .as_object()
            .expect("a path has methods")
            .keys()
            .map(|method| method.to_uppercase())
            .collect();
        for method in
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO", "get", "CONNECT"]
        {
            let follows = method == "HEAD" && known.contains(&"GET".to_owned());
            if known.contains(&method.to_owned()) || follows {
                continue;
            }
            let row = format!("{method} {path}");
            let request = format!(
                "{row} HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer {key}\r\nX-Echo: echo-me\r\nContent-Length: 0\r\n\r\n"
            );
            let answer = exchange(world.server.control, method, request.as_bytes());
            let answer = answer.expect("there is an answer");
            assert!(matches!(answer.status, 405 | 400), "{row}: {}", answer.status);
            assert!(!answer.text().contains("echo-me") && !answer.text().contains(key), "{row}");
            if method != "HEAD" && answer.status == 405 {
                assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{row}");
                assert_eq!(answer.json()["code"], "method_not_allowed", "{row}");
                let allowed = answer.header("allow").unwrap_or_default();
                assert!(known.iter().all(|method| allowed.contains(method)), "{row}: {allowed}");
            }
        }
    }
}

#[test]
fn a_look_at_the_head_says_what_a_look_at_all_would() {
    let world = World::start();
    for path in ["/v1/apis", "/v1/accounts", "/v1/keys/x", "/healthz", "/readyz", "/nowhere"] {
        let full = world.operator.get(path);
        let head = world.operator.call("HEAD", path, &serde_json::Value::Null);
        assert_eq!(
            (head.status, head.header("content-type")),
            (full.status, full.header("content-type")),
            "A27 {path}"
        );
        assert!(head.body.is_empty(), "A27 {path}");
    }
}

#[test]
fn what_belongs_to_operators_is_not_on_the_other_listeners() {
    let world = World::start();
    let key = world.server.operator_key();
    for operation in world.operations() {
        let (method, path) = operation.split_once(' ').expect("an operation has a path");
        let path = World::filled(path);
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer {key}\r\nContent-Length: 0\r\n\r\n"
        );
        let gateway = exchange(world.server.gateway, method, request.as_bytes()).expect("there is an answer");
        assert_eq!(gateway.status, 401, "A150 {operation} at the gateway");
        let portal = exchange(world.server.portal, method, request.as_bytes()).expect("there is an answer");
        assert!(matches!(portal.status, 404 | 405), "A150 {operation} at the portal: {}", portal.status);
    }
}
