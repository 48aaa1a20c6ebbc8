//! `/v1/audit-events`: every change is on record, and the record can be checked.

use std::{collections::HashSet, thread};

use serde_json::{Value, json};

use super::{opened, text};

#[test]
fn each_change_leaves_one_event_that_says_who_did_what_by_which_request() {
    let (_server, operator, account) = opened("default");
    let issued = operator.post(&format!("/v1/accounts/{account}/keys"), &json!({"name": "n"})).expect(201);
    let id = text(&issued.json(), "id").to_owned();
    let key = format!("/v1/keys/{id}");
    let path = format!("/v1/accounts/{account}");
    let mut wanted = vec![("key.issue".to_owned(), issued.header("x-request-id").unwrap().to_owned())];
    for (action, method, path, body) in [
        ("key.rename", "PATCH", &key, json!({"name": "m"})),
        ("key.describe", "PATCH", &key, json!({"metadata": {"a": 1}})),
        ("key.restrict", "PATCH", &key, json!({"restrictions": {"networks": ["10.0.0.0/8"]}})),
        ("key.rotate", "POST", &format!("{key}/rotate"), json!({})),
        ("key.disable", "POST", &format!("{key}/disable"), Value::Null),
        ("key.enable", "POST", &format!("{key}/enable"), Value::Null),
        ("account.rename", "PATCH", &path, json!({"name": "n"})),
        ("account.describe", "PATCH", &path, json!({"metadata": {}})),
        ("account.suspend", "PATCH", &path, json!({"state": "suspended"})),
        ("account.reinstate", "PATCH", &path, json!({"state": "active"})),
        ("key.revoke", "POST", &format!("{key}/revoke"), Value::Null),
    ] {
        let answer = operator.call(method, path, &body).expect(200);
        wanted.push((action.to_owned(), answer.header("x-request-id").unwrap().to_owned()));
    }
    let trail = operator.get("/v1/audit-events").expect(200).json();
    let events = trail["items"].as_array().unwrap();
    let got: Vec<_> = events[2..]
        .iter()
        .map(|event| (text(event, "action").to_owned(), text(event, "request_id").to_owned()))
        .collect();
    assert_eq!(got, wanted);
    assert_eq!((text(&events[0], "action"), text(&events[0], "actor")), ("operator.issue", "system"));
    assert_eq!(text(&events[1], "action"), "account.create");
    assert!(events[1..].iter().all(|event| text(event, "actor").starts_with("operator:op_")));
    assert!(events[1..].iter().all(|event| text(event, "account_id") == account));
    let numbers: Vec<_> = events.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=14).collect::<Vec<_>>(), "without gaps");

    let of_key = operator.get(&format!("/v1/audit-events?subject={id}")).expect(200).json();
    assert_eq!(of_key["items"].as_array().unwrap().len(), 8);
    let of_request = operator.get(&format!("/v1/audit-events?request_id={}", wanted[3].1)).expect(200).json();
    assert_eq!(text(&of_request["items"][0], "action"), "key.restrict");
    assert_eq!(of_request["items"][0]["detail"]["restrictions"]["networks"], json!(["10.0.0.0/8"]));
    let page = operator.get("/v1/audit-events?limit=5&cursor=12").expect(200).json();
    assert_eq!((&page["items"][0]["number"], &page["next_cursor"]), (&json!(13), &Value::Null));
}

#[test]
fn refused_and_read_only_calls_leave_no_event() {
    let (_server, operator, account) = opened("default");
    let count = || operator.get("/v1/audit-events/check").expect(200).json()["events"].as_u64().unwrap();
    let before = count();
    assert_eq!(operator.post(&format!("/v1/accounts/{account}/keys"), &json!({"name": ""})).status, 422);
    assert_eq!(operator.post("/v1/keys/key_01h455vb4pex5vsknk084sn02q/revoke", &Value::Null).status, 404);
    assert_eq!(operator.get("/v1/keys").status, 200);
    operator.verify(&json!({"key": "nonsense"}));
    assert_eq!(count(), before);
}

#[test]
fn the_chain_holds_whoever_writes_at_once() {
    let (server, operator, account) = opened("default");
    thread::scope(|scope| {
        for writer in 0..8 {
            let (operator, account) = (&operator, &account);
            scope.spawn(move || {
                for number in 0..10 {
                    let (id, _) = operator.issue_plain(account, &format!("{writer}.{number}"));
                    assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
                }
            });
        }
    });
    let report = operator.get("/v1/audit-events/check").expect(200).json();
    assert_eq!((&report["whole"], &report["events"]), (&json!(true), &json!(162)));
    let server = server.kill().start();
    let again = server.operator().get("/v1/audit-events/check").expect(200).json();
    assert_eq!(again, report);
    let (mut hashes, mut cursor) = (HashSet::new(), String::new());
    loop {
        let page = server.operator().get(&format!("/v1/audit-events?limit=100{cursor}")).expect(200).json();
        hashes.extend(page["items"].as_array().unwrap().iter().map(|event| text(event, "hash").to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(hashes.len(), 162);
    assert!(hashes.contains(text(&report, "head")));
}
