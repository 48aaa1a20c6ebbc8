//! Counts, last uses and denied attempts.

use std::{net::IpAddr, sync::Arc};

use claviger_model::{DenialCode, Environment, KeyId, RequestId, Timestamp};
use claviger_store::{DayCount, Store, UsageFilter};
use claviger_verify::usage::{BatchId, Bucket, DeniedAttempt, LastUse, Outcome, SecretRef, UsageBatch};

use super::Fixture;
use crate::samples::{NOW, after_now};

const KEY: KeyId = KeyId::from_bytes([1; 16]);
const OTHER: KeyId = KeyId::from_bytes([2; 16]);

fn bucket(api: &str, key: Option<KeyId>, day: i64, outcome: Outcome) -> Bucket {
    let secret = key.map(|key| SecretRef { key, secret: 1 });
    Bucket { api: api.into(), secret, environment: key.map(|_| Environment::Live), day, outcome }
}

const fn batch_id(number: u64) -> BatchId {
    BatchId { incarnation: [7; 16], number }
}

async fn add(store: &Store, number: u64, batch: UsageBatch) {
    store.usage_sink().add(batch_id(number), &batch).await.unwrap();
}

const fn days(from_day: i64, to_day: i64) -> UsageFilter {
    UsageFilter { api: None, key: None, from_day, to_day }
}

fn denial(key: Option<KeyId>, at: Timestamp) -> DeniedAttempt {
    DeniedAttempt {
        api: "a".into(),
        key,
        at,
        request: RequestId::from_bytes(u128::from(at.as_millis().unsigned_abs()).to_be_bytes()),
        code: DenialCode::Scope,
        detail: "The key lacks the scope a.".into(),
        address: Some("2001:db8::1".parse().unwrap()),
        endpoint: Some("GET /v1/users".into()),
    }
}

#[tokio::test]
async fn counts_add_up_by_secret_day_and_outcome() {
    let Fixture { store, .. } = &Fixture::new().await;
    let allowed = || bucket("a", Some(KEY), 10, Outcome::Allowed);
    let unknown = || bucket("a", None, 10, Outcome::Denied(DenialCode::Unknown));
    let expired = bucket("b", Some(OTHER), 11, Outcome::Denied(DenialCode::Expired));
    let counts = vec![(allowed(), 3), (unknown(), 2), (expired, 1), (allowed(), 0)];
    add(store, 1, UsageBatch { counts, ..UsageBatch::default() }).await;
    add(store, 2, UsageBatch { counts: vec![(allowed(), 4), (unknown(), 1)], ..UsageBatch::default() }).await;

    let of = |key: Option<KeyId>, day, outcome: &str, count| DayCount {
        day,
        key,
        secret: key.map(|_| 1),
        environment: key.map(|_| Environment::Live),
        outcome: outcome.to_owned(),
        count,
    };
    let all =
        [of(Some(OTHER), 11, "expired", 1), of(None, 10, "unknown", 3), of(Some(KEY), 10, "allowed", 7)];
    assert_eq!(store.usage(days(0, 99)).await.unwrap(), all);
    assert_eq!(store.usage(days(11, 11)).await.unwrap(), all[..1]);
    assert_eq!(store.usage(UsageFilter { api: Some("a".into()), ..days(0, 99) }).await.unwrap(), all[1..]);
    assert_eq!(store.usage(UsageFilter { key: Some(KEY), ..days(0, 99) }).await.unwrap(), all[2..]);
    assert_eq!(store.usage(days(12, 99)).await.unwrap(), []);
}

#[tokio::test]
async fn of_more_counts_than_one_answer_holds_the_newest_days_are_shown() {
    let fixture = Fixture::new().await;
    let key = Fixture::literal(&KEY.to_bytes());
    let many = format!(
        "WITH RECURSIVE days(day) AS (SELECT 1 UNION ALL SELECT day + 1 FROM days WHERE day < 100002)
                INSERT INTO counts (key, day, api, secret, environment, outcome, count)
                SELECT {key}, day, 'a', 1, 'live', 'allowed', 1 FROM days"
    );
    fixture.usage_raw(&many).unwrap();
    let shown = fixture.store.usage(days(1, 100_002)).await.unwrap();
    let ends = (shown.first().unwrap().day, shown.last().unwrap().day);
    assert_eq!((shown.len(), ends), (100_000, (100_002, 3)));
}

