//! Keys that come from other systems: known again by their digests, and never begun again.

use claviger_model::{
    AccountId, AccountState, Digest, Environment, KeyId, KeyState, Scopes,
    import::{Row, RowRefusal},
};
use claviger_store::{
    AccountFilter, AuditFilter, Committed, FoundSecret, Import, ImportOutcome, ImportRow, Imported,
    KeyChange, KeyLimits, NewKey, Store,
};
use claviger_verify::feed::{Change, Record, Seq};
use serde_json::{Value, json};

use super::Fixture;
use crate::{
    app_samples::new_client,
    samples::{
        NOW, account, after_now, change, first, load, new_account, new_key, new_operator, next, note, rotate,
        trail,
    },
};

use ImportOutcome::{Changed, Created, Refused, Unchanged};

/// A row about the key with this digest, with these members more.
fn row_of(digest: Digest, more: Value) -> ImportRow {
    let mut members = serde_json::Map::from_iter([
        ("account".to_owned(), json!("cus_1")),
        ("digest".to_owned(), json!(digest.to_hex())),
    ]);
    if let Value::Object(more) = more {
        members.extend(more);
    }
    let row = Row::read(members).unwrap();
    ImportRow {
        digest,
        hint: row.hint.clone().unwrap_or_default(),
        earlier: Vec::new(),
        environment: row.environment.unwrap_or(Environment::Live),
        key: KeyId::from_bytes(next()),
        account: AccountId::from_bytes(next()),
        row,
    }
}

fn import(rows: Vec<ImportRow>) -> Import {
    Import { api: "cashcat".into(), at: NOW, created_by: "operator:tests".to_owned(), rows }
}

async fn take(store: &Store, rows: Vec<ImportRow>) -> Committed<Imported> {
    store.import(import(rows), note("key.import")).await.unwrap()
}

/// What becomes of a row about this key, first asked and then done.
async fn one(store: &Store, digest: Digest, more: Value) -> ImportOutcome {
    let (events, seq) = (trail(store).await.len(), head(store).await);
    let asked = store.would_import(import(vec![row_of(digest, more.clone())])).await.unwrap();
    assert_eq!((trail(store).await.len(), head(store).await), (events, seq), "asking writes nothing");
    let done = take(store, vec![row_of(digest, more)]).await;
    assert_eq!(asked.outcomes, done.value.outcomes);
    let made = matches!(done.value.outcomes[0], Created | Changed);
    assert_eq!((done.made, trail(store).await.len() > events, head(store).await > seq), (made, made, made));
    done.value.outcomes[0].clone()
}

async fn head(store: &Store) -> Seq {
    load(store, NOW).await.0.head
}

/// What is told of what came after `seq`.
async fn after(store: &Store, seq: Seq) -> Vec<Change> {
    store.feed().after(seq).await.unwrap().entries
}

async fn found(store: &Store, digest: Digest) -> FoundSecret {
    store.find_secret(digest).await.unwrap().expect("the key is there")
}

fn digest() -> Digest {
    Digest::of(&next())
}

