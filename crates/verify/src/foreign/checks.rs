//! Checking what was presented against hashes: a few at a time, each once, and no key's turn taken by another's wrong
//! guesses.

use std::{collections::HashMap, sync::Arc, time::Duration};

use claviger_model::{Clock, Digest, KeyId, foreign::ForeignSecret};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use super::{FirstUse, HashCheck, recent::Recent};
use crate::Indeterminate;

/// Most hashes that are checked at once: each takes a thread, and as much memory as it was made to take.
const AT_ONCE_MAX: usize = 4;
/// How long a check waits for each of its turns.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most checks that are under way or wait.
const UNDER_WAY: usize = 256;
/// Those of them that are found by the same characters.
const OF_ONE_LOOKUP: usize = 2;
/// What is remembered of guesses that were wrong, and of keys that were right, twice as many at most.
const REMEMBERED: usize = 16 << 10;
/// First uses that wait to be kept. More than that are checked again.
const WAITING: usize = 10_000;
/// Those that are kept together.
const TOGETHER: usize = 100;

/// What was presented, and what it may be.
pub(crate) struct Asked<'a> {
    pub(crate) api: &'a Arc<str>,
    /// By which characters the candidates were found.
    pub(crate) lookup: &'a str,
    /// What their hashes are of.
    pub(crate) secret: &'a [u8],
    pub(crate) digest: Digest,
}

/// A secret that may be the presented one.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) stand_in: Digest,
    pub(crate) key: KeyId,
    pub(crate) number: u16,
    pub(crate) foreign: Arc<ForeignSecret>,
}

/// What came of a check: the secret, if it is one of the candidates.
type Outcome = Result<Option<FirstUse>, Indeterminate>;

/// All checks of a node, and what they taught it.
pub(crate) struct Checks {
    clock: Arc<dyn Clock>,
    by: RwLock<Option<Arc<dyn HashCheck>>>,
    slots: Arc<Semaphore>,
    /// The turns of those whose lookup a wrong guess was made at: they never take every slot for long.
    suspects: Arc<Semaphore>,
    state: Mutex<State>,
    learnt: Notify,
}

struct State {
    /// Stand-ins, each with a digest whose key it isn't.
    wrong: Recent<(Digest, Digest), ()>,
    /// Lookups at which guesses were wrong.
    suspected: Recent<Box<str>, ()>,
    right: Recent<Digest, FirstUse>,
    /// Of the right ones those that the store doesn't have yet, as far as is known.
    waiting: HashMap<Digest, FirstUse>,
    under_way: HashMap<(Arc<str>, Digest), watch::Receiver<Option<Outcome>>>,
    of_lookup: HashMap<Box<str>, usize>,
}

/// One check that is under way.
struct Check {
    api: Arc<str>,
    lookup: Box<str>,
    secret: zeroize::Zeroizing<Vec<u8>>,
    digest: Digest,
    candidates: Vec<Candidate>,
    by: Arc<dyn HashCheck>,
}

