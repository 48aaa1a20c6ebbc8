//! What listeners speak TLS with: a certificate and its key, from files, and what is offered by it.
//!
//! Nothing of a key is ever said, not even of one that can't be read.

use std::{
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use claviger_model::Timestamp;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache},
    sign::CertifiedKey,
};
use x509_cert::{Certificate, der::Decode as _, time::Time};

use super::{noted::Noted, whole_file};
use crate::config::TlsSettings;

/// The protocols that a caller may choose from (RFC 7301), the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// How many sessions are remembered for callers of TLS 1.2 who take no tickets: a few MiB at most.
const SESSIONS: usize = 4096;

/// Why no TLS can be spoken with these files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the certificate file {} can't be read", .0.display())]
    CertificateUnreadable(PathBuf, #[source] io::Error),
    #[error("the certificate file {} is damaged", .0.display())]
    CertificateDamaged(PathBuf, #[source] pem::Error),
    #[error(
        "the certificate file {} holds no certificate: it must be PEM, the server's own first, then those that lead to its \
         authority",
        .0.display()
    )]
    NoCertificate(PathBuf),
    #[error("the key file {} can't be read", .0.display())]
    KeyUnreadable(PathBuf, #[source] io::Error),
    #[error(
        "the key in {file} is encrypted, and there is nobody to ask for its passphrase: decrypt it with `openssl pkey -in \
         {file} -out FILE`, and give that file the mode 0600",
        file = .0.display()
    )]
    KeyEncrypted(PathBuf),
    #[error("the key file {} holds no private key: it must be PEM, in PKCS #8, SEC 1 or PKCS #1", .0.display())]
    NoKey(PathBuf),
    // What is wrong with it might be told in words of the key.
    #[error("the key file {} is damaged", .0.display())]
    KeyDamaged(PathBuf),
    #[error(
        "the key in {} is not that of the first certificate in {}: the server's own certificate must come first",
        key.display(),
        certificate.display()
    )]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error("no TLS can be spoken with {} and {}", certificate.display(), key.display())]
    Refused { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("tickets for sessions can't be made")]
    Tickets(#[source] rustls::Error),
}

/// The certificate that is shown to whoever begins to shake hands.
#[derive(Debug)]
pub(super) struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Shown {
    /// The certificate in these files. What is wrong with it and prevents nothing is warned of.
    pub(super) fn of(
        settings: &TlsSettings,
        now: Timestamp,
        noted: &mut Noted,
    ) -> Result<Arc<Self>, Unusable> {
        let certified = certified(settings, noted)?;
        warn_of_dates(&settings.cert_file, validity(&certified), now);
        Ok(Arc::new(Self(ArcSwap::from_pointee(certified))))
    }

    /// Until when it is valid, where it says so.
    pub(super) fn until(&self) -> Option<Timestamp> {
        validity(&self.0.load()).map(|validity| *validity.end())
    }

    /// Shows this one from now on, which was read from these files. Says whether it is another one.
    pub(super) fn become_this(
        &self,
        certified: CertifiedKey,
        settings: &TlsSettings,
        now: Timestamp,
    ) -> bool {
        warn_of_dates(&settings.cert_file, validity(&certified), now);
        let is_another = self.0.load().cert != certified.cert;
        self.0.store(Arc::new(certified));
        is_another
    }
}

/// What is spoken with the certificate that is shown.
pub(super) fn offer(shown: Arc<Shown>) -> Result<Arc<ServerConfig>, Unusable> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider speaks the default versions of TLS")
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    // Their keys are this process's own, and change every few hours. Whoever comes to another node shakes hands anew.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(Unusable::Tickets)?;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    Ok(Arc::new(config))
}

/// The certificate with its key, which fits.
pub(crate) fn certified(settings: &TlsSettings, noted: &mut Noted) -> Result<CertifiedKey, Unusable> {
    let TlsSettings { cert_file, key_file, .. } = settings;
    let (chain, key) = (chain(cert_file, noted)?, key(key_file, noted)?);
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|source| {
        let (certificate, key) = (cert_file.clone(), key_file.clone());
        match source {
            rustls::Error::InconsistentKeys(_) => Unusable::Mismatch { certificate, key },
            source => Unusable::Refused { certificate, key, source },
        }
    })
}

fn chain(file: &Path, noted: &mut Noted) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let path = || file.to_owned();
    let text = noted.read(file).map_err(|error| Unusable::CertificateUnreadable(path(), error))?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| Unusable::CertificateDamaged(path(), error))?;
    if chain.is_empty() { Err(Unusable::NoCertificate(path())) } else { Ok(chain) }
}

fn key(file: &Path, noted: &mut Noted) -> Result<PrivateKeyDer<'static>, Unusable> {
    let (path, unreadable) = (|| file.to_owned(), |error| Unusable::KeyUnreadable(file.to_owned(), error));
    let text = noted.read(file).map_err(unreadable)?;
    if whole_file::is_open_to_others(file).map_err(unreadable)? {
        tracing::warn!(file = %file.display(), "others can read the key of TLS: set its mode to 0600");
    }
    if is_encrypted(&text) {
        return Err(Unusable::KeyEncrypted(path()));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => Unusable::NoKey(path()),
        _ => Unusable::KeyDamaged(path()),
    })
}

/// Whether a key is behind a passphrase, in the form of PKCS #8 or in the one that OpenSSL had before.
fn is_encrypted(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.any(|line| {
        line == b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
            || (line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED"))
    })
}

/// From when and until when callers take a certificate, where it says so in a way that is understood.
pub(crate) fn validity(certified: &CertifiedKey) -> Option<RangeInclusive<Timestamp>> {
    let own = certified.end_entity_cert().ok()?;
    let validity = Certificate::from_der(own).ok()?.tbs_certificate.validity;
    let at = |time: Time| i64::try_from(time.to_unix_duration().as_millis()).map(Timestamp::from_millis).ok();
    Some(at(validity.not_before)?..=at(validity.not_after)?)
}

/// Warns of a certificate that callers refuse at `now`. It is spoken with all the same: they may be told to take it, and
/// the rest of the process is not to end by a date.
fn warn_of_dates(file: &Path, validity: Option<RangeInclusive<Timestamp>>, now: Timestamp) {
    let Some(validity) = validity.filter(|validity| !validity.contains(&now)) else { return };
    let (from, until) = validity.into_inner();
    if until < now {
        tracing::warn!(file = %file.display(), %until, "the certificate has expired: callers refuse it");
    } else {
        tracing::warn!(file = %file.display(), %from, "the certificate is not valid yet: callers refuse it");
    }
}
