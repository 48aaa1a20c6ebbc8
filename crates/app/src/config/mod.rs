//! The settings of `serve`: from the command line, then the environment, then a file, then the documented defaults.

mod database_url;
mod file;
mod flags;
mod public_url;
#[cfg(test)]
mod reference;
mod tls;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use claviger_counters::RedisAddress;
use claviger_manage::Retention;
use claviger_model::{
    profile::{self, LEASE_MAX, LEASE_MIN},
    restriction::Networks,
};

use self::file::Layer;
pub(crate) use self::{
    database_url::DatabaseUrl,
    flags::ServeFlags,
    tls::{ListenerName, TlsSettings},
};
use crate::log;

/// The defaults are the documentation: one file is both.
const DEFAULTS: &str = include_str!("../claviger.default.toml");

/// How short and how long a session may be made to last.
const SESSION_MIN: Duration = Duration::from_mins(1);
const SESSION_MAX: Duration = Duration::from_hours(30 * 24);
/// The shortest that what is remembered for a while may be.
const RETENTION_MIN: Duration = Duration::from_hours(24);

/// Everything `serve` needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    pub(crate) database_url: Option<DatabaseUrl>,
    pub(crate) database_listen_url: Option<DatabaseUrl>,
    pub(crate) migrate: bool,
    pub(crate) node: Option<String>,
    pub(crate) profiles: Vec<PathBuf>,
    pub(crate) watch_files: bool,
    pub(crate) gateway: SocketAddr,
    pub(crate) portal: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) ext_authz: Option<SocketAddr>,
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) forward_auth_callers: Networks,
    pub(crate) public_url: Option<String>,
    pub(crate) upstream: Option<String>,
    pub(crate) redis: Option<RedisAddress>,
    pub(crate) lease: Duration,
    pub(crate) session_idle: Duration,
    pub(crate) session_longest: Duration,
    pub(crate) retention: Retention,
    pub(crate) master_key_file: Option<PathBuf>,
    pub(crate) ready_file: Option<PathBuf>,
    pub(crate) log: log::Level,
    pub(crate) log_format: log::Format,
    pub(crate) connections: usize,
    pub(crate) connections_per_address: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) drain_timeout: Duration,
}

impl Settings {
    /// Puts the layers on top of each other. `flags` holds the environment too, where no flag was given.
    pub(crate) fn gather(flags: ServeFlags) -> anyhow::Result<Self> {
        let file = flags.config.as_deref().map(file::read).transpose()?.unwrap_or_default();
        Self::of(flags.into_layer().over(flags::variables()?).over(file).over(defaults()))
    }

    fn of(layer: Layer) -> anyhow::Result<Self> {
        let settings = Self {
            data: layer.data.context("`data` has no value")?,
            database_url: layer.database_url,
            database_listen_url: layer.database_listen_url,
            migrate: layer.migrate.context("`migrate` has no value")?,
            node: layer.node,
            profiles: layer.profiles.unwrap_or_default(),
            watch_files: layer.watch_files.context("`watch_files` has no value")?,
            gateway: layer.gateway.context("`gateway` has no value")?,
            portal: layer.portal.context("`portal` has no value")?,
            control: layer.control.context("`control` has no value")?,
            ext_authz: layer.ext_authz,
            tls: TlsSettings::of(
                layer.tls_cert_file,
                layer.tls_key_file,
                layer.tls_listeners.context("`tls_listeners` has no value")?,
            )?,
            forward_auth_callers: callers(&layer.forward_auth_callers.unwrap_or_default())?,
            public_url: layer.public_url.map(|text| public_url(&text)).transpose()?,
            upstream: layer.upstream.map(|text| upstream(&text)).transpose()?,
            redis: layer.redis_url.map(|url| redis(&url.0)).transpose()?,
            lease: layer.lease.context("`lease` has no value")?.0,
            session_idle: layer.session_idle.context("`session_idle` has no value")?.0,
            session_longest: layer.session_longest.context("`session_longest` has no value")?.0,
            retention: Retention {
                addresses: layer.address_retention.context("`address_retention` has no value")?.0,
                counts: layer.usage_retention.context("`usage_retention` has no value")?.0,
            },
            master_key_file: layer.master_key_file,
            ready_file: layer.ready_file,
            log: layer.log.context("`log` has no value")?,
            log_format: layer.log_format.context("`log_format` has no value")?,
            connections: layer.connections.context("`connections` has no value")?,
            connections_per_address: layer
                .connections_per_address
                .context("`connections_per_address` has no value")?,
            header_timeout: layer.header_timeout.context("`header_timeout` has no value")?.0,
            drain_timeout: layer.drain_timeout.context("`drain_timeout` has no value")?.0,
        };
        settings.check()?;
        Ok(settings)
    }

