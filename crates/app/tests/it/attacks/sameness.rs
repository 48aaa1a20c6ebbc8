//! Whoever holds no good key learns nothing about keys: the same bytes for every kind of no (A20, A21, A25, P18).

use std::collections::BTreeMap;

use claviger_testkit::{Answer, Connection, ServerBuilder, eventually, exchange};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use super::{answers::masked_body, credential::changed, stage::profile};

/// The profiles whose contracts have one answer for everything that is no good key.
const SAME: [&str; 4] = ["cashcat", "codat", "default", "example"];

/// The profile of an api called `name` under the host `name.test`, beside a second api with keys of the same form.
fn text_of(shipped: &str, name: &str) -> String {
    let text = profile(shipped).replace(&format!("name = \"{shipped}\""), &format!("name = \"{name}\""));
    let hosts = format!("[hosts]\nlive = [\"{name}.test\"]\n");
    match text.find("[hosts]") {
        Some(start) => {
            let end = start + text[start..].find("\n\n").expect("a table ends");
            format!("{}{hosts}{}", &text[..start], &text[end..])
        }
        None => text.replace("[keys]", &format!("{hosts}\n[keys]")),
    }
}

fn basic(profile: &str, key: &str) -> String {
    let template = if profile == "codat" { "Basic {b64:KEY}" } else { "Bearer KEY" };
    let filled = super::template::fill(&template.replace("KEY", key), &[]);
    String::from_utf8(filled).expect("a credential is text")
}

/// The whole answer, with what names the request and the time written as `*`.
fn masked(answer: &Answer) -> String {
    let field = |(name, value): &(String, String)| match &**name {
        "x-request-id" | "date" => format!("{name}: *"),
        _ => format!("{name}: {value}"),
    };
    let fields: Vec<_> = answer.headers.iter().map(field).collect();
    format!("{}\n{}\n\n{}", answer.status, fields.join("\n"), masked_body(answer))
}

#[test]
fn every_key_that_is_no_good_gets_the_same_bytes() {
    for name in SAME {
        let server = ServerBuilder::new(crate::PROGRAM)
            .profile_text(&text_of(name, "one"))
            .profile_text(&text_of(name, "two"))
            .start();
        let operator = server.operator();
        let account = |api: &str| {
            let made = operator.post("/v1/accounts", &json!({"name": "Ada", "api": api})).expect(201).json();
            made["id"].as_str().expect("an account has an id").to_owned()
        };
        let (ours, suspended, theirs) = (account("one"), account("one"), account("two"));
        let good = operator.issue_plain(&ours, "good").1;
        let state = |to: &str| {
            let (id, key) = operator.issue_plain(&ours, to);
            let _ = operator.post(&format!("/v1/keys/{id}/{to}"), &json!(null)).expect(200);
            key
        };
        let replaced = {
            let (id, key) = operator.issue_plain(&ours, "rotated");
            let _ = operator.post(&format!("/v1/keys/{id}/rotate"), &json!({"overlap": "0"})).expect(200);
            key
        };
        let expired = {
            // As soon as the server's clock allows: the request that made it takes longer than that.
            let soon = soon();
            let issued = operator.issue(&ours, &json!({"name": "expired", "expires_at": soon}));
            issued["key"].as_str().expect("an issued key has it").to_owned()
        };
        let sleeping = operator.issue_plain(&suspended, "n").1;
        let patch = json!({"state": "suspended"});
        let _ = operator.patch(&format!("/v1/accounts/{suspended}"), &patch).expect(200);
        let ask = |key: &str| {
            let credential = basic(name, key);
            let request =
                format!("GET /v1 HTTP/1.1\r\nHost: one.test\r\nAuthorization: {credential}\r\n\r\n");
            exchange(server.gateway, "GET", request.as_bytes()).expect("there is an answer")
        };
        assert_eq!(ask(&good).status, 200, "{name}");
        eventually(|| (ask(&expired).status != 200).then_some(()));
        let half = &good[..good.len() / 2];
        let mut keys = BTreeMap::from([
            ("unknown", minted_like(&good)),
            ("one character changed", changed(&good)),
            ("malformed: short", half.to_owned()),
            ("malformed: long", good.repeat(8)),
            ("malformed: alphabet", format!("{}-", &good[..good.len() - 1])),
            ("malformed: prefix", format!("xx{}", &good[2..])),
            ("revoked", state("revoke")),
            ("disabled", state("disable")),
            ("replaced", replaced),
            ("expired", expired),
            ("of a suspended account", sleeping),
            ("of another api", operator.issue_plain(&theirs, "n").1),
            ("an operator's", server.operator_key().to_owned()),
        ]);
        if name == "example" {
            let test = operator.issue(&ours, &json!({"name": "n", "environment": "test"}));
            keys.insert("of the other environment", test["key"].as_str().expect("it has one").to_owned());
        }
        let answers: BTreeMap<_, _> = keys.iter().map(|(kind, key)| (*kind, masked(&ask(key)))).collect();
        let unknown = &answers["unknown"];
        assert!(unknown.starts_with("401\n"), "{name}: {unknown}");
        for (kind, answer) in &answers {
            assert_eq!(answer, unknown, "{name}: {kind}");
        }
        // What is relayed to whoever asks the verify call instead is the same, too.
        let relayed = |key: &str| {
            let attempt = json!({"key": key, "api": "one", "environment": "live"});
            let mut response = operator.verify(&attempt)["response"].take();
            response["headers"]["x-request-id"] = json!("*");
            let body = response["body"].as_str().expect("it has a body").to_owned();
            let relayed = Answer { status: 401, headers: Vec::new(), body: body.into_bytes() };
            response["body"] = json!(masked_body(&relayed));
            response
        };
        for (kind, key) in &keys {
            assert_eq!(relayed(key), relayed(&keys["unknown"]), "{name}: {kind}, relayed");
        }
    }
}

