//! `/v1/oauth-clients`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use claviger_manage::{ChangedClient, ClientFilter, ClientOrder, ClientPatch, Manager, Refusal};
use claviger_model::{
    AccountId, ClientId, Scopes,
    oauth::{ClientKind, RedirectUri},
};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::{Deserialize, Deserializer, de};
use utoipa::{IntoParams, ToSchema};

use super::{RotateOrder, completeness};
use crate::{
    by::Caller,
    idempotency::idempotency,
    json::{Json, MaybeJson, stated},
    page::{Asked, Id, List, page},
    problem::{Code, Problem},
    view::{ChangedClientJson, ClientJson, IssuedClientJson},
};

/// An application to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterClient {
    /// What members read: 1 to 100 characters.
    name: String,
    /// The api it is for; may be left out where there is one only.
    api: Option<String>,
    /// `confidential` (the default) where it can keep a secret, or `public`, as in a browser or on somebody's device.
    #[serde(default, deserialize_with = "kind")]
    #[schema(value_type = Option<String>)]
    kind: Option<ClientKind>,
    /// Where members are sent back to, compared to the byte: at most 32, each at most 2048 characters; `https://`, `http://`
    /// on a loopback address (whose port may differ then), or a scheme of the application's own with a dot in it. At least
    /// one, unless it acts for an account of its own or introspects.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    redirect_uris: Vec<RedirectUri>,
    /// What it may ask for: `"all"` (the default) or a list of scopes; the empty list is none.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Value>)]
    scopes: Option<Scopes>,
    /// The account it acts for by itself (`client_credentials`), of the same api. Never of a public one.
    #[schema(value_type = Option<String>)]
    account_id: Option<AccountId>,
    /// Whether it is known whose it is.
    #[serde(default)]
    verified: bool,
    /// Whether it may ask what tokens and keys of the api are (RFC 7662). Never a public one.
    #[serde(default)]
    introspects: bool,
}

/// A change of an application; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeClient {
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<String>)]
    name: Option<String>,
    /// The new list.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Vec<String>>)]
    redirect_uris: Option<Vec<RedirectUri>>,
    /// What it may ask for from now on. What was granted stays as it is.
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<Value>)]
    scopes: Option<Scopes>,
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<bool>)]
    verified: Option<bool>,
    #[serde(default, deserialize_with = "stated")]
    #[schema(value_type = Option<bool>)]
    introspects: Option<bool>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListClients {
    /// Of this api only.
    api: Option<String>,
    /// Revoked ones too.
    #[serde(default)]
    include_revoked: bool,
    /// From 1 to 100.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ClientKind>, D::Error> {
    let kind = ClientKind::read(&String::deserialize(deserializer)?);
    kind.map(Some).ok_or_else(|| de::Error::custom("must be \"confidential\" or \"public\""))
}

/// Lists applications.
#[utoipa::path(get, path = "/v1/oauth-clients", tag = "oauth-clients", params(ListClients),
    responses((status = 200, description = "Done", body = List<ClientJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_clients(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<ListClients>,
) -> Result<axum::Json<List<ClientJson>>, Problem> {
    let filter = ClientFilter { api: asked.api.map(Into::into), include_revoked: asked.include_revoked };
    let clients = manager.list_clients(&by, filter, page(asked.limit, asked.cursor.as_deref())?).await?;
    Ok(axum::Json(List::from_page(clients)))
}

/// Registers an application. Its secret, where it has one, is in this answer and nowhere else.
///
/// Not found where the api's profile has no `[oauth]`, or the account isn't one of the api.
#[utoipa::path(post, path = "/v1/oauth-clients", tag = "oauth-clients", request_body = RegisterClient,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat for 24 hours")),
    responses((status = 201, description = "Created", body = IssuedClientJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn register_client(
    State(manager): State<Manager>,
    Caller(by): Caller,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Json<RegisterClient>,
) -> Result<impl IntoResponse, Problem> {
    let repeated = idempotency(&headers, &by, &method, uri.path(), &body.bytes, manager.now())?;
    let RegisterClient { name, api, kind, redirect_uris, scopes, account_id, verified, introspects } =
        body.value;
    let kind = kind.unwrap_or(ClientKind::Confidential);
    let account = account_id;
    let order = ClientOrder { api, name, kind, redirect_uris, scopes, account, verified, introspects };
    let issued = manager.register_client(&by, order, repeated).await?;
    Ok((StatusCode::CREATED, axum::Json(IssuedClientJson::from(&issued))))
}

/// Shows an application, never its secret.
#[utoipa::path(get, path = "/v1/oauth-clients/{id}", tag = "oauth-clients", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = ClientJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show_client(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<ClientId>,
) -> Result<axum::Json<ClientJson>, Problem> {
    Ok(axum::Json((&manager.show_client(&by, id).await?).into()))
}

/// Changes how an application is known, where members are sent back to, and what it may ask for. 200 means that no node lets
/// it do what was taken away; 202 says by when none will.
#[utoipa::path(patch, path = "/v1/oauth-clients/{id}", tag = "oauth-clients", params(("id" = String, Path)),
    request_body = ChangeClient,
    responses((status = 200, description = "Done", body = ChangedClientJson),
        (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = ChangedClientJson),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change_client(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<ClientId>,
    body: Json<ChangeClient>,
) -> Result<Response, Problem> {
    let ChangeClient { name, redirect_uris, scopes, verified, introspects } = body.value;
    let patch = ClientPatch { name, redirect_uris, scopes, verified, introspects };
    Ok(changed(&manager.patch_client(&by, id, patch).await.map_err(not_changed)?))
}

/// Gives a confidential application a new secret; the old one works until the overlap ends. The new one is in this answer
/// and nowhere else. 200 means that every node knows of both; 202 says by when all will.
#[utoipa::path(post, path = "/v1/oauth-clients/{id}/rotate", tag = "oauth-clients", request_body = RotateOrder,
    params(("id" = String, Path),
           ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat for 24 hours")),
    responses((status = 200, description = "Done", body = IssuedClientJson),
        (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = IssuedClientJson),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn rotate_client(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<ClientId>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    MaybeJson(body): MaybeJson<RotateOrder>,
) -> Result<Response, Problem> {
    let repeated = idempotency(&headers, &by, &method, uri.path(), &body.bytes, manager.now())?;
    let overlap = body.value.overlap()?;
    let issued = manager.rotate_client(&by, id, overlap, repeated).await.map_err(not_changed)?;
    Ok((completeness(&issued.receipt), axum::Json(IssuedClientJson::from(&issued))).into_response())
}

/// Ends an application for good, with everything it was granted. 200 means that no node accepts its secret or its tokens any
/// more; 202 says by when none will.
#[utoipa::path(post, path = "/v1/oauth-clients/{id}/revoke", tag = "oauth-clients", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = ChangedClientJson),
        (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = ChangedClientJson),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke_client(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<ClientId>,
) -> Result<Response, Problem> {
    Ok(changed(&manager.revoke_client(&by, id).await?))
}

fn changed(changed: &ChangedClient) -> Response {
    (completeness(&changed.receipt), axum::Json(ChangedClientJson::from(changed))).into_response()
}

/// The verbs speak of keys there.
fn not_changed(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Revoked => {
            Problem::new(Code::Revoked, "the application is revoked, which can't be undone: register it anew")
        }
        other => other.into(),
    }
}
