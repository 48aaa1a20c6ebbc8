//! The feed: complete, in order, and never behind what a change returned.

use std::{sync::Arc, time::Duration};

use claviger_model::{AccountState, KeyState, RestrictionsPatch, Timestamp};
use claviger_store::{AccountChange, ClientChange, KeyChange, KeyLimits, NewClient, NewKey, Store};
use claviger_verify::feed::{Change, Record, Seq};

use super::Fixture;
use crate::{
    app_samples::{change_client, client, new_client, scopes},
    samples::{
        NOW, account, after_now, change, key, load, new_account, new_key, new_operator, new_secret, note,
        note_at, rotate,
    },
};

const EVER: Timestamp = Timestamp::from_millis(i64::MIN);

async fn head(store: &Store) -> Seq {
    load(store, EVER).await.0.head
}

async fn after(store: &Store, seq: Seq) -> Vec<Change> {
    let changes = store.feed().after(seq).await.unwrap();
    let seqs: Vec<_> = changes.entries.iter().map(|entry| entry.seq.0).collect();
    assert_eq!(seqs, (seq.0 + 1..=changes.position.head.0).collect::<Vec<_>>());
    changes.entries
}

/// What each record says, in a line.
fn told(records: &[Record]) -> Vec<String> {
    let line = |record: &Record| match record {
        Record::Secret(secret) => format!(
            "secret {} of {} {:?} ends {:?} expires {:?}",
            secret.secret, secret.key, secret.state, secret.ends_at, secret.expires_at
        ),
        Record::NoSecret(digest) => format!("no secret {digest:?}"),
        Record::Account(account) => format!("account {} of {} {:?}", account.id, account.api, account.state),
        Record::Operator(operator) => format!("operator {} revoked {}", operator.id, operator.revoked),
        Record::ClientSecret(secret) => format!(
            "secret of {} ends {:?} revoked {} introspects {}",
            secret.client.id, secret.ends_at, secret.revoked, secret.client.introspects
        ),
    };
    records.iter().map(line).collect()
}

#[tokio::test]
async fn loading_tells_accounts_before_keys_and_the_position_of_both() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (position, records) = load(store, EVER).await;
    assert_eq!((position.history, position.head, records.len()), (store.installation(), Seq(0), 0));

    store.initialise(new_operator("all"), note("init")).await.unwrap();
    let mut new = new_account("cashcat");
    new.account.external_id = Some("customer-7".to_owned());
    let account = store.insert_account(new, note("account.create"), None).await.unwrap().value.0.id;
    let (first, second) = (key(store, account).await, key(store, account).await);
    let last = change(store, first, rotate(after_now(60))).await.unwrap();

    let (position, records) = load(store, EVER).await;
    assert_eq!(position.head, last.seq);
    let Record::Account(account) = &records[0] else { panic!("{records:?}") };
    assert_eq!((&*account.api, account.external_id.as_deref()), ("cashcat", Some("customer-7")));
    assert!(
        matches!(&records[1], Record::Operator(operator) if !operator.revoked && &*operator.name == "Ada")
    );
    let seen: Vec<_> = records[2..]
        .iter()
        .map(|record| match record {
            Record::Secret(secret) => (secret.key, secret.secret, secret.ends_at),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seen, [(first, 1, Some(after_now(60))), (first, 2, None), (second, 1, None)]);
    let (Record::Secret(one), Record::Secret(other)) = (&records[2], &records[4]) else { unreachable!() };
    assert!(Arc::ptr_eq(&one.terms, &other.terms), "equal terms are held once");
    assert_eq!(&*one.terms.created_by, "operator:tests");
}

