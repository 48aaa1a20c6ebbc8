//! Keys in SQLite: each thread has a connection of its own and reads there and then, which is quicker than a handover.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
    sync::Arc,
};

use claviger_bench::{ISSUED_AT, NETWORKS, SCOPES, contract};
use claviger_model::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use crate::check::{Keys, Row};

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE account (
        id           TEXT    PRIMARY KEY,
        external_id  TEXT    NOT NULL,
        is_suspended INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE api_key (
        digest      BLOB    PRIMARY KEY,
        id          TEXT    NOT NULL UNIQUE,
        account_id  TEXT    NOT NULL REFERENCES account,
        environment TEXT    NOT NULL,
        scopes      TEXT    NOT NULL,
        networks    TEXT    NOT NULL,
        created_at  INTEGER NOT NULL,
        expires_at  INTEGER,
        revoked_at  INTEGER
    ) STRICT, WITHOUT ROWID;";
const FIND: &str = "
    SELECT api_key.id, account.id, external_id, environment, scopes, networks, expires_at, revoked_at, is_suspended
      FROM api_key
      JOIN account ON account.id = account_id
     WHERE digest = ?1";

thread_local! {
    static CONNECTION: OnceCell<Connection> = const { OnceCell::new() };
}

/// The file.
#[derive(Clone)]
pub struct Sqlite(Arc<Path>);

impl Sqlite {
    /// Writes the keys into a new file.
    pub fn filled(file: PathBuf, keys: u64) -> anyhow::Result<Self> {
        let (set, _) = contract(keys);
        let mut connection = Connection::open(&file)?;
        connection.execute_batch(SCHEMA)?;
        let transaction = connection.transaction()?;
        for first in set.firsts() {
            transaction
                .prepare_cached("INSERT INTO account VALUES (?1, ?2, 0)")?
                .execute(params![first.account.to_string(), first.external_id])?;
        }
        for issued in set.all() {
            transaction
                .prepare_cached("INSERT INTO api_key VALUES (?1, ?2, ?3, 'live', ?4, ?5, ?6, ?7, NULL)")?
                .execute(params![
                    issued.digest.as_bytes(),
                    issued.key.to_string(),
                    issued.account.to_string(),
                    SCOPES.join(" "),
                    NETWORKS.join(" "),
                    ISSUED_AT.as_millis(),
                    set.expires_at.map(Timestamp::as_millis),
                ])?;
        }
        transaction.commit()?;
        Ok(Self(file.into()))
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.0, flags)?;
        // All of it fits.
        connection.execute_batch("PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -65536")?;
        Ok(connection)
    }
}

impl Keys for Sqlite {
    async fn find(&self, digest: [u8; 32]) -> anyhow::Result<Option<Row>> {
        CONNECTION.with(|connection| {
            if connection.get().is_none() {
                let _none_was_there = connection.set(self.open()?);
            }
            let connection = connection.get().expect("it was set");
            let row = connection.prepare_cached(FIND)?.query_row([digest], |row| {
                Ok(Row {
                    key_id: row.get(0)?,
                    account_id: row.get(1)?,
                    external_id: row.get(2)?,
                    environment: row.get(3)?,
                    scopes: row.get(4)?,
                    networks: row.get(5)?,
                    expires_at: row.get(6)?,
                    revoked_at: row.get(7)?,
                    is_suspended: row.get(8)?,
                })
            });
            Ok(row.optional()?)
        })
    }
}