#[tokio::test]
async fn what_is_new_is_made_with_all_that_is_said_and_told_in_one_event() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (full, bare) = (digest(), digest());
    let said = json!({
        "account_name": "Acme", "account_metadata": {"plan": "pro"}, "account_state": "suspended",
        "hint": "sk_Ab", "name": "Server", "external_id": "k1", "metadata": {"a": 1}, "environment": "test",
        "scopes": ["a:read"], "restrictions": {"networks": ["10.0.0.0/8"]}, "state": "disabled",
        "created_at": "2020-01-01T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z",
        "last_used_at": "2024-05-01T00:00:00Z",
    });
    let rows =
        vec![row_of(full, said), row_of(bare, json!({})), row_of(digest(), json!({"account": "cus_2"}))];
    let done = take(store, rows).await;
    assert_eq!(
        (done.value.outcomes, done.value.accounts, done.made),
        (vec![Created, Created, Created], 2, true)
    );
    assert_eq!(done.seq, head(store).await);

    let key = found(store, full).await.key;
    assert_eq!(
        (key.name.as_deref(), key.external_id.as_deref(), &key.metadata),
        (Some("Server"), Some("k1"), &json!({"a": 1}))
    );
    assert_eq!(
        (key.environment, key.state, key.scopes.to_string()),
        (Environment::Test, KeyState::Disabled, "a:read".to_owned())
    );
    assert_eq!(key.restrictions.networks.unwrap().to_texts(), ["10.0.0.0/8"]);
    assert_eq!(
        (key.created_at.to_string(), key.expires_at.unwrap().to_string()),
        ("2020-01-01T00:00:00Z".to_owned(), "2030-01-01T00:00:00Z".to_owned())
    );
    assert_eq!(
        (&*key.created_by, key.secrets[0].digest, &*key.secrets[0].hint),
        ("operator:tests", full, "sk_Ab")
    );
    let used = store.last_uses(vec![key.id]).await.unwrap();
    assert_eq!((used[0].secret.secret, used[0].at.to_string()), (1, "2024-05-01T00:00:00Z".to_owned()));
    let owner = store.find_account(key.account).await.unwrap().unwrap();
    assert_eq!(
        (&*owner.name, owner.external_id.as_deref(), owner.state),
        ("Acme", Some("cus_1"), AccountState::Suspended)
    );
    assert_eq!(owner.metadata, json!({"plan": "pro"}));

    let plain = found(store, bare).await.key;
    assert_eq!(
        (plain.account, plain.name, plain.scopes, plain.state),
        (key.account, None, Scopes::All, KeyState::Active)
    );
    let all = store.list_accounts(AccountFilter::default(), first(9)).await.unwrap().items;
    assert_eq!(all.iter().map(|account| &*account.name).collect::<Vec<_>>(), ["Acme", "cus_2"]);
    assert_eq!(
        store.find_accounts(vec![key.account, AccountId::from_bytes([9; 16])]).await.unwrap(),
        [owner]
    );

    let events = store.list_audit(AuditFilter::default(), first(9)).await.unwrap().items;
    let [event] = &events[..] else { panic!("one event: {events:?}") };
    assert_eq!((&*event.action, &event.detail["created"].as_array().unwrap().len()), ("key.import", &3));
    for subject in [key.id.to_string(), key.account.to_string()] {
        let filter = AuditFilter { subject: Some(subject), ..AuditFilter::default() };
        assert_eq!(store.list_audit(filter, first(9)).await.unwrap().items.len(), 1);
    }
    let told =
        load(store, NOW).await.1.into_iter().filter(|record| matches!(record, Record::Secret(_))).count();
    assert_eq!(told, 3, "whoever follows has all of them");
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_something_new_changes_that_alone() {
    let Fixture { store, .. } = &Fixture::new().await;
    let known = digest();
    let said = json!({"name": "Server", "external_id": "k1", "scopes": ["a:read"], "restrictions": {"networks": ["10.0.0.0/8"]}});
    assert_eq!(one(store, known, said.clone()).await, Created);
    assert_eq!(one(store, known, said).await, Unchanged);
    assert_eq!(one(store, known, json!({})).await, Unchanged);
    assert_eq!(
        one(
            store,
            known,
            json!({"account_name": "Another", "hint": "x", "created_at": "2020-01-01T00:00:00Z"})
        )
        .await,
        Unchanged
    );
    assert_eq!(one(store, known, json!({"name": "Renamed", "metadata": {"a": 1}})).await, Changed);
    let key = found(store, known).await.key;
    assert_eq!(
        (key.name.as_deref(), key.external_id.as_deref(), key.scopes.to_string()),
        (Some("Renamed"), Some("k1"), "a:read".to_owned())
    );
    assert!(key.restrictions.networks.is_some());
    let newest = store.list_audit(AuditFilter::default(), first(9)).await.unwrap().items.pop().unwrap();
    assert_eq!(newest.detail["changed"], json!([{"key": key.id, "name": "Renamed", "metadata": {"a": 1}}]));
    assert_eq!(newest.subject, Some(key.id.to_string()));
    assert_eq!(
        one(
            store,
            known,
            json!({"restrictions": {}, "expires_at": "2030-01-01T00:00:00Z", "state": "disabled"})
        )
        .await,
        Changed
    );
    let key = found(store, known).await.key;
    assert_eq!(
        (key.restrictions.is_empty(), key.expires_at.is_some(), key.state),
        (true, true, KeyState::Disabled)
    );
}

