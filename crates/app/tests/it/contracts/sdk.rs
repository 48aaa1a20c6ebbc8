//! K6, K9: published Codat SDKs, unmodified, manage keys with the first key alone.
//!
//! `sdk/install` puts them into `target/sdk`; the drivers are beside it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use claviger_testkit::{Server, repository};
use serde_json::{Value, json};

use super::{
    serve,
    wire::{ids, text},
};

/// A new client, and its first key.
fn client(server: &Server) -> (String, String) {
    let made = server.operator().post("/v1/accounts", &json!({"name": "Acme"})).expect(201).json();
    (text(&made, "id"), text(&made["first_key"], "key"))
}

fn driver(name: &str) -> PathBuf {
    repository().join("crates/app/tests/it/contracts/sdk").join(name)
}

/// Where an SDK was installed.
#[track_caller]
fn installed(name: &str) -> PathBuf {
    let place = repository().join("target/sdk").join(name);
    assert!(
        place.with_extension("installed").exists(),
        "the SDK for {name} is not installed: run crates/app/tests/it/contracts/sdk/install, as ./test does"
    );
    place
}

/// Runs a driver with a client's first key, and returns what its SDK saw at each step.
#[track_caller]
fn drive(server: &Server, key: &str, program: &Path, script: &str, directory: &Path) -> Value {
    let mut command = Command::new(program);
    command.arg(driver(script)).arg(format!("http://{}", server.gateway)).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("CODAT_API_KEY", key);
    let output = command.current_dir(directory).output().expect("the interpreter is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the driver prints JSON")
}

/// What both drivers must see.
#[track_caller]
fn assert_seen(seen: &Value, key: &str) {
    let first = json!([{"name": "First key", "key": key}]);
    assert_eq!((&seen["listed"]["status"], &seen["listed"]["keys"]), (&json!(200), &first));
    let statuses: Vec<_> =
        seen["created"].as_array().into_iter().flatten().map(|made| &made["status"]).collect();
    assert_eq!(statuses, [201; 9]);
    assert_eq!(seen["created"][0]["name"], "From an SDK");
    assert_eq!(seen["created"][0]["key"].as_str().map(str::len), Some(40));
    assert_eq!(seen["created_at_is_an_instant"], true);
    assert_eq!(seen["listed_with_the_new_key"], 10);
    assert_eq!((&seen["eleventh"]["status"], &seen["too_long"]["status"]), (&json!(409), &json!(400)));
    let full =
        "Maximum number of API keys reached. To create a new API key, delete an unused key and try again.";
    assert_eq!(seen["eleventh"]["error"], full);
    assert_eq!(seen["too_long"]["error"], "Max string length (50) for `name` reached.");
    assert_eq!(seen["deleted"], json!([204, 204, 204, 204, 204, 204, 204, 204, 204]));
    assert_eq!((&seen["deleted_twice"]["status"], &seen["last"]), (&json!(404), &json!(409)));
    assert_eq!(seen["deleted_twice"]["service"], "PublicApi");
    let refused = &seen["with_a_deleted_key"];
    assert_eq!((&refused["status"], &refused["error"]), (&json!(401), &json!("Unauthorized")));
    assert_eq!(refused["correlation_id"].as_str().map(str::len), Some(32));
}

#[test]
fn k6_the_published_python_sdk_lists_creates_and_deletes_keys() {
    let python = installed("python");
    let server = serve("codat");
    let (account, key) = client(&server);
    let seen = drive(&server, &key, &python.join("bin/python"), "list_create_delete.py", &python);
    assert_seen(&seen, &key);
    assert_eq!(ids(&server, &format!("/v1/accounts/{account}/keys")).len(), 1);
}

#[test]
fn k6_the_published_javascript_sdk_lists_creates_and_deletes_keys() {
    let node = installed("node");
    let server = serve("codat");
    let (account, key) = client(&server);
    let seen = drive(&server, &key, Path::new("node"), "list_create_delete.mjs", &node);
    assert_seen(&seen, &key);
    assert_eq!(ids(&server, &format!("/v1/accounts/{account}/keys")).len(), 1);
}
