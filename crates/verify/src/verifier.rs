//! The one way through: lease, form, digest, look-up, decision, count.

mod again;
mod client;
mod count;
mod fed;
mod figures;
mod first_use;
mod inspect;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use claviger_model::{
    Attempt, Clock, Denial, Digest, Environment, KeyId, KeyState, NodeId, RequestId, Timestamp, decide,
    key::KeyFormat,
    operator_key_format,
    profile::{Mode, Profile},
};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use self::count::has_limits;
pub use self::inspect::Inspected;
use crate::{
    Indeterminate, Objection, OperatorPermit, Permit, Readiness,
    doubt::Doubt,
    feed::Seq,
    foreign::Checks,
    lease::Lease,
    limits::{Limiter, QuotaLedger, SharedLimits},
    replica::{Held, Replica},
    usage::{Gatherer, SecretRef, Seen},
};

/// What became of an attempt.
#[derive(Clone, Debug)]
pub enum Decision {
    /// It is allowed.
    Allow(Permit),
    /// It is refused, and why.
    Deny(Denial),
    /// It passes although it isn't allowed, and why it isn't: the api only observes. Nothing is proved of who asks.
    Observe(Objection),
}

/// Decides who may do what, from memory alone.
///
/// A [`Follower`](crate::Follower) keeps it up to date. Until one has loaded the keys, and whenever none has confirmed
/// them within the lease, there are no decisions.
pub struct Verifier {
    clock: Arc<dyn Clock>,
    lease: Lease,
    doubt: Doubt,
    replica: ArcSwap<Replica>,
    applied: watch::Sender<Seq>,
    acked: watch::Sender<Seq>,
    node: Mutex<Option<NodeId>>,
    /// The boot clock can't be believed: the follower is to ask at once.
    doubted: Notify,
    revived: watch::Sender<Vec<KeyId>>,
    operator_format: KeyFormat,
    usage: Gatherer,
    /// By the number of the reason.
    undecided: [AtomicU64; Indeterminate::ALL.len()],
    breaks: AtomicU64,
    limits: Limiter,
    checks: Arc<Checks>,
}

/// Something presented that is no key of the api, as far as is known, and the environment it claims by its form.
struct Stranger<'a> {
    denial: Denial,
    environment: Option<Environment>,
    /// What has the form of a key, and its digest.
    unmet: Option<(&'a [u8], Digest)>,
}

impl From<Denial> for Stranger<'_> {
    fn from(denial: Denial) -> Self {
        Self { denial, environment: None, unmet: None }
    }
}

impl Verifier {
    /// A verifier that knows nothing yet. `lease` is the node's own; a profile may have a shorter one.
    pub fn new(clock: Arc<dyn Clock>, lease: Duration) -> Arc<Self> {
        Self::with_limits(clock, lease, None, None)
    }