#[tokio::test]
async fn what_was_ended_here_stays_so() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (revoked, disabled, rotated) = (digest(), digest(), digest());
    for known in [revoked, disabled, rotated] {
        assert_eq!(one(store, known, json!({})).await, Created);
    }
    change(store, found(store, revoked).await.key.id, KeyChange::Revoke).await.unwrap();
    change(store, found(store, disabled).await.key.id, KeyChange::Disable).await.unwrap();
    change(store, found(store, rotated).await.key.id, rotate(after_now(60))).await.unwrap();
    for more in [
        json!({}),
        json!({"state": "active"}),
        json!({"state": "disabled"}),
        json!({"expires_at": "2030-01-01T00:00:00Z"}),
    ] {
        assert_eq!(one(store, revoked, more.clone()).await, Refused(RowRefusal::Revoked), "{more}");
    }
    assert_eq!(one(store, revoked, json!({"state": "revoked", "name": "x"})).await, Unchanged);
    assert_eq!(one(store, disabled, json!({"state": "active"})).await, Refused(RowRefusal::Disabled));
    assert_eq!(one(store, disabled, json!({})).await, Unchanged);
    assert_eq!(one(store, rotated, json!({})).await, Refused(RowRefusal::Replaced));
    assert_eq!(found(store, revoked).await.key.state, KeyState::Revoked);
    assert_eq!(found(store, disabled).await.key.state, KeyState::Disabled);
}

#[tokio::test]
async fn what_was_revoked_elsewhere_comes_as_revoked_and_ends_here() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (new, known) = (digest(), digest());
    let ended = json!({"state": "revoked", "revoked_at": "2021-01-01T00:00:00Z"});
    assert_eq!(one(store, new, ended.clone()).await, Created);
    assert_eq!(found(store, new).await.key.revoked_at.unwrap().to_string(), "2021-01-01T00:00:00Z");
    let sealed = NewKey {
        secret: claviger_store::NewSecret {
            digest: known,
            sealed: Some(vec![1]),
            ..crate::samples::new_secret()
        },
        ..new_key(owner(store).await)
    };
    let id = sealed.id;
    store.insert_key(sealed, KeyLimits::default(), None, note("key.issue")).await.unwrap();
    assert_eq!(one(store, known, ended).await, Changed);
    let key = found(store, known).await.key;
    assert_eq!((key.state, key.revoked_at), (KeyState::Revoked, Some(NOW)), "it worked here until now");
    assert!(store.sealed_secrets(vec![id], note("key.reveal"), None).await.unwrap().is_empty());
}

/// The account that rows call `cus_1`.
async fn owner(store: &Store) -> AccountId {
    let filter = AccountFilter { external_id: Some("cus_1".to_owned()), ..AccountFilter::default() };
    store.list_accounts(filter, first(1)).await.unwrap().items[0].id
}

