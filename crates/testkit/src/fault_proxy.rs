//! A TCP proxy between two processes that loses, delays and breaks what goes through it, as a test tells it to.
//!
//! It doesn't know what it carries. A connection that lost a byte never carries another one in that direction,
//! whatever is told later: a network doesn't lose the middle of a stream.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use socket2::SockRef;

/// How long what a test waits for may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A proxy before one address. It passes everything on until it is told otherwise.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    listener: Arc<TcpListener>,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// The answers that [`FaultProxy::drop_answers_after`] drops.
#[derive(Debug)]
pub struct DroppedAnswer(Receiver<()>);

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    rules: Mutex<Rules>,
    links: Mutex<Vec<Weak<Link>>>,
}

/// What happens from now on, to connections old and new.
#[derive(Debug, Default)]
struct Rules {
    refuses: bool,
    loses_questions: bool,
    loses_answers: bool,
    delay: Duration,
    trap: Option<Trap>,
}

/// What a connection says, one after the other, before it loses its answers.
#[derive(Debug)]
struct Trap {
    patterns: Vec<Vec<u8>>,
    lost: Sender<()>,
}

/// What one connection said towards the trap.
#[derive(Debug, Default)]
struct Said {
    /// How many of the patterns.
    patterns: usize,
    /// What may be the beginning of the next.
    rest: Vec<u8>,
}

/// Both halves of one connection.
#[derive(Debug)]
struct Link {
    client: TcpStream,
    server: TcpStream,
    /// Told about the first answer that is lost; there once the connection said what its answers are dropped after.
    sprung: Mutex<Option<Sender<()>>>,
}

/// Where a chunk goes.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Question,
    Answer,
}

impl FaultProxy {
    /// A proxy on the loopback address before `server`.
    #[track_caller]
    pub fn to(server: SocketAddr) -> Self {
        Self::on(Ipv4Addr::LOCALHOST.into(), server)
    }

    /// A proxy on the address `host` of this machine before `server`.
    #[track_caller]
    pub fn on(host: IpAddr, server: SocketAddr) -> Self {
        Self::at((host, 0).into(), server)
    }

