//! Those who use a server: an operator on the control listener, a customer's program on the gateway.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    Answer,
    http::{exchange, request},
};

/// Someone with an operator key.
#[derive(Clone, Debug)]
pub struct Operator {
    address: SocketAddr,
    key: String,
}

impl Operator {
    /// The operator who holds `key`, at the control listener at `address`.
    pub fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, key: key.to_owned() }
    }

    /// Calls the management API with a JSON body, or with none where it is null.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call_with(method, path, &[], body)
    }

    /// The same, with further header fields.
    #[track_caller]
    pub fn call_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let authorization = format!("Bearer {}", self.key);
        let mut fields = vec![("Host", "control"), ("Authorization", &authorization)];
        fields.extend(headers);
        if !body.is_empty() {
            fields.push(("Content-Type", "application/json"));
        }
        exchange(self.address, method, &request(method, path, &fields, &body))
            .expect("the control listener answers")
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &Value::Null)
    }

    /// POST.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, body)
    }

    /// PATCH.
    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call("PATCH", path, body)
    }

    /// Creates an account of the only api and returns its id.
    #[track_caller]
    pub fn account(&self, name: &str) -> String {
        let made = self.post("/v1/accounts", &json!({"name": name})).expect(201).json();
        made["id"].as_str().expect("an account has an id").to_owned()
    }

    /// Issues a key that is described by `order` (at least its name) and returns the whole answer.
    #[track_caller]
    pub fn issue(&self, account: &str, order: &Value) -> Value {
        self.post(&format!("/v1/accounts/{account}/keys"), order).expect(201).json()
    }

    /// Issues an unrestricted live key and returns its id and its secret.
    #[track_caller]
    pub fn issue_plain(&self, account: &str, name: &str) -> (String, String) {
        let issued = self.issue(account, &json!({"name": name}));
        let text =
            |field: &str| issued[field].as_str().expect("an issued key has an id and a secret").to_owned();
        (text("id"), text("key"))
    }

    /// Asks for a decision.
    #[track_caller]
    pub fn verify(&self, attempt: &Value) -> Value {
        self.post("/v1/keys/verify", attempt).expect(200).json()
    }
}

/// A program that calls the api with a key.
#[derive(Clone, Debug)]
pub struct Customer {
    address: SocketAddr,
    authorization: String,
    host: String,
}

impl Customer {
    /// The program that sends `key` as a Bearer token to the gateway at `address`.
    pub fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, authorization: format!("Bearer {key}"), host: "api.test".to_owned() }
    }

    /// The same program with another `Authorization` field.
    #[must_use]
    pub fn authorized_by(mut self, authorization: &str) -> Self {
        authorization.clone_into(&mut self.authorization);
        self
    }

    /// The same program calling another host.
    #[must_use]
    pub fn at_host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// Sends a request with further header fields and a body.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut fields = vec![("Host", self.host.as_str())];
        if !self.authorization.is_empty() {
            fields.push(("Authorization", &self.authorization));
        }
        fields.extend(headers);
        exchange(self.address, method, &request(method, path, &fields, body)).expect("the gateway answers")
    }
}
