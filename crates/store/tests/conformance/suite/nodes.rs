//! Membership and receipts: who is waited for, and what is remembered of the waiting.

use std::time::Duration;

use claviger_model::NodeId;
use claviger_store::{AuditFilter, PageRequest, ReceiptRow, Store, StoreError};
use claviger_verify::{
    feed::{Renewal, Seq},
    nodes::{Dead, Via},
};

use super::Fixture;
use crate::samples::{NOW, account, after_now, card, key, node_id, note};

async fn renew(store: &Store, node: NodeId, applied: Option<u64>) -> Renewal {
    store.feed().renew(node, applied.map(Seq)).await.unwrap()
}

async fn members(store: &Store) -> Vec<NodeId> {
    store.roll().await.unwrap().nodes.iter().map(|node| node.id).collect()
}

#[tokio::test]
async fn a_member_is_on_the_roll_with_what_it_said_of_itself() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = node_id();
    assert!(store.feed().join(&card(id)).await.unwrap());
    let roll = store.roll().await.unwrap();
    let [node] = &roll.nodes[..] else { panic!("{roll:?}") };
    assert_eq!((node.id, &*node.name, node.acked, node.renewals), (id, "a node", None, 0));
    let expected = card(id);
    assert_eq!((&node.leases, &node.profiles), (&expected.leases, &expected.profiles));
    assert_eq!((&*node.version, node.joined_at), (expected.version, node.renewed_at));
    assert_eq!(roll.head, Seq(0));
}

#[tokio::test]
async fn a_renewal_counts_confirms_and_tells_what_came_after() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = node_id();
    store.feed().join(&card(id)).await.unwrap();
    account(store).await;
    let Renewal::Renewed(told) = renew(store, id, None).await else { panic!("it is a member") };
    assert_eq!((told.entries.len(), told.position.head), (1, Seq(1)));
    let node = store.roll().await.unwrap().nodes.remove(0);
    assert_eq!((node.acked, node.renewals), (None, 1));

    let Renewal::Renewed(told) = renew(store, id, Some(1)).await else { panic!("it is a member") };
    assert!(told.entries.is_empty());
    let node = store.roll().await.unwrap().nodes.remove(0);
    assert_eq!((node.acked, node.renewals), (Some(Seq(1)), 2));

    renew(store, id, Some(0)).await;
    let node = store.roll().await.unwrap().nodes.remove(0);
    assert_eq!((node.acked, node.renewals), (Some(Seq(1)), 3), "what was confirmed stays so");
}

#[tokio::test]
async fn a_look_tells_the_same_and_confirms_nothing() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = node_id();
    store.feed().join(&card(id)).await.unwrap();
    account(store).await;
    let Renewal::Renewed(renewed) = renew(store, id, None).await else { panic!("it is a member") };
    let looked = store.feed().after(Seq(0)).await.unwrap();
    assert_eq!(looked.position, renewed.position);
    assert_eq!(looked.entries[0].mark, renewed.entries[0].mark);
    assert_eq!(looked.entries[0].mark, looked.position.mark);
    assert_eq!(store.roll().await.unwrap().nodes[0].renewals, 1);
}

#[tokio::test]
async fn the_mark_of_a_position_is_told_to_whoever_asks_from_it() {
    let Fixture { store, .. } = &Fixture::new().await;
    key(store, account(store).await).await;
    let told = store.feed().after(Seq(0)).await.unwrap();
    let (first, last) = (told.entries.first().unwrap(), told.entries.last().unwrap());
    for change in [first, last] {
        let from = store.feed().after(change.seq).await.unwrap().from;
        assert!(from.is_none_or(|from| from == change.mark), "{}: {from:?}", change.seq);
    }
}

#[tokio::test]
async fn who_is_no_member_renews_nothing() {
    let Fixture { store, .. } = &Fixture::new().await;
    assert!(matches!(renew(store, node_id(), Some(0)).await, Renewal::NoMember));
    assert_eq!(members(store).await, []);
}

