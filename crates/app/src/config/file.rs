//! The grammar of the settings file, which is one layer of the settings.

use std::{
    fmt, fs,
    net::SocketAddr,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use claviger_model::parse_duration;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{DatabaseUrl, ListenerName};
use crate::log;

/// The settings that one source names; the others come from a source below.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layer {
    pub(super) data: Option<PathBuf>,
    pub(super) database_url: Option<DatabaseUrl>,
    pub(super) database_listen_url: Option<DatabaseUrl>,
    pub(super) migrate: Option<bool>,
    pub(super) node: Option<String>,
    pub(super) profiles: Option<Vec<PathBuf>>,
    pub(super) watch_files: Option<bool>,
    pub(super) gateway: Option<SocketAddr>,
    pub(super) portal: Option<SocketAddr>,
    pub(super) control: Option<SocketAddr>,
    pub(super) ext_authz: Option<SocketAddr>,
    pub(super) tls_cert_file: Option<PathBuf>,
    pub(super) tls_key_file: Option<PathBuf>,
    pub(super) tls_listeners: Option<Vec<ListenerName>>,
    pub(super) forward_auth_callers: Option<Vec<String>>,
    pub(super) public_url: Option<String>,
    pub(super) upstream: Option<String>,
    pub(super) redis_url: Option<RedisUrl>,
    pub(super) lease: Option<Span>,
    pub(super) session_idle: Option<Span>,
    pub(super) session_longest: Option<Span>,
    pub(super) address_retention: Option<Span>,
    pub(super) usage_retention: Option<Span>,
    pub(super) master_key_file: Option<PathBuf>,
    pub(super) ready_file: Option<PathBuf>,
    pub(super) log: Option<log::Level>,
    pub(super) log_format: Option<log::Format>,
    pub(super) connections: Option<usize>,
    pub(super) connections_per_address: Option<usize>,
    pub(super) header_timeout: Option<Span>,
    pub(super) drain_timeout: Option<Span>,
}

/// The address of a Redis as it was given: a password may be in it, so it is said nowhere.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct RedisUrl(pub(super) String);

impl From<&str> for RedisUrl {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(…)")
    }
}

/// A duration as the settings write it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(D::Error::custom)
    }
}

impl Layer {
    /// This layer, and `below` where it is silent.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            data: self.data.or(below.data),
            database_url: self.database_url.or(below.database_url),
            database_listen_url: self.database_listen_url.or(below.database_listen_url),
            migrate: self.migrate.or(below.migrate),
            node: self.node.or(below.node),
            profiles: self.profiles.or(below.profiles),
            watch_files: self.watch_files.or(below.watch_files),
            gateway: self.gateway.or(below.gateway),
            portal: self.portal.or(below.portal),
            control: self.control.or(below.control),
            ext_authz: self.ext_authz.or(below.ext_authz),
            tls_cert_file: self.tls_cert_file.or(below.tls_cert_file),
            tls_key_file: self.tls_key_file.or(below.tls_key_file),
            tls_listeners: self.tls_listeners.or(below.tls_listeners),
            forward_auth_callers: self.forward_auth_callers.or(below.forward_auth_callers),
            public_url: self.public_url.or(below.public_url),
            upstream: self.upstream.or(below.upstream),
            redis_url: self.redis_url.or(below.redis_url),
            lease: self.lease.or(below.lease),
            session_idle: self.session_idle.or(below.session_idle),
            session_longest: self.session_longest.or(below.session_longest),
            address_retention: self.address_retention.or(below.address_retention),
            usage_retention: self.usage_retention.or(below.usage_retention),
            master_key_file: self.master_key_file.or(below.master_key_file),
            ready_file: self.ready_file.or(below.ready_file),
            log: self.log.or(below.log),
            log_format: self.log_format.or(below.log_format),
            connections: self.connections.or(below.connections),
            connections_per_address: self.connections_per_address.or(below.connections_per_address),
            header_timeout: self.header_timeout.or(below.header_timeout),
            drain_timeout: self.drain_timeout.or(below.drain_timeout),
        }
    }

    /// Makes paths that are relative to the file's folder relative to where we are.
    fn moved_to(mut self, folder: &Path) -> Self {
        let paths = [
            &mut self.data,
            &mut self.tls_cert_file,
            &mut self.tls_key_file,
            &mut self.master_key_file,
            &mut self.ready_file,
        ];
        for path in paths.into_iter().flatten().chain(self.profiles.iter_mut().flatten()) {
            *path = folder.join(&*path);
        }
        self
    }
}

/// Reads a settings file.
pub(super) fn read(path: &Path) -> anyhow::Result<Layer> {
    let text = fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    Ok(parse(&path.display().to_string(), &text)?.moved_to(folder))
}

/// Reads the text of the settings file `file`. What is wrong is said with its place.
pub(super) fn parse(file: &str, text: &str) -> anyhow::Result<Layer> {
    toml::from_str(text).map_err(|error| {
        let (line, column) = place(text, error.span());
        anyhow!("{file}:{line}:{column}: {}", error.message())
    })
}

/// Line and column in characters, counted from 1.
fn place(text: &str, span: Option<Range<usize>>) -> (usize, usize) {
    let before = text.get(..span.map_or(0, |span| span.start)).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        parse("claviger.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_fault_is_told_with_its_place() {
        assert!(
            fault("data = \"d\"\nlaese = \"2s\"\n").starts_with("claviger.toml:2:1: unknown field `laese`")
        );
        assert!(
            fault("# ä\nlease = \"two\"").starts_with("claviger.toml:2:9: must be a whole number and a unit")
        );
        assert!(fault("gateway = \"localhost\"").starts_with("claviger.toml:1:11: "));
        assert!(fault("data = ").starts_with("claviger.toml:1:8: "));
        assert!(fault("lease = \"2s\"\nlease = \"3s\"").starts_with("claviger.toml:2:1: duplicate key"));
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("claviger.toml");
        fs::write(&file, "data = \"d\"\nprofiles = [\"p.toml\", \"/q.toml\"]\n").unwrap();
        let layer = read(&file).unwrap();
        assert_eq!(layer.data.unwrap(), folder.path().join("d"));
        assert_eq!(layer.profiles.unwrap(), [folder.path().join("p.toml"), PathBuf::from("/q.toml")]);
    }
}
