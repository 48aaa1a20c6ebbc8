//! K10, K11: at most ten keys and never none, also when many ask at once and by ways round.

use std::sync::atomic::{AtomicUsize, Ordering};

use claviger_testkit::{Answer, Finished, Server};
use serde_json::{Value, json};

use super::{COMPANIES, Client, FULL, JSON, KEYS, LAST, assert_refused, client, listed, program};
use crate::contracts::{
    serve, serve_with_clock,
    wire::{assert_said, at_once, ids, received, revoke, text},
};

const CROWD: usize = 32;

/// Issues keys until the client has `count`.
fn fill(server: &Server, client: &Client, count: usize) -> Vec<String> {
    let has = ids(server, &of(client)).len();
    for number in has..count {
        server.operator().issue_plain(&client.account, &format!("Key {number}"));
    }
    ids(server, &of(client))
}

fn of(client: &Client) -> String {
    format!("/v1/accounts/{}/keys", client.account)
}

/// A refusal of the management API.
#[track_caller]
fn assert_problem(answer: &Answer, code: &str) {
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!(code)), "{}", answer.text());
}

/// A refusal of the command line.
#[track_caller]
fn assert_complaint(run: &Finished, why: &str) {
    assert!(run.code == 1 && run.out.is_empty() && run.err.contains(why), "{run:?}");
}

#[test]
fn k10_there_are_at_most_ten_keys() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let keys = fill(&server, &client, 10);
    let program = program(&server, &client.key);
    assert_refused(&program.send("POST", KEYS, &JSON, r#"{"name":"Eleventh"}"#), 409, FULL);
    assert_problem(&server.operator().post(&of(&client), &json!({"name": "Eleventh"})), "too_many_keys");
    let issue = ["key", "issue", "--account", &client.account, "--name", "Eleventh"];
    assert_complaint(&server.cli().run(&issue), "revoke an unused one first");
    assert_eq!(server.operator().post(&format!("/v1/keys/{}/disable", keys[3]), &Value::Null).status, 200);
    assert_refused(&program.send("POST", KEYS, &JSON, "{}"), 409, FULL);

    let unused = text(&listed(&program)[9], "id");
    assert_said(&program.send("DELETE", &format!("{KEYS}/{unused}"), &[], ""), 204, None, "");
    assert_eq!(program.send("POST", KEYS, &JSON, r#"{"name":"Eleventh"}"#).status, 201);
    assert_eq!(ids(&server, &of(&client)).len(), 10);
}

#[test]
fn k10_an_eleventh_key_is_refused_to_32_programs_at_once() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let program = program(&server, &client.key);
    let answers = at_once(CROWD, |number| {
        program.send("POST", KEYS, &JSON, &json!({"name": number.to_string()}).to_string())
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 9);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_refused(refused, 409, FULL);
    }
    assert_eq!(listed(&program).len(), 10);
    for made in answers.iter().filter(|answer| answer.status == 201) {
        received(super::program(&server, &text(&made.json(), "apiKey")).get(COMPANIES));
    }
}

#[test]
fn k10_an_eleventh_key_is_refused_to_32_operators_at_once() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    fill(&server, &client, 5);
    let operator = server.operator();
    let answers = at_once(CROWD, |number| operator.post(&of(&client), &json!({"name": number.to_string()})));
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 5);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_problem(refused, "too_many_keys");
    }
    assert_eq!(ids(&server, &of(&client)).len(), 10);
}

#[test]
fn k10_an_eleventh_key_is_refused_to_32_command_lines_at_once() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    fill(&server, &client, 7);
    let runs = at_once(CROWD, |number| {
        server.cli().run(&[
            "key",
            "issue",
            "--account",
            &client.account,
            "--name",
            &number.to_string(),
            "--json",
        ])
    });
    assert_eq!(runs.iter().filter(|run| run.code == 0).count(), 3);
    for refused in runs.iter().filter(|run| run.code != 0) {
        assert_complaint(refused, "revoke an unused one first");
    }
    assert_eq!(ids(&server, &of(&client)).len(), 10);
}

#[test]
fn k11_the_last_key_can_not_be_deleted() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let program = program(&server, &client.key);
    let path = format!("{KEYS}/{}", text(&listed(&program)[0], "id"));
    assert_refused(&program.send("DELETE", &path, &[], ""), 409, LAST);
    assert_problem(
        &server.operator().post(&format!("/v1/keys/{}/revoke", client.id), &Value::Null),
        "last_key",
    );
    assert_complaint(&server.cli().run(&["key", "revoke", &client.id]), "issue another one first");
    received(program.get(COMPANIES));

    // To delete this key, create a new one and delete the key you no longer need.
    let made = program.send("POST", KEYS, &JSON, r#"{"name":"New"}"#).expect(201).json();
    let renewed = super::program(&server, &text(&made, "apiKey"));
    assert_said(&renewed.send("DELETE", &path, &[], ""), 204, None, "");
    assert_refused(&renewed.send("DELETE", &format!("{KEYS}/{}", text(&made, "id")), &[], ""), 409, LAST);
}

