//! `/v1/accounts/{id}/keys` and `/v1/keys`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use claviger_manage::{Changed, IssueKey, KeyPatch, KeyQuery, Manager, Rotation};
use claviger_model::{AccountId, Environment, KeyId, Restrictions, RestrictionsPatch, Scopes, Timestamp};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{RotateOrder, completeness};
use crate::{
    by::Caller,
    idempotency::idempotency,
    json::{Json, MaybeJson, stated},
    page::{Asked, Id, List, page},
    problem::Problem,
    view::{ChangedJson, IssuedJson, KeyJson, RestrictionsJson, RevealedJson},
};

/// A key to issue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueOrder {
    /// What it is for.
    name: Option<String>,
    /// `live` (the default) or `test`.
    #[schema(value_type = Option<String>)]
    environment: Option<Environment>,
    /// `"all"` (the default) or a list of scopes; the empty list is none.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Value>)]
    scopes: Option<Scopes>,
    /// When it expires: never where left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// What narrows it.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<RestrictionsJson>)]
    restrictions: Option<Restrictions>,
    /// The company's own id for it; unique within the account.
    external_id: Option<String>,
    /// The company's own data, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// A change of a key; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "left out, null and a value are three wishes")]
pub(super) struct ChangeKey {
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<String>>,
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Value>)]
    scopes: Option<Scopes>,
    /// Of each kind that is there, the new list; `null` lifts it. Kinds that are left out stay.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<RestrictionsJson>)]
    restrictions: Option<RestrictionsPatch>,
    /// `null` removes the expiry.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>)]
    external_id: Option<Option<String>>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// A field that is an object, `null` or left out: a list would be taken for the object's fields in order.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let Some(fields) = Option::<Map<String, Value>>::deserialize(deserializer)? else { return Ok(None) };
    T::deserialize(Value::Object(fields)).map(Some).map_err(de::Error::custom)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListKeys {
    /// Revoked ones too.
    #[serde(default)]
    include_revoked: bool,
    /// Only those whose secret is older than the profile wants.
    #[serde(default)]
    due_for_rotation: bool,
    /// Only those not used for as long as the profile says.
    #[serde(default)]
    unused: bool,
    /// Only those with a secret whose hint begins so.
    hint: Option<String>,
    /// Only those with this external id.
    external_id: Option<String>,
    /// From 1 to 100.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl ListKeys {
    async fn answer(
        self,
        manager: &Manager,
        Caller(by): Caller,
        account: Option<AccountId>,
    ) -> Result<axum::Json<List<KeyJson>>, Problem> {
        let Self { include_revoked, due_for_rotation, unused, hint, external_id, limit, cursor } = self;
        let query = KeyQuery {
            account,
            environment: None,
            include_revoked,
            due_for_rotation,
            unused,
            hint,
            external_id,
        };
        let keys = manager.list_keys(&by, query, page(limit, cursor.as_deref())?).await?;
        Ok(axum::Json(List::from_page(keys)))
    }
}

