//! The URL of a database, taken apart: one set of parameters for each host, and a form that may be shown.

use std::time::Duration;

use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

use crate::OpenError;

/// Until the connection to a host stands, before the next host is tried.
const CONNECT: Duration = Duration::from_secs(2);
/// How long what was sent may go unacknowledged before the connection is given up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
/// An idle connection is probed after this long, and again and again.
const PROBE: Duration = Duration::from_secs(10);

/// Where a database is.
#[derive(Clone)]
pub(super) struct Address {
    /// One for each host of the URL, in its order.
    pub(super) hosts: Vec<Config>,
    /// The file of the authorities whose certificates are believed, where the URL names one.
    pub(super) authorities: Option<String>,
    /// The URL without its password.
    pub(super) shown: String,
}

impl Address {
    /// Reads a URL, or libpq's form of words and values.
    ///
    /// Of libpq's parameters that the client doesn't know, `sslrootcert` is read here, and `sslmode=verify-full` and
    /// `verify-ca` are `require`: a certificate is always verified, and with it the name.
    pub(super) fn read(url: &str) -> Result<Self, OpenError> {
        let wrong = |detail: &str| OpenError::Url { detail: detail.to_owned() };
        if url.contains("://")
            && !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme))
        {
            return Err(wrong("it doesn't begin with postgres://"));
        }
        let (url, authorities) = take_parameter(url, "sslrootcert");
        let url = url.replace("sslmode=verify-full", "sslmode=require");
        let url = url.replace("sslmode=verify-ca", "sslmode=require");
        let all: Config = url.parse().map_err(|error: tokio_postgres::Error| wrong(&fault(&error)))?;
        let missing = |what: &str| OpenError::Url { detail: format!("it names no {what}") };
        let user = all.get_user().ok_or_else(|| missing("user"))?;
        let database = all.get_dbname().unwrap_or(user);
        if all.get_hosts().iter().any(|host| matches!(host, Host::Tcp(name) if name.contains('@'))) {
            return Err(wrong("an @ in the user or the password has to be written %40"));
        }
        let hosts = one_each(&all);
        if hosts.is_empty() {
            return Err(missing("host"));
        }
        let places: Vec<String> = hosts.iter().map(place).collect();
        let shown = format!("postgres://{user}@{}/{database}", places.join(","));
        Ok(Self { hosts, authorities, shown })
    }

    /// Whether the connection may be encrypted.
    pub(super) fn may_be_encrypted(&self) -> bool {
        self.hosts.iter().any(|host| host.get_ssl_mode() != SslMode::Disable)
    }
}

/// What the parser says of a fault: it names the parameter and not its value, but for one that it doesn't know, which a
/// password with an odd character may be taken for.
fn fault(error: &tokio_postgres::Error) -> String {
    let said = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    if said.starts_with("unknown option") {
        "it has a parameter that isn't known here".to_owned()
    } else {
        said
    }
}

/// Takes a parameter out of a URL's query or out of a list of words and values.
fn take_parameter(url: &str, name: &str) -> (String, Option<String>) {
    let separators = ['?', '&', ' '];
    let Some(start) = url
        .match_indices(name)
        .map(|(at, _)| at)
        .find(|at| url[..*at].ends_with(separators) && url[at + name.len()..].starts_with('='))
    else {
        return (url.to_owned(), None);
    };
    let value = &url[start + name.len() + 1..];
    let end = value.find(['&', ' ']).unwrap_or(value.len());
    let rest = value[end..].trim_start_matches(['&', ' ']);
    (format!("{}{rest}", &url[..start]), Some(value[..end].to_owned()))
}

