//! Listeners: bind, accept within bounds, and stop without cutting anybody off.
//!
//! What is asked and answered is a [`Handle`]'s affair.

mod admission;
mod connection;
mod counts;
mod driven;
mod patience;
mod socket;
mod times;
mod tls;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::anyhow;
use bytes::Bytes;
use claviger_gateway::limits::KEEPALIVE;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use self::{
    admission::{Admission, Admitted},
    connection::Connections,
    socket::Socket,
};
pub(super) use self::{
    counts::{CLASSES, Counts},
    times::Timed,
};
use crate::config::Settings;

/// Shortest and longest pause after the system refused to hand over a connection.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Connections that wait with the system until they are accepted, where it lets as many wait: all callers of a node that
/// is starting, or of one whose places are taken. Who finds no room tries again by itself a second later, or much later.
const WAITING: u32 = 4096;

/// What answers the requests of a listener.
pub(crate) trait Handle: Send + Sync + 'static {
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static;

    /// Answers one request from `peer`.
    fn handle(
        &self,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Tells whether an address speaks for many, so that its connections are not counted.
pub(super) type Trusted = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// The bounds of one listener.
#[derive(Clone)]
pub(super) struct Rules {
    connections: usize,
    /// For each address, where there is such a bound.
    per_address: Option<(usize, Trusted)>,
    head_max: usize,
    header_timeout: Duration,
    /// Whether callers who send no more are still answered. One who may have left is one whose upstream can be let go.
    half_closed: bool,
}

impl Rules {
    /// For a listener that may face the internet.
    pub(super) fn facing(settings: &Settings, head_max: usize, trusted: Trusted) -> Self {
        let per_address = Some((settings.connections_per_address, trusted));
        Self { per_address, half_closed: false, ..Self::inside(settings, head_max) }
    }

    /// For a listener that only operators and proxies reach.
    pub(super) fn inside(settings: &Settings, head_max: usize) -> Self {
        let Settings { connections, header_timeout, .. } = *settings;
        Self { connections, per_address: None, head_max, header_timeout, half_closed: true }
    }
}

/// A bound listener. Connections wait until it serves.
pub(super) struct Listener {
    name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    counts: Arc<Counts>,
}

impl Listener {
    /// Takes the address. `name` is also the name of its flag. TLS is spoken where there is something to speak it with.
    pub(super) fn bind(
        name: &'static str,
        wanted: SocketAddr,
        tls: Option<TlsAcceptor>,
    ) -> anyhow::Result<Self> {
        let socket = listen(wanted).map_err(|error| refused(name, wanted, &error))?;
        let address = socket.local_addr()?;
        probe_when_silent(&socket)?;
        Ok(Self { name, socket, address, tls, counts: Arc::new(Counts::new(name)) })
    }

    /// Its address as a URL that can be used on this machine.
    pub(super) fn url(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let scheme = if self.speaks_tls() { "https" } else { "http" };
        format!("{scheme}://{}", SocketAddr::new(ip, self.address.port()))
    }

    /// What it is called.
    #[cfg(feature = "otel")]
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether TLS is spoken here.
    pub(super) fn speaks_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What it answers, and how many are connected to it.
    pub(super) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Answers with `handler` until `stopped`.
    pub(super) fn serve<H: Handle>(
        self,
        handler: H,
        rules: &Rules,
        stopped: watch::Receiver<bool>,
    ) -> Serving {
        let Self { name, socket, tls, counts, .. } = self;
        let places = Arc::new(Semaphore::new(rules.connections));
        counts.has_places(&places, rules.connections);
        let admission = rules.per_address.clone().map(|(most, trusted)| Admission::new(most, trusted));
        let accepting = Accepting {
            name,
            places,
            connections: Connections::new(handler, rules, tls, counts),
            admission,
            graceful: GracefulShutdown::new(),
        };
        Serving(tokio::spawn(accepting.run(socket, stopped)))
    }
}

fn listen(wanted: SocketAddr) -> io::Result<TcpListener> {
    let socket = if wanted.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // What is left of connections that were closed keeps nobody from the port.
    socket.set_reuseaddr(true)?;
    socket.bind(wanted)?;
    socket.listen(WAITING)
}

/// Has the system probe connections that are silent for long, so that a dead peer is noticed. Those that are accepted
/// have it from the socket that accepts them.
fn probe_when_silent(socket: &TcpListener) -> io::Result<()> {
    let (after, every, probes) = KEEPALIVE;
    let probing = TcpKeepalive::new().with_time(after).with_interval(every).with_retries(probes);
    SockRef::from(socket).set_tcp_keepalive(&probing)
}

/// Why an address can't be taken, and what to do about it.
fn refused(name: &str, wanted: SocketAddr, error: &io::Error) -> anyhow::Error {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program uses that address: stop it, or choose another".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address: choose another".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "the system reserves that port: choose one from 1024 on".to_owned()
        }
        _ => format!("{error}: choose another"),
    };
    anyhow!(
        "the {name} listener can't use {wanted}: {why} with --{name} ADDR (with port 0 the system chooses)"
    )
}

