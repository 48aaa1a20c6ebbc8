//! K3, K5, K6, K7, K9: the key a client starts with, and the endpoints that are all it needs.

use claviger_model::KeyId;
use serde_json::{Value, json};

use super::{
    COMPANIES, JSON, KEYS, LAST, assert_forbidden, assert_refused, assert_unauthorized, client, header,
    listed, program,
};
use crate::contracts::{
    serve,
    wire::{assert_said, ids, received, revoke, text, whole_seconds},
};

const NO_SUCH_KEY: &str = "The API key was not found.";

/// The key with this id of the contract, as the management API names it.
fn typed(uuid: &str) -> String {
    KeyId::from_uuid_text(uuid).expect("the contract's ids are UUIDs").to_string()
}

#[test]
fn k3_a_new_client_starts_with_one_key() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    assert_eq!(ids(&server, &format!("/v1/accounts/{}/keys", client.account)), [&*client.id]);
    assert_eq!(listed(&program(&server, &client.key)).len(), 1);
    let made = server.cli().run(&["account", "create", "Umbrella", "--json"]).expect(0).json();
    received(program(&server, &text(&made["first_key"], "key")).get(COMPANIES));
}

#[test]
fn k5_keys_are_created_with_a_name_and_revoked_by_their_id() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let program_of = |key: &Value| program(&server, &text(key, "apiKey"));
    let first = program(&server, &client.key);
    let made =
        first.send("POST", KEYS, &JSON, r#"{"name":"azure-invoice-finance-processor"}"#).expect(201).json();
    assert_eq!(made["name"], "azure-invoice-finance-processor");
    received(program_of(&made).get(COMPANIES));
    let path = format!("{KEYS}/{}", text(&made, "id"));
    assert_said(&first.send("DELETE", &path, &[], ""), 204, None, "");
    assert_unauthorized(&program_of(&made).get(COMPANIES));
    assert_refused(&first.send("DELETE", &path, &[], ""), 404, NO_SUCH_KEY);
}

#[test]
fn k5_a_name_is_at_most_50_characters_long() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let program = program(&server, &client.key);
    for name in ["x".repeat(50), "é".repeat(50), "\u{1f511}".repeat(50)] {
        let made = program.send("POST", KEYS, &JSON, &json!({"name": name}).to_string()).expect(201).json();
        assert_eq!(made["name"], name);
    }
    for name in ["x".repeat(51), "é".repeat(51)] {
        let refused = program.send("POST", KEYS, &JSON, &json!({"name": name}).to_string());
        assert_refused(&refused, 400, "Max string length (50) for `name` reached.");
    }
    for body in [
        "[]",
        "{",
        r#"{"name":7}"#,
        r#"{"name":"a","apiKey":"mine"}"#,
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":""}"#,
    ] {
        assert_refused(&program.send("POST", KEYS, &JSON, body), 400, "The request is not valid.");
    }
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_refused(&program.send("POST", KEYS, &form, "name=a"), 400, "The request is not valid.");
    assert_eq!(listed(&program).len(), 4);
}

