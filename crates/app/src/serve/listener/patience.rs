//! How long a connection may let us wait for a request: one timer for each connection, which is looked at when it rings,
//! rather than one for each request, which would cost more than the decision.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

/// Nothing is waited for.
const NOTHING: u64 = u64::MAX;

/// What a connection is waited for. It notes until when; whoever drives the connection looks at it from time to time.
pub(super) struct Patience {
    began: Instant,
    at_most: Duration,
    /// Until when there is to be a request, in milliseconds since the beginning.
    until: AtomicU64,
    over: AtomicBool,
}

impl Patience {
    /// Of a connection that begins now, and is waited for at most so long each time.
    pub(super) fn new(at_most: Duration) -> Arc<Self> {
        let began = tokio::time::Instant::now().into_std();
        let patience = Self { began, at_most, until: AtomicU64::new(NOTHING), over: AtomicBool::new(false) };
        patience.wait_until(began + at_most);
        Arc::new(patience)
    }

    /// A request has come.
    pub(super) fn has_request(&self) {
        self.until.store(NOTHING, Ordering::Relaxed);
        self.over.store(false, Ordering::Relaxed);
    }

    /// Looks whether what is waited for should have come by now, and says when to look again.
    pub(super) fn look(&self, now: Instant) -> Instant {
        let until = self.until.load(Ordering::Relaxed);
        if until == NOTHING {
            return now + self.at_most;
        }
        let until = self.began + Duration::from_millis(until);
        if until > now {
            return until;
        }
        self.over.store(true, Ordering::Relaxed);
        now + self.at_most
    }

    /// Whether what is waited for should have come when it was looked last, and hasn't come since.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// The earlier of two ends counts: a first request is waited for from the first byte on, not from its own.
    fn wait_until(&self, deadline: Instant) {
        let millis = deadline.saturating_duration_since(self.began).as_millis();
        let until = u64::try_from(millis).unwrap_or(NOTHING);
        // Only the connection's own task writes.
        if until < self.until.load(Ordering::Relaxed) {
            self.until.store(until, Ordering::Relaxed);
        }
    }
}

/// Hyper's own timer for heads, on a connection's patience.
pub(super) struct HeadTimer(pub(super) Arc<Patience>);

/// Hyper waits for the head of a request.
struct Waiting(Arc<Patience>);

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.0.wait_until(deadline);
        Box::pin(Waiting(Arc::clone(&self.0)))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

impl Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    /// Nobody is woken by it: the connection is polled when its patience is looked at.
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.is_over() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.has_request();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Duration = Duration::from_secs(10);

    fn poll(sleep: &mut Pin<Box<dyn Sleep>>) -> bool {
        sleep.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[test]
    fn it_ends_when_it_is_looked_at_after_the_time_and_not_before() {
        let patience = Patience::new(T);
        let began = patience.began;
        assert_eq!(patience.look(began + T / 2), began + T);
        assert!(!patience.is_over());
        patience.look(began + T);
        assert!(patience.is_over());
        patience.has_request();
        assert!(!patience.is_over());
        assert_eq!(patience.look(began + 9 * T), began + 10 * T, "nothing is waited for");
    }

    #[test]
    fn a_first_request_is_waited_for_from_the_beginning_and_others_from_the_one_before() {
        let patience = Patience::new(T);
        let (began, timer) = (patience.began, HeadTimer(Arc::clone(&patience)));
        let mut first = timer.sleep_until(began + T / 2 + T);
        assert!(!poll(&mut first));
        patience.look(began + T);
        assert!(poll(&mut first));
        drop(first);
        let mut second = timer.sleep_until(began + 3 * T);
        assert_eq!(patience.look(began + 2 * T), began + 3 * T);
        assert!(!poll(&mut second));
        patience.look(began + 3 * T);
        assert!(poll(&mut second));
    }
}
