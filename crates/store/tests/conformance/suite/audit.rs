//! The audit trail and its chain.

use claviger_store::{AuditFilter, AuditNote, ChainCheck, KeyChange, KeyLimits, PageRequest, Store};

use super::Fixture;
use crate::samples::{account, change, first, key, new_key, note};

async fn events(store: &Store, filter: AuditFilter) -> Vec<(u64, String)> {
    let listed = store.list_audit(filter, first(1000)).await.unwrap();
    listed.items.into_iter().map(|event| (event.number, event.action)).collect()
}

#[tokio::test]
async fn every_change_is_on_the_trail_once_and_the_chain_is_whole() {
    let Fixture { store, .. } = &Fixture::new().await;
    assert!(matches!(store.check_audit().await.unwrap(), ChainCheck::Whole { events: 0, .. }));
    let id = key(store, account(store).await).await;
    change(store, id, KeyChange::Revoke).await.unwrap();
    let seen = events(store, AuditFilter::default()).await;
    let expected = ["account.create", "key.issue", "key.change"];
    assert_eq!(seen, (1..).zip(expected.map(str::to_owned)).collect::<Vec<_>>());
    let last = store
        .list_audit(AuditFilter::default(), PageRequest { after: Some(2), limit: 9 })
        .await
        .unwrap()
        .items;
    assert_eq!(store.check_audit().await.unwrap(), ChainCheck::Whole { events: 3, head: last[0].hash });
}

#[tokio::test]
async fn a_refused_change_is_not_on_the_trail() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let none = KeyLimits { max: Some(0), min: 0 };
    store.insert_key(new_key(account), none, None, note("key.issue")).await.unwrap_err();
    assert_eq!(events(store, AuditFilter::default()).await.len(), 1);
}

#[tokio::test]
async fn events_say_what_they_were_told_and_are_found_by_account_subject_and_request() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let told = AuditNote { request: Some("req_1".to_owned()), ..note("key.issue") };
    let new = new_key(ours);
    store.insert_key(new.clone(), KeyLimits::default(), None, told.clone()).await.unwrap();
    key(store, theirs).await;

    let of_subject = AuditFilter { subject: Some(new.id.to_string()), ..AuditFilter::default() };
    let listed = store.list_audit(of_subject, first(10)).await.unwrap().items;
    let [event] = &listed[..] else { panic!("one event: {listed:?}") };
    assert_eq!((event.number, event.id, event.at, &event.actor), (3, told.id, told.at, &told.actor));
    assert_eq!((&*event.action, event.account, &event.request), (told.action, Some(ours), &told.request));
    assert_eq!((&event.detail, event.subject.as_deref()), (&told.detail, Some(new.id.to_string().as_str())));

    let of_account = AuditFilter { account: Some(ours), ..AuditFilter::default() };
    let numbers: Vec<_> = events(store, of_account.clone()).await.into_iter().map(|event| event.0).collect();
    assert_eq!(numbers, [1, 3]);
    let of_request = AuditFilter { request: Some("req_1".to_owned()), ..of_account.clone() };
    assert_eq!(events(store, of_request).await.len(), 1);
    let page = store.list_audit(of_account, first(1)).await.unwrap();
    assert_eq!((page.items[0].number, page.next), (1, Some(1)));
}

#[tokio::test]
async fn events_are_paged_from_the_newest_down_whatever_is_asked_for() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (ours, theirs) = (account(store).await, account(store).await);
    let told = AuditNote { request: Some("req_1".to_owned()), ..note("key.issue") };
    let new = new_key(ours);
    let id = new.id;
    store.insert_key(new, KeyLimits::default(), None, told).await.unwrap();
    key(store, theirs).await;
    change(store, id, KeyChange::Disable).await.unwrap();
    change(store, id, KeyChange::Enable).await.unwrap();

    let of_subject = AuditFilter { subject: Some(id.to_string()), ..AuditFilter::default() };
    let of_account = AuditFilter { account: Some(ours), ..AuditFilter::default() };
    let of_request = AuditFilter { request: Some("req_1".to_owned()), ..AuditFilter::default() };
    let of_both = AuditFilter { account: Some(theirs), ..of_subject.clone() };
    for (filter, expected) in [
        (AuditFilter::default(), vec![6, 5, 4, 3, 2, 1]),
        (of_subject, vec![6, 5, 3]),
        (of_account, vec![6, 5, 3, 1]),
        (of_request, vec![3]),
        (of_both, vec![]),
    ] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { after, limit: 2 };
            let page = store.list_audit_newest_first(filter.clone(), page).await.unwrap();
            assert!(page.items.len() <= 2);
            seen.extend(page.items.iter().map(|event| event.number));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
    for (after, expected) in [(0, 0), (1, 0), (2, 1), (u64::MAX, 6)] {
        let page = PageRequest { after: Some(after), limit: 9 };
        let page = store.list_audit_newest_first(AuditFilter::default(), page).await.unwrap();
        assert_eq!(page.items.len(), expected, "{after}");
    }
}

