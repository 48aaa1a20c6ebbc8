//! `/v1/members`: the people of an account.

use axum::{extract::State, response::IntoResponse};
use claviger_manage::{Fault, LinkOrder, Manager};
use claviger_model::{AccountId, Email, EmailError, MemberId, Role};
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::completeness;
use crate::{
    by::Caller,
    json::Json,
    page::{Asked, Id, List, page},
    problem::Problem,
    view::{InvitationJson, MemberJson, PasswordLinkJson, RemovedMemberJson},
};

/// Someone to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InviteMember {
    /// The account they will be a member of.
    #[schema(value_type = String)]
    account_id: AccountId,
    /// Their address, by which they will sign in. Spellings that differ in capitals are one address.
    #[schema(value_type = String)]
    email: Email,
    /// `administrator`, `developer` (the default) or `viewer`.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
}

/// A change of a member.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeMember {
    /// `administrator`, `developer` or `viewer`.
    #[schema(value_type = String)]
    role: Role,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListMembers {
    /// Of this account. May be left out where `email` is given.
    account_id: Option<String>,
    /// With this address only, in whichever account.
    email: Option<String>,
    /// From 1 to 100.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists an account's members, or those with an address, in the order they joined.
#[utoipa::path(get, path = "/v1/members", tag = "members", params(ListMembers),
    responses((status = 200, description = "Done", body = List<MemberJson>), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list_members(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Asked(asked): Asked<ListMembers>,
) -> Result<axum::Json<List<MemberJson>>, Problem> {
    let account = asked.account_id.as_deref().map(super::account_id).transpose()?;
    let page = page(asked.limit, asked.cursor.as_deref())?;
    let members = match (account, asked.email) {
        (account, Some(email)) => {
            let email = email.parse().map_err(|error: EmailError| {
                Problem::invalid(vec![Fault::new("/email", error.to_string())])
            })?;
            manager.find_members(&by, email, account, page).await?
        }
        (Some(account), None) => manager.list_members(&by, account, page).await?,
        (None, None) => {
            let fault = Fault::new("/account_id", "is needed where no email is given");
            return Err(Problem::invalid(vec![fault]));
        }
    };
    Ok(axum::Json(List::from_page(members)))
}

/// Makes someone a member, and an invitation by which they set a password and sign in: once, within seven days.
///
/// The invitation is in this answer and nowhere else. The call takes no `Idempotency-Key`: where its answer was lost,
/// the same call answers `member_exists`, and a password link lets the member in.
#[utoipa::path(post, path = "/v1/members", tag = "members", request_body = InviteMember,
    responses((status = 201, description = "Created", body = InvitationJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn invite_member(
    State(manager): State<Manager>,
    Caller(by): Caller,
    body: Json<InviteMember>,
) -> Result<impl IntoResponse, Problem> {
    let InviteMember { account_id, email, role } = body.value;
    let order = LinkOrder { account: account_id, email, role, return_to: None };
    let invitation = manager.invite_member(&by, order).await?;
    Ok((StatusCode::CREATED, axum::Json(InvitationJson::from(&invitation))))
}

/// Shows a member.
#[utoipa::path(get, path = "/v1/members/{id}", tag = "members", params(("id" = String, Path)),
    responses((status = 200, description = "Done", body = MemberJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn show_member(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<MemberId>,
) -> Result<axum::Json<MemberJson>, Problem> {
    Ok(axum::Json((&manager.show_member(&by, id).await?).into()))
}

/// Gives a member another role, which holds from their next request on. An operator may take the last administrator's.
#[utoipa::path(patch, path = "/v1/members/{id}", tag = "members", params(("id" = String, Path)),
    request_body = ChangeMember,
    responses((status = 200, description = "Done", body = MemberJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change_member(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<MemberId>,
    body: Json<ChangeMember>,
) -> Result<axum::Json<MemberJson>, Problem> {
    Ok(axum::Json((&manager.change_role(&by, id, body.value.role).await?).into()))
}

/// Ends a membership, with its sessions and links, and what the member had allowed applications. 200 means that no node
/// accepts a token of the latter any more; 202 says by when none will. An operator may remove the last administrator.
#[utoipa::path(post, path = "/v1/members/{id}/remove", tag = "members", params(("id" = String, Path)),
    responses((status = 200, description = "Done: the member as they were", body = RemovedMemberJson),
        (status = 202, description = "Made, and complete on every node by `guaranteed_by`", body = RemovedMemberJson),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn remove_member(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<MemberId>,
) -> Result<impl IntoResponse, Problem> {
    let (row, receipt) = manager.remove_member(&by, id).await?;
    Ok((completeness(&receipt), axum::Json(RemovedMemberJson::new(&row, &receipt))))
}

/// Makes a link by which a member sets a new password and signs in: once, within an hour.
///
/// The link is in this answer and nowhere else. The call takes no `Idempotency-Key`: repeat it where its answer was
/// lost.
#[utoipa::path(post, path = "/v1/members/{id}/password-link", tag = "members", params(("id" = String, Path)),
    responses((status = 201, description = "Created", body = PasswordLinkJson), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn password_link(
    State(manager): State<Manager>,
    Caller(by): Caller,
    Id(id): Id<MemberId>,
) -> Result<impl IntoResponse, Problem> {
    let link = manager.password_link(&by, id).await?;
    Ok((StatusCode::CREATED, axum::Json(PasswordLinkJson::from(&link))))
}
