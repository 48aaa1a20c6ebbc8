//! How the model's values stand in columns: ids as uuid, digests as bytea, instants as milliseconds, words and JSON as
//! text. Every value that is sent comes with its type, so that a statement needs no preparing.

use std::{collections::BTreeMap, error::Error, net::IpAddr, sync::Arc};

use claviger_model::{
    Abilities, AccountId, AccountState, ClientId, DenialCode, Digest, Email, Environment, EventId,
    InstallationId, KeyId, KeyState, LinkId, MemberId, NodeId, OperatorId, RequestId, Restrictions, Role,
    Scopes, SessionId, Timestamp,
    oauth::{Challenge, ClientKind, RedirectUri},
};
use claviger_verify::nodes::Via;
use serde::de::DeserializeOwned;
use tokio_postgres::{
    Row,
    row::RowIndex,
    types::{FromSql, ToSql, Type},
};
use uuid::Uuid;

use crate::{LinkPurpose, SignInMethod, words::Word};

/// A value to send, and the type it is sent as.
pub(super) type Bound = (Box<dyn ToSql + Sync + Send>, Type);

/// A value that can be sent.
pub(super) trait Column {
    /// What is sent.
    type Sent: ToSql + Sync + Send + 'static;
    /// As which type.
    const TYPE: Type;
    /// Takes a copy to send.
    fn sent(&self) -> Self::Sent;
    /// The value with its type.
    fn bound(&self) -> Bound {
        (Box::new(self.sent()), Self::TYPE)
    }
}

macro_rules! columns {
    ($($name:ty, $sent:ty, $type:ident, |$value:ident| $take:expr;)*) => {$(
        impl Column for $name {
            type Sent = $sent;
            const TYPE: Type = Type::$type;
            fn sent(&self) -> $sent {
                let $value = self;
                $take
            }
        }
    )*};
}

columns! {
    AccountId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    ClientId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    KeyId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    OperatorId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    MemberId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    SessionId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    LinkId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    NodeId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    EventId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    InstallationId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    RequestId, Uuid, UUID, |id| Uuid::from_bytes(id.to_bytes());
    [u8; 16], Uuid, UUID, |id| Uuid::from_bytes(*id);
    Digest, Vec<u8>, BYTEA, |digest| digest.as_bytes().to_vec();
    Challenge, Vec<u8>, BYTEA, |challenge| challenge.as_bytes().to_vec();
    [u8; 32], Vec<u8>, BYTEA, |hash| hash.to_vec();
    Vec<u8>, Vec<u8>, BYTEA, |bytes| bytes.clone();
    Timestamp, i64, INT8, |at| at.as_millis();
    i64, i64, INT8, |number| *number;
    u64, i64, INT8, |number| i64::try_from(*number).unwrap_or(i64::MAX);
    u32, i64, INT8, |number| i64::from(*number);
    u16, i32, INT4, |number| i32::from(*number);
    bool, bool, BOOL, |answer| *answer;
    str, String, TEXT, |text| without_nul(text);
    String, String, TEXT, |text| without_nul(text);
    Arc<str>, String, TEXT, |text| without_nul(text);
    Email, String, TEXT, |email| without_nul(email.as_str());
    IpAddr, String, TEXT, |address| address.to_string();
}

impl<T: Column + ?Sized> Column for &T {
    type Sent = T::Sent;
    const TYPE: Type = T::TYPE;
    fn sent(&self) -> T::Sent {
        (**self).sent()
    }
}

impl<T: Column> Column for Option<T> {
    type Sent = Option<T::Sent>;
    const TYPE: Type = T::TYPE;
    fn sent(&self) -> Self::Sent {
        self.as_ref().map(Column::sent)
    }
}

/// Text in PostgreSQL has no NUL. Callers refuse control characters in whatever is kept; what remains is somebody who
/// looks for such a text, and finds none.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Values to send, in the order of `$1`, `$2` and so on.
macro_rules! bind {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::postgres::columns::Column::bound(&$value)),*]
    };
}
pub(super) use bind;

