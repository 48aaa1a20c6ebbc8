//! Keys that come by other systems' hashes: known again by what they came as, and by their digests from their first use.

use claviger_model::{
    AccountId, Digest, Environment, KeyId, KeyState,
    foreign::ForeignSecret,
    import::{Row, RowRefusal, Secret},
};
use claviger_store::{AuditFilter, Import, ImportOutcome, ImportRow, KeyChange, KeyFilter, KeyRow, Store};
use claviger_verify::{
    feed::{Record, SecretRecord, Seq},
    foreign::FirstUse,
};
use serde_json::{Value, json};

use super::Fixture;
use crate::samples::{NOW, after_now, change, first, load, new_operator, next, note, rotate};

use ImportOutcome::{Changed, Created, Refused, Unchanged};

const BCRYPT: &str = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
const ANOTHER: &str = "$2b$10$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";

fn row(hash: &str, more: Value) -> ImportRow {
    let (Value::Object(mut members), Value::Object(more)) =
        (json!({"account": "cus_1", "lookup": "AbCdEfGh", "hash": hash}), more)
    else {
        unreachable!("rows of these tests are objects")
    };
    members.extend(more);
    let row = Row::read(members).expect("rows of these tests can be read");
    let Secret::Foreign(foreign) = &row.secret else { unreachable!("it has a hash") };
    ImportRow {
        digest: foreign.stand_in("cashcat"),
        hint: "AbCdEfGh".to_owned(),
        earlier: Vec::new(),
        environment: Environment::Live,
        key: KeyId::from_bytes(next()),
        account: AccountId::from_bytes(next()),
        row,
    }
}

async fn take(store: &Store, row: ImportRow) -> ImportOutcome {
    let import =
        Import { api: "cashcat".into(), at: NOW, created_by: "operator:tests".to_owned(), rows: vec![row] };
    let mut imported = store.import(import, note("key.import")).await.unwrap();
    imported.value.outcomes.remove(0)
}

async fn only_key(store: &Store) -> KeyRow {
    let mut keys = store
        .list_keys(KeyFilter { include_revoked: true, ..KeyFilter::default() }, first(9))
        .await
        .unwrap()
        .items;
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys.remove(0)
}

/// What a node that loads everything now knows of secrets.
async fn told(store: &Store) -> Vec<SecretRecord> {
    let secret = |record| if let Record::Secret(secret) = record { Some(secret) } else { None };
    load(store, NOW).await.1.into_iter().filter_map(secret).collect()
}

async fn head(store: &Store) -> Seq {
    load(store, NOW).await.0.head
}

async fn first_use(store: &Store, digest: Digest) -> FirstUse {
    let key = only_key(store).await;
    let secret = key.secrets.last().unwrap();
    FirstUse { key: key.id, secret: secret.number, stand_in: secret.digest, digest }
}

async fn keep(store: &Store, first_use: FirstUse) -> bool {
    let kept = store.keep_first_uses(vec![first_use], note("key.first_use")).await.unwrap();
    assert_eq!(kept.made, kept.value > 0);
    kept.made
}

fn digest() -> Digest {
    Digest::of(&next())
}

#[tokio::test]
async fn a_key_that_came_by_its_hash_is_told_with_it_and_known_again() {
    let Fixture { store, .. } = &Fixture::new().await;
    assert_eq!(take(store, row(BCRYPT, json!({"name": "a"}))).await, Created);
    let key = only_key(store).await;
    let brought = key.secrets[0].brought.as_ref().unwrap();
    assert_eq!((&*brought.lookup, brought.hash.as_ref().unwrap().as_str()), ("AbCdEfGh", BCRYPT));
    let [secret] = &told(store).await[..] else { panic!("one secret") };
    let foreign = ForeignSecret { lookup: "AbCdEfGh".into(), hash: BCRYPT.parse().unwrap() };
    assert_eq!((secret.key, secret.digest), (key.id, foreign.stand_in("cashcat")));
    assert_eq!(secret.foreign.as_deref(), Some(&foreign));
    assert_eq!(take(store, row(BCRYPT, json!({}))).await, Unchanged);
    assert_eq!(take(store, row(BCRYPT, json!({"name": "b"}))).await, Changed);
    assert_eq!(
        take(store, row(BCRYPT, json!({"account": "cus_2"}))).await,
        Refused(RowRefusal::OtherAccount)
    );
    assert_eq!(only_key(store).await.name.as_deref(), Some("b"));
}