#[test]
fn k11_one_key_stays_when_32_programs_delete_at_once() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    fill(&server, &client, 4);
    let keys = listed(&program(&server, &client.key));
    let answers = at_once(CROWD, |place| {
        let (by, gone) = (&keys[place % 4], &keys[place / 8]);
        let path = format!("{KEYS}/{}", text(gone, "id"));
        program(&server, &text(by, "apiKey")).send("DELETE", &path, &[], "")
    });
    for answer in &answers {
        match answer.status {
            204 => assert_said(answer, 204, None, ""),
            // Whoever comes with a key that is gone by now, or for one.
            401 => super::assert_unauthorized(answer),
            404 => assert_refused(answer, 404, "The API key was not found."),
            _ => assert_refused(answer, 409, LAST),
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 409), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 3, "each key is deleted once");
    let left = ids(&server, &of(&client));
    assert_eq!(left.len(), 1);
    let working = |key: &&Value| program(&server, &text(key, "apiKey")).get(COMPANIES).status == 200;
    assert_eq!(keys.iter().filter(working).count(), 1);
}

#[test]
fn k11_one_key_stays_when_32_operators_take_keys_away_in_every_way_at_once() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let keys = fill(&server, &client, 8);
    let operator = server.operator();
    let answers = at_once(CROWD, |place| {
        let path = format!("/v1/keys/{}", keys[place % 8]);
        match place / 8 {
            0 | 3 => operator.post(&format!("{path}/revoke"), &Value::Null),
            1 => operator.post(&format!("{path}/disable"), &Value::Null),
            _ => operator.patch(&path, &json!({"expires_at": "2099-01-01T00:00:00Z"})),
        }
    });
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(refused.iter().all(|answer| answer.status == 409), "{answers:?}");
    assert!(refused.iter().any(|answer| answer.json()["code"] == "last_key"), "{answers:?}");
    let shown = operator.get(&of(&client)).expect(200).json();
    let lasting = |key: &&Value| key["state"] == "active" && key["expires_at"].is_null();
    assert_eq!(shown["items"].as_array().expect("a list has items").iter().filter(lasting).count(), 1);
}

#[test]
fn k11_one_key_stays_when_32_command_lines_revoke_at_once() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let keys = fill(&server, &client, 8);
    let runs = at_once(CROWD, |place| server.cli().run(&["key", "revoke", &keys[place % 8]]));
    for refused in runs.iter().filter(|run| run.code != 0) {
        assert_complaint(refused, "issue another one first");
    }
    assert_eq!(ids(&server, &of(&client)).len(), 1);
}

#[test]
fn k11_the_last_key_can_not_be_taken_away_in_a_roundabout_way() {
    let server = serve_with_clock("codat");
    let operator = server.operator();
    let client = client(&server, "Acme");
    let path = format!("/v1/keys/{}", client.id);
    assert_problem(&operator.post(&format!("{path}/disable"), &Value::Null), "last_key");
    assert_complaint(&server.cli().run(&["key", "disable", &client.id]), "issue another one first");
    for past in ["2001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"] {
        assert_eq!(operator.patch(&path, &json!({"expires_at": past})).status, 422);
    }
    // A key that is going to expire is no remaining key: nobody would have to delete it.
    assert_problem(&operator.patch(&path, &json!({"expires_at": "2099-01-01T00:00:00Z"})), "last_key");
    assert_complaint(
        &server.cli().run(&["key", "restrict", &client.id, "--expires-in", "1s"]),
        "issue another one first",
    );
    let brief =
        operator.issue(&client.account, &json!({"name": "Brief", "expires_at": "2099-01-01T00:00:00Z"}));
    assert_problem(&operator.post(&format!("{path}/revoke"), &Value::Null), "last_key");
    let rotated = operator.post(&format!("{path}/rotate"), &json!({"overlap": "0"})).expect(200).json();
    super::assert_unauthorized(&program(&server, &client.key).get(COMPANIES));
    let renewed = program(&server, &text(&rotated, "key"));
    revoke(&server, &text(&brief, "id"));
    server.move_clock("+90y");
    received(renewed.get(COMPANIES));

    let (other, _) = operator.issue_plain(&client.account, "Other");
    assert_eq!(operator.post(&format!("{path}/disable"), &Value::Null).status, 200);
    assert_problem(&operator.post(&format!("/v1/keys/{other}/revoke"), &Value::Null), "last_key");
    revoke(&server, &client.id);
}

#[test]
fn k10_k11_the_count_stays_within_its_bounds_while_many_create_and_delete() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    fill(&server, &client, 9);
    let operator = server.operator();
    let busy = AtomicUsize::new(4);
    at_once(6, |place| {
        if place >= 4 {
            while busy.load(Ordering::Acquire) > 0 {
                let count = ids(&server, &of(&client)).len();
                assert!((1..=10).contains(&count), "{count} keys");
            }
            return;
        }
        for round in 0..30 {
            let made = operator.post(&of(&client), &json!({"name": format!("{place} {round}")}));
            let all = ids(&server, &of(&client));
            let gone = operator
                .post(&format!("/v1/keys/{}/revoke", all[(place * 7 + round) % all.len()]), &Value::Null);
            assert!(
                [201, 409].contains(&made.status) && [200, 409].contains(&gone.status),
                "{made:?} {gone:?}"
            );
        }
        busy.fetch_sub(1, Ordering::AcqRel);
    });
}