/// Many values as one array.
pub(super) fn array<T: Column>(values: impl IntoIterator<Item = T>) -> Bound {
    let sent: Vec<T::Sent> = values.into_iter().map(|value| value.sent()).collect();
    let of = match T::TYPE {
        Type::UUID => Type::UUID_ARRAY,
        Type::BYTEA => Type::BYTEA_ARRAY,
        Type::INT8 => Type::INT8_ARRAY,
        Type::INT4 => Type::INT4_ARRAY,
        Type::BOOL => Type::BOOL_ARRAY,
        _ => Type::TEXT_ARRAY,
    };
    (Box::new(sent), of)
}

/// A value as it is read from a column.
pub(super) struct Stored<T>(T);

type Read<T> = Result<T, Box<dyn Error + Sync + Send>>;

macro_rules! bytes {
    ($($name:ident),*) => {$(
        impl<'a> FromSql<'a> for Stored<$name> {
            fn from_sql(_: &Type, raw: &'a [u8]) -> Read<Self> {
                Ok(Self($name::from_bytes(raw.try_into()?)))
            }

            fn accepts(of: &Type) -> bool {
                *of == Type::UUID || *of == Type::BYTEA
            }
        }
    )*};
}

bytes!(
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
    NodeId,
    RequestId,
    Digest
);

impl<'a, const N: usize> FromSql<'a> for Stored<[u8; N]> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Read<Self> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::UUID || *of == Type::BYTEA
    }
}

macro_rules! words {
    ($($name:ident),*) => {$(
        impl<'a> FromSql<'a> for Stored<$name> {
            fn from_sql(of: &Type, raw: &'a [u8]) -> Read<Self> {
                let word = <&str>::from_sql(of, raw)?;
                let read = Word::read(word).map(Self);
                read.ok_or_else(|| format!("{word:?} is no {}", stringify!($name)).into())
            }

            fn accepts(of: &Type) -> bool {
                *of == Type::TEXT
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
        impl<'a> FromSql<'a> for Stored<$name> {
            fn from_sql(of: &Type, raw: &'a [u8]) -> Read<Self> {
                from_json(<&str>::from_sql(of, raw)?).map(Self)
            }

            fn accepts(of: &Type) -> bool {
                *of == Type::TEXT
            }
        }
    )*};
}

json!(
    Scopes,
    Restrictions,
    serde_json::Value,
    Vec<NodeId>,
    Vec<RedirectUri>,
    BTreeMap<Arc<str>, u64>,
    BTreeMap<Arc<str>, String>
);

fn from_json<T: DeserializeOwned>(text: &str) -> Read<T> {
    Ok(serde_json::from_str(text)?)
}

impl<'a> FromSql<'a> for Stored<Timestamp> {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Read<Self> {
        i64::from_sql(of, raw).map(Timestamp::from_millis).map(Self)
    }

    fn accepts(of: &Type) -> bool {
        *of == Type::INT8
    }
}

macro_rules! counts {
    ($($name:ty: $sent:ty, $type:ident;)*) => {$(
        impl<'a> FromSql<'a> for Stored<$name> {
            fn from_sql(of: &Type, raw: &'a [u8]) -> Read<Self> {
                Ok(Self(<$sent>::from_sql(of, raw)?.try_into()?))
            }

            fn accepts(of: &Type) -> bool {
                *of == Type::$type
            }
        }
    )*};
}

counts! {
    u64: i64, INT8;
    u32: i64, INT8;
    u16: i32, INT4;
}

/// The value in a column.
pub(super) fn stored<'a, T>(
    row: &'a Row,
    column: impl RowIndex + std::fmt::Display,
) -> Result<T, tokio_postgres::Error>
where
    Stored<T>: FromSql<'a>,
{
    row.try_get::<_, Stored<T>>(column).map(|value| value.0)
}

/// The value in a column that may have none.
pub(super) fn stored_if_any<'a, T>(
    row: &'a Row,
    column: impl RowIndex + std::fmt::Display,
) -> Result<Option<T>, tokio_postgres::Error>
where
    Stored<T>: FromSql<'a>,
{
    row.try_get::<_, Option<Stored<T>>>(column).map(|value| value.map(|value| value.0))
}

/// The values in a column of arrays.
pub(super) fn stored_all<'a, T>(
    row: &'a Row,
    column: impl RowIndex + std::fmt::Display,
) -> Result<Vec<T>, tokio_postgres::Error>
where
    Stored<T>: FromSql<'a>,
{
    let all = row.try_get::<_, Vec<Stored<T>>>(column)?;
    Ok(all.into_iter().map(|value| value.0).collect())
}
