//! The ledger of quotas.

use std::sync::Arc;

use claviger_model::{KeyId, restriction::Period};
use claviger_verify::limits::{Allotment, Grant};

use super::Fixture;

fn january(key: u8, name: &str) -> Allotment {
    let period = Period { begins: 20_454, ends: 20_485 };
    Allotment { key: KeyId::from_bytes([key; 16]), name: name.parse().unwrap(), period }
}

const fn grant(granted: u32, reserved: u32) -> Grant {
    Grant { granted, reserved }
}

#[tokio::test]
async fn no_more_is_granted_than_there_is() {
    let fixture = Fixture::new().await;
    let ledger = fixture.store.quota_ledger();
    let month = january(1, "month");
    for expected in [grant(4, 4), grant(4, 8), grant(2, 10), grant(0, 10)] {
        assert_eq!(ledger.reserve(&month, 4, 10).await.unwrap(), expected);
    }
    assert_eq!(ledger.reserve(&month, 4, 12).await.unwrap(), grant(2, 12), "the quota was raised");
    assert_eq!(ledger.reserve(&month, 4, 5).await.unwrap(), grant(0, 12), "and lowered");
    assert_eq!(ledger.reserve(&january(1, "first"), 9, 5).await.unwrap(), grant(5, 5));
}

#[tokio::test]
async fn keys_names_and_periods_are_apart() {
    let fixture = Fixture::new().await;
    let ledger = fixture.store.quota_ledger();
    let month = january(1, "month");
    let february = Allotment { period: Period { begins: 20_485, ends: 20_513 }, ..month.clone() };
    for other in [month, january(2, "month"), january(1, "other"), february] {
        assert_eq!(ledger.reserve(&other, 3, 9).await.unwrap(), grant(3, 3), "{other:?}");
    }
}

#[tokio::test]
async fn what_is_given_back_is_there_again() {
    let fixture = Fixture::new().await;
    let ledger = fixture.store.quota_ledger();
    let month = january(1, "month");
    ledger.reserve(&month, 9, 10).await.unwrap();
    ledger.give_back(&month, 5).await.unwrap();
    assert_eq!(ledger.reserve(&month, 9, 10).await.unwrap(), grant(6, 10));
    ledger.give_back(&january(7, "never"), 5).await.unwrap();
    ledger.give_back(&month, 50).await.unwrap();
    assert_eq!(ledger.reserve(&month, 99, 10).await.unwrap(), grant(10, 10), "never more than all");
}

#[tokio::test]
async fn what_is_reserved_outlives_the_process() {
    let fixture = Fixture::new().await;
    fixture.store.quota_ledger().reserve(&january(1, "month"), 9, 10).await.unwrap();
    let fixture = fixture.restarted().await;
    let again = fixture.store.quota_ledger().reserve(&january(1, "month"), 9, 10).await.unwrap();
    assert_eq!(again, grant(1, 10));
}

#[tokio::test]
async fn nodes_that_ask_at_once_get_no_more_than_there_is() {
    let fixture = Fixture::new().await;
    let ledger = fixture.store.quota_ledger();
    let asking: Vec<_> = (0..64)
        .map(|_| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move { ledger.reserve(&january(1, "month"), 3, 100).await.unwrap().granted })
        })
        .collect();
    let mut granted = 0;
    for asked in asking {
        granted += asked.await.unwrap();
    }
    assert_eq!(granted, 100);
}
