//! Settings, and which history this is.

use super::Fixture;

#[tokio::test]
async fn a_setting_keeps_its_first_value() {
    let Fixture { store, .. } = &Fixture::new().await;
    assert_eq!(store.setting("check").await.unwrap(), None);
    assert_eq!(store.put_setting_if_absent("check", b"one".to_vec()).await.unwrap(), b"one");
    assert_eq!(store.put_setting_if_absent("check", b"two".to_vec()).await.unwrap(), b"one");
    assert_eq!(store.setting("check").await.unwrap().as_deref(), Some(b"one".as_slice()));
}

#[tokio::test]
async fn the_installation_is_a_fact_of_the_database() {
    let (one, other) = (Fixture::new().await, Fixture::new().await);
    assert_ne!(one.store.installation(), other.store.installation());
    let before = one.store.installation();
    assert_eq!(one.restarted().await.store.installation(), before);
}
