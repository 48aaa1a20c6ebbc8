//! T1, T2, T13, T14: an account's keys, through the contract's own endpoints.

use claviger_testkit::eventually;
use serde_json::{Value, json};

use super::{KEYS, USER, assert_bad_request, assert_forbidden, assert_invalid, assert_not_found};
use crate::contracts::{
    serve,
    wire::{assert_said, ids, received, text, trail, used, whole_seconds},
};

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];
const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

#[test]
fn t1_a_key_belongs_to_an_account_and_manages_no_other() {
    let server = serve("example");
    let operator = server.operator();
    let [ours, theirs] = ["Acme", "Umbrella"].map(|name| operator.account(name));
    let ((id, key), (foreign, _)) =
        (operator.issue_plain(&ours, "Ours"), operator.issue_plain(&theirs, "Theirs"));
    assert_eq!(received(server.customer(&key).get(USER))["account"], ours);
    let listed = server.customer(&key).get(KEYS).expect(200).json();
    assert_eq!((listed["data"].as_array().map(Vec::len), &listed["data"][0]["id"]), (Some(1), &json!(id)));
    assert_not_found(&server.customer(&key).send("DELETE", &format!("{KEYS}/{foreign}"), &[], ""));
    assert_eq!(operator.get(&format!("/v1/keys/{foreign}")).expect(200).json()["state"], "active");
}