/// A listener that serves.
pub(super) struct Serving(JoinHandle<GracefulShutdown>);

impl Serving {
    /// Waits until open requests are answered, for at most so long. To be called when all of them were told to stop.
    pub(super) async fn drain(all: impl IntoIterator<Item = Self>, at_most: Duration) {
        let drained = async {
            for Self(accepting) in all {
                match accepting.await {
                    Ok(graceful) => graceful.shutdown().await,
                    Err(error) => tracing::error!(%error, "a listener failed"),
                }
            }
        };
        if tokio::time::timeout(at_most, drained).await.is_err() {
            tracing::warn!("some requests took too long to finish and are cut off");
        }
    }
}

struct Accepting<H> {
    name: &'static str,
    places: Arc<Semaphore>,
    connections: Connections<H>,
    admission: Option<Admission>,
    graceful: GracefulShutdown,
}

impl<H: Handle> Accepting<H> {
    /// Accepts until `stopped`, then leaves the open connections to be waited for.
    async fn run(self, socket: TcpListener, mut stopped: watch::Receiver<bool>) -> GracefulShutdown {
        let mut pause = None;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => break,
                accepted = self.next(&socket) => accepted,
            };
            match accepted {
                Ok((stream, peer, place)) => {
                    pause = None;
                    self.begin(stream, peer, place, stopped.clone());
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if pause.is_none() {
                        tracing::warn!(%error, listener = self.name, "no connections can be accepted for now");
                    }
                    let this_time = pause.map_or(PAUSES.0, |last: Duration| (last * 2).min(PAUSES.1));
                    pause = Some(this_time);
                    tokio::time::sleep(this_time).await;
                }
            }
        }
        self.graceful
    }

    /// The next connection, once there is a place for it: until then it waits with the system.
    async fn next(&self, socket: &TcpListener) -> io::Result<(TcpStream, SocketAddr, Admitted)> {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the places are never closed");
        let (stream, peer) = socket.accept().await?;
        Ok((stream, peer, Admitted::new(place)))
    }

    fn begin(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        mut place: Admitted,
        stopped: watch::Receiver<bool>,
    ) {
        if let Some(admission) = &self.admission
            && !admission.admit(peer.ip(), &mut place)
        {
            tracing::debug!(listener = self.name, %peer, "too many connections from this address");
            self.connections.turn_away(&stream);
            return;
        }
        self.connections.begin(stream, peer, place, &self.graceful, stopped);
    }
}

/// Whether an error of `accept` is about the connection that was to be accepted, not about accepting.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_is_silent_is_probed() {
        let listener = Listener::bind("gateway", "127.0.0.1:0".parse().unwrap(), None).unwrap();
        let _client = TcpStream::connect(listener.address).await.unwrap();
        let (accepted, _) = listener.socket.accept().await.unwrap();
        let accepted = SockRef::from(&accepted);
        let times = (accepted.tcp_keepalive_time().unwrap(), accepted.tcp_keepalive_interval().unwrap());
        assert!(accepted.keepalive().unwrap());
        assert_eq!((times.0, times.1, accepted.tcp_keepalive_retries().unwrap()), KEEPALIVE);
    }
}
