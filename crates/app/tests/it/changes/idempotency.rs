//! `Idempotency-Key`: a creating call that is repeated creates once, and no secret is shown twice.

use std::{sync::Barrier, thread, time::Duration};

use claviger_model::Timestamp;
use claviger_testkit::{Answer, Operator};
use serde_json::{Value, json};

use super::{names, opened, opened_with_clock, text};

fn post(operator: &Operator, path: &str, key: &str, body: &Value) -> Answer {
    operator.call_with("POST", path, &[("Idempotency-Key", key)], body)
}

#[test]
fn a_repeated_issue_answers_with_the_id_and_never_the_secret() {
    let (_server, operator, account) = opened("default");
    let path = format!("/v1/accounts/{account}/keys");
    let issued = post(&operator, &path, "\"a-1\"", &json!({"name": "once"})).expect(201).json();
    for key in ["\"a-1\"", "a-1"] {
        let again = post(&operator, &path, key, &json!({"name": "once"})).expect(409);
        assert_eq!((&again.json()["code"], &again.json()["id"]), (&json!("already_created"), &issued["id"]));
        assert!(!again.text().contains(&text(&issued, "key")[15..]));
    }
    let other = post(&operator, &path, "\"a-1\"", &json!({"name": "other"})).expect(422).json();
    assert_eq!(text(&other, "code"), "idempotency_mismatch");
    assert_eq!(names(&operator.get(&path).expect(200).json()), ["once"]);
}

#[test]
fn a_repeated_rotation_account_and_operator_happen_once() {
    let (_server, operator, account) = opened("default");
    let (id, _) = operator.issue_plain(&account, "n");
    let path = format!("/v1/keys/{id}/rotate");
    assert_eq!(post(&operator, &path, "r", &json!({"overlap": "0"})).status, 200);
    let again = post(&operator, &path, "r", &json!({"overlap": "0"})).expect(409).json();
    assert_eq!((text(&again, "code"), text(&again, "id")), ("already_created", &*id));
    let secrets = operator.get(&format!("/v1/keys/{id}")).expect(200).json()["secrets"].take();
    assert_eq!(secrets.as_array().unwrap().len(), 2);

    let made = post(&operator, "/v1/accounts", "acc", &json!({"name": "Bolt"})).expect(201).json();
    let again = post(&operator, "/v1/accounts", "acc", &json!({"name": "Bolt"})).expect(409).json();
    assert_eq!(again["id"], made["id"]);

    let order = json!({"name": "ci", "can": ["verify"]});
    let made = post(&operator, "/v1/operators", "op", &order).expect(201).json();
    let again = post(&operator, "/v1/operators", "op", &order).expect(409).json();
    assert_eq!((&again["code"], &again["id"]), (&json!("already_created"), &made["id"]));
    assert_eq!(operator.get("/v1/operators").expect(200).json()["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_repeated_rotation_of_an_application_s_secret_happens_once() {
    let (_server, operator, _) = super::opened_with_oauth();
    let order = json!({"name": "Acme Reports", "redirect_uris": ["https://app.example/cb"]});
    let made = operator.post("/v1/oauth-clients", &order).expect(201).json();
    let path = format!("/v1/oauth-clients/{}", text(&made, "id"));
    let rotate = |key: &str, body: &Value| post(&operator, &format!("{path}/rotate"), key, body);
    let rotated = rotate("r", &json!({"overlap": "1h"})).expect(200).json();
    let again = rotate("r", &json!({"overlap": "1h"})).expect(409);
    assert_eq!((&again.json()["code"], &again.json()["id"]), (&json!("already_created"), &made["id"]));
    assert!(!again.text().contains(&text(&rotated, "client_secret")[14..]));
    let other = rotate("r", &json!({"overlap": "2h"})).expect(422).json();
    assert_eq!(text(&other, "code"), "idempotency_mismatch");
    let shown = operator.get(&path).expect(200).json();
    assert_eq!(shown["secrets"].as_array().expect("it has some").len(), 2);
    let _ = rotate("s", &json!({"overlap": "1h"})).expect(200);
}

#[test]
fn a_replay_is_told_what_it_created_though_it_could_not_be_asked_now() {
    let (server, operator, account) = opened_with_clock("default");
    let path = format!("/v1/accounts/{account}/keys");
    let now = operator.get(&format!("/v1/accounts/{account}")).expect(200).json()["created_at"].take();
    let now: Timestamp = now.as_str().unwrap().parse().unwrap();
    let soon = json!({"name": "short", "expires_at": now.plus(Duration::from_hours(1))});
    let made = post(&operator, &path, "q", &soon).expect(201).json();
    server.move_clock("+2h");
    let again = post(&operator, &path, "q", &soon).expect(409).json();
    assert_eq!((&again["code"], &again["id"]), (&json!("already_created"), &made["id"]));
}

#[test]
fn a_refused_call_is_not_remembered() {
    let (_server, operator, account) = opened("default");
    let path = format!("/v1/accounts/{account}/keys");
    assert_eq!(post(&operator, &path, "k", &json!({"name": ""})).status, 422);
    assert_eq!(post(&operator, &path, "k", &json!({"name": "now right"})).status, 201);
}

#[test]
fn two_operators_may_choose_the_same_idempotency_key() {
    let (server, operator, account) = opened("default");
    let issued =
        operator.post("/v1/operators", &json!({"name": "second", "can": ["all"]})).expect(201).json();
    let second = Operator::new(server.control, text(&issued, "key"));
    let path = format!("/v1/accounts/{account}/keys");
    for operator in [&operator, &second] {
        assert_eq!(post(operator, &path, "same", &json!({"name": "n"})).status, 201);
    }
}

#[test]
fn one_of_many_that_race_creates() {
    const RACERS: usize = 16;
    let (_server, operator, account) = opened("default");
    let path = format!("/v1/accounts/{account}/keys");
    let start = Barrier::new(RACERS);
    let mut statuses: Vec<u16> = thread::scope(|scope| {
        let racer = || {
            start.wait();
            post(&operator, &path, "raced", &json!({"name": "one"})).status
        };
        let racers: Vec<_> = (0..RACERS).map(|_| scope.spawn(racer)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    assert_eq!(names(&operator.get(&path).expect(200).json()), ["one"]);
}

#[test]
fn a_call_is_remembered_over_a_restart_and_for_a_day() {
    let (server, operator, account) = opened_with_clock("default");
    let path = format!("/v1/accounts/{account}/keys");
    assert_eq!(post(&operator, &path, "k", &json!({"name": "n"})).status, 201);
    let server = server.kill().start();
    let operator = server.operator();
    assert_eq!(post(&operator, &path, "k", &json!({"name": "n"})).status, 409);
    server.move_clock("+23h");
    assert_eq!(post(&operator, &path, "k", &json!({"name": "n"})).status, 409);
    server.move_clock("+25h");
    assert_eq!(post(&operator, &path, "k", &json!({"name": "n"})).status, 201);
}

#[test]
fn an_idempotency_key_that_could_be_read_in_two_ways_is_refused() {
    let (_server, operator, account) = opened("default");
    let path = format!("/v1/accounts/{account}/keys");
    let long = "x".repeat(256);
    for key in ["", "\"\"", "\"a", "a\"b", &*long] {
        assert_eq!(post(&operator, &path, key, &json!({"name": "n"})).status, 422, "{key:?}");
    }
    let twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    assert_eq!(operator.call_with("POST", &path, &twice, &json!({"name": "n"})).status, 400);
    assert_eq!(operator.get(&path).expect(200).json()["items"], json!([]));
}
