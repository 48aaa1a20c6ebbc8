//! Connections: how they are made, what drives them, and what is overheard on them.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::future::poll_fn;
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Client, Socket, error::Severity};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    address::{self, Address},
    failure::{Failure, Outcome},
};
use crate::OpenError;

/// Until a host has let us in, TLS and password included.
const LET_IN: Duration = Duration::from_secs(3);

/// Makes connections to one database.
pub(super) struct Connector {
    address: Address,
    tls: MakeRustlsConnect,
    /// The host that answered last is asked first: after a failover that is the new one.
    first: AtomicUsize,
}

impl Connector {
    pub(super) fn to(address: Address) -> Result<Self, OpenError> {
        let tls = tls(&address)?;
        Ok(Self { address, tls, first: AtomicUsize::new(0) })
    }

    /// The URL without its password.
    pub(super) fn place(&self) -> &str {
        &self.address.shown
    }

    /// Whether every host is this machine.
    pub(super) fn stays_here(&self) -> bool {
        self.address.hosts.iter().all(address::is_here)
    }

    /// Connects to the first host that takes changes.
    pub(super) async fn connect(&self) -> Outcome<Connection> {
        let (client, mut socket, warnings) = self.reach().await?;
        let overheard = Arc::clone(&warnings);
        let driver = tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| socket.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notice(notice)) => {
                        if notice.parsed_severity() == Some(Severity::Warning) {
                            tracing::warn!(
                                code = notice.code().code(),
                                "PostgreSQL warns: {}",
                                notice.message()
                            );
                            overheard.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(
                            error = super::failure::told(&error),
                            "a connection to PostgreSQL ended"
                        );
                        break;
                    }
                }
            }
        });
        Ok(Connection { client, driver: driver.abort_handle(), warnings })
    }

    /// A connection whose messages are the caller's to read.
    pub(super) async fn reach(&self) -> Outcome<(Client, RawConnection, Arc<AtomicU64>)> {
        let hosts = &self.address.hosts;
        let first = self.first.load(Ordering::Relaxed);
        let mut failed = None;
        for index in (0..hosts.len()).map(|step| (first + step) % hosts.len()) {
            // Whoever gives up in the middle of this attempt begins with the next host when it comes again.
            self.first.store(index + 1, Ordering::Relaxed);
            match tokio::time::timeout(LET_IN, hosts[index].connect(self.tls.clone())).await {
                Ok(Ok((client, connection))) => {
                    self.first.store(index, Ordering::Relaxed);
                    return Ok((client, connection, Arc::default()));
                }
                Ok(Err(error)) => failed = Some(Failure::Unreached(error)),
                Err(_elapsed) => failed = Some(Failure::TimedOut(LET_IN)),
            }
        }
        Err(failed.expect("an address has a host"))
    }
}

pub(super) type RawConnection = tokio_postgres::Connection<
    Socket,
    <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream,
>;

fn tls(address: &Address) -> Result<MakeRustlsConnect, OpenError> {
    let mut roots = RootCertStore::empty();
    match &address.authorities {
        Some(file) if address.may_be_encrypted() => {
            let unread = |error: &dyn std::fmt::Display| OpenError::Url {
                detail: format!("sslrootcert={file} can't be read: {error}"),
            };
            let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unread(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unread(&error))?;
                roots.add(certificate).map_err(|error| unread(&error))?;
            }
        }
        _ => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Url { detail: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// A connection to the database.
pub(super) struct Connection {
    client: Client,
    driver: AbortHandle,
    warnings: Arc<AtomicU64>,
}

impl Connection {
    /// How many warnings came so far. One beside the answer to COMMIT says that the commit isn't what it should be:
    /// PostgreSQL gave up waiting for its standby.
    pub(super) fn warnings(&self) -> u64 {
        self.warnings.load(Ordering::SeqCst)
    }

    /// Lets go of it at once, whatever is under way: what wasn't committed is rolled back by the server.
    pub(super) fn abandon(self) {
        self.driver.abort();
    }
}

impl Deref for Connection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