#[test]
fn t2_a_new_key_is_given_a_name() {
    let server = serve("example");
    let account = server.operator().account("Acme");
    let (_, key) = server.operator().issue_plain(&account, "First");
    let customer = server.customer(&key);
    let made = customer.send("POST", KEYS, &JSON, r#"{"name":"Production Key"}"#);
    let created = made.json();
    let (id, secret) = (text(&created["data"], "id"), text(&created["data"], "key"));
    let created_at =
        whole_seconds(&text(&server.operator().get(&format!("/v1/keys/{id}")).json(), "created_at"));
    let body = format!(
        r#"{{"success":true,"data":{{"id":"{id}","name":"Production Key","prefix":"sk_live_","created_at":"{created_at}","last_used":null,"key":"{secret}"}},"message":"API key created successfully"}}"#
    );
    assert_said(&made, 201, None, &body);
    assert!(id.starts_with("key_"), "{id}");
    let random = secret.strip_prefix("sk_live_").expect("a live key makes live keys");
    assert!(random.len() == 24 && random.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{secret}");
    assert_eq!(received(server.customer(&secret).get(USER))["key_id"], id);

    let form = customer.send("POST", KEYS, &FORM, "name=caf%C3%A9+%26+bar").expect(201).json();
    assert_eq!(form["data"]["name"], "café & bar");
}

#[test]
fn t2_what_is_no_name_makes_no_key() {
    let server = serve("example");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "First");
    let customer = server.customer(&key);
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "name",
        r#"{"name":null}"#,
        r#"{"name":""}"#,
        r#"{"name":" "}"#,
        r#"{"name":7}"#,
        r#"{"name":"a","scopes":[]}"#,
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":"a\nb"}"#,
        r#"{"name":"a"} x"#,
    ] {
        assert_bad_request(&customer.send("POST", KEYS, &JSON, body));
    }
    for body in ["", "name=", "name=a&name=b", "name=a&account=other", "nom=a", "name=%FF"] {
        assert_bad_request(&customer.send("POST", KEYS, &FORM, body));
    }
    for media in ["text/plain", "multipart/form-data; boundary=x", "application/xml", ""] {
        assert_bad_request(&customer.send("POST", KEYS, &[("Content-Type", media)], r#"{"name":"a"}"#));
    }
    assert_eq!(ids(&server, &format!("/v1/accounts/{account}/keys")), [id]);
}

#[test]
fn t13_listing_answers_the_contracts_object_to_the_byte() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let (first, key) = operator.issue_plain(&account, "Production Key");
    let (second, idle) = operator.issue_plain(&account, "Quotes \" and \u{e9}");
    received(server.customer(&key).get(USER));
    eventually(|| used(&server, &first));

    let listed = server.customer(&key).get(KEYS);
    // The listing itself is a use of the key: which of two instants is shown is a matter of moments.
    let last_used = text(&listed.json()["data"][0], "last_used");
    assert!(last_used.parse::<claviger_model::Timestamp>().is_ok() && last_used.len() == 20, "{last_used}");
    let created =
        |id: &str| whole_seconds(&text(&operator.get(&format!("/v1/keys/{id}")).json(), "created_at"));
    let objects = [
        format!(
            r#"{{"id":"{first}","name":"Production Key","prefix":"sk_live_","created_at":"{}","last_used":"{last_used}"}}"#,
            created(&first)
        ),
        format!(
            r#"{{"id":"{second}","name":"Quotes \" and é","prefix":"sk_live_","created_at":"{}","last_used":null}}"#,
            created(&second)
        ),
    ];
    assert_said(&listed, 200, None, &format!(r#"{{"success":true,"data":[{}]}}"#, objects.join(",")));
    assert!(!listed.text().contains(&key[8..]) && !listed.text().contains(&idle[8..]), "no list shows a key");
}

#[test]
fn t13_a_key_of_less_than_full_power_manages_no_more_than_it_is() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let (live, key) = operator.issue_plain(&account, "Live");
    let narrow =
        operator.issue(&account, &json!({"name": "Narrow", "restrictions": {"networks": ["127.0.0.0/8"]}}));
    let brief = operator.issue(&account, &json!({"name": "Brief", "expires_at": "2099-01-01T00:00:00Z"}));
    for less in [&narrow, &brief] {
        let customer = server.customer(&text(less, "key"));
        assert_forbidden(&customer.send("POST", KEYS, &JSON, r#"{"name":"More"}"#));
        assert_eq!(customer.get(KEYS).expect(200).json()["data"].as_array().map(Vec::len), Some(3));
    }
    let test = operator.issue(&account, &json!({"name": "Test", "environment": "test"}));
    let tester = server.customer(&text(&test, "key"));
    let seen = tester.get(KEYS).expect(200).json();
    assert_eq!((&seen["data"][0]["id"], &seen["data"][1]), (&test["id"], &Value::Null));
    assert_not_found(&tester.send("DELETE", &format!("{KEYS}/{live}"), &[], ""));
    let made = tester.send("POST", KEYS, &JSON, r#"{"name":"Another"}"#).expect(201).json();
    assert_eq!(made["data"]["prefix"], "sk_test_");
    received(server.customer(&key).get(USER));
}

#[test]
fn t14_revoking_answers_the_contracts_object_to_the_byte_and_works_at_once() {
    let server = serve("example");
    let operator = server.operator();
    let account = operator.account("Acme");
    let [(keeper, key), (gone, secret)] = ["Keeper", "Gone"].map(|name| operator.issue_plain(&account, name));
    received(server.customer(&secret).get(USER));
    let customer = server.customer(&key);
    let revoked = customer.send("DELETE", &format!("{KEYS}/{gone}"), &[], "");
    assert_said(&revoked, 200, None, r#"{"success":true,"message":"API key revoked successfully"}"#);
    assert_invalid(&server.customer(&secret).get(USER));
    assert_eq!(trail(&server, &account).last(), Some(&("key.revoke".to_owned(), format!("key:{keeper}"))));
    assert_eq!(customer.get(KEYS).expect(200).json()["data"].as_array().map(Vec::len), Some(1));

    let unknown = "key_01h455vb4pex5vsknk084sn02q";
    for absent in [&*gone, unknown, "key_123", "0188bac7-4afa-78aa-bc3b-bd1eef28d881", "*"] {
        assert_not_found(&customer.send("DELETE", &format!("{KEYS}/{absent}"), &[], ""));
    }
    let itself = customer.send("DELETE", &format!("{KEYS}/{keeper}"), &[], "");
    assert_said(&itself, 200, None, r#"{"success":true,"message":"API key revoked successfully"}"#);
    assert_invalid(&customer.get(KEYS));
}

#[test]
fn t14_other_methods_on_these_paths_reach_the_api_itself() {
    let server = serve("example");
    let account = server.operator().account("Acme");
    let (id, key) = server.operator().issue_plain(&account, "Key");
    for (method, path) in
        [("PUT", KEYS.to_owned()), ("GET", format!("{KEYS}/{id}")), ("DELETE", KEYS.to_owned())]
    {
        assert_eq!(received(server.customer(&key).send(method, &path, &[], ""))["path"], path);
    }
}
