//! `CashCat`: Bearer keys that are shown once, two bodies of 401, nothing that a customer's program could manage.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use claviger_testkit::{Answer, eventually};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    serve, serve_with_clock,
    wire::{assert_said, counts, ids, mistyped, received, revoke, text, trail, used},
};

const BUDGETS: &str = "/api/v1/budgets";

/// Nothing was sent that could be a key.
#[track_caller]
fn assert_a(answer: &Answer) {
    let body = r#"{"error":{"code":"unauthorized","message":"Missing or malformed Authorization header","details":null}}"#;
    assert_said(answer, 401, Some(r#"Bearer realm="CashCat API""#), body);
}

/// The key is not accepted.
#[track_caller]
fn assert_b(answer: &Answer) {
    let body = r#"{"error":{"code":"unauthorized","message":"Invalid API Key","details":null}}"#;
    assert_said(answer, 401, Some(r#"Bearer realm="CashCat API", error="invalid_token""#), body);
}

#[test]
fn c1_every_request_carries_a_key_as_a_bearer_token() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Production Server");
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for path in [BUDGETS, "/", "/api/v1/transactions/txn_1?page=2"] {
            assert_a(&server.customer("").authorized_by("").send(method, path, &[], ""));
            received(server.customer(&key).send(method, path, &[], ""));
        }
    }
    received(server.customer("").authorized_by(&format!("bearer {key}")).get(BUDGETS));
    received(server.customer("").authorized_by(&format!("BEARER {key}")).get(BUDGETS));
}

#[test]
fn c2_a_key_is_its_prefix_and_44_random_letters_and_digits() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    for number in 0..20 {
        let (_, key) = server.operator().issue_plain(&account, &number.to_string());
        let random = key.strip_prefix("cc_live_").expect("a key begins with its prefix");
        assert_eq!((random.len(), key.len()), (44, 52));
        assert!(random.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{key}");
    }
    let test = json!({"name": "Test", "environment": "test"});
    let refused = server.operator().post(&format!("/v1/accounts/{account}/keys"), &test).expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/environment");
}

#[test]
fn c5_a_new_key_is_given_a_descriptive_name() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let path = format!("/v1/accounts/{account}/keys");
    for name in [Value::Null, json!(""), json!("  "), json!("a\nb")] {
        let refused = server.operator().post(&path, &json!({"name": name})).expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], "/name", "{name}");
    }
    let issued = server.operator().issue(&account, &json!({"name": "Production Server"}));
    assert_eq!(issued["name"], "Production Server");
}

#[test]
fn c6_a_key_is_shown_once_at_its_creation_and_never_again() {
    let server = serve("cashcat");
    let operator = server.operator();
    let account = operator.account("Acme");
    let keys = format!("/v1/accounts/{account}/keys");
    let once = [("Idempotency-Key", "the-first-key")];
    let order = json!({"name": "Production Server"});
    let issued = operator.call_with("POST", &keys, &once, &order).expect(201).json();
    let (id, key) = (text(&issued, "id"), text(&issued, "key"));

    let again = operator.call_with("POST", &keys, &once, &order).expect(409);
    assert_eq!((&again.json()["code"], &again.json()["id"]), (&json!("already_created"), &json!(id)));
    let reveal = operator.post(&format!("/v1/keys/{id}/reveal"), &Value::Null).expect(409);
    assert_eq!(reveal.json()["code"], "not_sealed");
    assert_eq!(server.cli().run(&["key", "reveal", &id]).code, 1);

    let secret = &key["cc_live_AbCdEfG".len()..];
    let shown = [&keys, "/v1/keys", &format!("/v1/keys/{id}"), "/v1/audit-events", "/v1/accounts"];
    for answer in shown.map(|path| operator.get(path).expect(200)).iter().chain([&again, &reveal]) {
        assert!(!answer.text().contains(secret));
    }
    for command in [vec!["key", "list", "--json"], vec!["key", "show", &id], vec!["audit", "list"]] {
        let said = server.cli().run(&command).expect(0);
        assert!(!said.out.contains(secret) && !said.err.contains(secret), "{command:?}");
    }
}

