//! Facts of the installation, by name.

use rusqlite::{Connection, OptionalExtension, params};

use super::failure::Outcome;

pub(super) fn find(connection: &Connection, name: &str) -> Outcome<Option<Vec<u8>>> {
    let sql = "SELECT value FROM settings WHERE name = ?1";
    Ok(connection.prepare_cached(sql)?.query_one([name], |row| row.get(0)).optional()?)
}

pub(super) fn put_if_absent(connection: &Connection, name: &str, value: &[u8]) -> Outcome<Vec<u8>> {
    let sql = "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
    connection.prepare_cached(sql)?.execute(params![name, value])?;
    Ok(connection.query_one("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0))?)
}
