//! What each shipped profile answers for each cause, as one table to be read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fmt::Write as _, fs, sync::Arc};

use claviger_judge::Api;
use claviger_model::{RequestId, Slot, profile::Profile};
use http_body_util::BodyExt as _;

fn api(name: &str) -> Api {
    let file = format!("{}/../../profiles/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let profile = Profile::parse(&file, &fs::read_to_string(&file).unwrap()).unwrap();
    Api::new(Arc::new(profile)).unwrap()
}

async fn table(api: &Api) -> String {
    let request = RequestId::from_bytes([7; 16]);
    let mut table = String::new();
    for slot in Slot::ALL {
        let (head, body) = api.answer(slot, request).into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        writeln!(table, "{} → {}", slot.as_str(), head.status).unwrap();
        for (name, value) in &head.headers {
            writeln!(table, "  {name}: {}", value.to_str().unwrap()).unwrap();
        }
        writeln!(table, "  {}", std::str::from_utf8(&body).unwrap()).unwrap();
    }
    table
}

#[tokio::test]
async fn every_cause_has_its_answer_in_every_profile() {
    for name in ["cashcat", "cicosts", "codat", "default", "example"] {
        insta::assert_snapshot!(name, table(&api(name)).await);
    }
}

#[tokio::test]
async fn callers_refused_together_do_not_come_back_together() {
    let api = api("default");
    let waits = |last: u8| {
        let mut bytes = [7; 16];
        bytes[15] = last;
        api.answer(Slot::Unavailable, RequestId::from_bytes(bytes)).headers()["retry-after"].clone()
    };
    assert_eq!([waits(0), waits(1), waits(2), waits(3)], ["1", "2", "3", "1"]);
}
