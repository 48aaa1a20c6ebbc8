//! Endpoints by which an api's customers manage their own keys with a key of their own.

use super::{look_alike, template::Template};
use crate::path::{CanonicalPath, PathPattern};

/// The self-service endpoints of an api.
#[derive(Clone, Debug)]
pub struct SelfService {
    /// How ids are written.
    pub ids: IdStyle,
    /// The key object, field by field.
    pub object: Vec<Field>,
    /// Lists the account's keys.
    pub list: Option<Endpoint>,
    /// Issues a key.
    pub create: Option<Endpoint>,
    /// Revokes a key.
    pub delete: Option<Endpoint>,
    /// What a create request's body may be.
    pub takes: Vec<Taken>,
    /// The body's field that holds the name.
    pub name_field: String,
}

/// How ids are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdStyle {
    /// `key_01h455vb4pex5vsknk084sn02q`
    Typed,
    /// `0188bac7-4afa-78aa-bc3b-bd1eef28d881`
    Uuid,
}

/// A media type a create request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

/// One field of the key object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub value: FieldValue,
    /// Left out when it holds nothing, rather than `null`.
    pub omit_empty: bool,
    /// Only in the answer that creates the key.
    pub only_created: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// The key's id.
    Id,
    /// Its name.
    Name,
    /// The prefix of its type.
    Prefix,
    /// What lists show of it.
    Hint,
    /// `live` or `test`.
    Environment,
    /// When it was created, whole seconds.
    CreatedAt,
    /// When it was last used, whole seconds.
    LastUsedAt,
    /// When it expires, whole seconds.
    ExpiresAt,
    /// Its scopes.
    Scopes,
    /// The plain key: when created, and where keys are sealed at any time.
    PlainKey,
}

/// One endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its method.
    pub method: String,
    /// Its path; one `*` stands where the id is.
    pub path: PathPattern,
    /// Status of success, 200 to 299.
    pub status: u16,
    /// Body of success: `${object}`, `${objects}`; `None` sends no body and no content type.
    pub body: Option<Template>,
}

/// Which of the endpoints a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// List the account's keys.
    List,
    /// Issue a key.
    Create,
    /// Revoke the key with this id, as the path has it.
    Delete(String),
}

impl SelfService {
    /// The endpoint that `method` and `path` are for, if any. `HEAD` lists as `GET` does (RFC 9110 §9.3.2).
    pub fn action(&self, method: &str, path: &str) -> Option<Action> {
        let canonical = CanonicalPath::new(path).ok()?;
        let lists = |list: &Endpoint| {
            list.is_for(method, canonical) || (method == "HEAD" && list.is_for("GET", canonical))
        };
        if self.list.as_ref().is_some_and(lists) {
            return Some(Action::List);
        }
        if self.create.as_ref().is_some_and(|create| create.is_for(method, canonical)) {
            return Some(Action::Create);
        }
        let delete = self.delete.as_ref().filter(|delete| delete.is_for(method, canonical))?;
        Some(Action::Delete(delete.id_in(path)))
    }

    /// Whether an upstream that cleans paths could take `path` for that of an endpoint, though it isn't.
    ///
    /// Such a request must not go on: whoever answers it, no key is made or revoked by it.
    pub fn resembles(&self, path: &str) -> bool {
        let mut endpoints = [&self.list, &self.create, &self.delete].into_iter().flatten();
        let as_sent = CanonicalPath::new(path);
        if as_sent.is_ok_and(|path| endpoints.clone().any(|endpoint| endpoint.path.matches(path))) {
            return false;
        }
        let readings = look_alike::readings(path);
        endpoints.any(|endpoint| readings.iter().any(|reading| reading.is_of(endpoint.path.as_str())))
    }

    /// The endpoint of an action that [`SelfService::action`] found.
    pub fn endpoint(&self, action: &Action) -> Option<&Endpoint> {
        match action {
            Action::List => self.list.as_ref(),
            Action::Create => self.create.as_ref(),
            Action::Delete(_) => self.delete.as_ref(),
        }
    }
}

impl Endpoint {
    fn is_for(&self, method: &str, path: CanonicalPath<'_>) -> bool {
        self.method == method && self.path.matches(path)
    }

    fn id_in(&self, path: &str) -> String {
        let id = self.path.as_str().split('/').zip(path.split('/')).find(|(pattern, _)| *pattern == "*");
        id.map(|(_, segment)| segment.to_owned()).unwrap_or_default()
    }
}

impl FieldValue {
    /// Every value with its name in profiles.
    pub(super) const NAMES: [(&'static str, Self); 10] = [
        ("id", Self::Id),
        ("name", Self::Name),
        ("prefix", Self::Prefix),
        ("hint", Self::Hint),
        ("environment", Self::Environment),
        ("created_at", Self::CreatedAt),
        ("last_used_at", Self::LastUsedAt),
        ("expires_at", Self::ExpiresAt),
        ("scopes", Self::Scopes),
        ("key", Self::PlainKey),
    ];
}
