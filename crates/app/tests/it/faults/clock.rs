//! Wall clocks that jump.

use claviger_testkit::ServerBuilder;
use serde_json::{Value, json};

use super::{status, text};

#[test]
fn a_clock_that_jumps_back_revives_nothing_and_stops_nothing() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock().start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let order = json!({"name": "ends", "expires_at": "2100-01-01T00:00:00Z"});
    let ending = text(&operator.issue(&account, &order), "key").to_owned();
    let (id, active) = operator.issue_plain(&account, "active");
    server.move_clock("+80y");
    assert_eq!((status(&server, &ending), status(&server, &active)), (401, 200));
    for jump in ["+0", "-1h", "-10y", "+79y"] {
        server.move_clock(jump);
        assert_eq!(status(&server, &ending), 401, "{jump}");
        assert_eq!(status(&server, &active), 200, "{jump}: the lease runs on another clock");
        operator.issue_plain(&account, "made meanwhile");
    }
    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
    assert_eq!(status(&server, &active), 401);
    assert_eq!(operator.get("/v1/audit-events/check").expect(200).json()["whole"], true);
}

#[test]
fn a_clock_that_jumps_forward_stops_nothing_that_has_no_end() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock().start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (_, key) = operator.issue_plain(&account, "endless");
    for jump in ["+1h", "+10y", "+20y", "+500y"] {
        server.move_clock(jump);
        assert_eq!(status(&server, &key), 200, "{jump}");
        let issued = operator.issue(&account, &json!({"name": "made then"}));
        assert_eq!(status(&server, text(&issued, "key")), 200, "{jump}");
    }
}

#[test]
fn instants_beyond_2038_are_kept_as_they_are() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("default").movable_clock().start();
    let account = server.operator().account("Acme");
    server.move_clock("+20y");
    let order = json!({"name": "n", "expires_at": "9999-01-01T00:00:00Z"});
    let issued = server.operator().issue(&account, &order);
    let path = format!("/v1/keys/{}", text(&issued, "id"));
    let shown = server.operator().get(&path).expect(200).json();
    assert_eq!(text(&shown, "expires_at"), "9999-01-01T00:00:00Z");
    assert!(text(&shown, "created_at") > "2040");
    let server = server.stop().start();
    assert_eq!(server.operator().get(&path).expect(200).json(), shown);
    assert_eq!(status(&server, text(&issued, "key")), 200);
}
