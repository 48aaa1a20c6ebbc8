//! A flood of connections where open files are few: whoever is connected stays served, and so do the other listeners.

use std::{net::TcpStream, time::Duration};

use claviger_testkit::{Connection, ServerBuilder, eventually};
use serde_json::{Value, json};

use super::status;

#[test]
fn a_flood_of_the_gateway_leaves_the_others_served_and_passes() {
    let few = ["prlimit", "--nofile=256:256"];
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").under(&few).start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (id, key) = operator.issue_plain(&account, "n");
    let asking = format!("GET /v1/things HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n");
    let mut kept = Connection::open(server.gateway);
    kept.send(asking.as_bytes());
    assert_eq!(kept.answer("GET").unwrap().status, 200);
    let connect = || TcpStream::connect_timeout(&server.gateway, Duration::from_millis(300)).ok();
    let flood: Vec<_> = (0..1000).map_while(|_| connect()).collect();
    assert!(flood.len() > 100, "{} came in, or wait with the system", flood.len());
    for _ in 0..20 {
        kept.send(asking.as_bytes());
        assert_eq!(kept.answer("GET").unwrap().status, 200, "who is connected stays served");
        operator.issue_plain(&account, "made during the flood");
        assert_eq!(operator.verify(&json!({"key": key}))["allowed"], true);
    }
    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
    kept.send(asking.as_bytes());
    assert_eq!(kept.answer("GET").unwrap().status, 401);
    drop(flood);
    eventually(|| (status(&server, &key) == 401).then_some(()));
    let (_, another) = operator.issue_plain(&account, "after the flood");
    assert_eq!(status(&server, &another), 200);
}
