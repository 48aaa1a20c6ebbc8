//! A disk without room: no change is made or claimed, everything else goes on, and nobody has to restart anything.

use std::{fs, path::PathBuf};

use claviger_testkit::{Server, ServerBuilder, eventually};
use serde_json::{Value, json};

use super::{sqlite, status, text};

/// Puts the data directory on a file system of its own that nobody but the server sees and that goes with it.
const MOUNT: &str = r#"cp -a "$1" "$1.made" && mount -t tmpfs -o size=2m,mode=0700 tmpfs "$1" && cp -a "$1.made/." "$1" \
    && shift && exec "$@""#;

fn start() -> Server {
    let mut builder = ServerBuilder::new(crate::PROGRAM).profile("default");
    let data = builder.directory().join("data");
    builder
        .under(&[
            "unshare",
            "--mount",
            "sh",
            "-c",
            MOUNT,
            "sh",
            data.to_str().expect("the tests' paths are text"),
        ])
        .start()
}

/// The server's own view of its data directory.
fn data_of(server: &Server) -> PathBuf {
    let inside = server.data().strip_prefix("/").expect("it is absolute").to_owned();
    PathBuf::from(format!("/proc/{}/root", server.pid())).join(inside)
}

fn fill(server: &Server) {
    let ballast = data_of(server).join("ballast");
    let mut size = 4 << 20;
    // Down to the last byte: what doesn't fit in one piece may fit in a smaller one.
    let mut all = Vec::new();
    while size > 0 {
        let mut more = all.clone();
        more.resize(all.len() + size, b'x');
        match fs::write(&ballast, &more) {
            Ok(()) => all = more,
            Err(_) => size /= 2,
        }
    }
}

fn free(server: &Server) {
    fs::remove_file(data_of(server).join("ballast")).expect("the ballast is there");
}

#[test]
fn changes_are_refused_while_the_disk_is_full_and_made_again_when_it_is_not() {
    let server = start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (id, key) = operator.issue_plain(&account, "made before");
    let path = format!("/v1/accounts/{account}/keys");
    fill(&server);
    let refused =
        eventually(|| Some(operator.post(&path, &json!({"name": "no room"}))).filter(|a| a.status != 201));
    assert_eq!((refused.status, text(&refused.json(), "code")), (507, "storage_full"));
    let before = operator.get(&path).expect(200).json();
    for _ in 0..10 {
        for (method, path, body) in [
            ("POST", &path, json!({"name": "no room"})),
            ("POST", &format!("/v1/keys/{id}/revoke"), Value::Null),
            ("POST", &format!("/v1/keys/{id}/rotate"), json!({"overlap": "0"})),
            ("PATCH", &format!("/v1/keys/{id}"), json!({"name": "other", "scopes": []})),
            ("PATCH", &format!("/v1/accounts/{account}"), json!({"name": "other", "state": "suspended"})),
        ] {
            let refused = operator.call(method, path, &body);
            assert_eq!(refused.status, 507, "{method} {path}: {}", refused.text());
        }
        assert_eq!(status(&server, &key), 200, "the gateway goes on");
        assert_eq!(operator.verify(&json!({"key": key}))["allowed"], true);
        assert_eq!(operator.verify(&json!({"key": "nonsense"}))["allowed"], false);
    }
    assert_eq!(operator.get(&path).expect(200).json(), before, "what was refused was not done");
    free(&server);
    let issued = operator.post(&path, &json!({"name": "room again"})).expect(201).json();
    assert_eq!(status(&server, text(&issued, "key")), 200);
    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
    assert_eq!(status(&server, &key), 401);
    assert_eq!(operator.get("/v1/audit-events/check").expect(200).json()["whole"], true);
    assert_eq!(sqlite(&data_of(&server).join("claviger.db"), "PRAGMA integrity_check"), ["ok"]);
}

#[test]
fn counts_wait_for_room_and_are_not_lost() {
    let server = start();
    let operator = server.operator();
    let account = operator.account("Acme");
    let (id, key) = operator.issue_plain(&account, "counted");
    let usage = || operator.get(&format!("/v1/usage?key_id={id}")).expect(200).json();
    fill(&server);
    (0..30).for_each(|_| assert_eq!(status(&server, &key), 200));
    free(&server);
    (0..5).for_each(|_| assert_eq!(status(&server, &key), 200));
    eventually(|| (usage()["items"].get(0)?["count"] == 35).then_some(()));
}
