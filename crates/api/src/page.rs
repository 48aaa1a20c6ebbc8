//! Lists come in pages: `limit` and `cursor` in, `items` and `next_cursor` out.

use std::{fmt::Display, str::FromStr};

use axum::extract::{FromRequestParts, Path, Query};
use claviger_manage::{Fault, PageRequest};
use claviger_model::{AccountId, ClientId, MemberId};
use http::request::Parts;
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::problem::{Code, Problem};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items, in the order of creation.
    pub(crate) items: Vec<T>,
    /// What to send as `cursor` for the next page; `null` on the last.
    pub(crate) next_cursor: Option<String>,
}

impl<T> List<T> {
    pub(crate) fn from_page<R, Id: Display>(page: claviger_manage::Page<R, Id>) -> Self
    where
        T: for<'r> From<&'r R>,
    {
        Self {
            items: page.items.iter().map(T::from).collect(),
            next_cursor: page.next.map(|id| id.to_string()),
        }
    }
}

/// The page that `limit` and `cursor` ask for.
pub(crate) fn page<Id: FromStr>(
    limit: Option<usize>,
    cursor: Option<&str>,
) -> Result<PageRequest<Id>, Problem> {
    page_up_to(LIMIT_MAX, limit, cursor)
}

/// The same where a page may have another length at most.
pub(crate) fn page_up_to<Id: FromStr>(
    most: usize,
    limit: Option<usize>,
    cursor: Option<&str>,
) -> Result<PageRequest<Id>, Problem> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=most).contains(&limit) {
        return Err(Problem::invalid(vec![Fault::new("/limit", format!("must be from 1 to {most}"))]));
    }
    let after = match cursor.map(str::parse) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => {
            return Err(Problem::invalid(vec![Fault::new("/cursor", "must be a next_cursor of this list")]));
        }
    };
    Ok(PageRequest { after, limit })
}

/// The query of a call: a closed set of parameters, each at most once.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(Problem::invalid(vec![Fault::new("", error.body_text())])),
        }
    }
}

/// The id in a path. What can't be an id is not found, in the same words as what isn't there.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| Problem::new(Code::NotFound, absent(parts.uri.path())))
    }
}

/// The ids in the path of a connected application: its account, its client and the member who allowed it. What can't be
/// one is not found either.
pub(crate) struct ConnectedId {
    pub(crate) account: AccountId,
    pub(crate) client: ClientId,
    pub(crate) member: MemberId,
}

impl<S: Send + Sync> FromRequestParts<S> for ConnectedId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let texts = Path::<(String, String, String)>::from_request_parts(parts, state).await;
        let read = |(account, client, member): (String, String, String)| {
            Some(Self {
                account: account.parse().ok()?,
                client: client.parse().ok()?,
                member: member.parse().ok()?,
            })
        };
        let id = texts.ok().and_then(|Path(texts)| read(texts));
        id.ok_or_else(|| Problem::new(Code::NotFound, "no such connected application"))
    }
}

/// What the verbs say of a thing of this kind that isn't there.
fn absent(path: &str) -> &'static str {
    match path.split('/').nth(2) {
        Some("accounts") => "no such account",
        Some("keys") => "no such key",
        Some("members") => "no such member",
        Some("oauth-clients") => "no such application",
        Some("sessions") => "no such session",
        Some("operators") => "no such operator key",
        Some("nodes") => "no such node",
        Some("receipts") => "no such receipt",
        _ => "no such resource",
    }
}
