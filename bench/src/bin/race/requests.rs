//! The requests of the race, to the byte, and what an answer to them says.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use claviger_bench::{API, CALLER, KeySet, PATH, Plain};
use claviger_testkit::Answer;
use serde_json::{Value, json};

/// Attempts of one call of many.
pub const BATCH: u32 = 100;
/// So many different keys are used in turns.
const KEYS_USED: u64 = 10_000;
/// Neighbours in the file are far from each other in the database: a prime.
const STRIDE: u64 = 7_919;

/// How somebody asks whether a key may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By `POST /v1/keys/verify`.
    Verify,
    /// By `POST /v1/keys/verify-batch`.
    Batch,
    /// As a proxy does, by `GET /forward-auth/{api}`.
    ForwardAuth,
    /// By the request itself, which is forwarded if it may.
    Proxy,
}

/// What a key is used for.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    pub key: &'a Plain,
    pub path: &'a str,
    pub address: &'a str,
}

impl<'a> Attempt<'a> {
    /// What the key may do.
    pub fn good(key: &'a Plain) -> Self {
        Self { key, path: PATH, address: CALLER }
    }

    fn json(&self) -> Value {
        json!({"key": text(self.key), "api": API, "method": "GET", "path": self.path, "address": self.address})
    }
}

impl Way {
    /// The request with these attempts, of which only a batch has more than one.
    pub fn request(self, attempts: &[Attempt<'_>], operator_key: &str) -> Vec<u8> {
        let [Attempt { key, path, address }, ..] = attempts[0..] else {
            unreachable!("nobody asks for nothing")
        };
        let (bearer, caller) =
            (format!("Authorization: Bearer {}", text(key)), format!("X-Forwarded-For: {address}"));
        match self {
            Self::Verify => post("/v1/keys/verify", operator_key, &attempts[0].json()),
            Self::Batch => {
                let attempts: Vec<_> = attempts.iter().map(Attempt::json).collect();
                post("/v1/keys/verify-batch", operator_key, &json!({ "attempts": attempts }))
            }
            Self::ForwardAuth => {
                let asked = format!("X-Original-Method: GET\r\nX-Original-URI: {path}");
                get(&format!("/forward-auth/{API}"), &[&bearer, &asked, &caller])
            }
            Self::Proxy => get(path, &[&bearer, &caller]),
        }
    }

    /// Whether the answer says that every attempt is allowed; `None` where it is no decision.
    pub fn allowed(self, answer: &Answer) -> Option<bool> {
        match self {
            Self::Verify if answer.status == 200 => answer.json()["allowed"].as_bool(),
            Self::Batch if answer.status == 200 => {
                let json = answer.json();
                let results = json["results"].as_array()?;
                results
                    .iter()
                    .map(|result| result["allowed"].as_bool())
                    .try_fold(true, |all, one| Some(all && one?))
            }
            Self::ForwardAuth | Self::Proxy if answer.status < 300 => Some(true),
            Self::ForwardAuth | Self::Proxy if [401, 403].contains(&answer.status) => Some(false),
            _ => None,
        }
    }

    /// The method of the request.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Verify | Self::Batch => "POST",
            Self::ForwardAuth | Self::Proxy => "GET",
        }
    }

    /// How many decisions an answer holds.
    pub const fn decisions(self) -> u32 {
        match self {
            Self::Batch => BATCH,
            _ => 1,
        }
    }

    /// Writes requests with many keys of `set` into a file below `directory`.
    pub fn write(self, set: &KeySet, operator_key: &str, directory: &Path) -> anyhow::Result<()> {
        let keys: Vec<_> = (0..KEYS_USED).map(|turn| set.key(turn * STRIDE % set.keys).plain).collect();
        let attempts: Vec<_> = keys.iter().map(Attempt::good).collect();
        let mut file = Vec::new();
        for together in attempts.chunks(usize::try_from(self.decisions())?) {
            let request = self.request(together, operator_key);
            writeln!(file, "{}", request.len())?;
            file.extend(request);
        }
        Ok(fs::write(self.file(directory), file)?)
    }

    /// That file.
    pub fn file(self, directory: &Path) -> PathBuf {
        directory.join(format!("{self:?}"))
    }
}

/// A plain key as text.
fn text(key: &Plain) -> &str {
    std::str::from_utf8(key).expect("keys are ASCII")
}

fn get(target: &str, fields: &[&str]) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: api.example.com\r\n{}\r\n\r\n", fields.join("\r\n")).into_bytes()
}

fn post(target: &str, operator_key: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {target} HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer {operator_key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: Vec::new(), body: body.into() }
    }

    #[test]
    fn an_answer_that_is_no_decision_is_neither_yes_nor_no() {
        assert_eq!(Way::Verify.allowed(&answer(200, r#"{"allowed":true}"#)), Some(true));
        assert_eq!(Way::Verify.allowed(&answer(200, r#"{"allowed":false}"#)), Some(false));
        assert_eq!(Way::Verify.allowed(&answer(503, "{}")), None);
        assert_eq!(Way::ForwardAuth.allowed(&answer(200, "")), Some(true));
        assert_eq!(Way::ForwardAuth.allowed(&answer(403, "")), Some(false));
        assert_eq!(Way::ForwardAuth.allowed(&answer(503, "")), None);
    }

    #[test]
    fn a_batch_is_allowed_when_each_of_it_is() {
        let of = |results: &str| Way::Batch.allowed(&answer(200, &format!(r#"{{"results":[{results}]}}"#)));
        assert_eq!(of(r#"{"allowed":true},{"allowed":true}"#), Some(true));
        assert_eq!(of(r#"{"allowed":true},{"allowed":false}"#), Some(false));
        assert_eq!(of(r#"{"allowed":true},{"problem":{}}"#), None);
    }
}
