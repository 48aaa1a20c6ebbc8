//! How the model's values stand in columns: ids and digests as blobs, instants as milliseconds, words and JSON as text.

use std::net::IpAddr;

use claviger_model::{
    Abilities, AccountId, AccountState, ClientId, DenialCode, Digest, Email, Environment, EventId,
    InstallationId, KeyId, KeyState, LinkId, MemberId, NodeId, OperatorId, RequestId, Restrictions, Role,
    Scopes, SessionId, Timestamp,
    oauth::{Challenge, ClientKind, RedirectUri},
};
use claviger_verify::nodes::Via;
use rusqlite::{
    Row, RowIndex,
    types::{FromSql, FromSqlError, FromSqlResult, ValueRef},
};
use serde::de::DeserializeOwned;

use crate::{LinkPurpose, SignInMethod, words::Word};

/// A value as it is read from a column.
pub(super) struct Stored<T>(T);

macro_rules! blobs {
    ($($name:ident),*) => {$(
        impl FromSql for Stored<$name> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                FromSql::column_result(value).map($name::from_bytes).map(Self)
            }
        }
    )*};
}

blobs!(
    AccountId,
    ClientId,
    Challenge,
    KeyId,
    OperatorId,
    MemberId,
    SessionId,
    LinkId,
    EventId,
    InstallationId,
    RequestId,
    Digest
);

macro_rules! words {
    ($($name:ident),*) => {$(
        impl FromSql for Stored<$name> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let word = value.as_str()?;
                Word::read(word).map(Self).ok_or_else(|| unknown(stringify!($name), word))
            }
        }
    )*};
}

words!(
    AccountState,
    ClientKind,
    KeyState,
    SignInMethod,
    Via,
    LinkPurpose,
    Email,
    Role,
    Environment,
    Abilities,
    IpAddr,
    DenialCode
);

macro_rules! json {
    ($($name:ty),*) => {$(
        impl FromSql for Stored<$name> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                from_json(value.as_str()?).map(Self)
            }
        }
    )*};
}

json!(Scopes, Restrictions, serde_json::Value, Vec<NodeId>, Vec<RedirectUri>);

impl FromSql for Stored<Timestamp> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Timestamp::from_millis).map(Self)
    }
}

/// The value in a column.
pub(super) fn stored<T>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<T>
where
    Stored<T>: FromSql,
{
    row.get::<_, Stored<T>>(column).map(|value| value.0)
}

/// The value in a column that may have none.
pub(super) fn stored_if_any<T>(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<T>>
where
    Stored<T>: FromSql,
{
    row.get::<_, Option<Stored<T>>>(column).map(|value| value.map(|value| value.0))
}

fn unknown(kind: &str, word: &str) -> FromSqlError {
    FromSqlError::Other(format!("{word:?} is no {kind}").into())
}

/// Reads a value from the JSON text of a column.
fn from_json<T: DeserializeOwned>(text: &str) -> FromSqlResult<T> {
    serde_json::from_str(text).map_err(FromSqlError::other)
}
