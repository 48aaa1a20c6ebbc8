//! Keys that come with the secrets that a rotation left working: taken with their ends, and never given to a key that is here.

use std::{mem, slice};

use claviger_model::{
    AccountId, Digest, Environment, KeyId, Timestamp,
    import::{self, Row, RowRefusal, Secret},
};
use claviger_store::{
    AuditFilter, EarlierSecret, FoundSecret, Import, ImportOutcome, ImportRow, KeyChange, KeyRow, NewSecret,
    Store,
};
use claviger_verify::{
    feed::{Record, SecretRecord, Seq},
    foreign::FirstUse,
};
use serde_json::{Value, json};

use super::Fixture;
use crate::{
    app_samples::new_client,
    samples::{NOW, after_now, change, first, load, new_operator, next, note, rotate},
};

use ImportOutcome::{Changed, Created, Refused, Unchanged};

const BCRYPT: &str = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";

fn digest() -> Digest {
    Digest::of(&next())
}

/// A row of this key and what it was known by before.
fn row(newest: Digest, earlier: &[Value]) -> Value {
    json!({"account": "cus_1", "digest": newest.to_hex(), "created_at": "2020-01-01T00:00:00Z", "earlier_secrets": earlier})
}

fn before(digest: Digest, ends_at: Timestamp) -> Value {
    json!({"digest": digest.to_hex(), "ends_at": ends_at})
}

fn with(mut row: Value, more: Value) -> Value {
    let (Some(members), Value::Object(more)) = (row.as_object_mut(), more) else {
        unreachable!("rows of these tests are objects")
    };
    members.extend(more);
    row
}

fn known_by(secret: &Secret) -> Digest {
    if let Secret::Foreign(foreign) = secret { foreign.stand_in("cashcat") } else { secret.digest() }
}

fn earlier(secret: import::EarlierSecret) -> EarlierSecret {
    let import::EarlierSecret { secret, hint, created_at, ends_at, last_used_at } = secret;
    let (digest, hint) = (known_by(&secret), hint.unwrap_or_default());
    let foreign = if let Secret::Foreign(foreign) = secret { Some(foreign) } else { None };
    let secret = NewSecret { digest, hint, sealed: None, expires_at: None, foreign };
    EarlierSecret { secret, created_at, ends_at, last_used_at }
}

fn import(rows: &[Value]) -> Import {
    let read = |row: &Value| {
        let mut row =
            Row::read(row.as_object().expect("a row is an object").clone()).expect("it can be read");
        ImportRow {
            digest: known_by(&row.secret),
            hint: String::new(),
            earlier: mem::take(&mut row.earlier_secrets).into_iter().map(earlier).collect(),
            environment: Environment::Live,
            key: KeyId::from_bytes(next()),
            account: AccountId::from_bytes(next()),
            row,
        }
    };
    let rows = rows.iter().map(read).collect();
    Import { api: "cashcat".into(), at: NOW, created_by: "operator:tests".to_owned(), rows }
}

/// What becomes of rows, first asked and then done.
async fn take(store: &Store, rows: &[Value]) -> Vec<ImportOutcome> {
    let asked = store.would_import(import(rows)).await.unwrap().outcomes;
    let done = store.import(import(rows), note("key.import")).await.unwrap().value.outcomes;
    assert_eq!(asked, done);
    done
}

async fn found(store: &Store, digest: Digest) -> FoundSecret {
    store.find_secret(digest).await.unwrap().expect("the key is there")
}

/// The secrets of a key: their numbers, digests and ends.
fn secrets(key: &KeyRow) -> Vec<(u16, Digest, Option<Timestamp>)> {
    key.secrets.iter().map(|secret| (secret.number, secret.digest, secret.ends_at)).collect()
}

/// What a node that loads everything now knows of the key's secrets, the oldest first.
async fn told(store: &Store, key: KeyId) -> Vec<SecretRecord> {
    let of = |record| if let Record::Secret(secret) = record { Some(secret) } else { None };
    let records = load(store, NOW).await.1.into_iter().filter_map(of);
    let mut told: Vec<_> = records.filter(|secret| secret.key == key).collect();
    told.sort_by_key(|secret| secret.secret);
    told
}