#[tokio::test]
async fn a_batch_offered_twice_counts_once_also_after_later_ones() {
    let Fixture { store, .. } = &Fixture::new().await;
    let batch = UsageBatch {
        counts: vec![(bucket("a", Some(KEY), 1, Outcome::Allowed), 1)],
        ..UsageBatch::default()
    };
    for number in [1, 1, 3, 2, 1, 3] {
        add(store, number, batch.clone()).await;
    }
    let elsewhere = BatchId { incarnation: [8; 16], number: 1 };
    store.usage_sink().add(elsewhere, &batch).await.unwrap();
    assert_eq!(store.usage(days(0, 9)).await.unwrap()[0].count, 4);
}

#[tokio::test]
async fn of_two_last_uses_the_later_one_stays() {
    let Fixture { store, .. } = &Fixture::new().await;
    let used = |secret, at, address: Option<&str>| LastUse {
        secret: SecretRef { key: KEY, secret },
        at,
        address: address.map(|address| address.parse::<IpAddr>().unwrap()),
        endpoint: None,
    };
    let later = used(1, after_now(5), Some("203.0.113.9"));
    add(store, 1, UsageBatch { last_uses: vec![later, used(2, NOW, None)], ..UsageBatch::default() }).await;
    add(store, 2, UsageBatch { last_uses: vec![used(1, NOW, None)], ..UsageBatch::default() }).await;

    let found = store.last_uses(vec![KEY, OTHER]).await.unwrap();
    let seen: Vec<_> = found.iter().map(|last| (last.secret.secret, last.at, last.address)).collect();
    assert_eq!(seen, [(1, after_now(5), Some("203.0.113.9".parse().unwrap())), (2, NOW, None)]);
}

#[tokio::test]
async fn the_newest_ten_denials_of_each_known_key_are_kept() {
    let Fixture { store, .. } = &Fixture::new().await;
    let denials = (0..25).map(|second| denial(Some(KEY), after_now(second))).collect();
    add(store, 1, UsageBatch { denials, ..UsageBatch::default() }).await;
    let late_report = vec![denial(Some(KEY), after_now(1)), denial(Some(OTHER), NOW), denial(None, NOW)];
    add(store, 2, UsageBatch { denials: late_report, ..UsageBatch::default() }).await;

    let found = store.denials(Some(KEY), None).await.unwrap();
    assert_eq!(
        found.iter().map(|denial| denial.at).collect::<Vec<_>>(),
        (15..25).rev().map(after_now).collect::<Vec<_>>()
    );
    let sample = denial(Some(KEY), after_now(24));
    let newest = &found[0];
    assert_eq!((&newest.api, newest.code, &newest.detail), (&Arc::from("a"), sample.code, &sample.detail));
    assert_eq!(
        (newest.address, &newest.endpoint, newest.request),
        (sample.address, &sample.endpoint, sample.request)
    );
    assert_eq!(store.denials(None, None).await.unwrap().len(), 12);
}

#[tokio::test]
async fn a_denial_is_found_by_its_request_in_either_form() {
    let Fixture { store, .. } = &Fixture::new().await;
    let request = denial(None, NOW).request;
    add(
        store,
        1,
        UsageBatch { denials: vec![denial(None, NOW), denial(None, after_now(1))], ..UsageBatch::default() },
    )
    .await;
    for text in [request.to_string(), request.to_hex()] {
        let found = store.denials(None, Some(text)).await.unwrap();
        assert_eq!(found.iter().map(|denial| denial.at).collect::<Vec<_>>(), [NOW]);
    }
    for text in ["", "req_", "x", "+0", "' OR 1"] {
        assert_eq!(store.denials(None, Some(text.to_owned())).await.unwrap().len(), 0, "{text}");
    }
}

#[tokio::test]
async fn of_unknown_keys_ten_thousand_denials_are_kept() {
    let fixture = Fixture::new().await;
    for batch in 0..3 {
        let denials = (0..4_000).map(|second| denial(None, after_now(batch * 4_000 + second))).collect();
        add(&fixture.store, 1 + batch.unsigned_abs(), UsageBatch { denials, ..UsageBatch::default() }).await;
    }
    assert_eq!(fixture.usage_number("SELECT count(*) FROM denials"), 10_000);
    let newest = fixture.store.denials(None, None).await.unwrap();
    assert_eq!((newest.len(), newest[0].at), (1_000, after_now(11_999)));
}

#[tokio::test]
async fn usage_outlives_a_restart() {
    let fixture = Fixture::new().await;
    let counts = vec![(bucket("a", Some(KEY), 1, Outcome::Allowed), 5)];
    add(&fixture.store, 1, UsageBatch { counts, ..UsageBatch::default() }).await;
    let fixture = fixture.restarted().await;
    assert_eq!(fixture.store.usage(days(0, 9)).await.unwrap()[0].count, 5);
}
