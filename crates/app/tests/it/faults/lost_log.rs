//! F07: a log that can't be written, as on a disk that is full.

use claviger_testkit::ServerBuilder;
use serde_json::{Value, json};

use super::status;

#[test]
fn a_log_without_room_changes_no_answer() {
    for format in ["text", "json"] {
        let logs_into_nothing = ["sh", "-c", r#"exec "$@" 2>/dev/full"#, "sh"];
        let builder = ServerBuilder::new(crate::PROGRAM).profile("default").under(&logs_into_nothing);
        let server =
            builder.argument("--log").argument("trace").argument("--log-format").argument(format).start();
        let operator = server.operator();
        let account = operator.account("Acme");
        let (id, key) = operator.issue_plain(&account, "n");
        assert_eq!(status(&server, &key), 200);
        assert_eq!(operator.verify(&json!({"key": key}))["allowed"], true);
        assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
        assert_eq!(status(&server, &key), 401);
        let ended = server.stop();
        assert_eq!(ended.code, Some(0));
        assert_eq!(status(&ended.start(), &key), 401);
    }
}
