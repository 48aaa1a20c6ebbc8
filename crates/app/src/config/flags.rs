//! The flags of `serve` and the environment variables behind them.

use std::{env, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use claviger_model::{parse_duration, profile::origin};

use super::{
    DatabaseUrl, ListenerName, check_lease,
    file::{Layer, RedisUrl, Span},
    public_url::public_url,
};
use crate::log;

/// What the command line and the environment say.
#[derive(Args, Debug)]
pub(crate) struct ServeFlags {
    /// The data directory
    #[arg(long, value_name = "DIR", env = "CLAVIGER_DATA")]
    pub(super) data: Option<PathBuf>,
    /// The PostgreSQL database that several nodes share, instead of the embedded one: `postgres://…`; has a password, so
    /// better in the environment
    #[arg(long, value_name = "URL", env = "CLAVIGER_DATABASE_URL", hide_env_values = true)]
    pub(super) database_url: Option<DatabaseUrl>,
    /// A profile to serve; may be given several times
    #[arg(long = "profile", value_name = "FILE", env = "CLAVIGER_PROFILE", value_delimiter = ':')]
    pub(super) profiles: Vec<PathBuf>,
    /// Where the callers of your api come in
    #[arg(long, value_name = "ADDR", env = "CLAVIGER_GATEWAY", value_parser = address)]
    pub(super) gateway: Option<SocketAddr>,
    /// Where people see their keys
    #[arg(long, value_name = "ADDR", env = "CLAVIGER_PORTAL", value_parser = address)]
    pub(super) portal: Option<SocketAddr>,
    /// Where operators and proxies manage and verify; must not face the internet
    #[arg(long, value_name = "ADDR", env = "CLAVIGER_CONTROL", value_parser = address)]
    pub(super) control: Option<SocketAddr>,
    /// Where Envoy asks by gRPC; off unless given
    #[arg(long, value_name = "ADDR", env = "CLAVIGER_EXT_AUTHZ", value_parser = address)]
    pub(super) ext_authz: Option<SocketAddr>,
    /// The certificate by which listeners speak TLS, with those that lead to its authority; PEM
    #[arg(long, value_name = "FILE", env = "CLAVIGER_TLS_CERT_FILE")]
    pub(super) tls_cert_file: Option<PathBuf>,
    /// The certificate's private key; PEM
    #[arg(long, value_name = "FILE", env = "CLAVIGER_TLS_KEY_FILE")]
    pub(super) tls_key_file: Option<PathBuf>,
    /// The listeners that speak TLS, separated by commas
    #[arg(long, value_enum, value_name = "LISTENER", env = "CLAVIGER_TLS_LISTENERS", value_delimiter = ',')]
    pub(super) tls_listeners: Vec<ListenerName>,
    /// The origin by which people reach the portal, such as `https://keys.example.com`
    #[arg(long, value_name = "URL", env = "CLAVIGER_PUBLIC_URL", value_parser = public_url)]
    pub(super) public_url: Option<String>,
    /// Where allowed requests go, instead of the profiles' live upstreams
    #[arg(long, value_name = "URL", env = "CLAVIGER_UPSTREAM", value_parser = origin)]
    pub(super) upstream: Option<String>,
    /// The Redis or Valkey by which several nodes share rate limits; may have a password, so better in the environment
    #[arg(long, value_name = "URL", env = "CLAVIGER_REDIS_URL", hide_env_values = true)]
    pub(super) redis_url: Option<RedisUrl>,
    /// How long this node goes on deciding after it last confirmed that it knows every change
    #[arg(long, value_name = "DURATION", env = "CLAVIGER_LEASE", value_parser = lease)]
    pub(super) lease: Option<Duration>,
    /// The file with the master key of sealed keys
    #[arg(long, value_name = "FILE", env = "CLAVIGER_MASTER_KEY_FILE")]
    pub(super) master_key_file: Option<PathBuf>,
    /// A file of settings
    #[arg(long, value_name = "FILE", env = "CLAVIGER_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// A file to write once everything answers
    #[arg(long, value_name = "FILE", env = "CLAVIGER_READY_FILE")]
    pub(super) ready_file: Option<PathBuf>,
    /// How much is logged
    #[arg(long, value_enum, value_name = "LEVEL", env = "CLAVIGER_LOG")]
    pub(super) log: Option<log::Level>,
    /// What a line of the log looks like
    #[arg(long, value_enum, value_name = "FORMAT", env = "CLAVIGER_LOG_FORMAT")]
    pub(super) log_format: Option<log::Format>,
}

impl ServeFlags {
    pub(super) fn into_layer(self) -> Layer {
        Layer {
            data: self.data,
            database_url: self.database_url,
            profiles: (!self.profiles.is_empty()).then_some(self.profiles),
            gateway: self.gateway,
            portal: self.portal,
            control: self.control,
            ext_authz: self.ext_authz,
            tls_cert_file: self.tls_cert_file,
            tls_key_file: self.tls_key_file,
            tls_listeners: (!self.tls_listeners.is_empty()).then_some(self.tls_listeners),
            public_url: self.public_url,
            upstream: self.upstream,
            redis_url: self.redis_url,
            lease: self.lease.map(Span),
            master_key_file: self.master_key_file,
            ready_file: self.ready_file,
            log: self.log,
            log_format: self.log_format,
            ..Layer::default()
        }
    }
}

/// What the environment alone says, beside a file: for these there are no flags.
pub(super) fn variables() -> anyhow::Result<Layer> {
    Ok(Layer {
        node: env::var("CLAVIGER_NODE").ok(),
        forward_auth_callers: env::var("CLAVIGER_FORWARD_AUTH_CALLERS").ok().map(|networks| list(&networks)),
        migrate: switch("CLAVIGER_MIGRATE")?,
        watch_files: switch("CLAVIGER_WATCH_FILES")?,
        database_listen_url: env::var("CLAVIGER_DATABASE_LISTEN_URL").ok().as_deref().map(DatabaseUrl::from),
        session_idle: span("CLAVIGER_SESSION_IDLE")?,
        session_longest: span("CLAVIGER_SESSION_LONGEST")?,
        address_retention: span("CLAVIGER_ADDRESS_RETENTION")?,
        usage_retention: span("CLAVIGER_USAGE_RETENTION")?,
        ..Layer::default()
    })
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(|one| one.trim().to_owned()).collect()
}

fn switch(name: &str) -> anyhow::Result<Option<bool>> {
    let Some(text) = env::var_os(name) else { return Ok(None) };
    let switch = text.to_string_lossy().parse().ok();
    switch.map(Some).with_context(|| format!("{name} can't be used: it must be true or false"))
}

pub(super) fn span(name: &str) -> anyhow::Result<Option<Span>> {
    let Some(text) = env::var_os(name) else { return Ok(None) };
    let span = parse_duration(&text.to_string_lossy());
    span.map(|span| Some(Span(span))).with_context(|| format!("{name} can't be used"))
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().or(Err("must be an IP address and a port, such as 127.0.0.1:8080"))
}

fn lease(text: &str) -> Result<Duration, String> {
    let span = parse_duration(text).map_err(|error| error.to_string())?;
    check_lease(span).map_err(ToString::to_string)
}
