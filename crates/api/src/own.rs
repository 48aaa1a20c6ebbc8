//! The profiles' self-service endpoints: a customer's program manages its account's keys, in the contract's words.

use bytes::Bytes;
use claviger_judge::{Api, request_id};
use claviger_manage::{Issued, KeyView, Manager, Refusal};
use claviger_model::{
    KeyId, PlainKey, RequestId, Slot,
    profile::{Action, Endpoint, Field, FieldValue, IdStyle, Profile, SelfService, Taken},
};
use claviger_verify::Permit;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use crate::strict;

/// Answers self-service requests that a permit was given for. Cheap to clone.
#[derive(Clone)]
pub struct OwnKeys {
    manager: Manager,
}

/// A request to a self-service endpoint.
pub struct OwnRequest<'a> {
    /// The api asked.
    pub api: &'a Api,
    /// Whose key asks.
    pub permit: &'a Permit,
    /// What for.
    pub action: Action,
    /// The request's id.
    pub id: RequestId,
    /// Its header fields.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl OwnKeys {
    /// Self-service over `manager`.
    pub fn new(manager: Manager) -> Self {
        Self { manager }
    }

    /// Answers a request in the words of its api's profile.
    pub async fn answer(&self, request: OwnRequest<'_>) -> Response<Full<Bytes>> {
        let (api, id) = (request.api, request.id);
        match self.act(request).await {
            Ok(response) => response,
            Err(slot) => api.answer(slot, id),
        }
    }

    async fn act(&self, request: OwnRequest<'_>) -> Result<Response<Full<Bytes>>, Slot> {
        let OwnRequest { api, permit, action, id, headers, body } = request;
        let profile = &**api.profile();
        let service = profile.self_service.as_ref().ok_or(Slot::Internal)?;
        let endpoint = service.endpoint(&action).ok_or(Slot::Internal)?;
        let done = match &action {
            Action::List => {
                let keys = self.manager.list_own_keys(permit, id).await.map_err(slot_of)?;
                let objects =
                    keys.iter().map(|(key, plain)| object(profile, service, key, plain.as_ref(), false));
                Done::Keys(objects.collect())
            }
            Action::Create => {
                let name = name_of(service, headers, &body)?;
                let Issued { key, plain, .. } =
                    self.manager.issue_own_key(permit, id, name).await.map_err(slot_of)?;
                Done::Key(object(profile, service, &key, Some(&plain), true))
            }
            Action::Delete(text) => {
                let key = key_id(service.ids, text).ok_or(Slot::NotFound)?;
                let changed = self.manager.revoke_own_key(permit, id, key).await.map_err(slot_of)?;
                // The contracts promise that a revoked key is refused from now on: until that holds, it isn't said.
                if !changed.receipt.complete {
                    return Err(Slot::Unavailable);
                }
                Done::Nothing
            }
        };
        Ok(success(endpoint, &done, id))
    }
}

enum Done {
    Keys(Vec<Value>),
    Key(Value),
    Nothing,
}

/// Which answer a refusal gets. Callers of a published contract learn no more than its slots say.
fn slot_of(refusal: Refusal) -> Slot {
    match refusal {
        Refusal::Forbidden(_) => Slot::Scope,
        Refusal::AuthorityLost => Slot::Revoked,
        Refusal::NotFound(_) | Refusal::Revoked | Refusal::IsGrant => Slot::NotFound,
        Refusal::Invalid(_) | Refusal::IdempotencyMismatch | Refusal::ExternalIdTaken => Slot::BadRequest,
        Refusal::NameTooLong { .. } => Slot::NameTooLong,
        Refusal::TooManyKeys { .. } | Refusal::AlreadyCreated { .. } => Slot::Conflict,
        Refusal::LastKey => Slot::LastKey,
        Refusal::Unavailable(source) | Refusal::OutcomeUnknown(source) => {
            tracing::warn!(%source, "a self-service change could not be made");
            Slot::Unavailable
        }
        Refusal::Moved | Refusal::StorageFull => Slot::Unavailable,
        // These answer verbs about operators and members, which no customer's program has, and changes by pages.
        Refusal::NotSealed
        | Refusal::NodeAlive
        | Refusal::ChangedMeanwhile
        | Refusal::LastOperator
        | Refusal::MemberExists
        | Refusal::LastAdministrator
        | Refusal::LinkUsed
        | Refusal::LinkExpired
        | Refusal::WrongPassword
        | Refusal::TooManyAttempts { .. } => Slot::Internal,
        Refusal::Internal(fault) => {
            tracing::error!(%fault, "internal fault");
            Slot::Internal
        }
    }
}

