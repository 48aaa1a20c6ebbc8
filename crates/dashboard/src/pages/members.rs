//! Members: who may sign in for the account, as what, and inviting and removing them.

use std::collections::HashMap;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::{get, post},
};
use claviger_manage::{LinkOrder, MemberRow, PageRequest, Refusal, SessionRow, SignInMethod};
use claviger_model::{Email, MemberAbility, MemberId, Role, RoleError, profile::Profile};
use http::{Response, StatusCode};

use crate::{
    Body,
    answer::{self, Stop, capitalised},
    form::{Form, Query},
    frame::{Frame, Notice, Place},
    keys_in_words::done_word,
    site::Site,
    visit::{Posted, Visitor},
    words::Time,
};

/// Members a page.
const PER_PAGE: usize = 100;
/// Sessions that are looked at to tell who was last seen when.
const LOOKED_AT: usize = 1000;

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/members", get(list).post(invite))
        .route("/members/{id}/role", post(change_role))
        .route("/members/{id}/remove", get(ask_removal).post(remove))
}

#[derive(Template)]
#[template(path = "members/list.html")]
struct MembersPage {
    frame: Frame,
    members: Vec<Member>,
    next: Option<String>,
    roles: Vec<RoleHelp>,
    /// Whether people join by an invitation; else they come from the company's own app.
    invites: bool,
    provider: bool,
    form: Invitation,
}

/// A member as the list shows them.
struct Member {
    id: String,
    email: String,
    role: &'static str,
    is_you: bool,
    signs_in: &'static str,
    joined: Time,
    seen: Option<Time>,
}

/// A role and what it may do.
struct RoleHelp {
    value: &'static str,
    name: String,
    may: Vec<&'static str>,
}

/// The form of an invitation, as it was typed.
struct Invitation {
    email: String,
    role: &'static str,
    error: Option<String>,
}

impl Default for Invitation {
    fn default() -> Self {
        Self { email: String::new(), role: Role::Developer.as_str(), error: None }
    }
}

/// What the list is shown with.
#[derive(Default)]
struct Shown {
    after: Option<MemberId>,
    done: String,
    refused: Option<Refusal>,
    form: Invitation,
}

async fn list(State(site): State<Site>, query: Query, visitor: Visitor) -> Result<Response<Body>, Stop> {
    let shown = Shown {
        after: query.get("after").parse().ok(),
        done: query.get("done").to_owned(),
        ..Shown::default()
    };
    show(&site, &visitor, StatusCode::OK, shown).await
}

async fn show(
    site: &Site,
    visitor: &Visitor,
    status: StatusCode,
    shown: Shown,
) -> Result<Response<Body>, Stop> {
    let page = PageRequest { after: shown.after, limit: PER_PAGE };
    let found = site.manager().list_members(&visitor.by(), visitor.permit.account(), page).await?;
    let newest = newest_sessions(site, visitor).await?;
    let profile = &visitor.api(site)?.profile;
    let members = found.items.iter().map(|row| member(site, visitor, profile, row, newest.get(&row.id)));
    let mut frame = Frame::of(site, visitor, Place::Members, "Members").done(&shown.done);
    if let Some(refusal) = shown.refused {
        frame.notice = Some(Notice { kind: "error", text: capitalised(&refusal.to_string()) });
    }
    let page = MembersPage {
        frame,
        members: members.collect(),
        next: found.next.map(|id| format!("/members?after={id}")),
        roles: roles(profile),
        invites: profile.sign_in.passwords,
        provider: profile.sign_in.oidc.is_some(),
        form: shown.form,
    };
    answer::page(status, &page)
}

/// The session in which each member was last seen, of those that last.
async fn newest_sessions(site: &Site, visitor: &Visitor) -> Result<HashMap<MemberId, SessionRow>, Stop> {
    let page = PageRequest { after: None, limit: LOOKED_AT };
    let account = visitor.permit.account();
    let found = site.manager().list_sessions_newest_first(&visitor.by(), account, page).await?;
    let mut sessions = found.items;
    sessions.sort_by_key(|session| session.seen_at);
    Ok(sessions.into_iter().map(|session| (session.member, session)).collect())
}

fn member(
    site: &Site,
    visitor: &Visitor,
    profile: &Profile,
    row: &MemberRow,
    session: Option<&SessionRow>,
) -> Member {
    let signs_in = match (row.has_password, session.map(|session| session.method)) {
        (true, _) => "Password",
        (false, Some(SignInMethod::Oidc)) => "Identity provider",
        (false, Some(SignInMethod::Link | SignInMethod::Password)) => "One-time link",
        (false, None) if profile.sign_in.passwords => "No password yet",
        (false, None) => "Not signed in",
    };
    Member {
        id: row.id.to_string(),
        email: row.email.to_string(),
        role: row.role.as_str(),
        is_you: row.id == visitor.permit.member(),
        signs_in,
        joined: Time::date(row.created_at),
        seen: session.map(|session| Time::ago(session.seen_at, site.now())),
    }
}

