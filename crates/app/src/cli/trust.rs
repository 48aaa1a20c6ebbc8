//! Whom the command line trusts where the control listener speaks TLS.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_rustls::TlsConnector;

/// What speaks TLS with servers whose certificates are by an authority in the file `ca`, or by one that browsers trust.
pub(super) fn connector(ca: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider speaks the default versions of TLS")
        .with_root_certificates(ca.map_or_else(|| Ok(well_known()), read)?)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn well_known() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

fn read(file: &Path) -> anyhow::Result<RootCertStore> {
    let unreadable = || format!("the authorities' file {} can't be read", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
        roots.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
    }
    if roots.is_empty() {
        bail!("the authorities' file {} holds no certificate: it must be PEM", file.display());
    }
    Ok(roots)
}
