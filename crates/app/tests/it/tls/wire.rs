//! A caller who speaks TLS, and HTTP as bytes in it.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use claviger_testkit::Certificates;
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

/// How long what a test waits for may take before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// One who trusts the authority of `certificates`, and speaks either version.
pub(super) fn config(certificates: &Certificates) -> ClientConfig {
    config_of(certificates, rustls::ALL_VERSIONS)
}

/// The same with these versions.
pub(super) fn config_of(
    certificates: &Certificates,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(certificates.authority()).expect("it is a certificate");
    roots.add(authority).expect("it is an authority's");
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("the provider speaks them")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The caller's end of a connection.
pub(super) struct Wire {
    stream: StreamOwned<ClientConnection, TcpStream>,
    unread: Vec<u8>,
}

impl Wire {
    /// One who asks for the server by its address, which is no name to be indicated.
    #[track_caller]
    pub(super) fn to(address: SocketAddr, config: impl Into<Arc<ClientConfig>>) -> Self {
        Self::to_name(address, "127.0.0.1", config)
    }

    /// One who asks for the server by this name.
    #[track_caller]
    pub(super) fn to_name(address: SocketAddr, name: &str, config: impl Into<Arc<ClientConfig>>) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        let name = ServerName::try_from(name.to_owned()).expect("it is a name");
        let connection = ClientConnection::new(config.into(), name).expect("the configuration is complete");
        Self { stream: StreamOwned::new(connection, stream), unread: Vec::new() }
    }

    /// Shakes hands, which sending and reading do as well.
    pub(super) fn shake_hands(&mut self) -> io::Result<()> {
        while self.stream.conn.is_handshaking() {
            self.stream.conn.complete_io(&mut self.stream.sock)?;
        }
        Ok(())
    }

    #[track_caller]
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the other end takes it");
        self.stream.flush().expect("the other end takes it");
    }

    /// Everything up to the empty line that ends a head.
    #[track_caller]
    pub(super) fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                return String::from_utf8(self.unread.drain(..at + 4).collect()).expect("a head is text");
            }
            self.read_more();
        }
    }

    #[track_caller]
    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            self.read_more();
        }
        self.unread.drain(..count).collect()
    }

    #[track_caller]
    fn read_more(&mut self) {
        let mut buffer = [0; 16 << 10];
        let count = self.stream.read(&mut buffer).expect("something comes in time");
        assert!(count > 0, "the connection ended after {:?}", String::from_utf8_lossy(&self.unread));
        self.unread.extend_from_slice(&buffer[..count]);
    }

    /// Everything until the other end says that it is done, as TLS says it.
    #[track_caller]
    pub(super) fn rest(&mut self) -> String {
        let mut rest = std::mem::take(&mut self.unread);
        self.stream.read_to_end(&mut rest).expect("it ends with a word");
        String::from_utf8(rest).expect("it is text")
    }

    /// Whether an earlier session was taken up.
    pub(super) fn handshake(&self) -> Option<HandshakeKind> {
        self.stream.conn.handshake_kind()
    }

    /// The protocol that was agreed on.
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        self.stream.conn.alpn_protocol()
    }

    /// The version that was agreed on.
    pub(super) fn version(&self) -> Option<rustls::ProtocolVersion> {
        self.stream.conn.protocol_version()
    }
}

/// Whether the other end closes without saying anything, in TLS or at all.
#[track_caller]
pub(super) fn ends(wire: &mut Wire) -> bool {
    let mut buffer = [0; 64];
    match wire.stream.read(&mut buffer) {
        Ok(count) => count == 0,
        Err(error) => matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset),
    }
}
