//! Keys in Redis: a hash for each digest, with what is asked of the account in it, by one connection for all.

use claviger_bench::{ISSUED_AT, NETWORKS, SCOPES, contract};
use redis::{Client, aio::MultiplexedConnection, cmd, pipe};

use crate::check::{Keys, Row};

/// Digests of so many keys are sent together.
const TOGETHER: usize = 1000;
const FIELDS: [&str; 9] = [
    "id",
    "account",
    "external_id",
    "environment",
    "scopes",
    "networks",
    "expires_at",
    "revoked_at",
    "is_suspended",
];

/// The connection.
#[derive(Clone)]
pub struct Redis(MultiplexedConnection);

impl Redis {
    /// Writes the keys into the empty Redis at `url`.
    pub async fn filled(url: &str, keys: u64) -> anyhow::Result<Self> {
        let mut connection = Client::open(url)?.get_multiplexed_async_connection().await?;
        let (set, _) = contract(keys);
        let (scopes, networks) = (SCOPES.join(" "), NETWORKS.join(" "));
        let expires_at = set.expires_at.expect("they have one").as_millis();
        let mut issued = set.all().peekable();
        while issued.peek().is_some() {
            let mut commands = pipe();
            for issued in issued.by_ref().take(TOGETHER) {
                let (key, account) = (issued.key.to_string(), issued.account.to_string());
                commands.cmd("HSET").arg(issued.digest.as_bytes());
                commands
                    .arg("id")
                    .arg(key)
                    .arg("account")
                    .arg(account)
                    .arg("external_id")
                    .arg(issued.external_id);
                commands
                    .arg("environment")
                    .arg("live")
                    .arg("scopes")
                    .arg(&scopes)
                    .arg("networks")
                    .arg(&networks);
                commands.arg("created_at").arg(ISSUED_AT.as_millis()).arg("expires_at").arg(expires_at);
                commands.arg("is_suspended").arg(0).ignore();
            }
            commands.query_async::<()>(&mut connection).await?;
        }
        Ok(Self(connection))
    }
}

type Fields = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<bool>,
);

impl Keys for Redis {
    async fn find(&self, digest: [u8; 32]) -> anyhow::Result<Option<Row>> {
        let mut connection = self.0.clone();
        let found: Fields = cmd("HMGET").arg(&digest).arg(&FIELDS).query_async(&mut connection).await?;
        // A key that isn't there is a hash without fields.
        let (
            Some(key_id),
            Some(account_id),
            Some(external_id),
            Some(environment),
            Some(scopes),
            Some(networks),
            expires_at,
            revoked_at,
            Some(is_suspended),
        ) = found
        else {
            return Ok(None);
        };
        Ok(Some(Row {
            key_id,
            account_id,
            external_id,
            environment,
            scopes,
            networks,
            expires_at,
            revoked_at,
            is_suspended,
        }))
    }
}