    /// The same, with rates that it shares with other nodes, and a ledger of quotas that outlives it. Without the one
    /// rates are this node's own, without the other quotas begin anew with the process.
    pub fn with_limits(
        clock: Arc<dyn Clock>,
        lease: Duration,
        shared: Option<Arc<dyn SharedLimits>>,
        ledger: Option<Arc<dyn QuotaLedger>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            checks: Checks::new(Arc::clone(&clock)),
            clock,
            lease: Lease::new(lease),
            doubt: Doubt::default(),
            replica: ArcSwap::default(),
            applied: watch::Sender::default(),
            acked: watch::Sender::default(),
            node: Mutex::default(),
            doubted: Notify::new(),
            revived: watch::Sender::default(),
            operator_format: operator_key_format(),
            usage: Gatherer::default(),
            undecided: Default::default(),
            breaks: AtomicU64::default(),
            limits: Limiter::new(shared, ledger),
        })
    }

    /// Decides an attempt on an api, and counts it.
    ///
    /// `presented` is the credential that was found, or the objection to how it was presented. The lease comes first:
    /// a look-up before it could be followed by a lease that was granted after what it saw had changed.
    ///
    /// It waits for nothing but a key's own limits: at most 50 ms for rates that nodes share, and for the ledger where
    /// the calls reserved of a quota are used. For keys without limits it is ready at once. What may be the first use of a
    /// key that is known by another system's hash waits a second for each of its turns, and for the check.
    pub async fn verify(
        &self,
        profile: &Profile,
        presented: Result<&[u8], Denial>,
        attempt: &Attempt<'_>,
        request: RequestId,
    ) -> Result<Decision, Indeterminate> {
        let now = self.clock.now();
        let decided = match self.check_lease(now, profile.lease) {
            Ok(()) => self.look_up(profile, presented, attempt, request, now).await,
            Err(indeterminate) => Err(indeterminate),
        };
        if let Err(indeterminate) = decided {
            self.undecided[indeterminate as usize].fetch_add(1, Ordering::Relaxed);
        }
        match (profile.mode, decided) {
            (Mode::Observe, Ok(Decision::Deny(denial))) => Ok(Decision::Observe(Objection::Denied(denial))),
            (Mode::Observe, Err(indeterminate)) => Ok(Decision::Observe(Objection::Undecided(indeterminate))),
            (_, decided) => decided,
        }
    }

    /// What is decided at `now` once the lease was found to hold.
    pub(crate) async fn look_up(
        &self,
        profile: &Profile,
        presented: Result<&[u8], Denial>,
        attempt: &Attempt<'_>,
        request: RequestId,
        now: Timestamp,
    ) -> Result<Decision, Indeterminate> {
        let masked = keepable_path(profile, attempt);
        let kept = Attempt { path: masked.as_deref().or(attempt.path), ..*attempt };
        let is_observed = profile.mode == Mode::Observe;
        let mut seen = Seen { api: &profile.name, at: now, attempt: &kept, request, is_observed };
        let mut recognised = self.recognise(profile, presented);
        if let Err(Stranger { unmet: Some((presented, digest)), .. }) = recognised
            && profile.takes_hashes()
            // In a box, as what waits is.
            && let Some((held, at)) = Box::pin(self.first_use(profile, presented, digest)).await?
        {
            (recognised, seen.at) = (Ok(held), at);
        }
        match recognised {
            Ok(held) if self.is_in_doubt(&held, seen.at) => Err(Indeterminate::Clock),
            Ok(held) => self.judge(profile, held, attempt, &seen).await,
            Err(Stranger { denial, environment, .. }) => {
                self.usage.denied(&seen, None, environment, &denial);
                Ok(Decision::Deny(denial))
            }
        }
    }

    /// The api whose key this is, for those who ask about a key without naming its api; it is looked for by the digest of
    /// the whole key. Nothing is counted: the attempt itself is still to come.
    pub fn api_of(&self, presented: &[u8]) -> Result<Option<Arc<str>>, Indeterminate> {
        self.check_lease(self.clock.now(), None)?;
        let held = self.replica.load().find(&Digest::of(presented));
        Ok(held.map(|held| Arc::clone(&held.account.api)))
    }

    /// The operator whose key this is, if it is one. A key of an api never is.
    pub fn operator(&self, presented: &[u8]) -> Result<Option<OperatorPermit>, Indeterminate> {
        self.check_lease(self.clock.now(), None)?;
        if self.operator_format.parse(presented).is_err() {
            return Ok(None);
        }
        let record = self.replica.load().find_operator(&Digest::of(presented));
        Ok(record.map(OperatorPermit::new))
    }

    /// The operator whose key has this digest: for sessions, which keep the digest and not the key, and ask anew at
    /// each request, so that they end with the key. Whoever begins one shows the key to [`Verifier::operator`].
    pub fn operator_by_digest(&self, digest: &Digest) -> Result<Option<OperatorPermit>, Indeterminate> {
        self.check_lease(self.clock.now(), None)?;
        Ok(self.replica.load().find_operator(digest).map(OperatorPermit::new))
    }

    /// The last change that every decision from now on takes into account; 0 while the keys are being loaded.
    pub fn applied(&self) -> Seq {
        *self.applied.borrow()
    }

    /// Waits until the change `seq` is taken into account, for at most so long; whether it is.
    pub async fn wait_applied(&self, seq: Seq, at_most: Duration) -> bool {
        let mut applied = self.applied.subscribe();
        let reached = applied.wait_for(|applied| *applied >= seq);
        matches!(tokio::time::timeout(at_most, reached).await, Ok(Ok(_)))
    }

    /// Waits until this node has confirmed the change `seq` to the source, for at most so long. A hint that the source
    /// is worth asking who else has.
    pub async fn wait_acked(&self, seq: Seq, at_most: Duration) {
        let mut acked = self.acked.subscribe();
        let reached = acked.wait_for(|acked| *acked >= seq);
        if let Err(late) = tokio::time::timeout(at_most, reached).await {
            tracing::trace!(%seq, %late, "not confirmed yet");
        }
    }

    /// Which member this node is; `None` until it joined.
    pub fn node(&self) -> Option<NodeId> {
        *self.node.lock()
    }

    /// Returns the keys that the source takes for good although this node knew them revoked: the source lost changes
    /// that had been committed. They stay revoked here; whoever asks revokes them in the source again.
    pub async fn revived(&self) -> Vec<KeyId> {
        let mut revived = self.revived.subscribe();
        let told = revived.wait_for(|keys| !keys.is_empty()).await.is_ok();
        // The sender is this verifier's own: it is there as long as anybody waits.
        if told { self.revived.send_replace(Vec::new()) } else { std::future::pending().await }
    }

    /// What this node can do for those who ask it, by its own lease.
    pub fn readiness(&self) -> Readiness {
        self.lease.readiness(self.clock.boot())
    }

    /// How long after a change no node can still decide as before it, whatever became of the node.
    pub fn lease_bound(&self) -> Duration {
        self.lease.bound()
    }

    /// How long this node may go on deciding if it hears nothing more of the feed; `None` while nothing is confirmed.
    pub fn lease_left(&self) -> Option<Duration> {
        self.lease.left(self.clock.boot())
    }

    /// The lease comes first: a look-up before it could be followed by a lease that was granted after what it saw had
    /// changed. Where time passed that the boot clock didn't count, there is none.
    pub(crate) fn check_lease(
        &self,
        now: Timestamp,
        stricter: Option<Duration>,
    ) -> Result<(), Indeterminate> {
        let boot = self.clock.boot();
        if self.doubt.has_jumped(now, boot) {
            self.doubts();
        }
        self.lease.check(boot, stricter)
    }

    /// Whether it depends on whose clock is right if the secret has ended.
    fn is_in_doubt(&self, held: &Held, now: Timestamp) -> bool {
        let overlap = held.ends_at.filter(|_| held.state != KeyState::Revoked);
        self.doubt.lies_between(held.expires_at, now) || self.doubt.lies_between(overlap, now)
    }

    fn recognise<'a>(
        &self,
        profile: &Profile,
        presented: Result<&'a [u8], Denial>,
    ) -> Result<Held, Stranger<'a>> {
        let presented = presented?;
        let (digest, environment) = profile.recognise(presented).map_err(Denial::Malformed)?;
        let held = self.replica.load().find(&digest);
        let unmet = Some((presented, digest));
        let unknown = Stranger { denial: Denial::Unknown, environment: Some(environment), unmet };
        held.filter(|held| held.account.api == profile.name).ok_or(unknown)
    }

    async fn judge(
        &self,
        profile: &Profile,
        held: Held,
        attempt: &Attempt<'_>,
        seen: &Seen<'_>,
    ) -> Result<Decision, Indeterminate> {
        let decided = decide(&held.facts(), &profile.rules(), attempt, seen.at);
        let counted = match decided {
            // Apart and in a box, so that keys without limits don't carry what waiting takes.
            Ok(allowed) if has_limits(profile, &held) => {
                let counted = Box::pin(self.count(profile, &held, attempt, seen)).await?;
                counted.map(|standings| (standings, allowed.observed))
            }
            Ok(allowed) => Ok((None, allowed.observed)),
            Err(denial) => Err(denial),
        };
        let secret = SecretRef { key: held.key, secret: held.secret };
        match counted {
            Ok((standings, observed)) => {
                match &observed {
                    None => self.usage.allowed(seen, secret, held.environment),
                    Some(denial) => self.usage.observed(seen, secret, held.environment, denial),
                }
                Ok(Decision::Allow(Permit::new(held, standings, observed.map(Box::new))))
            }
            Err(denial) => {
                self.usage.denied(seen, Some(secret), Some(held.environment), &denial);
                Ok(Decision::Deny(denial))
            }
        }
    }
}

/// The path of `attempt` as it may be kept, where it differs: a segment that has the form of a key is left out of what
/// is counted and shown, for a key that someone put there is still a secret.
fn keepable_path(profile: &Profile, attempt: &Attempt<'_>) -> Option<String> {
    let path = attempt.path?;
    let is_key = |segment: &str| profile.parse_key(segment.as_bytes()).is_ok();
    if !path.split('/').any(is_key) {
        return None;
    }
    let segments: Vec<_> =
        path.split('/').map(|segment| if is_key(segment) { "…" } else { segment }).collect();
    Some(segments.join("/"))
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("applied", &self.applied()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