#[test]
fn k6_the_endpoints_answer_the_contracts_objects_to_the_byte() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let program = program(&server, &client.key);
    let created = |id: &str| {
        let shown = server.operator().get(&format!("/v1/keys/{}", typed(id))).expect(200).json();
        whole_seconds(&text(&shown, "created_at"))
    };
    let object = |id: &str, name: Option<&str>, key: &str| {
        let name = name.map(|name| format!(r#""name":"{name}","#)).unwrap_or_default();
        format!(r#"{{"id":"{id}",{name}"apiKey":"{key}","createdDate":"{}"}}"#, created(id))
    };
    let first_id = text(&listed(&program)[0], "id");
    assert_eq!((typed(&first_id), first_id.len()), (client.id.clone(), 36));
    let mut objects = vec![object(&first_id, Some("First key"), &client.key)];
    assert_said(&program.get(KEYS), 200, None, &format!(r#"{{"results":[{}]}}"#, objects[0]));

    // A name is asked for, but not a must on the wire: a key without one has no such field.
    let utf8 = [("Content-Type", "application/json; charset=utf-8")];
    for (headers, body, name) in [
        (&JSON, r#"{"name":"Invoices"}"#, Some("Invoices")),
        (&utf8, "{}", None),
        (&JSON, r#"{"name":null}"#, None),
        (&JSON, "", None),
    ] {
        let made = program.send("POST", KEYS, headers, body);
        let (id, key) = (text(&made.json(), "id"), text(&made.json(), "apiKey"));
        objects.push(object(&id, name, &key));
        assert_said(&made, 201, None, &objects[objects.len() - 1]);
    }
    assert_said(&program.get(KEYS), 200, None, &format!(r#"{{"results":[{}]}}"#, objects.join(",")));
}

#[test]
fn k6_clients_in_the_wild_send_odd_but_harmless_things() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let authorization = header(&client.key);
    let raw = |request: String| {
        let method = request.split(' ').next().unwrap_or_default().to_owned();
        claviger_testkit::exchange(server.gateway, &method, request.as_bytes()).expect("the gateway answers")
    };
    let fields =
        format!("Host: api.codat.io\r\nAuthorization: {authorization}\r\nCookie: \r\nConnection: close\r\n");
    let _ = raw(format!("GET {KEYS} HTTP/1.1\r\n{fields}\r\n")).expect(200);
    let bare = raw(format!(
        "POST {KEYS} HTTP/1.1\r\n{fields}Content-Type: application/json\r\nContent-Length: 0\r\n\r\n"
    ));
    let id = text(&bare.expect(201).json(), "id");
    let deleted = raw(format!("DELETE {KEYS}/{id} HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n"));
    assert_eq!(deleted.header("content-length").unwrap_or("0"), "0");
    assert_said(&deleted, 204, None, "");
    let unasked =
        raw(format!("POST {KEYS} HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n")).expect(201).json();
    let deleted = raw(format!("DELETE {KEYS}/{} HTTP/1.1\r\n{fields}\r\n", text(&unasked, "id")));
    assert_said(&deleted, 204, None, "");
}

#[test]
fn k6_what_is_no_key_of_the_client_is_not_found() {
    let server = serve("codat");
    let [ours, theirs] = ["Acme", "Umbrella"].map(|name| client(&server, name));
    let foreign = text(&listed(&program(&server, &theirs.key))[0], "id");
    let program = program(&server, &ours.key);
    assert_eq!(program.send("POST", KEYS, &JSON, "{}").status, 201);
    for id in [&*foreign, &foreign.to_uppercase(), "0188bac7-4afa-78aa-bc3b-bd1eef28d881", &ours.id, "1", "*"]
    {
        assert_refused(&program.send("DELETE", &format!("{KEYS}/{id}"), &[], ""), 404, NO_SUCH_KEY);
    }
    received(super::program(&server, &theirs.key).get(COMPANIES));
}

#[test]
fn k7_over_the_api_keys_are_visible_and_authorization_headers_are_not() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let program = program(&server, &client.key);
    let made = program.send("POST", KEYS, &JSON, r#"{"name":"Invoices"}"#);
    let fields = |object: &Value| object.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
    let wanted = ["id", "name", "apiKey", "createdDate"].map(ToOwned::to_owned).to_vec();
    assert_eq!(fields(&made.json()), Some(wanted.clone()));
    let list = program.get(KEYS);
    for key in list.json()["results"].as_array().expect("a list has results") {
        assert_eq!(fields(key), Some(wanted.clone()));
        let header = header(&text(key, "apiKey"));
        for answer in [&list, &made] {
            assert!(!answer.text().contains(&header["Basic ".len()..]) && !answer.text().contains("Basic"));
        }
    }
}

#[test]
fn k9_the_first_key_is_enough_to_do_all_the_rest() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let first = program(&server, &client.key);
    let first_id = text(&listed(&first)[0], "id");
    let made = first.send("POST", KEYS, &JSON, r#"{"name":"Second"}"#).expect(201).json();
    let third = first.send("POST", KEYS, &JSON, r#"{"name":"Third"}"#).expect(201).json();
    assert_said(&first.send("DELETE", &format!("{KEYS}/{}", text(&third, "id")), &[], ""), 204, None, "");
    // It may end itself, too, now that there is another one.
    assert_said(&first.send("DELETE", &format!("{KEYS}/{first_id}"), &[], ""), 204, None, "");
    assert_unauthorized(&first.get(KEYS));
    let second = program(&server, &text(&made, "apiKey"));
    assert_eq!(listed(&second).len(), 1);
    assert_refused(&second.send("DELETE", &format!("{KEYS}/{}", text(&made, "id")), &[], ""), 409, LAST);
}

#[test]
fn k8_a_key_of_less_than_full_power_neither_sees_nor_makes_keys() {
    let server = serve("codat");
    let client = client(&server, "Acme");
    let order = json!({"name": "Server room", "restrictions": {"networks": ["127.0.0.0/8"]}});
    let issued = server.operator().issue(&client.account, &order);
    let narrow = program(&server, &text(&issued, "key"));
    received(narrow.get(COMPANIES));
    assert_forbidden(&narrow.get(KEYS));
    assert_forbidden(&narrow.send("POST", KEYS, &JSON, r#"{"name":"More"}"#));
    let elsewhere = json!({"restrictions": {"networks": ["203.0.113.0/24"]}});
    assert_eq!(server.operator().patch(&format!("/v1/keys/{}", text(&issued, "id")), &elsewhere).status, 200);
    assert_forbidden(&narrow.get(COMPANIES));
    revoke(&server, &text(&issued, "id"));
    assert_unauthorized(&narrow.get(COMPANIES));
}