#[tokio::test]
async fn a_clients_secrets_are_told_as_they_are_now() {
    let Fixture { store, .. } = &Fixture::new().await;
    let new = NewClient { introspects: true, ..new_client("cashcat") };
    let first = new.secret.as_ref().unwrap().digest;
    let (id, before) = (new.id, head(store).await);
    let made = store.insert_client(new, None, note("client.register")).await.unwrap();
    let entries = after(store, before).await;
    assert_eq!(entries.last().unwrap().seq, made.seq);
    let [Record::ClientSecret(secret)] = &*entries[0].records else { panic!("{entries:?}") };
    assert_eq!((secret.digest, secret.ends_at, secret.revoked), (first, None, false));
    let client = &secret.client;
    assert_eq!((client.id, &*client.api, client.account), (id, "cashcat", None));
    assert_eq!((&*client.name, client.introspects), ("Ledger", true));
    assert_eq!(client.scopes, scopes(&["costs:read", "alerts:write"]));

    let line = |ends: Option<Timestamp>, revoked: bool, introspects: bool| {
        format!("secret of {id} ends {ends:?} revoked {revoked} introspects {introspects}")
    };
    let changed = async |change: ClientChange| {
        let before = head(store).await;
        let made = change_client(store, id, change).await.unwrap();
        let entries = after(store, before).await;
        assert_eq!(entries.last().unwrap().seq, made.seq);
        let records: Vec<_> = entries.into_iter().flat_map(|entry| entry.records).collect();
        told(&records)
    };
    let (overlap, secret) = (Some(after_now(60)), new_secret());
    let rotate = ClientChange::Rotate { secret, others_end_at: after_now(60), call: None };
    assert_eq!(changed(rotate).await, [line(overlap, false, true), line(None, false, true)]);
    let no_more = ClientChange::Describe {
        name: None,
        redirect_uris: None,
        scopes: None,
        verified: None,
        introspects: Some(false),
    };
    assert_eq!(changed(no_more).await, [line(overlap, false, false), line(None, false, false)]);
    let gone = || vec![line(Some(NOW), true, false), line(Some(NOW), true, false)];
    assert_eq!(changed(ClientChange::Revoke).await, gone());
    assert_eq!(told(&load(store, EVER).await.1), gone());
    assert!(load(store, after_now(1)).await.1.is_empty(), "what ended long ago is forgotten");
}

#[tokio::test]
async fn what_ended_before_the_line_is_not_loaded() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let (early, late, rotated) =
        (key(store, account).await, key(store, account).await, key(store, account).await);
    for (key, at) in [(early, after_now(10)), (late, after_now(20))] {
        let when = note_at("key.revoke", at);
        store.change_key(key, None, KeyChange::Revoke, KeyLimits::default(), None, when).await.unwrap();
    }
    change(store, rotated, rotate(after_now(10))).await.unwrap();
    let (_, records) = load(store, after_now(20)).await;
    let secrets: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Secret(secret) => Some((secret.key, secret.secret, secret.ends_at)),
            _ => None,
        })
        .collect();
    assert_eq!(secrets, [(late, 1, Some(after_now(20))), (rotated, 2, None)]);
}

#[tokio::test]
async fn every_change_that_decides_is_told_at_the_position_it_returned() {
    let Fixture { store, .. } = &Fixture::new().await;
    let made = store.insert_account(new_account("cashcat"), note("account.create"), None).await.unwrap();
    let account = made.value.0.id;
    assert_eq!(
        told(&after(store, Seq(0)).await[0].records),
        [format!("account {account} of cashcat Active")]
    );
    assert_eq!(made.seq, Seq(1));

    let issued =
        store.insert_key(new_key(account), KeyLimits::default(), None, note("key.issue")).await.unwrap();
    let key = issued.value.id;
    let entries = after(store, made.seq).await;
    assert_eq!(entries.last().unwrap().seq, issued.seq);
    assert_eq!(
        told(&entries.last().unwrap().records),
        [format!("secret 1 of {key} Active ends None expires None")]
    );

    let expiry = KeyChange::Restrict {
        scopes: None,
        restrictions: RestrictionsPatch::default(),
        expires_at: Some(Some(after_now(9))),
    };
    for (change_of, expected) in [
        (KeyChange::Disable, vec![format!("secret 1 of {key} Disabled ends None expires None")]),
        (KeyChange::Enable, vec![format!("secret 1 of {key} Active ends None expires None")]),
        (expiry, vec![format!("secret 1 of {key} Active ends None expires {:?}", Some(after_now(9)))]),
        (
            rotate(after_now(5)),
            vec![
                format!(
                    "secret 1 of {key} Active ends {:?} expires {:?}",
                    Some(after_now(5)),
                    Some(after_now(9))
                ),
                format!("secret 2 of {key} Active ends None expires {:?}", Some(after_now(9))),
            ],
        ),
        (
            KeyChange::Revoke,
            vec![
                format!("secret 1 of {key} Revoked ends {:?} expires {:?}", Some(NOW), Some(after_now(9))),
                format!("secret 2 of {key} Revoked ends {:?} expires {:?}", Some(NOW), Some(after_now(9))),
            ],
        ),
    ] {
        let before = head(store).await;
        let changed = change(store, key, change_of).await.unwrap();
        let entries = after(store, before).await;
        assert_eq!(entries.last().unwrap().seq, changed.seq);
        assert_eq!(told(&entries.last().unwrap().records), expected);
    }

    let before = head(store).await;
    let suspend = AccountChange::SetState(AccountState::Suspended);
    let suspended = store.patch_account(account, vec![(suspend, note("account.suspend"))]).await.unwrap();
    let entries = after(store, before).await;
    assert_eq!((entries.len(), entries[0].seq), (1, suspended.seq));
    assert_eq!(told(&entries[0].records), [format!("account {account} of cashcat Suspended")]);

    for _ in 0..2 {
        store.insert_operator(new_operator("all"), None, note("operator.issue")).await.unwrap();
    }
    let before = head(store).await;
    let operator = store.list_operators(crate::samples::first(1)).await.unwrap().items[0].id;
    let revoked = store.revoke_operator(operator, note("operator.revoke")).await.unwrap();
    let entries = after(store, before).await;
    assert_eq!((entries.len(), entries[0].seq), (1, revoked.seq));
    assert_eq!(told(&entries[0].records), [format!("operator {operator} revoked true")]);
}

