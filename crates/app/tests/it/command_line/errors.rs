//! Exit codes and what is said with them: 1 refused or failed, 2 wrong usage; what, why and what to do.

use claviger_testkit::Program;

use super::{fails, nobody, opened};

#[test]
fn what_the_api_refuses_ends_with_1_and_its_reason() {
    let (server, cli) = opened("codat");
    let account = server.operator().account("Acme");
    let keys = super::json(&cli, &["key", "list"]);
    let first = super::text(&keys["items"][0], "id");
    let long = "x".repeat(51);
    let missing = "key_01h455vb4pex5vsknk084sn02q";
    for (arguments, saying) in [
        (&["key", "show", missing][..], &["no such key"][..]),
        (&["key", "revoke", missing], &["no such key"]),
        (&["key", "revoke", first], &["last working key", "issue another one first"]),
        (&["key", "disable", first], &["last working key"]),
        (&["account", "show", "acc_01h455vb4pex5vsknk084sn02q"], &["no such account"]),
        (&["account", "create", ""], &["name: must be 1 to 200 characters"]),
        (&["account", "create", "n", "--api", "other"], &["api: must be one of codat"]),
        (&["key", "issue", "--account", &account, "--name", &long], &["name: a name may be at most 50"]),
        (
            &["key", "issue", "--account", &account, "--name", "n", "--scope", "read"],
            &["scopes", "no scopes"],
        ),
        (&["key", "issue", "--account", &account, "--name", "n", "--environment", "test"], &["no test keys"]),
        (
            &["key", "issue", "--account", &account, "--name", "n", "--network", "10.0.0.1/8"],
            &["write the network's first address"],
        ),
    ] {
        fails(cli.run(arguments), 1, saying);
    }
}