#[tokio::test]
async fn a_key_comes_with_the_secrets_that_work_still_and_their_ends() {
    let Fixture { store, .. } = &Fixture::new().await;
    let [newest, second, oldest, ended] = [(); 4].map(|()| digest());
    let start = store.feed().after(Seq(0)).await.unwrap().position.head;
    let said = json!({"created_at": "2024-01-01T00:00:00Z", "last_used_at": "2024-06-01T00:00:00Z", "hint": "sk_Ab"});
    let row = row(
        newest,
        &[with(before(second, after_now(60)), said), before(oldest, after_now(30)), before(ended, NOW)],
    );
    let row = with(row, json!({"last_used_at": "2024-05-01T00:00:00Z"}));
    assert_eq!(take(store, slice::from_ref(&row)).await, [Created]);

    let key = found(store, newest).await.key;
    let all = [(3, newest, None), (2, second, Some(after_now(60))), (1, oldest, Some(after_now(30)))];
    assert_eq!(secrets(&key), all);
    let minted: Vec<_> = key.secrets.iter().map(|secret| secret.created_at.to_string()).collect();
    assert_eq!(minted, ["2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2020-01-01T00:00:00Z"]);
    assert_eq!(key.secrets[1].hint, "sk_Ab");
    assert!(store.find_secret(ended).await.unwrap().is_none(), "what ended isn't written");
    let mut uses: Vec<_> = store.last_uses(vec![key.id]).await.unwrap();
    uses.sort_by_key(|used| used.secret.secret);
    let uses: Vec<_> = uses.iter().map(|used| (used.secret.secret, used.at.to_string())).collect();
    assert_eq!(uses, [(2, "2024-06-01T00:00:00Z".to_owned()), (3, "2024-05-01T00:00:00Z".to_owned())]);

    let ends =
        |told: &[SecretRecord]| told.iter().map(|secret| (secret.digest, secret.ends_at)).collect::<Vec<_>>();
    let loaded = ends(&told(store, key.id).await);
    assert_eq!(loaded, [(oldest, Some(after_now(30))), (second, Some(after_now(60))), (newest, None)]);
    let changes = store.feed().after(start).await.unwrap().entries;
    let followed: Vec<_> = changes.iter().flat_map(|change| &change.records).collect();
    for (digest, ends_at) in loaded {
        let is_told = |record: &&&Record| matches!(record, Record::Secret(secret) if secret.digest == digest && secret.ends_at == ends_at);
        assert!(followed.iter().any(|record| is_told(&record)), "whoever follows hears of each");
    }
    assert_eq!(take(store, &[row]).await, [Unchanged]);
}

#[tokio::test]
async fn a_key_that_is_here_keeps_the_secrets_that_it_has() {
    let Fixture { store, .. } = &Fixture::new().await;
    let [first, other] = [(); 2].map(|()| digest());
    assert_eq!(take(store, &[row(first, &[])]).await, [Created]);
    let id = found(store, first).await.key.id;
    assert_eq!(take(store, &[row(first, &[before(other, after_now(60))])]).await, [Unchanged]);
    let renamed = with(row(first, &[before(other, after_now(60))]), json!({"name": "Server"}));
    assert_eq!(take(store, &[renamed]).await, [Changed], "the rest of the row counts");
    assert!(store.find_secret(other).await.unwrap().is_none());

    // However the row puts it, an overlap ends when it does here.
    change(store, id, rotate(after_now(60))).await.unwrap();
    let newest = found(store, first).await.key.secrets[0].digest;
    for ends_at in [after_now(30), after_now(60), after_now(90)] {
        assert_eq!(take(store, &[row(newest, &[before(first, ends_at)])]).await, [Unchanged]);
    }
    assert_eq!(secrets(&found(store, newest).await.key)[1], (1, first, Some(after_now(60))));
    change(store, id, rotate(NOW)).await.unwrap();
    let newest = found(store, first).await.key.secrets[0].digest;
    let used = with(before(first, after_now(90)), json!({"last_used_at": "2024-05-01T00:00:00Z"}));
    assert_eq!(take(store, &[row(newest, &[used])]).await, [Unchanged]);
    assert_eq!(secrets(&found(store, newest).await.key)[2], (1, first, Some(NOW)));
    let last = store.last_uses(vec![id]).await.unwrap();
    assert_eq!((last[0].secret.secret, last[0].at.to_string()), (1, "2024-05-01T00:00:00Z".to_owned()));
}