#[test]
fn c7_a_list_shows_a_keys_name() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    for name in ["Production Server", "Development"] {
        server.operator().issue_plain(&account, name);
    }
    let keys = server.operator().get(&format!("/v1/accounts/{account}/keys")).expect(200).json();
    assert_eq!(
        (&keys["items"][0]["name"], &keys["items"][1]["name"]),
        (&json!("Production Server"), &json!("Development"))
    );
    let listed = server.cli().run(&["key", "list", "--account", &account]).expect(0).out;
    assert!(listed.contains("Production Server") && listed.contains("Development"), "{listed}");
}

#[test]
fn c8_a_list_shows_the_first_15_characters() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Production Server");
    let keys = server.operator().get(&format!("/v1/accounts/{account}/keys")).expect(200).json();
    let hint = text(&keys["items"][0], "hint");
    assert_eq!((hint.len(), &*hint), ("cc_live_AbCdEfG".len(), &key[..15]));
    let listed = server.cli().run(&["key", "list"]).expect(0).out;
    assert!(listed.contains(&key[..15]) && !listed.contains(&key[..16]), "{listed}");
}

#[test]
fn c9_a_list_shows_when_a_key_was_created() {
    let server = serve_with_clock("cashcat");
    let account = server.operator().account("Acme");
    server.operator().issue_plain(&account, "First");
    server.move_clock("+1d");
    let second = server.operator().issue(&account, &json!({"name": "Second"}));
    let keys = server.operator().get(&format!("/v1/accounts/{account}/keys")).expect(200).json();
    let [created, later] = [0, 1].map(|place| text(&keys["items"][place], "created_at"));
    assert_eq!(later, text(&second, "created_at"));
    let instant =
        |text: &str| text.parse::<claviger_model::Timestamp>().expect("an RFC 3339 instant").as_millis();
    assert!((86_400_000..86_500_000).contains(&(instant(&later) - instant(&created))), "{created} {later}");
}

#[test]
fn c10_a_list_shows_when_a_key_was_last_used() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "Production Server");
    let (idle, _) = server.operator().issue_plain(&account, "Development");
    assert_eq!(used(&server, &id), None);
    received(server.customer(&key).get(BUDGETS));
    let shown = eventually(|| used(&server, &id));
    assert!(text(&shown, "last_used_at") >= text(&shown, "created_at"));
    assert_eq!(shown["secrets"][0]["last_used_for"], format!("GET {BUDGETS}"));
    assert_eq!(used(&server, &idle), None);
    assert!(server.cli().run(&["key", "list"]).expect(0).out.contains(&text(&shown, "last_used_at")[..19]));
}

#[test]
fn c11_a_key_is_revoked_by_its_id() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "Production Server");
    let revoked = server.cli().run(&["key", "revoke", &id, "--json"]).expect(0).json();
    assert_eq!(
        (&revoked["key"]["state"], &revoked["receipt"]["complete"]),
        (&json!("revoked"), &json!(true))
    );
    assert_b(&server.customer(&key).get(BUDGETS));
    assert_eq!(trail(&server, &account).last().expect("it was written down").0, "key.revoke");
}

#[test]
fn c12_revoking_cannot_be_undone_and_works_at_once() {
    let server = serve("cashcat");
    let operator = server.operator();
    let account = operator.account("Acme");
    let (id, key) = operator.issue_plain(&account, "Production Server");
    received(server.customer(&key).get(BUDGETS));
    revoke(&server, &id);
    for _ in 0..50 {
        assert_b(&server.customer(&key).get(BUDGETS));
    }
    for verb in ["enable", "disable", "rotate"] {
        let refused = operator.post(&format!("/v1/keys/{id}/{verb}"), &Value::Null).expect(409).json();
        assert_eq!(refused["code"], "revoked", "{verb}");
    }
    let patch = json!({"name": "Again", "expires_at": null});
    assert_eq!(operator.patch(&format!("/v1/keys/{id}"), &patch).expect(409).json()["code"], "revoked");
    let server = server.stop().start();
    assert_b(&server.customer(&key).get(BUDGETS));
    assert_eq!(server.operator().get(&format!("/v1/keys/{id}")).expect(200).json()["state"], "revoked");
}

