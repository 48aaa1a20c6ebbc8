//! Accounts: the list, and one with its keys and people; suspending, reinstating, and links that sign in.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::{get, post},
};
use claviger_manage::{
    AccountFilter, AccountPatch, Browse, Browsed, KeyShow, LinkOrder, PageRequest, Refusal,
};
use claviger_model::{Ability, Account, AccountId, AccountState, Email, Role};
use http::{Response, StatusCode};

use super::{
    desk::{self, Desk, Operator, Place, PostedByOperator, Reader},
    shown::{self, KeyLine, MemberLine},
};
use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::Frame,
    keys_in_words::{Badge, done_word},
    words::Time,
};

/// Accounts, keys or members a page.
const PER_PAGE: usize = 50;

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/accounts", get(list))
        .route("/accounts/{id}", get(show))
        .route("/accounts/{id}/suspend", get(ask_to_suspend).post(suspend))
        .route("/accounts/{id}/reinstate", post(reinstate))
        .route("/accounts/{id}/sign-in-link", post(sign_in_link))
}

#[derive(Template)]
#[template(path = "operator/accounts.html")]
struct ListPage {
    frame: Frame,
    apis: Vec<String>,
    api: String,
    q: String,
    /// The same search among everything else.
    elsewhere: String,
    accounts: Vec<AccountLine>,
    next: Option<String>,
    first: Option<String>,
}

/// A row of a list of accounts.
pub(super) struct AccountLine {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) api: String,
    pub(super) external_id: Option<String>,
    pub(super) badge: Badge,
    pub(super) created: Time,
}

impl AccountLine {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name.clone(),
            api: account.api.to_string(),
            external_id: account.external_id.clone(),
            badge: shown::account_badge(account.state),
            created: Time::date(account.created_at),
        }
    }
}

async fn list(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    query: Query,
) -> Result<Response<Body>, Stop> {
    let (api, q) = (query.get("api").to_owned(), query.get("q").trim().to_owned());
    let filter = AccountFilter {
        api: Some(&*api).filter(|api| !api.is_empty()).map(Into::into),
        name: Some(q.clone()).filter(|q| !q.is_empty()),
        ..AccountFilter::default()
    };
    let after: Option<AccountId> = query.get("cursor").parse().ok();
    let request = PageRequest { after, limit: PER_PAGE };
    let page = desk.site.manager().list_accounts(&operator.by(), filter, request).await?;
    let link = |cursor: &str| shown::link("/accounts", &[("api", &api), ("q", &q), ("cursor", cursor)]);
    let shown = ListPage {
        frame: operator.frame(Place::Accounts, "Accounts"),
        apis: desk.site.apis().iter().map(|api| api.profile.name.to_string()).collect(),
        accounts: page.items.iter().map(AccountLine::of).collect(),
        next: page.next.map(|id| link(&id.to_string())),
        first: after.map(|_| link("")),
        elsewhere: shown::link("/find", &[("q", &q)]),
        api,
        q,
    };
    answer::page(StatusCode::OK, &shown)
}

