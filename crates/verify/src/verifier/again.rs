//! Judging again what was let in and hasn't ended.

use claviger_model::{
    Attempt, Denial, Digest, Timestamp, decide,
    profile::{Mode, Profile},
};

use super::Verifier;
use crate::{Indeterminate, Permit};

impl Verifier {
    /// Whether the attempt that `permit` was given for would be allowed now. For what lasts: a stream, a long upload.
    ///
    /// Nothing is counted and no limit is drawn on: the call was counted when it was let in. Where it can't be known it
    /// is an error, as always, and what lasts may go on meanwhile, but for [`Indeterminate::LeaseLost`]: the lease that
    /// it was found good under is over. An api that only observes ends nothing.
    pub fn still_holds(
        &self,
        profile: &Profile,
        permit: &Permit,
        attempt: &Attempt<'_>,
    ) -> Result<Result<(), Denial>, Indeterminate> {
        if profile.mode == Mode::Observe {
            return Ok(Ok(()));
        }
        let at = self.clock.now();
        match self.check_lease(at, profile.lease) {
            Err(Indeterminate::NotReady) if self.lease.is_over(self.clock.boot(), profile.lease) => {
                Err(Indeterminate::LeaseLost)
            }
            Err(indeterminate) => Err(indeterminate),
            Ok(()) => self.decide_again(profile, permit.digest(), attempt, at),
        }
    }