#[test]
fn c13_the_api_names_the_variable_for_the_key() {
    let apis = serve("cashcat").operator().get("/v1/apis").expect(200).json();
    assert_eq!(apis["items"][0]["env_var"], "CASHCAT_API_KEY");
}

#[test]
fn c14_several_keys_work_side_by_side() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let names = ["Development", "Staging", "Production"];
    let keys = names.map(|name| server.operator().issue_plain(&account, name));
    for (id, key) in &keys {
        assert_eq!(received(server.customer(key).get(BUDGETS))["key_id"], *id);
    }
}

#[test]
fn c15_revoking_one_key_leaves_the_others() {
    let server = serve("cashcat");
    let operator = server.operator();
    let account = operator.account("Acme");
    let [staging, production] = ["Staging", "Production"].map(|name| operator.issue_plain(&account, name));
    // Rotation, as the text describes it: create a new key, then revoke the old one.
    let renewed = operator.issue_plain(&account, "Production 2");
    revoke(&server, &production.0);
    assert_b(&server.customer(&production.1).get(BUDGETS));
    for (id, key) in [&staging, &renewed] {
        assert_eq!(received(server.customer(key).get(BUDGETS))["key_id"], *id);
    }
    assert_eq!(ids(&server, &format!("/v1/accounts/{account}/keys")), [staging.0, renewed.0]);
}

#[test]
fn c16_unused_keys_are_easy_to_find() {
    let server = serve_with_clock("cashcat");
    let account = server.operator().account("Acme");
    let (idle, _) = server.operator().issue_plain(&account, "Forgotten");
    let (busy, key) = server.operator().issue_plain(&account, "Production");
    let unused = format!("/v1/accounts/{account}/keys?unused=true");
    assert!(ids(&server, &unused).is_empty());
    server.move_clock("+91d");
    received(server.customer(&key).get(BUDGETS));
    eventually(|| used(&server, &busy));
    assert_eq!(ids(&server, &unused), [&*idle]);
    let listed = server.cli().run(&["key", "list", "--unused"]).expect(0).out;
    assert!(listed.contains(&idle) && !listed.contains(&busy), "{listed}");
}

#[test]
fn c17_without_something_that_could_be_a_key_the_answer_is_body_a() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "Production Server");
    let nobody = server.customer("").authorized_by("");
    assert_a(&nobody.get(BUDGETS));
    assert_a(&nobody.send("GET", BUDGETS, &[("Authorization", "")], ""));
    for other in ["Bearer", "Bearer ", "Basic ", "Digest ", "Token "] {
        assert_a(&nobody.clone().authorized_by(other).get(BUDGETS));
    }
    for other in [key.clone(), format!("Basic {key}"), format!("Token {key}"), format!("Bearer:{key}")] {
        assert_a(&nobody.clone().authorized_by(&other).get(BUDGETS));
    }
    for elsewhere in ["X-API-Key", "Cookie", "Proxy-Authorization", "X-Authorization"] {
        assert_a(&nobody.send("GET", BUDGETS, &[(elsewhere, &format!("Bearer {key}"))], ""));
    }
    assert_a(&nobody.get(&format!("{BUDGETS}?api_key={key}")));
    assert_a(&nobody.send("POST", BUDGETS, &[], &format!("api_key={key}")));
}