    /// A proxy at an address of this machine before `server`.
    #[track_caller]
    pub fn at(address: SocketAddr, server: SocketAddr) -> Self {
        let listener = Arc::new(TcpListener::bind(address).expect("a port is free"));
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::<Shared>::default();
        let accepting = thread::spawn({
            let (listener, shared) = (Arc::clone(&listener), Arc::clone(&shared));
            move || accept(&listener, server, &shared)
        });
        Self { address, listener, shared, accepting: Some(accepting) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes everything on, as in the beginning.
    pub fn pass(&self) {
        *self.shared.rules.lock() = Rules::default();
    }

    /// Resets new connections; those there are go on.
    pub fn refuse(&self) {
        self.shared.rules.lock().refuses = true;
    }

    /// Accepts connections, keeps those there are, and loses every byte both ways, without a word to either side.
    pub fn blackhole(&self) {
        let mut rules = self.shared.rules.lock();
        (rules.loses_questions, rules.loses_answers) = (true, true);
    }

    /// Loses what the server says; what is said to it arrives.
    pub fn blackhole_answers(&self) {
        self.shared.rules.lock().loses_answers = true;
    }

    /// Passes on every chunk of bytes `delay` after it came, both ways.
    pub fn delay(&self, delay: Duration) {
        self.shared.rules.lock().delay = delay;
    }

    /// On the first connection on which a client says `pattern`, loses everything the server says from then on. The
    /// connection stays until [`close_all`](Self::close_all); others, and those that come later, aren't touched.
    pub fn drop_answers_after(&self, pattern: &[u8]) -> DroppedAnswer {
        self.drop_answers_after_each(&[pattern])
    }

    /// The same on the first connection on which a client says all of these, one after the other.
    pub fn drop_answers_after_each(&self, patterns: &[&[u8]]) -> DroppedAnswer {
        let (lost, receiver) = channel();
        let patterns = patterns.iter().map(|pattern| pattern.to_vec()).collect();
        self.shared.rules.lock().trap = Some(Trap { patterns, lost });
        DroppedAnswer(receiver)
    }

    /// Closes every connection there is.
    pub fn close_all(&self) {
        for link in self.shared.links.lock().drain(..).filter_map(|link| link.upgrade()) {
            link.close();
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, also where its address is gone.
        let _ = SockRef::from(&*self.listener).shutdown(Shutdown::Both);
        let _ = self.accepting.take().map(JoinHandle::join);
        self.close_all();
    }
}

impl DroppedAnswer {
    /// Returns when the server has answered what its answers are dropped after, and the answer is lost.
    #[track_caller]
    pub fn wait(&self) {
        self.0.recv_timeout(PATIENCE).expect("the server answers");
    }
}

fn accept(listener: &TcpListener, server: SocketAddr, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(client) = client else { continue };
        let refuses = shared.rules.lock().refuses;
        // A server that isn't there looks the same as one that refuses.
        let server = if refuses { None } else { TcpStream::connect(server).ok() };
        match server {
            Some(server) => shared.join(client, server),
            None => reset(&client),
        }
    }
}

/// Makes the close that follows a reset.
fn reset(client: &TcpStream) {
    let _ = SockRef::from(client).set_linger(Some(Duration::ZERO));
}

impl Shared {
    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        // What was sent as one chunk arrives as one; a socket that can't be told so is closed already.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let link = Arc::new(Link { client, server, sprung: Mutex::default() });
        let mut links = self.links.lock();
        links.retain(|link| link.strong_count() > 0);
        links.push(Arc::downgrade(&link));
        for way in [Way::Question, Way::Answer] {
            let (sender, receiver) = channel();
            let (shared, from) = (Arc::clone(self), Arc::clone(&link));
            thread::spawn(move || {
                if shared.take_in(&from, way, &sender).is_err() {
                    from.close();
                }
            });
            let (shared, to) = (Arc::clone(self), Arc::clone(&link));
            thread::spawn(move || {
                if shared.carry(&to, way, &receiver).is_err() {
                    to.close();
                }
            });
        }
    }

    /// Takes in what goes one way, and says when each chunk is to arrive; an empty one is the end.
    #[expect(clippy::disallowed_methods, reason = "a slow network is what a test asked for")]
    fn take_in(&self, link: &Link, way: Way, chunks: &Sender<(Instant, Vec<u8>)>) -> io::Result<()> {
        let ((mut from, _), mut chunk) = (link.ends(way), [0; 16 << 10]);
        loop {
            let length = from.read(&mut chunk)?;
            let due = Instant::now() + self.rules.lock().delay;
            if chunks.send((due, chunk[..length].to_vec())).is_err() || length == 0 {
                return Ok(());
            }
        }
    }

    /// Carries what goes one way, to its end.
    fn carry(&self, link: &Link, way: Way, chunks: &Receiver<(Instant, Vec<u8>)>) -> io::Result<()> {
        let ((_, mut to), mut said, mut lost) = (link.ends(way), Said::default(), false);
        for (due, chunk) in chunks {
            wait_until(due);
            if way == Way::Question {
                self.listen(link, &mut said, &chunk);
            }
            lost |= self.loses(link, way);
            match (lost, chunk.len()) {
                (true, 0) => return Ok(()),
                (false, 0) => return to.shutdown(Shutdown::Write),
                (true, _) => {}
                (false, _) => to.write_all(&chunk)?,
            }
        }
        Ok(())
    }

    /// Looks for what springs the trap, in `chunk` and what of it was said before.
    fn listen(&self, link: &Link, said: &mut Said, chunk: &[u8]) {
        let mut rules = self.rules.lock();
        let Some(trap) = &rules.trap else {
            *said = Said::default();
            return;
        };
        said.rest.extend_from_slice(chunk);
        while let Some(pattern) = trap.patterns.get(said.patterns) {
            let length = pattern.len();
            let Some(begin) = said.rest.windows(length).position(|window| window == pattern) else {
                said.rest.drain(..said.rest.len().saturating_sub(length - 1));
                return;
            };
            said.rest.drain(..begin + length);
            said.patterns += 1;
        }
        // Before the server has heard it: its answer can't be faster than this.
        *link.sprung.lock() = rules.trap.take().map(|trap| trap.lost);
    }

    fn loses(&self, link: &Link, way: Way) -> bool {
        let rules = self.rules.lock();
        match way {
            Way::Question => rules.loses_questions,
            Way::Answer => {
                let sprung = link.sprung.lock();
                if let Some(lost) = &*sprung {
                    // A test that doesn't wait for it has dropped the other end.
                    let _ = lost.send(());
                }
                rules.loses_answers || sprung.is_some()
            }
        }
    }
}

impl Link {
    /// From where to where what goes this way goes.
    fn ends(&self, way: Way) -> (&TcpStream, &TcpStream) {
        match way {
            Way::Question => (&self.client, &self.server),
            Way::Answer => (&self.server, &self.client),
        }
    }

    /// Wakes and ends all its threads; what is closed already stays so.
    fn close(&self) {
        let _ = (self.client.shutdown(Shutdown::Both), self.server.shutdown(Shutdown::Both));
    }
}

#[expect(clippy::disallowed_methods, reason = "a slow network is what a test asked for")]
fn wait_until(due: Instant) {
    thread::sleep(due.saturating_duration_since(Instant::now()));
}