    /// Decides at `at` what was decided before, once the lease was found to hold.
    pub(super) fn decide_again(
        &self,
        profile: &Profile,
        digest: &Digest,
        attempt: &Attempt<'_>,
        at: Timestamp,
    ) -> Result<Result<(), Denial>, Indeterminate> {
        let held = self.replica.load().find(digest).or_else(|| self.recall(digest));
        let Some(held) = held else { return Ok(Err(Denial::Unknown)) };
        if self.is_in_doubt(&held, at) {
            return Err(Indeterminate::Clock);
        }
        Ok(decide(&held.facts(), &profile.rules(), attempt, at).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use claviger_model::{
        AccountState, Clock as _, KeyState, Policy, Restrictions,
        restriction::{Endpoints, Networks, Quotas, Rates},
    };

    use super::*;
    use crate::{
        Decision,
        fake::{
            LEASE, NEW_YEAR, Node, REQUEST, account, account_id, at_once, digest, first_account, get, plain,
            profile, revoked, scoped, secret, terms,
        },
        feed::{AccountRecord, Record, SecretRecord, Terms},
    };

    const HOUR: Duration = Duration::from_hours(1);
    const PATH: &str = "/reports/1";

    /// A node that knows the key 1, and the permit for a request that is still open.
    async fn open() -> (Node, Permit) {
        let node = Node::loaded(vec![vec![first_account(), Record::Secret(secret(1))]]).await;
        let (key, attempt) = (plain(1), get(PATH));
        let judged = node.verifier.verify(&node.profile, Ok(key.as_bytes()), &attempt, REQUEST);
        let Ok(Decision::Allow(permit)) = at_once(judged) else { panic!("a good key is allowed") };
        (node, permit)
    }

    fn holds(node: &Node, permit: &Permit) -> Result<Result<(), Denial>, Indeterminate> {
        node.verifier.still_holds(&node.profile, permit, &get(PATH))
    }

    fn restricted(restrictions: Restrictions) -> SecretRecord {
        let Terms { policy, created_by } = (*terms("ada")).clone();
        let policy = Policy { restrictions, ..policy };
        SecretRecord { terms: Arc::new(Terms { policy, created_by }), ..secret(1) }
    }

    #[tokio::test]
    async fn it_holds_until_something_would_refuse_it() {
        let ended = Some(NEW_YEAR);
        let elsewhere = Restrictions {
            networks: Some(Networks::parse(&["203.0.113.0/24"]).unwrap()),
            ..Restrictions::default()
        };
        let other_path = Restrictions {
            endpoints: Some(Endpoints::parse(&["GET /other/**"]).unwrap()),
            ..Restrictions::default()
        };
        for (change, denial) in [
            (Record::Secret(revoked(1, NEW_YEAR)), Denial::Revoked(NEW_YEAR)),
            (Record::Secret(SecretRecord { ends_at: ended, ..secret(1) }), Denial::Revoked(NEW_YEAR)),
            (Record::Secret(SecretRecord { expires_at: ended, ..secret(1) }), Denial::Expired(NEW_YEAR)),
            (Record::Secret(SecretRecord { state: KeyState::Disabled, ..secret(1) }), Denial::Disabled),
            (Record::NoSecret(digest(1)), Denial::Unknown),
            (
                Record::Account(AccountRecord {
                    state: AccountState::Suspended,
                    ..account(account_id(1), "example")
                }),
                Denial::Disabled,
            ),
            (Record::Secret(scoped(1, &["reports:write"])), Denial::Scope("reports:read".parse().unwrap())),
            (Record::Secret(restricted(elsewhere)), Denial::Network),
            (Record::Secret(restricted(other_path)), Denial::Endpoint),
        ] {
            let (node, permit) = open().await;
            node.verifier.take(Record::Secret(secret(2)));
            node.verifier.take(Record::Secret(SecretRecord { terms: terms("bob"), ..secret(1) }));
            node.verifier.take(Record::Secret(scoped(1, &["reports:read"])));
            assert_eq!(holds(&node, &permit), Ok(Ok(())), "what else changes doesn't matter");
            node.verifier.take(change);
            assert_eq!(holds(&node, &permit), Ok(Err(denial)));
        }
    }

    #[tokio::test]
    async fn time_ends_it_too() {
        let (node, permit) = open().await;
        let ends_at = NEW_YEAR.plus(Duration::from_secs(5));
        node.verifier.take(Record::Secret(SecretRecord { ends_at: Some(ends_at), ..secret(1) }));
        assert_eq!(holds(&node, &permit), Ok(Ok(())));
        node.clock.pass(Duration::from_secs(5));
        assert_eq!(holds(&node, &permit), Ok(Err(Denial::Revoked(ends_at))));
    }

    #[tokio::test]
    async fn it_is_no_use_of_the_key_and_draws_on_no_limit() {
        let (node, permit) = open().await;
        assert_eq!(node.verifier.pending_usage().counts.len(), 1, "it was counted when it was let in");
        let limits = Restrictions {
            rates: Some(Rates::new(vec!["1/3600s".parse().unwrap()]).unwrap()),
            quotas: Some(Quotas::new(vec!["1/day".parse().unwrap()]).unwrap()),
            ..Restrictions::default()
        };
        node.verifier.take(Record::Secret(restricted(limits)));
        for _ in 0..5 {
            assert_eq!(holds(&node, &permit), Ok(Ok(())));
        }
        node.verifier.take(Record::Secret(revoked(1, NEW_YEAR)));
        assert!(matches!(holds(&node, &permit), Ok(Err(_))));
        let usage = node.verifier.pending_usage();
        assert!(usage.counts.is_empty() && usage.denials.is_empty(), "{usage:?}");
    }

    #[tokio::test]
    async fn it_ends_with_the_lease_and_no_earlier() {
        let (mut node, permit) = open().await;
        let left = node.verifier.lease_left().unwrap();
        let last = Duration::from_millis(1);
        node.clock.pass(left.saturating_sub(last));
        assert_eq!(holds(&node, &permit), Ok(Ok(())));
        node.clock.pass(last);
        assert_eq!(holds(&node, &permit), Err(Indeterminate::LeaseLost));
        node.renew().await;
        assert_eq!(holds(&node, &permit), Ok(Ok(())));
    }

    #[tokio::test]
    async fn a_stricter_api_s_ends_with_its_own_lease() {
        let (node, permit) = open().await;
        let strict = profile("lease = \"2s\"");
        node.clock.pass(Duration::from_secs(2));
        assert_eq!(node.verifier.still_holds(&strict, &permit, &get(PATH)), Err(Indeterminate::LeaseLost));
        assert_eq!(holds(&node, &permit), Ok(Ok(())));
    }

    #[tokio::test]
    async fn while_the_keys_are_loaded_anew_it_can_not_be_known_until_the_lease_would_be_over() {
        let (mut node, permit) = open().await;
        node.verifier.stop();
        assert_eq!(holds(&node, &permit), Err(Indeterminate::NotReady));
        node.clock.pass(LEASE);
        assert_eq!(holds(&node, &permit), Err(Indeterminate::LeaseLost));
        node.follower.load().await.unwrap();
        assert_eq!(holds(&node, &permit), Ok(Ok(())));
    }

    #[tokio::test]
    async fn where_it_depends_on_whose_clock_is_right_it_can_not_be_known() {
        let (node, permit) = open().await;
        node.verifier.source_clock(node.clock.boot(), NEW_YEAR.plus(HOUR));
        let expires_at = Some(NEW_YEAR.plus(HOUR / 2));
        node.verifier.take(Record::Secret(SecretRecord { expires_at, ..secret(1) }));
        assert_eq!(holds(&node, &permit), Err(Indeterminate::Clock));
    }
}