#[test]
fn c18_whatever_is_no_good_key_gets_body_b() {
    let server = serve_with_clock("cashcat");
    let operator = server.operator();
    let account = operator.account("Acme");
    let [(_, key), (revoked, gone), (disabled, off)] =
        ["Production", "Old", "Paused"].map(|name| operator.issue_plain(&account, name));
    let short = server.cli().run(&[
        "key",
        "issue",
        "--account",
        &account,
        "--name",
        "Short",
        "--expires-in",
        "1d",
        "--json",
    ]);
    let expired = text(&short.expect(0).json(), "key");
    revoke(&server, &revoked);
    assert_eq!(operator.post(&format!("/v1/keys/{disabled}/disable"), &Value::Null).status, 200);
    server.move_clock("+2d");
    received(server.customer(&key).get(BUDGETS));
    for bad in [
        &*mistyped(&key),
        &gone,
        &off,
        &expired,
        "x",
        "cc_live_",
        "cc_test_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh",
        &key[..51],
        &format!("{key}a"),
        &key.to_lowercase(),
        &key.replace("cc_live_", "cc_live-"),
        &format!("{key},"),
        &format!("{key} {key}"),
        &format!("{}é", &key[..51]),
        &"a".repeat(4000),
        "cc_live_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEf_h",
    ] {
        assert_b(&server.customer(bad).get(BUDGETS));
    }
}

#[test]
fn c19_only_the_sha256_of_the_whole_key_is_stored() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let issued: Vec<_> = (0..30).map(|n| server.operator().issue_plain(&account, &n.to_string()).1).collect();
    received(server.customer(&issued[0]).get(BUDGETS));
    let letters = |key: &String| key["cc_live_".len()..].bytes().collect::<Vec<_>>();
    let seen: std::collections::BTreeSet<u8> = issued.iter().flat_map(letters).collect();
    assert_eq!(seen.len(), 62, "1320 letters of a good generator are not without one of 62");

    let mut stopped = server.stop();
    let stored: Vec<u8> = fs::read_dir(stopped.data())
        .expect("there is a data directory")
        .flat_map(|file| fs::read(file.expect("it can be read").path()).expect("a file can be read"))
        .collect();
    let has = |wanted: &[u8]| stored.windows(wanted.len()).any(|window| window == wanted);
    for key in &issued {
        assert!(has(&Sha256::digest(key.as_bytes())), "the digest of {key} is what keys are looked up by");
        assert!(has(&key.as_bytes()[..15]), "lists show the first 15 characters");
        assert!(!has(&key.as_bytes()[..16]) && !has(&key.as_bytes()[16..]), "{key} is stored");
    }
}

#[test]
fn c20_a_good_key_speaks_for_its_owner() {
    let server = serve("cashcat");
    let operator = server.operator();
    let acme =
        operator.post("/v1/accounts", &json!({"name": "Acme", "external_id": "user 42"})).expect(201).json();
    let account = text(&acme, "id");
    let issued = operator.issue(&account, &json!({"name": "Production Server"}));
    let forged = [("X-Claviger-Account", "acc_someone_else"), ("X-Claviger-Created-By", "root")];
    let told = received(server.customer(&text(&issued, "key")).send("GET", BUDGETS, &forged, ""));
    assert_eq!(told["account"], account);
    assert_eq!((&told["key_id"], &told["created_by"]), (&issued["id"], &issued["created_by"]));
    assert_eq!((&told["external_id"], &told["environment"]), (&json!("user%2042"), &json!("live")));
    let headers = told["headers"].to_string();
    assert!(!headers.contains("authorization"), "the key goes no further: {headers}");
}

#[test]
fn c21_writing_the_last_use_never_delays_an_answer() {
    let server = serve("cashcat");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "Production Server");
    let mut holder = Command::new("sqlite3")
        .arg(server.data().join("usage.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sqlite3 is installed: ./test installs it");
    let mut statements = holder.stdin.take().expect("standard input is a pipe");
    writeln!(statements, ".timeout 10000\nBEGIN IMMEDIATE; SELECT 'held';").expect("sqlite3 listens");
    let mut said = String::new();
    BufReader::new(holder.stdout.take().expect("it is a pipe"))
        .read_line(&mut said)
        .expect("sqlite3 answers");
    assert_eq!(said, "held\n");

    // Nobody else can write to the file that last uses are kept in, for longer than a flush is waited for.
    for _ in 0..400 {
        received(server.customer(&key).get(BUDGETS));
    }
    assert_eq!(used(&server, &id), None);
    drop(statements);
    holder.wait().expect("sqlite3 ends");
    eventually(|| (counts(&server, &id) == json!([["live", "allowed", 400]])).then_some(()));
    assert!(used(&server, &id).is_some());
}