/// The name in a create request. An empty body is a request without one; a field beside it is refused, and so is a
/// body in a coding, which would be read as something else than it is.
fn name_of(service: &SelfService, headers: &HeaderMap, body: &[u8]) -> Result<Option<String>, Slot> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Slot::BadRequest);
    }
    if body.is_empty() {
        return Ok(None);
    }
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let taken = match &*media {
        "application/json" => Taken::Json,
        "application/x-www-form-urlencoded" => Taken::Form,
        _ => return Err(Slot::BadRequest),
    };
    if !service.takes.contains(&taken) {
        return Err(Slot::BadRequest);
    }
    match taken {
        Taken::Json => name_in_json(&service.name_field, body),
        Taken::Form => name_in_form(&service.name_field, body),
    }
}

fn name_in_json(name_field: &str, body: &[u8]) -> Result<Option<String>, Slot> {
    let fields: Map<String, Value> = strict::from_slice(body).or(Err(Slot::BadRequest))?;
    let mut name = None;
    for (field, value) in fields {
        match value {
            Value::String(text) if field == name_field => name = Some(text),
            Value::Null if field == name_field => {}
            _ => return Err(Slot::BadRequest),
        }
    }
    Ok(name)
}

fn name_in_form(name_field: &str, body: &[u8]) -> Result<Option<String>, Slot> {
    let mut name = None;
    for (field, value) in form_urlencoded::parse(body) {
        // A replacement character stands where the form was not UTF-8.
        if field != name_field || name.is_some() || value.contains('\u{fffd}') {
            return Err(Slot::BadRequest);
        }
        name = Some(value.into_owned());
    }
    Ok(name)
}

fn key_id(style: IdStyle, text: &str) -> Option<KeyId> {
    match style {
        IdStyle::Typed => text.parse().ok(),
        IdStyle::Uuid => KeyId::from_uuid_text(text).ok(),
    }
}

fn object(
    profile: &Profile,
    service: &SelfService,
    key: &KeyView,
    plain: Option<&PlainKey>,
    created: bool,
) -> Value {
    let shown = service.object.iter().filter(|field| created || !field.only_created);
    let members = shown.filter_map(|field| member(profile, service.ids, field, key, plain));
    Value::Object(members.collect())
}

fn member(
    profile: &Profile,
    ids: IdStyle,
    field: &Field,
    key: &KeyView,
    plain: Option<&PlainKey>,
) -> Option<(String, Value)> {
    let row = &key.row;
    let value = match field.value {
        FieldValue::Id if ids == IdStyle::Uuid => json!(row.id.to_uuid_text()),
        FieldValue::Id => json!(row.id),
        FieldValue::Name => json!(row.name),
        FieldValue::Prefix => json!(profile.type_prefix(row.environment)),
        FieldValue::Hint => json!(row.secrets.first().map(|secret| &secret.hint)),
        FieldValue::Environment => json!(row.environment),
        FieldValue::CreatedAt => json!(row.created_at.whole_seconds()),
        FieldValue::LastUsedAt => json!(key.last_use().map(|last| last.at.whole_seconds())),
        FieldValue::ExpiresAt => json!(row.expires_at.map(claviger_model::Timestamp::whole_seconds)),
        FieldValue::Scopes => json!(row.scopes),
        FieldValue::PlainKey => json!(plain.map(PlainKey::expose)),
    };
    let omitted = field.omit_empty && value.is_null();
    (!omitted).then(|| (field.name.clone(), value))
}

fn success(endpoint: &Endpoint, done: &Done, id: RequestId) -> Response<Full<Bytes>> {
    let body = endpoint.body.as_ref().map(|template| {
        template.render(|name| match (name, done) {
            ("objects", Done::Keys(objects)) => Some(Value::from(objects.clone()).to_string()),
            ("object", Done::Key(object)) => Some(object.to_string()),
            _ => None,
        })
    });
    let has_body = body.is_some();
    let mut response = Response::new(Full::new(Bytes::from(body.unwrap_or_default())));
    *response.status_mut() = StatusCode::from_u16(endpoint.status).unwrap_or(StatusCode::OK);
    let headers = response.headers_mut();
    if has_body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    request_id::set(headers, id);
    response
}
