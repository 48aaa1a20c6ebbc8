//! K8, K12: who may see a key, and what the trail says of it.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_testkit::Operator;
use serde_json::{Value, json};

use super::{COMPANIES, client, listed, program};
use crate::contracts::{
    serve,
    wire::{received, text, trail},
};

#[test]
fn k8_an_operator_sees_a_key_only_with_the_ability_to_reveal() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let with = |can: Value| {
        let made = server
            .operator()
            .post("/v1/operators", &json!({"name": "Support", "can": can}))
            .expect(201)
            .json();
        Operator::new(server.control, &text(&made, "key"))
    };
    let reveal = format!("/v1/keys/{}/reveal", client.id);
    for can in [json!(["verify"]), json!(["read"]), json!(["manage"]), json!(["verify", "read", "manage"])] {
        let refused = with(can).post(&reveal, &Value::Null).expect(403).json();
        assert_eq!(refused["code"], "forbidden");
    }
    for can in [json!(["verify"]), json!(["read"]), json!(["reveal"])] {
        let path = format!("/v1/accounts/{}/keys", client.account);
        assert_eq!(with(can.clone()).post(&path, &json!({"name": "Mine"})).status, 403);
        assert_eq!(with(can).post(&format!("/v1/keys/{}/revoke", client.id), &Value::Null).status, 403);
    }
    assert_eq!(with(json!(["reveal"])).post(&reveal, &Value::Null).expect(200).json()["key"], client.key);
    let own_key = Operator::new(server.control, &client.key);
    assert_eq!(own_key.post(&reveal, &Value::Null).status, 401);
}

#[test]
fn k12_every_sight_of_a_key_is_on_the_audit_trail() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let reveals = || {
        let of_account = trail(&server, &client.account).into_iter();
        of_account.filter(|(action, _)| action == "key.reveal").map(|(_, actor)| actor).collect::<Vec<_>>()
    };
    let program = program(&server, &client.key);
    received(program.get(COMPANIES));
    assert_eq!(reveals(), [""; 0]);
    listed(&program);
    listed(&program);
    let by_key = format!("key:{}", client.id);
    assert_eq!(reveals(), [&*by_key, &by_key]);
    assert_eq!(server.operator().post(&format!("/v1/keys/{}/reveal", client.id), &Value::Null).status, 200);
    let by_operator = &reveals()[2];
    assert!(by_operator.starts_with("operator:op_"), "{by_operator}");

    let path = format!("/v1/audit-events?account_id={}&limit=100", client.account);
    let events = server.operator().get(&path).expect(200);
    let event =
        events.json()["items"].as_array().and_then(|all| all.last().cloned()).expect("there are events");
    assert_eq!((&event["action"], &event["detail"]["keys"]), (&json!("key.reveal"), &json!([client.id])));
    assert!(!events.text().contains(&client.key[6..]));
    assert_eq!(server.operator().get("/v1/audit-events/check").expect(200).json()["whole"], true);
}

#[test]
fn k12_whoever_merely_manages_keys_sees_six_characters_of_each() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let list = server.operator().get(&format!("/v1/accounts/{}/keys", client.account)).expect(200);
    assert_eq!(list.json()["items"][0]["hint"], client.key[..6]);
    let commands = [
        vec!["key", "list"],
        vec!["key", "show", &client.id],
        vec!["account", "show", &client.account],
        vec!["audit", "list"],
    ];
    let mut shown = vec![list.text().to_owned()];
    shown.extend(commands.iter().map(|command| server.cli().run(command).expect(0).out));
    for text in shown {
        assert!(!text.contains(&client.key[..7]) && !text.contains(&client.key[7..]), "{text}");
    }
}

#[test]
fn k12_a_sealed_key_is_nowhere_in_plain() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    listed(&program(&server, &client.key));
    let mut stopped = server.stop();
    assert!(!stopped.log().contains(&client.key));
    let encoded = STANDARD.encode(&client.key);
    for file in fs::read_dir(stopped.data()).expect("there is a data directory") {
        let path = file.expect("it can be read").path();
        let bytes = fs::read(&path).expect("a file can be read");
        for part in [&client.key[..7], &client.key[7..], &encoded[..12], &encoded[12..]] {
            assert!(
                !bytes.windows(part.len()).any(|window| window == part.as_bytes()),
                "{} in {}",
                part,
                path.display()
            );
        }
    }
}
