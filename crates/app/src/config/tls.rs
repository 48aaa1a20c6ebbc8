//! Which listeners speak TLS, and with which files.

use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;
use serde::Deserialize;

/// A listener, as the settings call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum ListenerName {
    /// That of the api's callers.
    Gateway,
    /// That of people.
    Portal,
    /// That of operators and proxies.
    Control,
    /// That of Envoy.
    ExtAuthz,
}

/// The files of TLS, and the listeners that speak it.
#[derive(Clone, Debug)]
pub(crate) struct TlsSettings {
    pub(crate) cert_file: PathBuf,
    pub(crate) key_file: PathBuf,
    listeners: Vec<ListenerName>,
}

impl TlsSettings {
    /// These settings, where there are files; both have to be named.
    pub(super) fn of(
        cert_file: Option<PathBuf>,
        key_file: Option<PathBuf>,
        listeners: Vec<ListenerName>,
    ) -> anyhow::Result<Option<Self>> {
        let (cert_file, key_file) = match (cert_file, key_file) {
            (Some(cert_file), Some(key_file)) => (cert_file, key_file),
            (None, None) => return Ok(None),
            (Some(_), None) => {
                bail!("`tls_cert_file` needs the certificate's key: name it by `tls_key_file`")
            }
            (None, Some(_)) => {
                bail!("`tls_key_file` needs the key's certificate: name it by `tls_cert_file`")
            }
        };
        if listeners.is_empty() {
            bail!("`tls_listeners` names no listener: leave `tls_cert_file` and `tls_key_file` out for none");
        }
        Ok(Some(Self { cert_file, key_file, listeners }))
    }

    /// Whether this listener speaks TLS.
    pub(crate) fn covers(&self, listener: ListenerName) -> bool {
        self.listeners.contains(&listener)
    }
}
