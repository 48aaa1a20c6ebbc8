//! Clients that send one request again and again, and write down when each was sent and how it was answered.

use std::{
    collections::BTreeMap,
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::Connection;

/// How long what a test waits for may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// One clock for all that a test compares. It only goes forward; it stands still while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Just before its first byte was sent, or its connection was sought.
    pub sent: Duration,
    /// Just after its answer was read, or the connection was lost.
    pub ended: Duration,
    /// How it was answered; `None` if it wasn't. Where nobody accepted the connection, all attempts in a row are one
    /// probe.
    pub status: Option<u16>,
}

/// Clients with a connection each, which they keep as long as the other side does.
#[derive(Debug)]
pub struct Hammer {
    clock: Stopwatch,
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    probes: Mutex<Vec<Probe>>,
    probed: Condvar,
    /// By the number of the client.
    connections: Mutex<BTreeMap<usize, TcpStream>>,
}

impl Stopwatch {
    /// A clock that begins now.
    #[expect(clippy::disallowed_methods, reason = "a test measures what happened in between")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago it began.
    pub fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Hammer {
    /// Sends `request` to `address` from `clients` clients.
    pub fn start(clock: Stopwatch, address: SocketAddr, request: &[u8], clients: usize) -> Self {
        Self::with_pauses(clock, address, request, clients, Duration::ZERO)
    }

    /// The same with a pause of each client after each answer, so that the machine has time for others.
    pub fn with_pauses(
        clock: Stopwatch,
        address: SocketAddr,
        request: &[u8],
        clients: usize,
        pause: Duration,
    ) -> Self {
        let shared = Arc::<Shared>::default();
        let clients = (0..clients)
            .map(|number| {
                let client = Client { number, clock, address, request: request.to_vec(), pause };
                let shared = Arc::clone(&shared);
                thread::spawn(move || client.work(&shared))
            })
            .collect();
        Self { clock, shared, clients }
    }

    /// Waits until `times` requests that are sent from now on were answered with `status`.
    #[track_caller]
    pub fn until(&self, status: u16, times: usize) {
        let begun = self.clock.now();
        let mut probes = self.shared.probes.lock();
        let (mut looked_at, mut seen) = (probes.len(), 0);
        while seen < times {
            let timed_out = self.shared.probed.wait_for(&mut probes, PATIENCE).timed_out();
            let news = &probes[looked_at..];
            assert!(!timed_out || !news.is_empty(), "no request ended within {PATIENCE:?}");
            seen += news.iter().filter(|probe| probe.sent >= begun && probe.status == Some(status)).count();
            looked_at = probes.len();
            assert!(
                self.clock.now() < begun + PATIENCE || seen >= times,
                "{seen} of {times} requests were answered with {status} within {PATIENCE:?}"
            );
        }
    }

    /// Stops, and returns all requests in the order in which they ended. One that still waits for its answer is among
    /// them, without one.
    #[track_caller]
    pub fn stop(mut self) -> Vec<Probe> {
        for client in self.end() {
            client.join().expect("a client reads its answers");
        }
        std::mem::take(&mut *self.shared.probes.lock())
    }

    fn end(&mut self) -> Vec<JoinHandle<()>> {
        self.shared.over.store(true, Ordering::SeqCst);
        for connection in self.shared.connections.lock().values() {
            // Wakes a client that waits for an answer.
            let _ = connection.shutdown(Shutdown::Both);
        }
        std::mem::take(&mut self.clients)
    }
}

impl Drop for Hammer {
    fn drop(&mut self) {
        for client in self.end() {
            let _ = client.join();
        }
    }
}

struct Client {
    number: usize,
    clock: Stopwatch,
    address: SocketAddr,
    request: Vec<u8>,
    pause: Duration,
}

impl Client {
    fn work(&self, shared: &Shared) {
        let mut connection = None;
        let mut unreached_since = None;
        while !shared.over.load(Ordering::SeqCst) {
            let sent = self.clock.now();
            if connection.is_none() {
                connection = self.connect(shared);
            }
            let Some(open) = &mut connection else {
                unreached_since.get_or_insert(sent);
                thread::yield_now();
                continue;
            };
            if let Some(since) = unreached_since.take() {
                shared.note(Probe { sent: since, ended: sent, status: None });
            }
            let sent = self.clock.now();
            let answer = open.try_exchange(&self.request, self.method()).ok().flatten();
            let status = answer.as_ref().map(|answer| answer.status);
            shared.note(Probe { sent, ended: self.clock.now(), status });
            if answer.is_none_or(|answer| answer.header("connection") == Some("close")) {
                connection = None;
            }
            if !self.pause.is_zero() {
                thread::park_timeout(self.pause);
            }
        }
        if let Some(since) = unreached_since {
            shared.note(Probe { sent: since, ended: self.clock.now(), status: None });
        }
    }

    /// The request's method, by which the framing of its answer goes.
    fn method(&self) -> &str {
        let method = self.request.split(|&byte| byte == b' ').next().unwrap_or_default();
        std::str::from_utf8(method).expect("a method is text")
    }

    fn connect(&self, shared: &Shared) -> Option<Connection> {
        let (connection, stream) = Connection::that_waits(self.address).ok()?;
        let mut connections = shared.connections.lock();
        connections.insert(self.number, stream);
        // After this, the end finds it.
        (!shared.over.load(Ordering::SeqCst)).then_some(connection)
    }
}

impl Shared {
    fn note(&self, probe: Probe) {
        self.probes.lock().push(probe);
        self.probed.notify_all();
    }
}