#[tokio::test]
async fn nobody_gets_what_is_anothers() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (known, operator) = (digest(), new_operator("all"));
    assert_eq!(one(store, known, json!({"external_id": "k1"})).await, Created);
    let taken = operator.digest;
    store.initialise(operator, note("init")).await.unwrap();
    assert_eq!(one(store, taken, json!({})).await, Refused(RowRefusal::Taken));
    let application = new_client("cashcat");
    let taken = application.secret.as_ref().unwrap().digest;
    store.insert_client(application, None, note("client.create")).await.unwrap();
    let beside = take(store, vec![row_of(taken, json!({})), row_of(digest(), json!({}))]).await.value;
    assert_eq!(beside.outcomes, [Refused(RowRefusal::Taken), Created]);
    assert_eq!(one(store, known, json!({"account": "cus_2"})).await, Refused(RowRefusal::OtherAccount));
    assert_eq!(
        one(store, digest(), json!({"external_id": "k1"})).await,
        Refused(RowRefusal::ExternalIdTaken)
    );
    let elsewhere = one(store, known, json!({"environment": "test"})).await;
    assert!(
        matches!(elsewhere, Refused(RowRefusal::Malformed { field: "environment", .. })),
        "{elsewhere:?}"
    );
    let other = digest();
    assert_eq!(one(store, other, json!({"external_id": "k2"})).await, Created);
    assert_eq!(one(store, other, json!({"external_id": "k1"})).await, Refused(RowRefusal::ExternalIdTaken));
    assert_eq!(one(store, digest(), json!({"account": "cus_3", "external_id": "k1"})).await, Created);
    let of_another_api = account_of(store, "codat").await;
    let same = Import { api: "codat".into(), ..import(vec![row_of(known, json!({}))]) };
    assert_eq!(
        store.import(same, note("key.import")).await.unwrap().value.outcomes,
        [Refused(RowRefusal::OtherAccount)]
    );
    assert_eq!(
        store.find_account(of_another_api).await.unwrap().unwrap().external_id.as_deref(),
        Some("cus_1")
    );
}

/// An account of this api that rows call `cus_1`.
async fn account_of(store: &Store, api: &str) -> AccountId {
    let mut new = new_account(api);
    new.account.external_id = Some("cus_1".to_owned());
    store.insert_account(new, note("account.create"), None).await.unwrap().value.0.id
}

#[tokio::test]
async fn of_equal_rows_the_first_counts_and_the_others_are_told() {
    let Fixture { store, .. } = &Fixture::new().await;
    let twice = digest();
    let rows = vec![
        row_of(twice, json!({"name": "first"})),
        row_of(twice, json!({"name": "second"})),
        row_of(digest(), json!({"external_id": "k1"})),
        row_of(digest(), json!({"external_id": "k1"})),
    ];
    let done = take(store, rows).await.value;
    assert_eq!(
        done.outcomes,
        [Created, Refused(RowRefusal::Duplicate), Created, Refused(RowRefusal::ExternalIdTaken)]
    );
    assert_eq!(found(store, twice).await.key.name.as_deref(), Some("first"));
}

#[tokio::test]
async fn an_account_can_be_called_by_its_own_id() {
    let Fixture { store, .. } = &Fixture::new().await;
    let (here, known) = (account(store).await, digest());
    assert_eq!(one(store, known, json!({"account": here})).await, Created);
    assert_eq!(found(store, known).await.key.account, here);
    assert_eq!(one(store, known, json!({"account": here})).await, Unchanged);
    let elsewhere =
        store.insert_account(new_account("codat"), note("account.create"), None).await.unwrap().value.0.id;
    let known = digest();
    assert_eq!(one(store, known, json!({"account": elsewhere})).await, Created);
    assert_ne!(found(store, known).await.key.account, elsewhere, "it is another api's");
}