#[tokio::test]
async fn its_first_use_puts_its_digest_in_the_place_of_the_hash_once() {
    let Fixture { store, .. } = &Fixture::new().await;
    assert_eq!(take(store, row(BCRYPT, json!({"external_id": "k1"}))).await, Created);
    let (before, digest) = (head(store).await, digest());
    let used = first_use(store, digest).await;
    assert!(keep(store, used).await);
    assert!(!keep(store, used).await, "it is kept already");

    let changes = store.feed().after(before).await.unwrap().entries;
    let told_of: Vec<_> = changes.iter().flat_map(|change| &change.records).collect();
    assert!(
        matches!(told_of[..], [Record::Secret(now), Record::NoSecret(gone)]
            if now.digest == digest && now.foreign.is_none() && *gone == used.stand_in),
        "the digest is told of first: {told_of:?}"
    );
    let key = only_key(store).await;
    let [secret] = &key.secrets[..] else { panic!("it stays one secret") };
    assert_eq!((secret.number, secret.digest, &*secret.hint), (1, digest, "AbCdEfGh"));
    assert!(secret.brought.as_ref().unwrap().hash.is_none(), "the hash is forgotten");
    assert_eq!(store.find_secret(digest).await.unwrap().unwrap().key.id, key.id);

    let filter = AuditFilter { subject: Some(key.id.to_string()), ..AuditFilter::default() };
    let events = store.list_audit(filter, first(9)).await.unwrap().items;
    let event = events.iter().find(|event| event.action == "key.first_use").unwrap();
    assert_eq!(event.detail, json!({"keys": [key.id]}));

    // The same rows go on being about the same key.
    assert_eq!(take(store, row(BCRYPT, json!({}))).await, Unchanged);
    assert_eq!(take(store, row(ANOTHER, json!({"external_id": "k1"}))).await, Unchanged);
    assert_eq!(take(store, row(BCRYPT, json!({"name": "b"}))).await, Changed);
    assert_eq!(only_key(store).await.secrets[0].digest, digest);
    assert!(told(store).await.iter().all(|secret| secret.foreign.is_none()));
}

#[tokio::test]
async fn a_hash_that_was_made_anew_elsewhere_is_taken_until_the_first_use() {
    let Fixture { store, .. } = &Fixture::new().await;
    assert_eq!(take(store, row(BCRYPT, json!({"external_id": "k1"}))).await, Created);
    let earlier = first_use(store, digest()).await;
    let before = head(store).await;
    assert_eq!(take(store, row(ANOTHER, json!({"external_id": "k1"}))).await, Changed);
    let [secret] = &told(store).await[..] else { panic!("one secret") };
    assert_eq!(secret.foreign.as_ref().unwrap().hash.as_str(), ANOTHER);
    let changes = store.feed().after(before).await.unwrap().entries;
    let gone = |record: &Record| matches!(record, Record::NoSecret(gone) if *gone == earlier.stand_in);
    assert!(changes.iter().flat_map(|change| &change.records).any(gone));
    assert!(!keep(store, earlier).await, "what was found by the earlier hash isn't kept");
    assert_eq!(take(store, row(ANOTHER, json!({}))).await, Unchanged);
    assert!(keep(store, first_use(store, digest()).await).await);

    // Where nothing says that it is the same key, it is another.
    let other = row(BCRYPT, json!({"external_id": "k2"}));
    assert_eq!(take(store, other).await, Created);
}

#[tokio::test]
async fn what_ended_here_stays_so_used_or_not() {
    for is_used in [false, true] {
        let Fixture { store, .. } = &Fixture::new().await;
        assert_eq!(take(store, row(BCRYPT, json!({}))).await, Created);
        if is_used {
            assert!(keep(store, first_use(store, digest()).await).await);
        }
        let id = only_key(store).await.id;
        change(store, id, rotate(after_now(60))).await.unwrap();
        assert_eq!(take(store, row(BCRYPT, json!({}))).await, Refused(RowRefusal::Replaced));
        if !is_used {
            let within_the_overlap = first_use(store, digest()).await;
            assert!(keep(store, within_the_overlap).await);
        }
        let overlap = only_key(store).await.secrets.last().unwrap().ends_at;
        assert_eq!(overlap, Some(after_now(60)));
        change(store, id, KeyChange::Revoke).await.unwrap();
        assert_eq!(take(store, row(BCRYPT, json!({}))).await, Refused(RowRefusal::Revoked));
        assert_eq!(only_key(store).await.state, KeyState::Revoked);
    }
}

#[tokio::test]
async fn a_digest_that_leads_elsewhere_is_left_where_it_is() {
    let Fixture { store, .. } = &Fixture::new().await;
    let operator = new_operator("all");
    let taken = operator.digest;
    store.initialise(operator, note("init")).await.unwrap();
    assert_eq!(take(store, row(BCRYPT, json!({}))).await, Created);
    let used = first_use(store, taken).await;
    assert!(!keep(store, used).await);
    let mut other = used;
    (other.secret, other.digest) = (2, digest());
    assert!(!keep(store, other).await, "there is no such secret");
    assert!(!keep(store, FirstUse { key: KeyId::from_bytes(next()), ..used }).await);
    assert_eq!(only_key(store).await.secrets[0].digest, used.stand_in);
    assert!(keep(store, first_use(store, digest()).await).await);
}

#[tokio::test]
async fn many_first_uses_are_kept_together() {
    let Fixture { store, .. } = &Fixture::new().await;
    let mut used = Vec::new();
    for number in 0..30 {
        let hash = BCRYPT.replace("$12$", &format!("${:02}$", 4 + number % 12));
        let row = row(&hash, json!({"lookup": format!("AbCdE{number:03}"), "external_id": number}));
        used.push(FirstUse { key: row.key, secret: 1, stand_in: row.digest, digest: digest() });
        assert_eq!(take(store, row).await, Created);
    }
    let kept = store.keep_first_uses(used.clone(), note("key.first_use")).await.unwrap();
    assert_eq!(kept.value, 30);
    for FirstUse { key, digest, .. } in &used {
        assert_eq!(store.find_secret(*digest).await.unwrap().unwrap().key.id, *key);
    }
    let again = store.keep_first_uses(used, note("key.first_use")).await.unwrap();
    assert_eq!((again.value, again.made), (0, false));
}
