//! `/v1/sessions`: sign-in links, and the browsers that are signed in.

use axum::{extract::State, response::IntoResponse};
use claviger_manage::{LinkOrder, Manager};
use claviger_model::{AccountId, Email, Role, SessionId};
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    by::Caller,
    json::Json,
    page::{Asked, Id, List, page},
    problem::Problem,
    view::{EndedSessionJson, SessionJson, SignInLinkJson},
};

/// Whom to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkSession {
    /// The account to sign in for.
    #[schema(value_type = String)]
    account_id: AccountId,
    /// Who. Where the account has no member with this address, one is made.
    #[schema(value_type = String)]
    email: Email,
    /// Their role from now on: `administrator`, `developer` or `viewer`. Left out, a member keeps theirs, and a new one
    /// is a developer.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
    /// Where the pages lead back to: a URL of an origin that the profile lists under `[dashboard] return_to`.
    return_to: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListSessions {
    /// Of this account's members.
    account_id: String,
    /// From 1 to 100.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Makes a link that signs a member in, whoever opens it: once, within 15 minutes.
///
/// The link is in this answer and nowhere else: redirect your customer to it at once. The call takes no
/// `Idempotency-Key`: repeat it where its answer was lost.
#[utoipa::path(post, path = "/v1/sessions", tag = "sessions", request_body = LinkSession,
    responses((status = 201, description = "Created", body = SignInLinkJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn link_session(
    State(manager): State<Manager>,
    Caller(by): Caller,
    body: Json<LinkSession>,
) -> Result<impl IntoResponse, Problem> {
    let LinkSession { account_id, email, role, return_to } = body.value;
    let order = LinkOrder { account: account_id, email, role, return_to };
    let link = manager.sign_in_link(&by, order).await?;
    Ok((StatusCode::CREATED, axum::Json(SignInLinkJson::from(&link))))
}

/// Lists the browsers that are signed in for an account, in the order they signed in.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", params(ListSessions),
    responses((status = 200, description = "Done", body = List<SessionJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_sessions(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<ListSessions>,
) -> Result<axum::Json<List<SessionJson>>, Problem> {
    let account = super::account_id(&asked.account_id)?;
    let sessions = manager.list_sessions(&by, account, page(asked.limit, asked.cursor.as_deref())?).await?;
    let shown = sessions.items.iter().map(SessionJson::from);
    Ok(axum::Json(List { items: shown.collect(), next_cursor: sessions.next.map(|id| id.to_string()) }))
}

/// Signs a browser out, from its next request on.
#[utoipa::path(post, path = "/v1/sessions/{id}/end", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = EndedSessionJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn end_session(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<SessionId>,
) -> Result<axum::Json<EndedSessionJson>, Problem> {
    manager.end_session(&by, id).await?;
    Ok(axum::Json(EndedSessionJson { id: id.to_string() }))
}
