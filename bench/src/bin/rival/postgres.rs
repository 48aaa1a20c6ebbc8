//! Keys in PostgreSQL, by a pool of connections that have the statement prepared.

use std::fmt::Write as _;

use bytes::Bytes;
use claviger_bench::{ISSUED_AT, NETWORKS, SCOPES, contract};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use futures_util::SinkExt as _;
use tokio_postgres::{Client, NoTls};

use crate::check::{Keys, Row};

/// Three for each of two processors: sixteen answered no more, and one answer in a hundred took a tenth of a second.
const CONNECTIONS: usize = 6;
const SCHEMA: &str = "
    CREATE TABLE account (
        id           text    PRIMARY KEY,
        external_id  text    NOT NULL,
        is_suspended boolean NOT NULL
    );
    CREATE TABLE api_key (
        digest      bytea  PRIMARY KEY,
        id          text   NOT NULL UNIQUE,
        account_id  text   NOT NULL REFERENCES account,
        environment text   NOT NULL,
        scopes      text   NOT NULL,
        networks    text   NOT NULL,
        created_at  bigint NOT NULL,
        expires_at  bigint,
        revoked_at  bigint
    );";
const FIND: &str = "
    SELECT api_key.id, account.id, external_id, environment, scopes, networks, expires_at, revoked_at, is_suspended
      FROM api_key
      JOIN account ON account.id = account_id
     WHERE digest = $1";

/// The pool.
#[derive(Clone)]
pub struct Postgres(Pool);

impl Postgres {
    /// Writes the keys into the empty database at `url`.
    pub async fn filled(url: &str, keys: u64) -> anyhow::Result<Self> {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(url.parse()?, NoTls, config);
        let pool = Pool::builder(manager).max_size(CONNECTIONS).build()?;
        let client = pool.get().await?;
        client.batch_execute(SCHEMA).await?;
        let (set, _) = contract(keys);
        let mut rows = String::new();
        for first in set.firsts() {
            writeln!(rows, "{}\t{}\tf", first.account, first.external_id)?;
        }
        copy(&client, "account", rows).await?;
        let (scopes, networks) = (SCOPES.join(" "), NETWORKS.join(" "));
        let (issued_at, expires_at) =
            (ISSUED_AT.as_millis(), set.expires_at.expect("they have one").as_millis());
        let mut rows = String::new();
        for issued in set.all() {
            rows.push_str("\\\\x");
            for byte in issued.digest.as_bytes() {
                write!(rows, "{byte:02x}")?;
            }
            let (key, account) = (issued.key, issued.account);
            writeln!(rows, "\t{key}\t{account}\tlive\t{scopes}\t{networks}\t{issued_at}\t{expires_at}\t\\N")?;
        }
        copy(&client, "api_key", rows).await?;
        client.batch_execute("VACUUM ANALYZE").await?;
        drop(client);
        Ok(Self(pool))
    }
}

async fn copy(client: &Client, table: &str, rows: String) -> anyhow::Result<()> {
    let sink = client.copy_in(&format!("COPY {table} FROM STDIN")).await?;
    let mut sink = std::pin::pin!(sink);
    sink.send(Bytes::from(rows)).await?;
    sink.finish().await?;
    Ok(())
}

impl Keys for Postgres {
    async fn find(&self, digest: [u8; 32]) -> anyhow::Result<Option<Row>> {
        let client = self.0.get().await?;
        let statement = client.prepare_cached(FIND).await?;
        let found = client.query_opt(&statement, &[&digest.as_slice()]).await?;
        let row = found.map(|row| {
            Ok::<_, tokio_postgres::Error>(Row {
                key_id: row.try_get(0)?,
                account_id: row.try_get(1)?,
                external_id: row.try_get(2)?,
                environment: row.try_get(3)?,
                scopes: row.try_get(4)?,
                networks: row.try_get(5)?,
                expires_at: row.try_get(6)?,
                revoked_at: row.try_get(7)?,
                is_suspended: row.try_get(8)?,
            })
        });
        Ok(row.transpose()?)
    }
}