#[tokio::test]
async fn what_decides_nothing_is_not_told() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let key = key(store, account).await;
    let before = head(store).await;
    let described = KeyChange::Describe { external_id: Some(Some("e".to_owned())), metadata: None };
    for change_of in [KeyChange::Rename(None), described] {
        assert_eq!(change(store, key, change_of).await.unwrap().seq, before);
    }
    let renamed = store
        .patch_account(account, vec![(AccountChange::Rename("x".to_owned()), note("account.rename"))])
        .await;
    assert_eq!(renamed.unwrap().seq, before);
    store.sealed_secrets(vec![key], note("key.reveal"), None).await.unwrap();
    store.put_setting_if_absent("a", vec![1]).await.unwrap();
    assert_eq!(head(store).await, before);
}

/// Promise P5: every column that decides, changed by whoever reaches the database.
#[tokio::test]
async fn raw_sql_cannot_forget_the_feed() {
    for statement in [
        "UPDATE accounts SET api = 'another'",
        "UPDATE accounts SET external_id = 'another' WHERE id = (SELECT account FROM keys)",
        "UPDATE accounts SET state = 'suspended'",
        "UPDATE keys SET account = (SELECT id FROM accounts WHERE id <> account)",
        "UPDATE keys SET environment = 'test'",
        "UPDATE keys SET scopes = '[]'",
        "UPDATE keys SET restrictions = '{\"networks\":[\"10.0.0.0/8\"]}'",
        "UPDATE keys SET state = 'disabled'",
        "UPDATE keys SET state = 'revoked', revoked_at = 1",
        "UPDATE keys SET created_by = 'nobody'",
        "UPDATE keys SET expires_at = 1",
        "UPDATE secrets SET ends_at = 1",
        "DELETE FROM secrets",
        "DELETE FROM secrets; DELETE FROM keys",
        "DELETE FROM secrets; DELETE FROM keys; DELETE FROM accounts",
        "UPDATE operators SET name = 'another'",
        "UPDATE operators SET abilities = 'verify'",
        "UPDATE operators SET revoked_at = 1",
        "UPDATE clients SET api = 'another'",
        "UPDATE clients SET account = (SELECT id FROM accounts LIMIT 1)",
        "UPDATE clients SET name = 'another'",
        "UPDATE clients SET scopes = '\"all\"'",
        "UPDATE clients SET introspects = 1",
        "UPDATE clients SET revoked_at = 1",
        "UPDATE client_secrets SET ends_at = 1",
        "INSERT INTO client_secrets (client, number, digest, hint, created_at) SELECT client, 2, NEW32, '', 1 FROM client_secrets",
        "INSERT INTO accounts (id, api, name, metadata, state, created_at) SELECT id, 'x', 'x', '{}', 'active', 1 FROM operators",
    ] {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        store.initialise(new_operator("all"), note("init")).await.unwrap();
        key(store, account(store).await).await;
        account(store).await;
        client(store).await;
        let before = head(store).await;
        fixture.raw(&statement.replace("NEW32", &Fixture::literal(&[9; 32]))).unwrap();
        let entries = after(store, before).await;
        assert!(!entries.is_empty(), "{statement}");
        let records: Vec<_> = entries.into_iter().flat_map(|entry| entry.records).collect();
        let gone = statement.starts_with("DELETE");
        let tells = records.iter().any(|record| matches!(record, Record::NoSecret(_)) == gone);
        assert!(tells, "{statement}: {records:?}");
    }
}