/// Lists an account's keys.
#[utoipa::path(get, path = "/v1/accounts/{id}/keys", tag = "keys", params(("id" = String, Path), ListKeys),
    responses((status = 200, description = "Done", body = List<KeyJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_account_keys(
    State(manager): State<Manager>,
    caller: Caller,
    Id(account): Id<AccountId>,
    Asked(asked): Asked<ListKeys>,
) -> Result<axum::Json<List<KeyJson>>, Problem> {
    asked.answer(&manager, caller, Some(account)).await
}

/// Lists the keys of all accounts.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", params(ListKeys),
    responses((status = 200, description = "Done", body = List<KeyJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_keys(
    State(manager): State<Manager>,
    caller: Caller,
    Asked(asked): Asked<ListKeys>,
) -> Result<axum::Json<List<KeyJson>>, Problem> {
    asked.answer(&manager, caller, None).await
}

/// Issues a key. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/accounts/{id}/keys", tag = "keys", request_body = IssueOrder,
    params(("id" = String, Path),
           ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat for 24 hours")),
    responses((status = 201, description = "Created", body = IssuedJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn issue_key(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(account): Id<AccountId>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Json<IssueOrder>,
) -> Result<impl IntoResponse, Problem> {
    let repeated = idempotency(&headers, &by, &method, uri.path(), &body.bytes, manager.now())?;
    let IssueOrder { name, environment, scopes, expires_at, restrictions, external_id, metadata } =
        body.value;
    let restrictions = restrictions.unwrap_or_default();
    let order = IssueKey { name, environment, scopes, expires_at, restrictions, external_id, metadata };
    let issued = manager.issue_key(&by, account, order, repeated).await?;
    Ok((StatusCode::CREATED, axum::Json(IssuedJson::from(&issued))))
}

/// A key that someone has found.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FindKey {
    /// The plain key, as it was found: quotes, white space, the header's name and scheme around it are left out.
    key: String,
}

/// Finds whose key a plain key is, in whichever account and state it is. It is digested, and kept nowhere.
#[utoipa::path(post, path = "/v1/keys/find", tag = "keys", request_body = FindKey,
    responses((status = 200, description = "Done", body = KeyJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn find_key(
    State(manager): State<Manager>,
    Caller(by): Caller,
    body: Json<FindKey>,
) -> Result<axum::Json<KeyJson>, Problem> {
    Ok(axum::Json((&manager.find_key(&by, &body.value.key).await?).into()))
}

/// Shows a key, never its secret.
#[utoipa::path(get, path = "/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = KeyJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show_key(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<KeyId>,
) -> Result<axum::Json<KeyJson>, Problem> {
    Ok(axum::Json((&manager.show_key(&by, id).await?).into()))
}

/// Renames, restricts or describes a key.
#[utoipa::path(patch, path = "/v1/keys/{id}", tag = "keys", params(("id" = String, Path)), request_body = ChangeKey,
    responses((status = 200, description = "Done", body = ChangedJson), (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = ChangedJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change_key(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<KeyId>,
    body: Json<ChangeKey>,
) -> Result<Response, Problem> {
    let ChangeKey { name, scopes, restrictions, expires_at, external_id, metadata } = body.value;
    let restrictions = restrictions.unwrap_or_default();
    let patch = KeyPatch { name, scopes, restrictions, expires_at, external_id, metadata, seen: None };
    Ok(changed(&manager.patch_key(&by, id, patch).await?))
}

/// Gives a key a new secret; its id stays, and the old secret works until the overlap ends.
#[utoipa::path(post, path = "/v1/keys/{id}/rotate", tag = "keys", request_body = RotateOrder,
    params(("id" = String, Path),
           ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat for 24 hours")),
    responses((status = 200, description = "Done", body = IssuedJson), (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = IssuedJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn rotate_key(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<KeyId>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    MaybeJson(body): MaybeJson<RotateOrder>,
) -> Result<Response, Problem> {
    let repeated = idempotency(&headers, &by, &method, uri.path(), &body.bytes, manager.now())?;
    let overlap = body.value.overlap()?;
    let issued = manager.rotate_key(&by, id, Rotation { overlap }, repeated).await?;
    Ok((completeness(&issued.receipt), axum::Json(IssuedJson::from(&issued))).into_response())
}

/// Ends a key for good. 200 means that no node accepts it any more; 202 says by when none will.
#[utoipa::path(post, path = "/v1/keys/{id}/revoke", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = ChangedJson), (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = ChangedJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke_key(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<KeyId>,
) -> Result<Response, Problem> {
    Ok(changed(&manager.revoke_key(&by, id).await?))
}

/// Switches a key off until it is enabled again.
#[utoipa::path(post, path = "/v1/keys/{id}/disable", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = ChangedJson), (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = ChangedJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn disable_key(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<KeyId>,
) -> Result<Response, Problem> {
    Ok(changed(&manager.disable_key(&by, id).await?))
}

/// Switches a key on again.
#[utoipa::path(post, path = "/v1/keys/{id}/enable", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = ChangedJson), (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = ChangedJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn enable_key(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<KeyId>,
) -> Result<Response, Problem> {
    Ok(changed(&manager.enable_key(&by, id).await?))
}

/// Shows the secret of a sealed key again; audited.
#[utoipa::path(post, path = "/v1/keys/{id}/reveal", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = RevealedJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn reveal_key(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<KeyId>,
) -> Result<axum::Json<RevealedJson>, Problem> {
    let plain = manager.reveal_key(&by, id).await?;
    Ok(axum::Json(RevealedJson { id: id.to_string(), key: plain.expose().to_owned() }))
}

fn changed(changed: &Changed) -> Response {
    (completeness(&changed.receipt), axum::Json(ChangedJson::from(changed))).into_response()
}