#[tokio::test]
async fn who_leaves_is_on_no_roll() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = node_id();
    store.feed().join(&card(id)).await.unwrap();
    store.feed().leave(id).await.unwrap();
    assert_eq!(members(store).await, []);
    assert!(matches!(renew(store, id, Some(0)).await, Renewal::NoMember));
}

#[tokio::test]
async fn who_comes_to_a_place_takes_it_over() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (first, second) = (node_id(), node_id());
    store.feed().join(&card(first)).await.unwrap();
    store.feed().join(&card(second)).await.unwrap();
    assert_eq!(members(store).await, [second]);
    assert!(matches!(renew(store, first, None).await, Renewal::NoMember));
}

#[tokio::test]
async fn the_dead_are_excluded_unless_they_have_renewed_since() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = node_id();
    store.feed().join(&card(id)).await.unwrap();
    renew(store, id, None).await;
    let renewed_at = store.roll().await.unwrap().nodes[0].renewed_at;
    assert!(!store.exclude(Dead { id, renewals: 0, renewed_at }).await.unwrap());
    let before = renewed_at.minus(Duration::from_millis(1));
    assert!(!store.exclude(Dead { id, renewals: 1, renewed_at: before }).await.unwrap());
    assert_eq!(members(store).await, [id]);
    assert!(store.exclude(Dead { id, renewals: 1, renewed_at }).await.unwrap());
    assert_eq!(members(store).await, []);
    assert!(matches!(renew(store, id, Some(0)).await, Renewal::NoMember));
    assert!(!store.exclude(Dead { id, renewals: 1, renewed_at }).await.unwrap(), "once is enough");
}

#[tokio::test]
async fn who_is_fenced_is_no_member_and_the_trail_says_so() {
    let Fixture { store, .. } = &Fixture::new().await;
    let id = node_id();
    store.feed().join(&card(id)).await.unwrap();
    store.fence(id, note("node.fence")).await.unwrap();
    assert_eq!(members(store).await, []);
    assert!(matches!(store.fence(id, note("node.fence")).await, Err(StoreError::NotFound)));
    let page = PageRequest { after: None, limit: 9 };
    let events = store.list_audit(AuditFilter::default(), page).await.unwrap().items;
    let told: Vec<_> = events.iter().map(|event| (&*event.action, event.subject.clone())).collect();
    assert_eq!(told, [("node.fence", Some(id.to_string()))]);
}

#[tokio::test]
async fn a_receipt_is_kept_and_once_complete_stays_so() {
    let Fixture { store, .. } = &Fixture::new().await;
    assert_eq!(store.find_receipt(Seq(3)).await.unwrap(), None);
    let pending = ReceiptRow {
        seq: Seq(3),
        complete: None,
        guaranteed_by: after_now(120),
        confirmed: vec![node_id()],
        pending: vec![node_id(), node_id()],
    };
    store.put_receipt(pending.clone()).await.unwrap();
    assert_eq!(store.find_receipt(Seq(3)).await.unwrap().as_ref(), Some(&pending));
    let complete = ReceiptRow { complete: Some((Via::Lease, NOW)), pending: vec![], ..pending.clone() };
    store.put_receipt(complete.clone()).await.unwrap();
    store.put_receipt(pending.clone()).await.unwrap();
    assert_eq!(store.find_receipt(Seq(3)).await.unwrap(), Some(complete));

    let much_later = after_now(91 * 24 * 60 * 60);
    let later = ReceiptRow { seq: Seq(4), guaranteed_by: much_later, ..pending };
    store.put_receipt(later.clone()).await.unwrap();
    assert!(store.find_receipt(Seq(3)).await.unwrap().is_some(), "a far guarantee says nothing of today");
    let complete = Some((Via::Ack, much_later));
    store.put_receipt(ReceiptRow { complete, ..later }).await.unwrap();
    assert_eq!(store.find_receipt(Seq(3)).await.unwrap(), None, "forgotten after ninety days");
    assert!(store.find_receipt(Seq(4)).await.unwrap().is_some());
}