/// A key of the same form that nobody was given.
fn minted_like(key: &str) -> String {
    // Other letters where the random part of every shipped form is.
    let (head, tail) = key.split_at(key.len() - 20);
    let other = |c: char| if c == 'Q' { 'R' } else { 'Q' };
    format!("{head}{}", tail.chars().map(other).collect::<String>())
}

/// An instant that is over before long, in RFC 3339.
fn soon() -> String {
    let now = clock_gettime(ClockId::Realtime);
    let millis = now.tv_sec * 1000 + now.tv_nsec / 1_000_000 + 300;
    claviger_model::Timestamp::from_millis(millis).to_string()
}

#[test]
fn a_wrong_key_takes_as_long_as_a_nearly_right_one() {
    let server = ServerBuilder::new(crate::PROGRAM).profile("cashcat").start();
    let operator = server.operator();
    let account = operator.account("Ada");
    let (_, good) = operator.issue_plain(&account, "n");
    let mut connection = Connection::open(server.gateway);
    let mut time = |key: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n");
        let started = clock();
        connection.send(request.as_bytes());
        let status = connection.answer("GET").expect("there is an answer").status;
        assert_eq!(status, 401);
        clock() - started
    };
    let (near, far) = (changed(&good), minted_like(&good));
    let (mut nearly, mut wrongly) = (Sample::default(), Sample::default());
    for round in 0..6000 {
        // In pairs, each first in turn, so that whatever else the machine does falls on both alike.
        let pair =
            if round % 2 == 0 { [(&near, true), (&far, false)] } else { [(&far, false), (&near, true)] };
        for (key, is_near) in pair {
            let took = time(key);
            if is_near { nearly.add(took) } else { wrongly.add(took) }
        }
    }
    let t = nearly.welch_t(&wrongly);
    println!("A21: {:.2} µs nearly right, {:.2} µs wrong, Welch t = {t:.2}", nearly.mean, wrongly.mean);
    // Milliseconds apart would be a database read for one of them; less is the machine's noise.
    assert!((nearly.mean - wrongly.mean).abs() < 1000.0, "{} and {} µs", nearly.mean, wrongly.mean);
}

/// Microseconds since the machine started.
#[expect(
    clippy::cast_precision_loss,
    reason = "the time since boot is exact in the mantissa, but for fractions"
)]
fn clock() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}

/// Mean and variance of what was added (Welford).
#[derive(Default)]
struct Sample {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Sample {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    fn error(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }

    fn welch_t(&self, other: &Self) -> f64 {
        (self.mean - other.mean) / (self.error() + other.error()).sqrt()
    }
}