#[tokio::test]
async fn the_same_import_twice_at_once_is_made_once() {
    let fixture = Fixture::new().await;
    let stores = [fixture.store.clone(), fixture.another().await];
    let digests: Vec<_> = (0..200).map(|_| digest()).collect();
    for more in [json!({}), json!({"name": "Server", "account": "cus_2"})] {
        let digests: Vec<_> =
            if more == json!({}) { digests.clone() } else { (0..200).map(|_| digest()).collect() };
        let mut calls = tokio::task::JoinSet::new();
        for store in stores.clone().into_iter().cycle().take(6) {
            let rows = digests.iter().map(|digest| row_of(*digest, more.clone())).collect();
            calls.spawn(async move { take(&store, rows).await });
        }
        let done: Vec<_> = calls.join_all().await.into_iter().map(|done| done.value).collect();
        let created: usize =
            done.iter().flat_map(|done| &done.outcomes).filter(|outcome| **outcome == Created).count();
        assert_eq!((created, done.iter().map(|done| done.accounts).sum::<usize>()), (200, 1));
        assert!(
            done.iter().flat_map(|done| &done.outcomes).all(|outcome| matches!(outcome, Created | Unchanged))
        );
    }
}

/// However many rows a statement has, whoever follows hears of each, at the end and in order.
#[tokio::test]
async fn rows_that_come_in_one_statement_are_each_told_of() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let ours = account(store).await;
    let before = head(store).await;
    let ids: Vec<String> = (1..=6).map(|number| Fixture::literal(&[number; 16])).collect();
    let owner = Fixture::literal(&ours.to_bytes());
    let accounts: Vec<_> =
        ids[..3].iter().map(|id| format!("({id}, 'cashcat', 'n', '{{}}', 'active', 1)")).collect();
    let keys = ids[3..]
        .iter()
        .map(|id| format!("({id}, {owner}, 'live', '[]', '{{}}', 'active', 1, 'raw', '{{}}')"));
    let secrets = ids[3..].iter().flat_map(|id| {
        (1..=2).map(move |number: u8| {
            let digest = Digest::of(format!("{id}{number}").as_bytes());
            format!("({id}, {number}, {}, 'h', 1)", Fixture::literal(digest.as_bytes()))
        })
    });
    let sql = format!(
        "BEGIN;
         INSERT INTO accounts (id, api, name, metadata, state, created_at) VALUES {};
         INSERT INTO keys (id, account, environment, scopes, restrictions, state, created_at, created_by, metadata) VALUES {};
         INSERT INTO secrets (key, number, digest, hint, created_at) VALUES {};
         INSERT INTO accounts (id, api, name, metadata, state, created_at) SELECT id, api, name, metadata, state, 1 FROM accounts WHERE false;
         UPDATE keys SET state = 'disabled' WHERE created_by = 'raw';
         COMMIT",
        accounts.join(", "),
        keys.collect::<Vec<_>>().join(", "),
        secrets.collect::<Vec<_>>().join(", "),
    );
    fixture.raw(&sql).unwrap();
    let told: Vec<Record> =
        after(store, before).await.into_iter().flat_map(|change| change.records).collect();
    for number in 1..=3 {
        let id = AccountId::from_bytes([number; 16]);
        assert!(
            told.iter().any(|record| matches!(record, Record::Account(account) if account.id == id)),
            "{id}"
        );
    }
    for number in 4..=6 {
        let id = KeyId::from_bytes([number; 16]);
        let of = |record: &&Record| matches!(record, Record::Secret(secret) if secret.key == id);
        let secrets: std::collections::BTreeSet<u16> = told
            .iter()
            .filter(of)
            .filter_map(|record| match record {
                Record::Secret(secret) => Some(secret.secret),
                _ => None,
            })
            .collect();
        assert_eq!(secrets.into_iter().collect::<Vec<_>>(), [1, 2], "{id}");
        assert!(
            told.iter()
                .filter(of)
                .all(|record| matches!(record, Record::Secret(secret) if secret.state == KeyState::Disabled))
        );
    }
    let before = head(store).await;
    fixture.raw("DELETE FROM secrets WHERE key IN (SELECT id FROM keys WHERE created_by = 'raw')").unwrap();
    assert_eq!(after(store, before).await.len(), 6);
    let whole = store.feed().after(Seq(0)).await.unwrap();
    assert_eq!(whole.entries.last().unwrap().seq, whole.position.head);
}