    /// Whether this listener speaks TLS.
    pub(crate) fn speaks_tls(&self, listener: ListenerName) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.covers(listener))
    }

    fn check(&self) -> anyhow::Result<()> {
        check_lease(self.lease).map_err(anyhow::Error::msg)?;
        for (name, bound) in
            [("connections", self.connections), ("connections_per_address", self.connections_per_address)]
        {
            if !(1..=1_000_000).contains(&bound) {
                bail!("`{name}` must be between 1 and 1000000");
            }
        }
        for (name, span) in [("session_idle", self.session_idle), ("session_longest", self.session_longest)] {
            if !(SESSION_MIN..=SESSION_MAX).contains(&span) {
                bail!("`{name}` must be between 1m and 30d");
            }
        }
        let Retention { addresses, counts } = self.retention;
        for (name, span) in [("address_retention", addresses), ("usage_retention", counts)] {
            if span < RETENTION_MIN {
                bail!("`{name}` must be 1d at least");
            }
        }
        if self.session_idle > self.session_longest {
            bail!(
                "`session_idle` can't be longer than `session_longest`: a session that is used ends then too"
            );
        }
        if self.speaks_tls(ListenerName::Portal)
            && self.public_url.as_ref().is_some_and(|url| url.starts_with("http://"))
        {
            bail!("`public_url` must be https: the portal speaks TLS (`tls_listeners`)");
        }
        if self.header_timeout.is_zero() {
            bail!("`header_timeout` must be at least 1s");
        }
        Ok(())
    }
}

fn check_lease(span: Duration) -> Result<Duration, &'static str> {
    if (LEASE_MIN..=LEASE_MAX).contains(&span) {
        Ok(span)
    } else {
        Err("the lease must be between 2s and 1h")
    }
}

fn upstream(text: &str) -> anyhow::Result<String> {
    profile::origin(text).with_context(|| format!("the upstream {text:?} can't be used"))
}

fn callers(networks: &[String]) -> anyhow::Result<Networks> {
    let networks: Vec<_> = networks.iter().map(String::as_str).collect();
    Networks::parse(&networks).map_err(|error| anyhow!("`forward_auth_callers` can't be used: {error}"))
}

fn redis(text: &str) -> anyhow::Result<RedisAddress> {
    text.parse().context("`redis_url` can't be used")
}

fn public_url(text: &str) -> anyhow::Result<String> {
    public_url::public_url(text).map_err(|why| anyhow!("the public URL {text:?} can't be used: it {why}"))
}

fn defaults() -> Layer {
    file::parse("claviger.default.toml", DEFAULTS).expect("the defaults are tested to be readable")
}

/// The lease that `serve` uses with the same environment and `config` file, unless told otherwise.
pub(crate) fn lease(config: Option<&Path>) -> anyhow::Result<Duration> {
    let file = config.map(file::read).transpose()?.unwrap_or_default();
    let lease = flags::span("CLAVIGER_LEASE")?.or(file.lease).or(defaults().lease);
    check_lease(lease.context("`lease` has no value")?.0).map_err(anyhow::Error::msg)
}