#[tokio::test]
async fn a_page_from_the_newest_down_has_the_events_that_name_several_things_too() {
    let Fixture { store, .. } = &Fixture::new().await;
    let owner = account(store).await;
    let mut keys = Vec::new();
    for _ in 0..2 {
        let secret = claviger_store::NewSecret { sealed: Some(vec![1]), ..crate::samples::new_secret() };
        let new = claviger_store::NewKey { secret, ..new_key(owner) };
        keys.push(new.id);
        store.insert_key(new, KeyLimits::default(), None, note("key.issue")).await.unwrap();
    }
    store.sealed_secrets(keys.clone(), note("key.reveal"), None).await.unwrap();
    let of_key = AuditFilter { subject: Some(keys[0].to_string()), ..AuditFilter::default() };
    let page = store.list_audit_newest_first(of_key, first(9)).await.unwrap();
    let actions: Vec<_> = page.items.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["key.reveal", "key.issue"]);
}

#[tokio::test]
async fn tampering_is_found_wherever_it_is() {
    for (tampering, broken_at) in [
        ("UPDATE audit_events SET at = at + 1 WHERE number = 3", 3),
        ("UPDATE audit_events SET actor = 'operator:nobody' WHERE number = 2", 2),
        ("UPDATE audit_events SET action = 'key.show' WHERE number = 5", 5),
        ("UPDATE audit_events SET account = NULL WHERE number = 2", 2),
        ("UPDATE audit_events SET subject = NULL WHERE number = 2", 2),
        ("UPDATE audit_events SET request = 'req_1' WHERE number = 2", 2),
        ("UPDATE audit_events SET detail = '{}' WHERE number = 2", 2),
        ("UPDATE audit_events SET id = (SELECT id FROM operators) WHERE number = 2", 2),
        ("UPDATE audit_events SET hash = (SELECT hash FROM audit_events WHERE number = 1) WHERE number = 2", 2),
        ("DELETE FROM audit_events WHERE number = 1", 1),
        ("DELETE FROM audit_events WHERE number = 3", 3),
        ("DELETE FROM audit_events WHERE number = 5", 5),
        ("DELETE FROM audit_events", 1),
        ("UPDATE feed_head SET audit_number = 4; DELETE FROM audit_events WHERE number = 5", 4),
        ("UPDATE feed_head SET audit_number = 4", 5),
        (
            "UPDATE audit_events SET number = number + 1000 WHERE number > 2;
             UPDATE audit_events SET number = number - 999 WHERE number > 1000;
             UPDATE feed_head SET audit_number = 6;
             INSERT INTO audit_events (number, id, at, actor, action, detail, hash)
             SELECT 3, (SELECT id FROM operators), at, actor, action, detail, hash FROM audit_events WHERE number = 2",
            3,
        ),
        (
            "INSERT INTO audit_events (number, id, at, actor, action, detail, hash)
             SELECT 6, (SELECT id FROM operators), at, actor, action, detail, hash FROM audit_events WHERE number = 5",
            6,
        ),
        (
            "UPDATE audit_events SET number = 1000 WHERE number = 2;
             UPDATE audit_events SET number = 2 WHERE number = 3;
             UPDATE audit_events SET number = 3 WHERE number = 1000",
            2,
        ),
    ] {
        let fixture = Fixture::new().await;
        fixture.store.initialise(crate::samples::new_operator("all"), note("init")).await.unwrap();
        let account = account(&fixture.store).await;
        for _ in 0..3 {
            key(&fixture.store, account).await;
        }
        assert!(matches!(fixture.store.check_audit().await.unwrap(), ChainCheck::Whole { events: 5, .. }));
        fixture.raw(tampering).unwrap();
        let found = fixture.store.check_audit().await.unwrap();
        assert!(matches!(&found, ChainCheck::Broken { number, .. } if *number == broken_at), "{tampering}: {found:?}");
    }
}

#[tokio::test]
async fn a_chain_longer_than_one_stride_is_walked_to_its_end() {
    let fixture = Fixture::new().await;
    let account = account(&fixture.store).await;
    let rename = || (claviger_store::AccountChange::Rename("x".to_owned()), note("account.rename"));
    for _ in 0..201 {
        let renames = (0..50).map(|_| rename()).collect();
        fixture.store.patch_account(account, renames).await.unwrap();
    }
    assert!(matches!(fixture.store.check_audit().await.unwrap(), ChainCheck::Whole { events: 10_051, .. }));
    fixture.raw("UPDATE audit_events SET actor = 'x' WHERE number = 10040").unwrap();
    assert!(matches!(fixture.store.check_audit().await.unwrap(), ChainCheck::Broken { number: 10_040, .. }));
}
