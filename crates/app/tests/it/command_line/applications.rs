//! `claviger client`

use claviger_testkit::{Program, Server, ServerBuilder};
use serde_json::{Value, json};

use super::{fails, json, nobody, text};

#[track_caller]
fn opened() -> (Server, Program) {
    let profile = crate::attacks::profile_with_oauth("cicosts");
    let server = ServerBuilder::new(crate::PROGRAM).profile_text(&profile).start();
    let cli = server.cli();
    (server, cli)
}

const URI: [&str; 2] = ["--redirect-uri", "https://app.example/cb"];

#[test]
fn an_application_is_created_shown_and_listed() {
    let (server, cli) = opened();
    let account = server.operator().account("Acme");
    let words = ["client", "create", "Acme Reports", "--scope", "costs:read", "--verified", "--introspects"];
    let more = ["--redirect-uri", "http://127.0.0.1/cb", "--account", &account, "--api", "cicosts"];
    let made = json(&cli, &[&words[..], &URI, &more].concat());
    assert_eq!(made["redirect_uris"], json!(["https://app.example/cb", "http://127.0.0.1/cb"]));
    assert_eq!((&made["scopes"], &made["account_id"]), (&json!(["costs:read"]), &json!(account)));
    assert_eq!((&made["verified"], &made["introspects"]), (&json!(true), &json!(true)));
    let secret = text(&made, "client_secret");
    let id = text(&made, "id");
    let by_api = server.operator().get(&format!("/v1/oauth-clients/{id}")).expect(200).json();
    assert_eq!(json(&cli, &["client", "show", id]), by_api);
    assert_eq!(json(&cli, &["client", "list"]), json!({"items": [by_api], "next_cursor": null}));
    assert_eq!(json(&cli, &["client", "list", "--api", "other"])["items"], json!([]));
    for shown in [&["client", "list"][..], &["client", "show", id]] {
        let ended = cli.run(shown).expect(0);
        assert!(ended.out.contains(text(&made, "hint")) && !ended.out.contains(secret), "{}", ended.out);
    }
}

#[test]
fn a_client_secret_is_on_standard_output_and_said_to_be_there_once() {
    let (_server, cli) = opened();
    let ended = cli.run(&[&["client", "create", "Acme"][..], &URI].concat()).expect(0);
    assert!(ended.out.contains("client_secret  cic_ocs_"), "{}", ended.out);
    assert_eq!(ended.err, "Store the client secret now: it is shown this once.\n");
    let ended = cli.run(&["client", "create", "Native", "--public", "--redirect-uri", "com.acme.app:/cb"]);
    let ended = ended.expect(0);
    assert!(!ended.out.contains("client_secret"), "{}", ended.out);
    assert_eq!(ended.err, "");
    let unread = cli.command(&[&["client", "create", "Acme"][..], &URI].concat()).stdout(nobody()).output();
    assert_eq!(unread.unwrap().status.code(), Some(1));
}

#[test]
fn an_application_is_changed_rotated_and_revoked() {
    let (_server, cli) = opened();
    let made = json(&cli, &[&["client", "create", "Acme"][..], &URI].concat());
    let id = text(&made, "id");
    let set = |flags: &[&str]| json(&cli, &[&["client", "set", id][..], flags].concat())["client"].clone();
    let changed = set(&["--name", "Acme Inc.", "--verified", "--no-scopes"]);
    assert_eq!((text(&changed, "name"), &changed["verified"]), ("Acme Inc.", &json!(true)));
    assert_eq!((&changed["scopes"], &changed["redirect_uris"]), (&json!([]), &made["redirect_uris"]));
    let changed = set(&["--not-verified", "--introspects", "--no-redirect-uris", "--scope", "all"]);
    assert_eq!((&changed["verified"], &changed["introspects"]), (&json!(false), &json!(true)));
    assert_eq!((&changed["scopes"], &changed["redirect_uris"]), (&json!("all"), &json!([])));
    fails(cli.run(&["client", "set", id, "--no-introspection"]), 1, &["redirect_uris: at least one"]);
    fails(cli.run(&["client", "set", id]), 2, &["nothing to change"]);

    let rotated = json(&cli, &["client", "rotate", id, "--overlap", "1h"]);
    assert_ne!(rotated["client_secret"], made["client_secret"]);
    assert_eq!(rotated["secrets"].as_array().map(Vec::len), Some(2));
    let ended = cli.run(&["client", "rotate", id]).expect(0);
    assert!(
        ended.out.contains("client_secret  cic_ocs_") && ended.err.contains("this once"),
        "{}",
        ended.err
    );

    let revoked = json(&cli, &["client", "revoke", id]);
    assert_eq!((&revoked["client"]["id"], &revoked["receipt"]["complete"]), (&json!(id), &json!(true)));
    assert_eq!(json(&cli, &["client", "list"])["items"], Value::Array(Vec::new()));
    assert_eq!(json(&cli, &["client", "list", "--all"])["items"][0], revoked["client"]);
    fails(cli.run(&["client", "rotate", id]), 1, &["the application is revoked"]);
    fails(cli.run(&["client", "set", id, "--name", "n"]), 1, &["the application is revoked"]);
    fails(cli.run(&["client", "show", "app_01h455vb4pex5vsknk084sn02q"]), 1, &["no such application"]);
}

#[test]
fn what_the_api_refuses_of_an_application_ends_with_1_and_its_reason() {
    let (_server, cli) = opened();
    let create = ["client", "create", "Acme"];
    fails(cli.run(&create), 1, &["redirect_uris: at least one, unless it acts for an account"]);
    fails(cli.run(&[&create[..], &URI, &["--scope", "fly"]].concat()), 1, &["scopes", "costs:read"]);
    fails(cli.run(&[&create[..], &URI, &["--api", "other"]].concat()), 1, &["api: no api of this name"]);
    let elsewhere = ["--account", "acc_01h455vb4pex5vsknk084sn02q"];
    fails(cli.run(&[&create[..], &elsewhere].concat()), 1, &["no such account of this api"]);
}