#[test]
fn what_can_not_be_meant_ends_with_2_and_asks_nobody() {
    let nowhere = Program::at(crate::PROGRAM)
        .with("CLAVIGER_URL", "http://127.0.0.1:1")
        .with("CLAVIGER_OPERATOR_KEY", "clv_op_x");
    for arguments in [
        &["fly"][..],
        &["key"],
        &["key", "issue", "--name", "n"],
        &["key", "list", "--colour"],
        &["key", "show"],
        &["key", "show", "../../apis"],
        &["key", "show", "key_1?x=1"],
        &["key", "issue", "--account", "acc_x", "--name", "n", "--expires-in", "soon"],
        &["key", "issue", "--account", "acc_x", "--name", "n", "--environment", "staging"],
        &["key", "issue", "--account", "acc_x", "--name", "n", "--no-scopes", "--scope", "a"],
        &["key", "restrict", "key_x", "--no-expiry", "--expires-in", "1d"],
        &["key", "restrict", "key_x"],
        &["key", "rotate", "key_x", "--overlap", "abc"],
        &["session", "link", "--account", "acc_x"],
        &["session", "link", "--account", "acc_x", "--email", "a@b.c", "--role", "owner"],
        &["session", "list"],
        &["session", "end", "../x"],
        &["member", "list"],
        &["member", "invite", "--account", "acc_x"],
        &["member", "role", "mem_x", "boss"],
        &["member", "remove"],
        &["operator", "issue", "--name", "n"],
        &["operator", "issue", "--name", "n", "--can", "read,bogus"],
        &["client", "create"],
        &["client", "create", "Acme", "--redirect-uri", "http://app.example/cb"],
        &["client", "create", "Acme", "--public", "--introspects"],
        &["client", "set", "app_x"],
        &["client", "set", "app_x", "--verified", "--not-verified"],
        &["client", "rotate", "app_x", "--overlap", "abc"],
        &["client", "revoke", "../x"],
        &["profile", "check"],
        &["key", "list", "--url", "ftp://127.0.0.1"],
        &["key", "list", "--url", "https://127.0.0.1:8082/v1"],
        &["key", "list", "--url", "http://127.0.0.1:8082/v1"],
    ] {
        let ended = nowhere.run(arguments).expect(2);
        assert_eq!(ended.out, "", "{arguments:?}");
        assert!(!ended.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn without_an_operator_key_it_says_where_one_comes_from() {
    let cli = Program::at(crate::PROGRAM).with("CLAVIGER_URL", "http://127.0.0.1:1");
    let saying = ["CLAVIGER_OPERATOR_KEY", "--operator-key-file", "claviger init"];
    fails(cli.run(&["key", "list"]), 2, &saying);
    fails(cli.clone().with("CLAVIGER_OPERATOR_KEY", "").run(&["key", "list"]), 2, &saying);
    let file = ["key", "list", "--operator-key-file", "/nowhere/key"];
    fails(cli.run(&file), 1, &["/nowhere/key can't be read"]);
}

#[test]
fn where_nobody_answers_it_says_whom_it_asked_and_what_to_try() {
    let cli = Program::at(crate::PROGRAM)
        .with("CLAVIGER_URL", "http://127.0.0.1:1")
        .with("CLAVIGER_OPERATOR_KEY", "clv_op_x");
    fails(cli.run(&["key", "list"]), 1, &["http://127.0.0.1:1", "claviger serve", "--url"]);
}

#[test]
fn the_operator_key_is_never_said_back() {
    let (server, cli) = opened("default");
    let wrong = format!("{}x", server.operator_key());
    let wrong_cli = server.cli().with("CLAVIGER_OPERATOR_KEY", &wrong);
    let ended = wrong_cli.run(&["key", "list"]).expect(1);
    assert!(
        !ended.err.contains(&server.operator_key()[12..]) && ended.err.contains("operator key"),
        "{}",
        ended.err
    );
    assert!(!cli.run(&["key", "list", "--help"]).expect(0).out.contains(server.operator_key()));
}

#[test]
fn the_url_of_a_database_is_never_said_back() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let cli =
        ["GATEWAY", "PORTAL", "CONTROL"].into_iter().fold(Program::at(crate::PROGRAM), |cli, listener| {
            cli.with(&format!("CLAVIGER_{listener}"), "127.0.0.1:0")
        });
    for url in ["mysql://ada:hunter2@db/k?a=b", "hunter2", "postgres://ada:p@hunter2@127.0.0.1:1/k"] {
        for (arguments, status) in [
            (&["serve", "--data", data, "--database-url", url][..], 1),
            (&["init", "--data", data, "--database-url", url], 1),
            (&["migrate", "--database-url", url], 1),
            (&["copy", "--from", "sqlite:/nowhere", "--to", url], 1),
        ] {
            let ended = cli.run(arguments).expect(status);
            assert!(!ended.err.contains("hunter2") && !ended.err.is_empty(), "{arguments:?}: {}", ended.err);
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    (0..50).for_each(|n| drop(server.operator().issue_plain(&account, &format!("key {n}"))));
    let mut command = cli.command(&["key", "list"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_secret_that_nobody_reads_is_a_failure() {
    let (server, cli) = opened("default");
    let account = server.operator().account("Acme");
    for arguments in [
        &["key", "issue", "--account", &account, "--name", "n"][..],
        &["key", "issue", "--account", &account, "--name", "n", "--json"],
        &["operator", "issue", "--name", "n", "--can", "read"],
        &["session", "link", "--account", &account, "--email", "a@b.c"],
        &["member", "invite", "--account", &account, "--email", "b@b.c", "--json"],
    ] {
        let ended = cli.command(arguments).stdout(nobody()).output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_data() {
    let cli = Program::at(crate::PROGRAM);
    for arguments in [&["--help"][..], &["key", "--help"], &["serve", "--help"], &["--version"]] {
        let ended = cli.run(arguments).expect(0);
        assert!(!ended.out.is_empty() && ended.err.is_empty(), "{arguments:?}");
    }
    let help = cli.run(&["--help"]).expect(0).out;
    for command in
        ["serve", "init", "account", "key", "member", "session", "operator", "client", "audit", "profile"]
    {
        assert!(help.contains(command), "{command} is not in: {help}");
    }
}
