//! Whether an application is who it says, by its secret.

use std::sync::Arc;

use claviger_model::{ClientId, Digest, profile::Profile};

use super::Verifier;
use crate::{Indeterminate, feed::ClientRecord};

impl Verifier {
    /// The application of this api that has the id `id` and the secret `presented`, if both belong together and work now.
    pub fn client(
        &self,
        profile: &Profile,
        id: ClientId,
        presented: &[u8],
    ) -> Result<Option<Arc<ClientRecord>>, Indeterminate> {
        let now = self.clock.now();
        self.check_lease(now, profile.lease)?;
        let held = self.replica.load().find_client_secret(&Digest::of(presented));
        let is_meant = |client: &ClientRecord| client.id == id && client.api == profile.name;
        let Some(held) = held.filter(|held| is_meant(&held.client) && !held.revoked) else { return Ok(None) };
        if self.doubt.lies_between(held.ends_at, now) {
            return Err(Indeterminate::Clock);
        }
        Ok(held.ends_at.is_none_or(|at| now < at).then_some(held.client))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use claviger_model::{Clock as _, Scopes, Timestamp};

    use super::*;
    use crate::{
        fake::{LEASE, NEW_YEAR, Node, profile},
        feed::{ClientSecretRecord, Record},
    };

    const HOUR: Duration = Duration::from_hours(1);

    const APP: ClientId = ClientId::from_bytes([4; 16]);

    fn client_secret(plain: &str, ends_at: Option<Timestamp>, revoked: bool) -> Record {
        let client = ClientRecord {
            id: APP,
            api: "example".into(),
            account: None,
            name: "Ledger".to_owned(),
            scopes: Scopes::All,
            introspects: true,
        };
        let digest = Digest::of(plain.as_bytes());
        Record::ClientSecret(ClientSecretRecord { digest, client: Arc::new(client), ends_at, revoked })
    }

    impl Node {
        fn knows(&self, id: ClientId, presented: &str) -> Result<bool, Indeterminate> {
            let found = self.verifier.client(&self.profile, id, presented.as_bytes())?;
            Ok(found.is_some_and(|client| client.introspects))
        }
    }

    #[tokio::test]
    async fn an_application_is_known_by_its_own_secrets_until_they_end() {
        let over = Some(NEW_YEAR.plus(HOUR));
        let node =
            Node::loaded(vec![vec![client_secret("old", over, false), client_secret("new", None, false)]])
                .await;
        assert_eq!((node.knows(APP, "old"), node.knows(APP, "new")), (Ok(true), Ok(true)));
        for (id, presented) in [(APP, ""), (APP, "New"), (ClientId::from_bytes([5; 16]), "new")] {
            assert_eq!(node.knows(id, presented), Ok(false), "{id} {presented}");
        }
        let elsewhere = Profile { name: "another".into(), ..profile("") };
        assert!(node.verifier.client(&elsewhere, APP, b"new").unwrap().is_none());
        node.clock.pass(HOUR);
        node.verifier.confirm(node.clock.boot());
        assert_eq!((node.knows(APP, "old"), node.knows(APP, "new")), (Ok(false), Ok(true)));
        node.verifier.take(client_secret("new", Some(NEW_YEAR), true));
        assert_eq!(node.knows(APP, "new"), Ok(false));
        node.verifier.take(client_secret("new", None, false));
        assert_eq!(node.knows(APP, "new"), Ok(false), "what was revoked stays so");
    }

    #[tokio::test]
    async fn without_a_lease_it_is_not_known_who_an_application_is() {
        let mut node = Node::new(vec![vec![client_secret("s", None, false)]]);
        assert_eq!(node.knows(APP, "s"), Err(Indeterminate::NotReady));
        node.follower.load().await.unwrap();
        assert_eq!(node.knows(APP, "s"), Ok(true));
        node.clock.pass(LEASE);
        for presented in ["s", "wrong"] {
            assert_eq!(node.knows(APP, presented), Err(Indeterminate::LeaseLost));
        }
        node.renew().await;
        assert_eq!(node.knows(APP, "s"), Ok(true));
    }

    #[tokio::test]
    async fn an_overlap_that_ends_between_two_clocks_is_in_doubt() {
        let over = Some(NEW_YEAR.plus(HOUR / 2));
        let node =
            Node::loaded(vec![vec![client_secret("old", over, false), client_secret("gone", over, true)]])
                .await;
        node.verifier.source_clock(node.clock.boot(), NEW_YEAR.plus(HOUR));
        assert_eq!(node.knows(APP, "old"), Err(Indeterminate::Clock));
        assert_eq!(node.knows(APP, "gone"), Ok(false));
    }

    #[tokio::test]
    async fn a_revocation_of_an_application_that_the_source_lost_holds() {
        let told = [client_secret("s", None, false), client_secret("s", Some(NEW_YEAR), true)];
        let mut node = Node::loaded(told.into_iter().map(|record| vec![record]).collect()).await;
        node.source.told.lock().log.truncate(1);
        node.renew().await;
        assert_eq!(node.knows(APP, "s"), Err(Indeterminate::NotReady));
        node.follower.load().await.unwrap();
        assert_eq!(node.knows(APP, "s"), Ok(false));
    }
}