#[tokio::test]
async fn a_key_that_was_rotated_elsewhere_since_is_rotated_here() {
    let Fixture { store, .. } = &Fixture::new().await;
    let [one, two, three, four, five] = [(); 5].map(|()| digest());
    assert_eq!(take(store, &[row(one, &[])]).await, [Created]);
    let id = found(store, one).await.key.id;

    let said = json!({"last_used_at": "2024-05-01T00:00:00Z", "name": "Server"});
    let twice = row(three, &[before(two, after_now(60)), before(one, after_now(30))]);
    assert_eq!(take(store, &[with(twice.clone(), said)]).await, [Changed]);
    assert_eq!(take(store, &[twice]).await, [Unchanged]);
    let key = found(store, three).await.key;
    assert_eq!((key.id, key.name.as_deref()), (id, Some("Server")));
    let all = [(3, three, None), (2, two, Some(after_now(60))), (1, one, Some(after_now(30)))];
    assert_eq!(secrets(&key), all);
    assert_eq!(key.secrets[0].created_at, NOW, "the key is older");
    let known = told(store, id).await;
    let known: Vec<_> = known.iter().map(|secret| (secret.digest, secret.ends_at)).collect();
    assert_eq!(known, [(one, Some(after_now(30))), (two, Some(after_now(60))), (three, None)]);
    assert_eq!(store.last_uses(vec![id]).await.unwrap()[0].secret.secret, 3);
    let events = store.list_audit(AuditFilter::default(), first(9)).await.unwrap().items;
    let event = events.last().unwrap();
    assert_eq!(event.detail["changed"], json!([{"key": id, "name": "Server", "rotated": true}]));

    // Ends come nearer and never go further.
    let compromise = row(four, &[before(three, NOW), before(two, after_now(10))]);
    assert_eq!(take(store, &[compromise]).await, [Changed]);
    let later = row(five, &[before(four, after_now(60)), before(two, after_now(99))]);
    assert_eq!(take(store, &[later]).await, [Changed]);
    let all = [
        (5, five, None),
        (4, four, Some(after_now(60))),
        (3, three, Some(NOW)),
        (2, two, Some(after_now(10))),
        (1, one, Some(after_now(30))),
    ];
    assert_eq!(secrets(&found(store, five).await.key), all);

    // What was done here stays.
    change(store, id, rotate(after_now(60))).await.unwrap();
    let next = row(digest(), &[before(five, after_now(60))]);
    assert_eq!(take(store, slice::from_ref(&next)).await, [Refused(RowRefusal::Replaced)]);
    change(store, id, KeyChange::Revoke).await.unwrap();
    assert_eq!(take(store, &[next]).await, [Refused(RowRefusal::Revoked)]);
}

#[tokio::test]
async fn an_earlier_secret_that_is_somebody_elses_is_told_and_its_row_left_out() {
    let Fixture { store, .. } = &Fixture::new().await;
    let [known, free, first] = [(); 3].map(|()| digest());
    assert_eq!(take(store, &[row(known, &[before(first, after_now(60))])]).await, [Created]);
    let operator = new_operator("all");
    let operators = operator.digest;
    store.initialise(operator, note("init")).await.unwrap();
    let client = new_client("cashcat");
    let applications = client.secret.as_ref().expect("it has a secret").digest;
    store.insert_client(client, None, note("client.create")).await.unwrap();

    for taken in [operators, applications] {
        let earlier = [before(free, after_now(60)), before(taken, after_now(60))];
        let outcomes = take(store, &[row(digest(), &earlier), row(digest(), &[])]).await;
        assert_eq!(outcomes, [Refused(RowRefusal::Taken.of_earlier(2)), Created]);
        let ended = [before(taken, NOW)];
        assert_eq!(take(store, &[row(digest(), &ended)]).await, [Created], "what ended isn't written");
    }
    for theirs in [known, first] {
        let elsewhere = with(row(digest(), &[before(theirs, after_now(60))]), json!({"account": "cus_2"}));
        assert_eq!(take(store, &[elsewhere]).await, [Refused(RowRefusal::OtherAccount)]);
    }
    let another = digest();
    assert_eq!(take(store, &[row(another, &[])]).await, [Created]);
    let of_two = row(digest(), &[before(known, after_now(60)), before(another, after_now(60))]);
    assert_eq!(take(store, &[of_two]).await, [Refused(RowRefusal::OtherKey.of_earlier(2))]);
    assert!(store.find_secret(free).await.unwrap().is_none());
    let twice =
        [row(digest(), &[before(free, after_now(60))]), row(digest(), &[before(free, after_now(30))])];
    assert_eq!(take(store, &twice).await, [Created, Refused(RowRefusal::Duplicate.of_earlier(1))]);
    assert_eq!(take(store, &[row(free, &[])]).await, [Refused(RowRefusal::Replaced)]);
}

#[tokio::test]
async fn an_earlier_secret_that_came_by_a_hash_is_checked_and_known_again() {
    let Fixture { store, .. } = &Fixture::new().await;
    let newest = digest();
    let brought = json!({"lookup": "AbCdEfGh", "hash": BCRYPT, "ends_at": after_now(60)});
    let said = row(newest, slice::from_ref(&brought));
    assert_eq!(take(store, slice::from_ref(&said)).await, [Created]);
    let key = found(store, newest).await.key;
    let [first, second] = &told(store, key.id).await[..] else { panic!("two secrets") };
    assert_eq!(first.foreign.as_ref().unwrap().hash.as_str(), BCRYPT);
    assert_eq!((first.ends_at, second.foreign.is_none()), (Some(after_now(60)), true));

    let used = FirstUse { key: key.id, secret: 1, stand_in: first.digest, digest: digest() };
    assert!(store.keep_first_uses(vec![used], note("key.first_use")).await.unwrap().made);
    let key = found(store, used.digest).await.key;
    assert_eq!(secrets(&key)[1], (1, used.digest, Some(after_now(60))), "it ends as it did");
    assert_eq!(take(store, &[said]).await, [Unchanged]);
    let another = row(digest(), &[brought]);
    assert_eq!(take(store, &[another]).await, [Refused(RowRefusal::Replaced)], "it isn't the newest here");
}
