//! How a PostgreSQL database is reached.

use std::fmt;

/// How a PostgreSQL database is reached. Its `Debug` doesn't show the URLs: they have passwords.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:5432/database?sslmode=require`. Several hosts, with commas between them, are tried
    /// in turn until one takes changes; replicas are passed over. A certificate is always verified: by the public
    /// authorities, or by those in the file that `sslrootcert` names.
    pub url: String,
    /// The same without a pooler in between, for the one connection that listens for other nodes' changes. Where it is
    /// left out, `url` serves; where nobody can listen there, as by PgBouncer in transaction mode, changes are found by
    /// polling.
    pub listen_url: Option<String>,
    /// Connections for management, at least one. The feed has two more, and one listens.
    pub connections: u32,
    /// Whether a schema that is older than this version is brought up, or refused.
    pub migrate: bool,
}

impl PostgresOptions {
    /// Ten connections to the database at this URL, whose schema is brought up.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), listen_url: None, connections: 10, migrate: true }
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("connections", &self.connections)
            .field("migrate", &self.migrate)
            .finish_non_exhaustive()
    }
}