impl Checks {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        // On two processors one of them is left for everything else.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = (processors / 2).clamp(1, AT_ONCE_MAX);
        Arc::new(Self {
            clock,
            by: RwLock::default(),
            slots: Arc::new(Semaphore::new(at_once)),
            suspects: Arc::new(Semaphore::new((at_once / 2).max(1))),
            state: Mutex::new(State {
                wrong: Recent::new(REMEMBERED),
                suspected: Recent::new(REMEMBERED),
                right: Recent::new(REMEMBERED),
                waiting: HashMap::new(),
                under_way: HashMap::new(),
                of_lookup: HashMap::new(),
            }),
            learnt: Notify::new(),
        })
    }

    /// From here on hashes are computed by `by`.
    pub(crate) fn compute_by(&self, by: Arc<dyn HashCheck>) {
        *self.by.write() = Some(by);
    }

    /// What was learnt of the key with this digest.
    pub(crate) fn recall(&self, digest: &Digest) -> Option<FirstUse> {
        self.state.lock().right.get(digest).copied()
    }

    /// Has a first use kept that isn't, as far as is known.
    pub(crate) fn keep(&self, first_use: FirstUse) {
        let mut state = self.state.lock();
        if state.waiting.len() < WAITING {
            state.waiting.insert(first_use.digest, first_use);
            self.learnt.notify_one();
        }
    }

    /// Which of the candidates was presented. What is fast is checked at once; what isn't, is waited for.
    pub(crate) async fn find(self: &Arc<Self>, asked: Asked<'_>, candidates: Vec<Candidate>) -> Outcome {
        if candidates.is_empty() {
            return Ok(None);
        }
        let Some(by) = self.by.read().clone() else { return Err(Indeterminate::FirstUse) };
        let (mut slow, mut is_known) = (Vec::new(), true);
        for candidate in candidates {
            let scheme = candidate.foreign.hash.scheme();
            if !scheme.is_fast() {
                slow.push(candidate);
                continue;
            }
            match by.is_of(asked.api, &scheme, asked.secret) {
                Some(true) => return Ok(Some(self.learn(asked.digest, &candidate))),
                Some(false) => {}
                None => is_known = false,
            }
        }
        let found = match self.begin(&asked, slow, by) {
            Ok(None) => Ok(None),
            Ok(Some(mut outcome)) => match outcome.wait_for(Option::is_some).await {
                Ok(outcome) => outcome.unwrap_or(Err(Indeterminate::FirstUse)),
                Err(_ended) => Err(Indeterminate::FirstUse),
            },
            Err(indeterminate) => Err(indeterminate),
        };
        if is_known || found != Ok(None) { found } else { Err(Indeterminate::FirstUse) }
    }

    /// Begins the check of what isn't known to be wrong, or joins one of the same; `None` where nothing is left to check.
    fn begin(
        self: &Arc<Self>,
        asked: &Asked<'_>,
        mut candidates: Vec<Candidate>,
        by: Arc<dyn HashCheck>,
    ) -> Result<Option<watch::Receiver<Option<Outcome>>>, Indeterminate> {
        let mut state = self.state.lock();
        candidates.retain(|candidate| state.wrong.get(&(candidate.stand_in, asked.digest)).is_none());
        if candidates.is_empty() {
            return Ok(None);
        }
        let place = (Arc::clone(asked.api), asked.digest);
        if let Some(outcome) = state.under_way.get(&place) {
            return Ok(Some(outcome.clone()));
        }
        let of_lookup = state.of_lookup.get(asked.lookup).copied().unwrap_or(0);
        if state.under_way.len() >= UNDER_WAY || of_lookup >= OF_ONE_LOOKUP {
            return Err(Indeterminate::FirstUse);
        }
        let (told, outcome) = watch::channel(None);
        state.under_way.insert(place, outcome.clone());
        state.of_lookup.insert(asked.lookup.into(), of_lookup + 1);
        let check = Check {
            api: Arc::clone(asked.api),
            lookup: asked.lookup.into(),
            secret: asked.secret.to_vec().into(),
            digest: asked.digest,
            candidates,
            by,
        };
        let checks = Arc::clone(self);
        // Whoever asked may go: what it comes to is remembered.
        tokio::spawn(async move {
            let outcome = checks.make(&check).await;
            checks.end(&check);
            told.send_replace(Some(outcome));
        });
        Ok(Some(outcome))
    }

    /// Checks one candidate after the other, each in a turn of its own.
    async fn make(self: &Arc<Self>, check: &Check) -> Outcome {
        for candidate in &check.candidates {
            let is_suspect = self.state.lock().suspected.get(&check.lookup).is_some();
            let suspect = if is_suspect { Some(turn(&self.suspects).await?) } else { None };
            let slot = turn(&self.slots).await?;
            let begun = self.clock.boot();
            let (by, api, secret) = (Arc::clone(&check.by), Arc::clone(&check.api), check.secret.clone());
            let foreign = Arc::clone(&candidate.foreign);
            let computed = tokio::task::spawn_blocking(move || {
                let is_it = by.is_of(&api, &foreign.hash.scheme(), &secret);
                drop(slot);
                is_it
            });
            let is_it = computed.await.unwrap_or_else(|error| {
                tracing::error!(%error, key = %candidate.key, "a hash can't be checked");
                None
            });
            if let Some(suspect) = suspect {
                rest(suspect, self.clock.boot().since(begun));
            }
            match is_it {
                Some(true) => return Ok(Some(self.learn(check.digest, candidate))),
                Some(false) => {
                    let mut state = self.state.lock();
                    state.wrong.insert((candidate.stand_in, check.digest), ());
                    state.suspected.insert(check.lookup.clone(), ());
                }
                None => return Err(Indeterminate::FirstUse),
            }
        }
        Ok(None)
    }

    fn end(&self, check: &Check) {
        let mut state = self.state.lock();
        state.under_way.remove(&(Arc::clone(&check.api), check.digest));
        if let Some(left) = state.of_lookup.get_mut(&check.lookup) {
            *left -= 1;
            if *left == 0 {
                state.of_lookup.remove(&check.lookup);
            }
        }
    }

    fn learn(&self, digest: Digest, of: &Candidate) -> FirstUse {
        let first_use = FirstUse { key: of.key, secret: of.number, stand_in: of.stand_in, digest };
        self.state.lock().right.insert(digest, first_use);
        self.keep(first_use);
        first_use
    }

    /// Returns some of those that the store doesn't have, when there are any.
    pub(crate) async fn waiting(&self) -> Vec<FirstUse> {
        loop {
            let told = self.learnt.notified();
            let some: Vec<_> = self.state.lock().waiting.values().take(TOGETHER).copied().collect();
            if !some.is_empty() {
                return some;
            }
            told.await;
        }
    }

    /// The store has these.
    pub(crate) fn kept(&self, kept: &[FirstUse]) {
        let mut state = self.state.lock();
        for first_use in kept {
            state.waiting.remove(&first_use.digest);
        }
    }
}

async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Indeterminate> {
    match tokio::time::timeout(PATIENCE, Arc::clone(turns).acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) | Err(_) => Err(Indeterminate::FirstUse),
    }
}

/// A turn that wrong guesses are made in rests for as long as it took, so that a flood of them leaves half of it.
fn rest(turn: OwnedSemaphorePermit, took: Duration) {
    tokio::spawn(async move {
        tokio::time::sleep(took).await;
        drop(turn);
    });
}