/// The data directory and the shared database that `serve` uses with the same flags, which hold the environment too,
/// and `config` file.
pub(crate) fn places(
    data: Option<PathBuf>,
    url: Option<DatabaseUrl>,
    config: Option<&Path>,
) -> anyhow::Result<(PathBuf, Option<DatabaseUrl>)> {
    let file = config.map(file::read).transpose()?.unwrap_or_default();
    let data = data.or(file.data).or(defaults().data).context("`data` has no value")?;
    Ok((data, url.or(file.database_url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_complete() {
        let settings = Settings::of(defaults()).unwrap();
        assert_eq!(settings.control, "127.0.0.1:8082".parse().unwrap());
        assert_eq!(settings.lease, Duration::from_mins(2));
        assert_eq!((settings.upstream, settings.ready_file, settings.public_url), (None, None, None));
        let spans = (settings.session_idle, settings.session_longest);
        assert_eq!(spans, (Duration::from_mins(30), Duration::from_hours(12)));
        assert!(settings.migrate);
    }

    #[test]
    fn the_upper_layer_wins_setting_by_setting() {
        let upper = file::parse("upper.toml", "lease = \"3s\"\nprofiles = [\"a.toml\"]\n").unwrap();
        let lower = file::parse("lower.toml", "lease = \"9s\"\nlog = \"debug\"\n").unwrap();
        let settings = Settings::of(upper.over(lower).over(defaults())).unwrap();
        assert_eq!(settings.lease, Duration::from_secs(3));
        assert_eq!(settings.log, log::Level::Debug);
        assert_eq!(settings.profiles, [PathBuf::from("a.toml")]);
        assert_eq!(settings.data, places(None, None, None).unwrap().0);
    }

    #[test]
    fn tls_is_spoken_by_the_listeners_that_may_face_the_internet_or_by_those_that_are_named() {
        use ListenerName::{Control, ExtAuthz, Gateway, Portal};
        let files = "tls_cert_file = \"c\"\ntls_key_file = \"k\"\n";
        let named = [files, "tls_listeners = [\"gateway\", \"ext_authz\"]"].concat();
        for (text, expected) in
            [("", vec![]), (files, vec![Gateway, Portal]), (&named, vec![Gateway, ExtAuthz])]
        {
            let layer = file::parse("claviger.toml", text).unwrap();
            let settings = Settings::of(layer.over(defaults())).unwrap();
            let all = [Gateway, Portal, Control, ExtAuthz].into_iter();
            let speaking: Vec<_> = all.filter(|listener| settings.speaks_tls(*listener)).collect();
            assert_eq!(speaking, expected, "{text}");
        }
    }

    #[test]
    fn the_password_of_redis_is_told_nowhere() {
        let read = |url: &str| file::parse("claviger.toml", &format!("redis_url = \"{url}\"")).unwrap();
        let layer = read("redis://:hunter2@cache:6379");
        assert!(!format!("{layer:?}").contains("hunter2"));
        let settings = Settings::of(layer.over(defaults())).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(settings.redis.unwrap().to_string(), "cache:6379");
        let refused = Settings::of(read("redis//:hunter2@cache").over(defaults())).unwrap_err();
        assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
    }

    #[test]
    fn what_can_not_work_is_refused() {
        for text in [
            "lease = \"1s\"",
            "lease = \"2h\"",
            "connections = 0",
            "header_timeout = \"0\"",
            "upstream = \"localhost:3000\"",
            "redis_url = \"localhost:6379\"",
            "forward_auth_callers = []",
            "forward_auth_callers = [\"0.0.0.0/0\"]",
            "forward_auth_callers = [\"nginx\"]",
            "public_url = \"http://keys.example.com\"",
            "public_url = \"https://keys.example.com/portal\"",
            "public_url = \"http://localhost:8081\"\ntls_cert_file = \"c\"\ntls_key_file = \"k\"",
            "tls_cert_file = \"c\"",
            "tls_key_file = \"k\"",
            "tls_cert_file = \"c\"\ntls_key_file = \"k\"\ntls_listeners = []",
            "session_idle = \"59s\"",
            "session_longest = \"31d\"",
            "session_idle = \"13h\"",
            "session_longest = \"20m\"",
        ] {
            let layer = file::parse("claviger.toml", text).unwrap().over(defaults());
            assert!(Settings::of(layer).is_err(), "{text}");
        }
    }
}