/// A host that doesn't answer must not use up the time of the others: each is tried by itself.
fn one_each(all: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (all.get_hosts(), all.get_hostaddrs(), all.get_ports());
    (0..hosts.len().max(addresses.len()))
        .map(|index| {
            let mut one = of_any_host(all);
            match hosts.get(index) {
                Some(Host::Tcp(name)) => {
                    one.host(name);
                }
                #[cfg(unix)]
                Some(Host::Unix(path)) => {
                    one.host_path(path);
                }
                None => {}
            }
            if let Some(address) = addresses.get(index) {
                one.hostaddr(*address);
            }
            one.port(ports.get(index).or(ports.first()).copied().unwrap_or(5432));
            one
        })
        .collect()
}

fn of_any_host(all: &Config) -> Config {
    let mut one = Config::new();
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(database) = all.get_dbname() {
        one.dbname(database);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    one.application_name(all.get_application_name().unwrap_or("claviger"))
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        // A copy that only follows may lag: keys are read where they are written.
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(all.get_connect_timeout().copied().unwrap_or(CONNECT))
        .tcp_user_timeout(all.get_tcp_user_timeout().copied().unwrap_or(UNACKNOWLEDGED))
        .keepalives(true)
        .keepalives_idle(PROBE)
        .keepalives_interval(PROBE / 2)
        .keepalives_retries(3);
    one
}

/// Whether this host is this machine.
pub(super) fn is_here(host: &Config) -> bool {
    if let Some(address) = host.get_hostaddrs().first() {
        return address.is_loopback();
    }
    match host.get_hosts().first() {
        Some(Host::Tcp(name)) => {
            name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Some(Host::Unix(_)) => true,
        None => false,
    }
}

fn place(host: &Config) -> String {
    let port = host.get_ports().first().copied().unwrap_or(5432);
    match (host.get_hosts().first(), host.get_hostaddrs().first()) {
        (Some(Host::Tcp(name)), _) => format!("{name}:{port}"),
        #[cfg(unix)]
        (Some(Host::Unix(path)), _) => path.display().to_string(),
        (None, Some(address)) => format!("{address}:{port}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_url_never_has_its_password() {
        for (url, shown) in [
            ("postgres://ada:secret@db.example/keys", "postgres://ada@db.example:5432/keys"),
            ("postgresql://ada:secret@a:1,b:2/keys", "postgres://ada@a:1,b:2/keys"),
            ("host=a port=1 user=ada password=secret", "postgres://ada@a:1/ada"),
            ("postgres://ada@a/k?sslmode=verify-full&sslrootcert=/ca.pem", "postgres://ada@a:5432/k"),
        ] {
            let address = Address::read(url).unwrap();
            assert_eq!(address.shown, shown);
        }
        for broken in [
            "",
            "postgres://",
            "postgres://ada:secret@a:x/k",
            "postgres://ada:secret@a/k?secret=secret",
            "postgres://ada:a@secret@db/k",
            "mysql://ada:secret@db/k?a=b",
            "host=a",
        ] {
            let refused = Address::read(broken).err().unwrap().to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn each_host_is_tried_by_itself_and_has_to_take_writes() {
        let address = Address::read("postgres://ada:secret@a:1,b:2/keys?sslmode=disable").unwrap();
        assert!(!address.may_be_encrypted());
        let ports: Vec<_> = address.hosts.iter().map(Config::get_ports).collect();
        assert_eq!(ports, [[1], [2]]);
        for host in &address.hosts {
            assert_eq!(host.get_hosts().len(), 1);
            assert_eq!(host.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(host.get_password(), Some(b"secret".as_slice()));
        }
    }

    #[test]
    fn the_authorities_file_is_taken_out_of_the_url() {
        for (url, rest) in [
            ("postgres://a/k?sslrootcert=/ca.pem&sslmode=require", "postgres://a/k?sslmode=require"),
            ("postgres://a/k?sslmode=require&sslrootcert=/ca.pem", "postgres://a/k?sslmode=require&"),
            ("host=a sslrootcert=/ca.pem user=b", "host=a user=b"),
        ] {
            assert_eq!(take_parameter(url, "sslrootcert"), (rest.to_owned(), Some("/ca.pem".to_owned())));
        }
    }
}
