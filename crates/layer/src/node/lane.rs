//! Lets equal attempts that wait at the same time share one question.
//!
//! Each kind of attempt has a lane: one question in flight at most, and those who gather for the next. A question is
//! for those who had gathered when it was sent, and for nobody who comes later: an answer that was under way already
//! may be from before a change that the latecomer relies on.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{
    Asking,
    answer::{self, Judged},
    question, too_slow,
};
use crate::{Decision, Indeterminate, RemotePermit, attempt::Attempt};

/// Most attempts that one question stands for: what a node takes as `count`.
const GROUP_MAX: usize = 100;

/// What one of those who wait is told.
type Told = Result<Decision<RemotePermit>, Indeterminate>;
type Waiters = Vec<oneshot::Sender<Told>>;

/// The lanes that are open: for each kind of attempt those who gather.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<Arc<Attempt>, Waiters>>);

impl Lanes {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Attempt>, Waiters>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gathers with those whose attempts are equal, and opens their lane where it isn't open.
pub(super) fn join(asking: &Arc<Asking>, attempt: Attempt) -> oneshot::Receiver<Told> {
    let (waiter, told) = oneshot::channel();
    let mut lanes = asking.lanes.lock();
    match lanes.entry(Arc::new(attempt)) {
        Entry::Occupied(mut lane) => {
            let gathered = lane.get_mut();
            // Those who gave up are let go of before room is made for more.
            if gathered.len() == gathered.capacity() {
                gathered.retain(|waiter| !waiter.is_closed());
            }
            gathered.push(waiter);
        }
        Entry::Vacant(place) => {
            let attempt = Arc::clone(place.key());
            place.insert(vec![waiter]);
            tokio::spawn(drive(Arc::clone(asking), attempt));
        }
    }
    told
}

/// Asks for one group after another until nobody has gathered.
async fn drive(asking: Arc<Asking>, attempt: Arc<Attempt>) {
    let mut lane = Lane { lanes: &asking.lanes, attempt: &attempt, open: true };
    loop {
        let turn = asking.questions.acquire().await.expect("it is never closed");
        let Some(group) = lane.take_group() else { return };
        let judged = ask(&asking, &attempt, group.len()).await;
        drop(turn);
        tell(group, judged);
    }
}

async fn ask(asking: &Asking, attempt: &Attempt, count: usize) -> Result<Judged, Indeterminate> {
    let brought = asking.transport.bring(question::write(asking, attempt, count));
    match tokio::time::timeout(asking.time_out, brought).await {
        Ok(Ok((status, body))) => {
            answer::read(status, &body, &attempt.api, count).map_err(Indeterminate::new)
        }
        Ok(Err(reason)) => Err(Indeterminate::new(reason)),
        Err(_elapsed) => Err(too_slow(asking.time_out)),
    }
}

/// Tells the first as many as were allowed that they may pass. Whoever has left meanwhile takes nobody's place.
fn tell(group: Waiters, judged: Result<Judged, Indeterminate>) {
    let (mut allowed, denied) = match judged {
        Ok(Judged { allowed, denied }) => (allowed, denied.map(|answer| Ok(Decision::Deny(answer)))),
        Err(indeterminate) => (None, Some(Err(indeterminate))),
    };
    for waiter in group {
        if let Some((room, allowed)) = allowed.as_mut().filter(|(room, _)| *room > 0) {
            if waiter.send(Ok(Decision::Allow(allowed.clone()))).is_ok() {
                *room -= 1;
            }
        } else if let Some(told) = denied.clone() {
            // Whoever has left needs no answer.
            let _ = waiter.send(told);
        }
    }
}

/// An open lane. It is closed when nobody has gathered, and also where whoever asks comes to a sudden end.
struct Lane<'a> {
    lanes: &'a Lanes,
    attempt: &'a Arc<Attempt>,
    open: bool,
}

impl Lane<'_> {
    /// Those who gathered first, as many as one question may stand for; closes the lane where there is nobody.
    fn take_group(&mut self) -> Option<Waiters> {
        let mut lanes = self.lanes.lock();
        let gathered = lanes.get_mut(self.attempt)?;
        gathered.retain(|waiter| !waiter.is_closed());
        if gathered.is_empty() {
            lanes.remove(self.attempt);
            self.open = false;
            return None;
        }
        let later = gathered.split_off(gathered.len().min(GROUP_MAX));
        Some(mem::replace(gathered, later))
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        if self.open {
            self.lanes.lock().remove(self.attempt);
        }
    }
}
