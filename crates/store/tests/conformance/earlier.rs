//! An installation as the version before applications left it, and what must be true of it ever after.

use claviger_model::{AccountId, InstallationId, KeyId, KeyState, MemberId};
use claviger_store::{ChainCheck, KeyChange, KeyFilter, KeyLimits, Store, StoreError};
use claviger_verify::feed::Record;

use crate::{
    app_samples::{client, granted_in_its_own, held, record},
    samples::{NOW, after_now, change, first, load, new_key, note},
};

/// `ID1` stands for sixteen bytes that are 1, `DIGEST1` for thirty-two.
const ROWS: &str = r#"
    INSERT INTO feed_head (one, installation, audit_hash) VALUES (1, ID9, DIGEST0);
    INSERT INTO accounts (id, api, name, external_id, metadata, state, created_at)
         VALUES (ID1, 'cashcat', 'Acme', 'e', '{}', 'active', 1);
    INSERT INTO keys (id, account, name, environment, scopes, restrictions, state, created_at, created_by, expires_at,
                      revoked_at, external_id, metadata)
         VALUES (ID2, ID1, 'Production', 'live', '"all"', '{}', 'active',   1, 'system', NULL,          NULL, 'e',  '{}'),
                (ID3, ID1, 'Brief',      'test', '["a"]', '{}', 'disabled', 1, 'system', 4102444800000, NULL, NULL, '{}'),
                (ID4, ID1, 'Gone',       'live', '"all"', '{}', 'revoked',  1, 'system', NULL,          5,    NULL, '{}');
    INSERT INTO secrets (key, number, digest, hint, sealed, created_at, ends_at)
         VALUES (ID2, 1, DIGEST1, 'cc_live_Ab', NULL, 1, 4102444800000),
                (ID2, 2, DIGEST2, 'cc_live_Bc', NULL, 1, NULL),
                (ID3, 1, DIGEST3, 'cc_test_Cd', NULL, 1, NULL),
                (ID4, 1, DIGEST4, 'cc_live_De', NULL, 1, NULL);
    INSERT INTO members (id, account, email, role, created_at, created_by)
         VALUES (ID5, ID1, 'bob@example.com', 'administrator', 1, 'system');
"#;

/// The statements that put it there, in the words of a database.
pub(crate) fn rows(literal: impl Fn(&[u8]) -> String) -> String {
    (0..=9).fold(ROWS.to_owned(), |rows, number| {
        rows.replace(&format!("ID{number}"), &literal(&[number; 16]))
            .replace(&format!("DIGEST{number}"), &literal(&[number; 32]))
    })
}

/// Nothing was lost or became an application's, limits count as they did, and what is new works beside it.
pub(crate) async fn assert_stands(store: &Store) {
    assert_eq!(store.installation(), InstallationId::from_bytes([9; 16]));
    let (owner, kept) = (AccountId::from_bytes([1; 16]), KeyId::from_bytes([2; 16]));
    let listed = store.list_keys(KeyFilter { account: Some(owner), ..KeyFilter::default() }, first(9)).await;
    let listed: Vec<_> = listed.unwrap().items.iter().map(|key| (key.id, key.client)).collect();
    assert_eq!(listed, [(kept, None), (KeyId::from_bytes([3; 16]), None)]);
    let two = KeyLimits { max: Some(2), min: 1 };
    let refused = store.insert_key(new_key(owner), two, None, note("key.issue")).await;
    assert!(matches!(refused, Err(StoreError::TooManyKeys { max: 2 })), "{refused:?}");
    let refused = store.change_key(kept, None, KeyChange::Revoke, two, None, note("key.revoke")).await;
    assert!(matches!(refused, Err(StoreError::LastKey)), "{refused:?}");

    let far = Some(claviger_model::Timestamp::from_millis(4_102_444_800_000));
    let told = async |number| {
        let digest = claviger_model::Digest::from_bytes([number; 32]);
        let told = record(store, digest).await;
        (told.state, told.ends_at, told.expires_at)
    };
    assert_eq!(told(1).await, (KeyState::Active, far, None));
    assert_eq!(told(2).await, (KeyState::Active, None, None));
    assert_eq!(told(3).await, (KeyState::Disabled, None, far));
    assert_eq!(told(4).await, (KeyState::Revoked, Some(claviger_model::Timestamp::from_millis(5)), None));

    let client = client(store).await;
    let bob = held(store, owner, client, MemberId::from_bytes([5; 16])).await;
    assert_eq!(record(store, bob.access).await.expires_at, Some(after_now(600)));
    granted_in_its_own(store, client).await;
    change(store, kept, KeyChange::Rename(None)).await.unwrap();
    let (_, records) = load(store, NOW).await;
    let of_clients =
        |record: &&Record| matches!(record, Record::Secret(one) if one.expires_at == Some(after_now(600)));
    assert_eq!(records.iter().filter(of_clients).count(), 2);
    assert!(matches!(store.check_audit().await.unwrap(), ChainCheck::Whole { .. }));
}