#[derive(Template)]
#[template(path = "operator/account.html")]
struct AccountPage {
    frame: Frame,
    account: AccountLine,
    is_active: bool,
    metadata: Option<String>,
    keys: Vec<KeyLine>,
    counted: String,
    shows_revoked: bool,
    previous: Option<String>,
    next: Option<String>,
    members: Vec<MemberLine>,
    next_members: Option<String>,
    first_members: Option<String>,
    can_manage: bool,
    roles: Vec<(&'static str, bool)>,
    email: String,
    error: Option<String>,
    trail: String,
}

/// What the form for a sign-in link is shown with.
#[derive(Default)]
struct Asked {
    email: String,
    role: String,
    error: Option<String>,
}

async fn show(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    Path(account): Path<String>,
    query: Query,
) -> Result<Response<Body>, Stop> {
    page(&desk, &operator, desk::id(&account)?, &query, Asked::default()).await
}

async fn page(
    desk: &Desk,
    operator: &Operator,
    id: AccountId,
    query: &Query,
    asked: Asked,
) -> Result<Response<Body>, Stop> {
    let (manager, by, now) = (desk.site.manager(), operator.by(), desk.site.now());
    let account = manager.show_account(&by, id).await?;
    let shows_revoked = query.get("show") == "revoked";
    let browse = Browse {
        show: if shows_revoked { KeyShow::Revoked } else { KeyShow::Standing },
        descending: true,
        page: query.get("page").parse::<usize>().unwrap_or(1).saturating_sub(1),
        per_page: PER_PAGE,
        ..Browse::default()
    };
    let keys = manager.browse_keys(&by, id, &browse).await?;
    let after = query.get("members").parse().ok();
    let members = manager.list_members(&by, id, PageRequest { after, limit: PER_PAGE }).await?;
    let of_members =
        |cursor: &str| format!("{}#members", shown::link(&format!("/accounts/{id}"), &[("members", cursor)]));
    let status = if asked.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let described = account.metadata.as_object().is_some_and(|object| !object.is_empty());
    let (previous, next) = beside(&account, &keys, shows_revoked);
    let shown = AccountPage {
        frame: operator.frame(Place::Accounts, &account.name).done(query.get("done")),
        is_active: account.state == AccountState::Active,
        metadata: described.then(|| account.metadata.to_string()),
        keys: keys.keys.iter().map(|key| KeyLine::of(key, now)).collect(),
        counted: counted(&keys, shows_revoked),
        shows_revoked,
        previous,
        next,
        members: members.items.iter().map(MemberLine::of).collect(),
        next_members: members.next.map(|id| of_members(&id.to_string())),
        first_members: after.map(|_| of_members("")),
        can_manage: operator.may(Ability::Manage),
        roles: Role::ALL.iter().map(|role| (role.as_str(), role.as_str() == asked.role)).collect(),
        email: asked.email,
        error: asked.error,
        trail: shown::link("/audit", &[("account", &account.id.to_string())]),
        account: AccountLine::of(&account),
    };
    answer::page(status, &shown)
}

/// The pages of keys before and after this one.
fn beside(account: &Account, keys: &Browsed, shows_revoked: bool) -> (Option<String>, Option<String>) {
    let show = if shows_revoked { "revoked" } else { "" };
    let to = |page: usize| {
        shown::link(&format!("/accounts/{}", account.id), &[("show", show), ("page", &page.to_string())])
    };
    // Pages count from 1 where people see them.
    let previous = (keys.page > 0).then(|| to(keys.page));
    (previous, (keys.page + 1 < keys.pages).then(|| to(keys.page + 2)))
}

fn counted(keys: &Browsed, shows_revoked: bool) -> String {
    let count = crate::words::plural(i64::try_from(keys.matching).unwrap_or(i64::MAX), "key");
    if shows_revoked {
        return format!("{count} revoked.");
    }
    format!("{count} not revoked; {} due for rotation, {} unused.", keys.due, keys.unused)
}

#[derive(Template)]
#[template(path = "operator/suspend.html")]
struct SuspendPage {
    frame: Frame,
    id: String,
    name: String,
    error: Option<&'static str>,
}

fn suspend_page(
    operator: &Operator,
    account: Account,
    status: StatusCode,
    error: Option<&'static str>,
) -> Result<Response<Body>, Stop> {
    let frame = operator.frame(Place::Accounts, "Suspend an account");
    answer::page(status, &SuspendPage { frame, id: account.id.to_string(), name: account.name, error })
}

async fn ask_to_suspend(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    Path(account): Path<String>,
) -> Result<Response<Body>, Stop> {
    operator.by().require(Ability::Manage)?;
    let account = desk.site.manager().show_account(&operator.by(), desk::id(&account)?).await?;
    if account.state == AccountState::Suspended {
        return Ok(answer::go(&format!("/accounts/{}", account.id)));
    }
    suspend_page(&operator, account, StatusCode::OK, None)
}

async fn suspend(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let PostedByOperator { operator, form } = &posted;
    operator.by().require(Ability::Manage)?;
    let account = desk.site.manager().show_account(&operator.by(), desk::id(&id)?).await?;
    if form.get("confirm").trim() != account.name.trim() {
        let error = Some("This is not what is asked for: type it exactly.");
        return suspend_page(operator, account, StatusCode::UNPROCESSABLE_ENTITY, error);
    }
    set_state(&desk, account.id, operator, AccountState::Suspended, "suspended").await
}

async fn reinstate(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    set_state(&desk, desk::id(&id)?, &posted.operator, AccountState::Active, "reinstated").await
}

async fn set_state(
    desk: &Desk,
    id: AccountId,
    operator: &Operator,
    state: AccountState,
    done: &'static str,
) -> Result<Response<Body>, Stop> {
    let patch = AccountPatch { state: Some(state), ..AccountPatch::default() };
    let (_, receipt) = desk.site.manager().change_account(&operator.by(), id, patch).await?;
    Ok(answer::go(&format!("/accounts/{id}?done={}", done_word(&receipt, done))))
}

#[derive(Template)]
#[template(path = "operator/link.html")]
struct LinkPage {
    frame: Frame,
    account: String,
    email: String,
    role: &'static str,
    url: String,
    expires: Time,
}

/// The link is in this answer and nowhere else.
async fn sign_in_link(
    State(desk): State<Desk>,
    Path(account): Path<String>,
    query: Query,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let PostedByOperator { operator, form } = posted;
    let id: AccountId = desk::id(&account)?;
    let (email, role) = (form.get("email").trim(), form.get("role"));
    let asked = |error: String| Asked { email: email.to_owned(), role: role.to_owned(), error: Some(error) };
    let order = match (email.parse::<Email>(), role.parse::<Role>()) {
        (Ok(email), Ok(role)) => LinkOrder { account: id, email, role: Some(role), return_to: None },
        (Ok(email), Err(_)) if role.is_empty() => {
            LinkOrder { account: id, email, role: None, return_to: None }
        }
        (Ok(_), Err(_)) => return Err(Stop::forged()),
        (Err(error), _) => {
            let error = answer::capitalised(&error.to_string());
            return page(&desk, &operator, id, &query, asked(error)).await;
        }
    };
    match desk.site.manager().sign_in_link(&operator.by(), order).await {
        Ok(link) => {
            let shown = LinkPage {
                frame: operator.frame(Place::Accounts, "Sign-in link"),
                account: id.to_string(),
                email: link.member.email.to_string(),
                role: link.member.role.as_str(),
                url: link.url(),
                expires: Time::ago(link.expires_at, desk.site.now()),
            };
            answer::page(StatusCode::CREATED, &shown)
        }
        Err(Refusal::Invalid(faults)) => {
            page(&desk, &operator, id, &query, asked(answer::faults_of_it(&faults))).await
        }
        Err(other) => Err(other.into()),
    }
}
