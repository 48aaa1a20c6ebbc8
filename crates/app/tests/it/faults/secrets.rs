//! After a busy day, no secret is in any file of the data directory but the master key's own, nor in the log.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use claviger_testkit::{Customer, Operator, Server, ServerBuilder, eventually};
use serde_json::{Value, json};

use super::text;

/// How a secret might be written: as it is, in base 64 wherever it begins, and in hexadecimal.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.as_bytes().to_vec()];
    for lead in 0..3 {
        let led = [&vec![b'.'; lead], secret.as_bytes()].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(&led).into_bytes();
            // The first and last characters also encode what stands around the secret.
            let (begin, end) = (if lead == 0 { 0 } else { 4 }, encoded.len() - 4);
            forms.push(encoded[begin..end].to_vec());
        }
    }
    let hex: String = secret.bytes().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit).collect();
    forms.push(hex.to_uppercase().into_bytes());
    forms.push(hex.into_bytes());
    forms
}

fn hex_digit(digit: u8) -> char {
    char::from_digit(digit.into(), 16).expect("four bits are a digit")
}

/// Enough of a form to know it by.
const KNOWN_BY: usize = 12;

/// The beginnings of every form of the part of each secret that nobody could guess.
struct Wanted(HashMap<[u8; KNOWN_BY], usize>);

impl Wanted {
    fn new(secrets: &[String]) -> Self {
        let beginnings = secrets.iter().enumerate().flat_map(|(number, secret)| {
            let forms = forms(&secret[secret.len() - 20..]).into_iter();
            forms.map(move |form| (*form.first_chunk().expect("a form is longer than that"), number))
        });
        Self(beginnings.collect())
    }

    /// Which secret is in `bytes`, if one is.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let mut windows = bytes.windows(KNOWN_BY);
        windows.find_map(|window| self.0.get(window).copied())
    }
}

/// No file of the data directory, nor the log, has one of these in any form.
#[track_caller]
pub(crate) fn nothing_is_left(data: &Path, log: &str, secrets: &[String]) {
    let mut files: BTreeMap<String, Vec<u8>> =
        BTreeMap::from([("the log".to_owned(), log.as_bytes().to_vec())]);
    for file in fs::read_dir(data).expect("the directory can be read") {
        let file = file.expect("the directory can be read").path();
        files.insert(file.display().to_string(), fs::read(&file).expect("the file can be read"));
    }
    assert!(files.keys().any(|name| name.ends_with("claviger.db-wal")));
    let wanted = Wanted::new(secrets);
    for (name, bytes) in files.iter().filter(|(name, _)| !name.ends_with("master.key")) {
        assert_eq!(wanted.find(bytes), None, "the number of a secret that is in {name}");
    }
}

/// Does everything that handles secrets, and returns all of them.
fn busy_day(server: &Server, operator: &Operator, bearer: bool) -> Vec<String> {
    let mut secrets = vec![server.operator_key().to_owned()];
    let created = operator.post("/v1/accounts", &json!({"name": "Acme"})).expect(201).json();
    secrets.extend(created["first_key"]["key"].as_str().map(ToOwned::to_owned));
    let account = text(&created, "id").to_owned();
    for number in 0..5 {
        let (id, key) = operator.issue_plain(&account, &format!("key {number}"));
        let rotated =
            operator.post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": "1h"})).expect(200).json();
        let newest = text(&rotated, "key").to_owned();
        operator.post(&format!("/v1/keys/{id}/reveal"), &Value::Null);
        for secret in [&key, &newest] {
            assert_eq!(operator.verify(&json!({"key": secret}))["allowed"], true);
            assert_eq!(operator.verify(&json!({"key": format!("{secret}x")}))["allowed"], false);
            let caller = server.customer(secret);
            let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(secret));
            let caller = if bearer { caller } else { caller.authorized_by(&basic) };
            let answer = caller.get(&format!("/v1/things?api_key={secret}"));
            assert!(answer.status == 200, "{}", answer.text());
            // Wrong in every way that a secret can come: its bytes must not be kept with the denial.
            caller.clone().authorized_by(secret).get("/v1/things");
            caller.clone().authorized_by(&format!("Digest {secret}")).get("//x/../y");
            caller.clone().authorized_by(&format!("Bearer {secret} ")).get("/v1/things");
            caller.clone().authorized_by("").send("GET", "/v1/things", &[("X-API-Key", secret)], "");
            if !bearer {
                secrets.push(its_own_key(&caller));
            }
        }
        if number > 2 {
            assert_eq!(operator.post(&format!("/v1/keys/{id}/revoke"), &Value::Null).status, 200);
            server.customer(&newest).get("/v1/things");
        }
        secrets.extend([key, newest]);
    }
    let hired = operator.post("/v1/operators", &json!({"name": "o", "can": ["read"]})).expect(201).json();
    secrets.push(text(&hired, "key").to_owned());
    let path = format!("/v1/accounts/{account}/keys");
    let repeated = [("Idempotency-Key", "once")];
    let once = operator.call_with("POST", &path, &repeated, &json!({"name": "once"})).expect(201).json();
    assert_eq!(operator.call_with("POST", &path, &repeated, &json!({"name": "once"})).status, 409);
    secrets.push(text(&once, "key").to_owned());
    secrets
}

/// A key that the customer's program makes, and takes away again.
fn its_own_key(caller: &Customer) -> String {
    let json = [("Content-Type", "application/json")];
    let made = caller.send("POST", "/apiKeys", &json, r#"{"name":"own"}"#).expect(201).json();
    assert_eq!(caller.get("/apiKeys").status, 200);
    assert_eq!(caller.send("DELETE", &format!("/apiKeys/{}", text(&made, "id")), &[], "").status, 204);
    text(&made, "apiKey").to_owned()
}

#[test]
fn a_secret_is_found_in_every_form_it_is_looked_for() {
    let secret = "my_live_0123456789abcdefghijABCDEFGHIJ".to_owned();
    let wanted = Wanted::new(std::slice::from_ref(&secret));
    for hidden in
        [secret.clone(), STANDARD_NO_PAD.encode(format!("x{secret}: y")), URL_SAFE_NO_PAD.encode(&secret)]
    {
        assert_eq!(wanted.find(format!("before {hidden} after").as_bytes()), Some(0), "{hidden}");
    }
    assert_eq!(wanted.find(b"my_live_0123456789abcdefgh nothing else"), None);
}

#[test]
fn no_secret_is_left_in_the_files_or_in_the_log() {
    for (profile, bearer) in [("default", true), ("codat", false)] {
        for format in ["text", "json"] {
            let builder = ServerBuilder::new(crate::PROGRAM).profile(profile);
            let server =
                builder.argument("--log").argument("trace").argument("--log-format").argument(format).start();
            let operator = server.operator();
            let secrets = busy_day(&server, &operator, bearer);
            let used = || operator.get("/v1/usage").expect(200).json()["items"][0]["count"].is_u64();
            eventually(|| used().then_some(()));
            nothing_is_left(&server.data(), &server.log(), &secrets);
            let master = fs::read_to_string(server.data().join("master.key")).ok();
            let mut stopped = server.kill();
            let (data, log) = (stopped.data(), stopped.log());
            nothing_is_left(&data, &log, &secrets);
            if let Some(master) = master {
                nothing_is_left(&data, &log, &[master.trim().to_owned()]);
            }
        }
    }
}