#[tokio::test]
async fn raw_sql_on_other_columns_is_not_told() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    key(store, account(store).await).await;
    client(store).await;
    let before = head(store).await;
    fixture
        .raw(
            "UPDATE accounts SET name = 'x', metadata = '{\"a\":1}';
             UPDATE keys SET name = 'x', external_id = 'x', metadata = '{\"a\":1}';
             UPDATE secrets SET hint = 'x', sealed = NULL;
             UPDATE clients SET redirect_uris = '[]', verified = 1, introspects = introspects, revoked_at = NULL;
             UPDATE client_secrets SET hint = 'x'",
        )
        .unwrap();
    assert_eq!(head(store).await, before);
}

#[tokio::test]
async fn a_change_by_raw_sql_is_what_it_left() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let key = key(store, account(store).await).await;
    let before = head(store).await;
    let id = Fixture::literal(&key.to_bytes());
    fixture.raw(&format!("UPDATE keys SET state = 'revoked', revoked_at = 5 WHERE id = {id}")).unwrap();
    let entries = after(store, before).await;
    let Record::Secret(secret) = &entries[0].records[0] else { panic!("{entries:?}") };
    assert_eq!((secret.state, secret.ends_at), (KeyState::Revoked, Some(Timestamp::from_millis(5))));
}

#[tokio::test]
async fn old_entries_are_forgotten_and_the_gap_shows() {
    let fixture = Fixture::new().await;
    let account = account(&fixture.store).await;
    key(&fixture.store, account).await;
    key(&fixture.store, account).await;
    fixture.raw(&format!("UPDATE feed_log SET at = {} WHERE seq <= 2", Fixture::LONG_AGO)).unwrap();
    let fixture = fixture.restarted().await;
    let feed = fixture.store.feed();
    let kept = feed.after(Seq(2)).await.unwrap();
    assert_eq!((kept.entries.len(), kept.position.head), (1, Seq(3)));
    let gap = feed.after(Seq(0)).await.unwrap();
    assert_ne!(gap.entries[0].seq, Seq(1));
    assert_eq!(gap.entries.last().unwrap().seq, Seq(3));

    fixture.raw(&format!("UPDATE feed_log SET at = {}", Fixture::LONG_AGO)).unwrap();
    let fixture = fixture.restarted().await;
    let feed = fixture.store.feed();
    let gap = feed.after(Seq(1)).await.unwrap();
    assert_ne!(gap.entries.first().map(|entry| entry.seq), Some(Seq(2)));
    assert_eq!(gap.position.head, Seq(3));
    assert_eq!(feed.after(Seq(3)).await.unwrap().entries.len(), 0);
    assert_eq!(feed.after(Seq(9)).await.unwrap().position.head, Seq(3));
}

#[tokio::test]
async fn a_long_feed_comes_in_parts_that_never_claim_to_be_all() {
    let fixture = Fixture::new().await;
    account(&fixture.store).await;
    let flip = "UPDATE accounts SET state = 'suspended'; UPDATE accounts SET state = 'active';";
    fixture.raw(&format!("BEGIN; {} COMMIT;", flip.repeat(5_200))).unwrap();
    let part = fixture.store.feed().after(Seq(1)).await.unwrap();
    assert_eq!((part.entries.len(), part.position.head), (10_000, Seq(10_401)));
    let rest = fixture.store.feed().after(part.entries.last().unwrap().seq).await.unwrap();
    assert_eq!((rest.entries.len(), rest.entries.last().unwrap().seq), (400, Seq(10_401)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_wakes_whoever_waits_and_whoever_comes_to_wait() {
    let Fixture { store, .. } = &Fixture::new().await;
    let feed = store.feed();
    account(store).await;
    tokio::time::timeout(Duration::from_secs(10), feed.woken()).await.unwrap();
    let waiting = tokio::spawn({
        let feed = store.feed();
        async move { feed.woken().await }
    });
    while !waiting.is_finished() {
        account(store).await;
    }
    waiting.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_holds_everything_that_returned_before_it() {
    let Fixture { store, .. } = &Fixture::new().await;
    let account = account(store).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        calls.spawn(async move {
            for _ in 0..8 {
                let new = NewKey { ..new_key(account) };
                let digest = new.secret.digest;
                let made =
                    store.insert_key(new, KeyLimits::default(), None, note("key.issue")).await.unwrap();
                let (position, records) = load(&store, EVER).await;
                assert!(position.head >= made.seq);
                assert!(
                    records
                        .iter()
                        .any(|record| matches!(record, Record::Secret(secret) if secret.digest == digest))
                );
            }
        });
    }
    calls.join_all().await;
}