/// What each role may do, by the profile.
fn roles(profile: &Profile) -> Vec<RoleHelp> {
    let help = |role: Role| {
        let abilities = profile.roles.of(role);
        let included = MemberAbility::ALL.into_iter().filter(|ability| abilities.include(*ability));
        let told = |ability| match ability {
            MemberAbility::Read => "See keys and their usage",
            MemberAbility::Manage => "Create, change, rotate and revoke keys",
            MemberAbility::Reveal => "See the secret of a key again, where it is kept",
            MemberAbility::Audit => "See the audit trail",
            MemberAbility::Members => "Invite, change and remove members, and sign them out",
        };
        let name = answer::with_capital(role.as_str());
        RoleHelp { value: role.as_str(), name, may: included.map(told).collect() }
    };
    Role::ALL.into_iter().map(help).collect()
}

#[derive(Template)]
#[template(path = "members/invited.html")]
struct InvitedPage {
    frame: Frame,
    email: String,
    role: &'static str,
    url: String,
    expires: Time,
}

async fn invite(State(site): State<Site>, posted: Posted) -> Result<Response<Body>, Stop> {
    let Posted { visitor, form } = posted;
    let role = read_role(&form)?;
    let typed = form.get("email").trim();
    let email: Email = match typed.parse() {
        Ok(email) => email,
        Err(error) => return refuse(&site, &visitor, (typed, role), &format!("this {error}")).await,
    };
    let order = LinkOrder { account: visitor.permit.account(), email, role: Some(role), return_to: None };
    match site.manager().invite_member(&visitor.by(), order).await {
        Ok(link) => {
            let page = InvitedPage {
                frame: Frame::of(&site, &visitor, Place::Members, "Invitation"),
                email: link.member.email.to_string(),
                role: link.member.role.as_str(),
                expires: Time::exact(link.expires_at),
                url: link.url(),
            };
            answer::page(StatusCode::CREATED, &page)
        }
        Err(refusal @ Refusal::MemberExists) => {
            let error = format!("{refusal}: to invite them anew, remove them first");
            refuse(&site, &visitor, (typed, role), &error).await
        }
        Err(other) => Err(other.into()),
    }
}

/// The list again, with what was typed and what is wrong with it.
async fn refuse(
    site: &Site,
    visitor: &Visitor,
    (email, role): (&str, Role),
    error: &str,
) -> Result<Response<Body>, Stop> {
    let form = Invitation { email: email.to_owned(), role: role.as_str(), error: Some(capitalised(error)) };
    let shown = Shown { form, ..Shown::default() };
    show(site, visitor, StatusCode::UNPROCESSABLE_ENTITY, shown).await
}

fn read_role(form: &Form) -> Result<Role, Stop> {
    form.get("role").parse().map_err(|error: RoleError| {
        Stop::new(StatusCode::UNPROCESSABLE_ENTITY, "This can't be taken")
            .saying(format!("The role {error}."))
    })
}

fn member_id(text: &str) -> Result<MemberId, Stop> {
    text.parse().or(Err(Stop::not_found()))
}

async fn change_role(
    State(site): State<Site>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response<Body>, Stop> {
    let Posted { visitor, form } = posted;
    let (id, role) = (member_id(&id)?, read_role(&form)?);
    match site.manager().change_role(&visitor.by(), id, role).await {
        Ok(member) => {
            let abilities = visitor.api(&site)?.profile.roles.of(member.role);
            let is_out = id == visitor.permit.member() && !abilities.include(MemberAbility::Members);
            Ok(answer::go(if is_out { "/sessions?done=role" } else { "/members?done=role" }))
        }
        Err(refusal @ Refusal::LastAdministrator) => {
            let shown = Shown { refused: Some(refusal), ..Shown::default() };
            show(&site, &visitor, StatusCode::CONFLICT, shown).await
        }
        Err(other) => Err(other.into()),
    }
}

#[derive(Template)]
#[template(path = "members/remove.html")]
struct RemovePage {
    frame: Frame,
    email: String,
    is_you: bool,
    error: Option<String>,
}

async fn ask_removal(
    State(site): State<Site>,
    Path(id): Path<String>,
    visitor: Visitor,
) -> Result<Response<Body>, Stop> {
    let member = site.manager().show_member(&visitor.by(), member_id(&id)?).await?;
    confirm_removal(&site, &visitor, &member, StatusCode::OK, None)
}

fn confirm_removal(
    site: &Site,
    visitor: &Visitor,
    member: &MemberRow,
    status: StatusCode,
    error: Option<String>,
) -> Result<Response<Body>, Stop> {
    let page = RemovePage {
        frame: Frame::of(site, visitor, Place::Members, "Remove a member"),
        email: member.email.to_string(),
        is_you: member.id == visitor.permit.member(),
        error,
    };
    answer::page(status, &page)
}

async fn remove(
    State(site): State<Site>,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response<Body>, Stop> {
    let Posted { visitor, form } = posted;
    let member = site.manager().show_member(&visitor.by(), member_id(&id)?).await?;
    if form.get("confirm").trim().to_lowercase() != member.email.as_str() {
        let error = "This is not their e-mail address: type it as it is shown.".to_owned();
        return confirm_removal(&site, &visitor, &member, StatusCode::UNPROCESSABLE_ENTITY, Some(error));
    }
    match site.manager().remove_member(&visitor.by(), member.id).await {
        Ok((_, receipt)) => {
            Ok(answer::go(&format!("/members?done={}", done_word(&receipt, "member-removed"))))
        }
        Err(refusal @ Refusal::LastAdministrator) => {
            let error = Some(capitalised(&refusal.to_string()));
            confirm_removal(&site, &visitor, &member, StatusCode::CONFLICT, error)
        }
        Err(other) => Err(other.into()),
    }
}
