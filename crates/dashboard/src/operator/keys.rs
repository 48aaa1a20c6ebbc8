//! One key: everything that is known of it, and switching it off, on, or ending it.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::{get, post},
};
use claviger_manage::{AuditFilter, KeyRow, KeyView, PageRequest, Receipt, Refusal, UsageQuery};
use claviger_model::{Ability, KeyId, KeyState, Scopes, Timestamp};
use http::{Response, StatusCode};

use super::{
    desk::{self, Desk, Operator, Place, PostedByOperator, Reader},
    find::DenialLine,
    shown::{self, Addresses, EventLine, Named},
};
use crate::{
    Body,
    answer::{self, Stop, capitalised},
    form::Query,
    frame::Frame,
    keys_in_words::{Allowed, Badge, allowed, done_word, hint_of, name_of, state_of},
    usage::{DAYS, Usage},
    words::Time,
};

/// Events of the trail that are shown.
const EVENTS: usize = 20;

pub(super) fn routes() -> Router<Desk> {
    Router::new()
        .route("/keys/{id}", get(show))
        .route("/keys/{id}/disable", post(disable))
        .route("/keys/{id}/enable", post(enable))
        .route("/keys/{id}/revoke", get(ask_to_revoke).post(revoke))
}

#[derive(Template)]
#[template(path = "operator/key.html")]
struct KeyPage {
    frame: Frame,
    id: String,
    name: String,
    account: String,
    account_name: String,
    badge: Badge,
    environment: &'static str,
    warnings: Vec<&'static str>,
    facts: Vec<(&'static str, String)>,
    created: Time,
    created_by: Named,
    expires: Option<Time>,
    revoked: Option<Time>,
    last_use: Option<UseLine>,
    scopes: Option<Vec<String>>,
    restrictions: Vec<Allowed>,
    secrets: Vec<SecretLine>,
    denials: Vec<DenialLine>,
    usage: Usage,
    events: Vec<EventLine>,
    trail: String,
    can_manage: bool,
    is_revoked: bool,
    is_disabled: bool,
    /// The place in the feed of what was done just now.
    receipt: Option<u64>,
}

struct UseLine {
    at: Time,
    address: String,
    endpoint: String,
}

struct SecretLine {
    number: u16,
    hint: String,
    created: Time,
    ends: Option<Time>,
    last_used: Option<Time>,
}

async fn show(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    Path(key): Path<String>,
    query: Query,
) -> Result<Response<Body>, Stop> {
    let id: KeyId = desk::id(&key)?;
    let (manager, by, now) = (desk.site.manager(), operator.by(), desk.site.now());
    let key = manager.show_key(&by, id).await?;
    let account = manager.show_account(&by, key.row.account).await?;
    let denials = manager.denials(&by, Some(id), None).await?;
    let counts = manager.usage(&by, UsageQuery { api: None, key: Some(id), days: DAYS }).await?;
    let about = AuditFilter { subject: Some(id.to_string()), ..AuditFilter::default() };
    let request = PageRequest { after: None, limit: EVENTS };
    let events = manager.list_audit_newest_first(&by, about, request).await?.items;
    let row = &key.row;
    let names = Addresses::of(&desk, &operator, std::iter::once(row.created_by.as_str())).await?;
    let name = name_of(row).to_owned();
    let shown = KeyPage {
        frame: operator.frame(Place::Accounts, &name).done(query.get("done")),
        account: account.id.to_string(),
        account_name: account.name,
        badge: state_of(row, now),
        environment: row.environment.as_str(),
        warnings: warnings(&key),
        facts: facts(row),
        created: Time::exact(row.created_at),
        created_by: names.name(&row.created_by),
        expires: row.expires_at.map(|at| Time::ago(at, now)),
        revoked: row.revoked_at.map(|at| Time::ago(at, now)),
        last_use: key.last_use().map(|last| UseLine {
            at: Time::ago(last.at, now),
            address: last.address.map(|address| address.to_string()).unwrap_or_default(),
            endpoint: last.endpoint.as_deref().unwrap_or_default().to_owned(),
        }),
        scopes: match &row.scopes {
            Scopes::All => None,
            Scopes::Listed(scopes) => Some(scopes.iter().map(|scope| scope.as_str().to_owned()).collect()),
        },
        restrictions: allowed(&row.restrictions),
        secrets: secrets(&key, now),
        denials: denials.iter().map(|denial| DenialLine::of(denial, now)).collect(),
        usage: Usage::of(&counts, now.day(), str::to_owned),
        events: EventLine::list(&desk, &operator, &events).await?,
        trail: shown::link("/audit", &[("subject", &id.to_string())]),
        can_manage: operator.may(Ability::Manage),
        is_revoked: row.state == KeyState::Revoked,
        is_disabled: row.state == KeyState::Disabled,
        receipt: query.get("receipt").parse().ok(),
        id: id.to_string(),
        name,
    };
    answer::page(StatusCode::OK, &shown)
}

fn warnings(key: &KeyView) -> Vec<&'static str> {
    let due = key.due_for_rotation.then_some("Rotation due");
    due.into_iter().chain(key.unused.then_some("Unused")).collect()
}

fn facts(row: &KeyRow) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Id", row.id.to_string()), ("API", row.api.to_string())];
    facts.extend(row.external_id.clone().map(|id| ("External id", id)));
    if row.metadata.as_object().is_some_and(|object| !object.is_empty()) {
        facts.push(("Metadata", row.metadata.to_string()));
    }
    facts
}

fn secrets(key: &KeyView, now: Timestamp) -> Vec<SecretLine> {
    let last_used = |number| {
        let of_it = key.last_uses.iter().filter(|last| last.secret.secret == number);
        of_it.map(|last| last.at).max().map(|at| Time::ago(at, now))
    };
    let line = |secret: &claviger_manage::SecretRow| SecretLine {
        number: secret.number,
        hint: secret.hint.clone(),
        created: Time::date(secret.created_at),
        ends: secret.ends_at.map(|at| Time::ago(at, now)),
        last_used: last_used(secret.number),
    };
    key.row.secrets.iter().map(line).collect()
}

/// Back to the key, with word of what was done.
fn done(id: KeyId, receipt: &Receipt, done: &'static str) -> Response<Body> {
    answer::go(&format!("/keys/{id}?done={}&receipt={}", done_word(receipt, done), receipt.seq))
}

async fn disable(
    State(desk): State<Desk>,
    Path(key): Path<String>,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let id = desk::id(&key)?;
    let changed = desk.site.manager().disable_key(&posted.operator.by(), id).await?;
    Ok(done(id, &changed.receipt, "disabled"))
}

async fn enable(
    State(desk): State<Desk>,
    Path(key): Path<String>,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let id = desk::id(&key)?;
    let changed = desk.site.manager().enable_key(&posted.operator.by(), id).await?;
    Ok(done(id, &changed.receipt, "enabled"))
}

#[derive(Template)]
#[template(path = "operator/revoke.html")]
struct RevokePage {
    frame: Frame,
    id: String,
    name: String,
    hint: String,
    last_used: Option<Time>,
    error: Option<&'static str>,
    refused: Option<String>,
}

fn revoke_page(
    desk: &Desk,
    operator: &Operator,
    key: &KeyView,
    status: StatusCode,
    (error, refused): (Option<&'static str>, Option<String>),
) -> Result<Response<Body>, Stop> {
    let shown = RevokePage {
        frame: operator.frame(Place::Accounts, "Revoke a key"),
        id: key.row.id.to_string(),
        name: name_of(&key.row).to_owned(),
        hint: hint_of(&key.row).to_owned(),
        last_used: key.last_use().map(|last| Time::ago(last.at, desk.site.now())),
        error,
        refused,
    };
    answer::page(status, &shown)
}

async fn ask_to_revoke(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    Path(key): Path<String>,
) -> Result<Response<Body>, Stop> {
    let id: KeyId = desk::id(&key)?;
    if !operator.may(Ability::Manage) {
        return Err(Stop::new(StatusCode::FORBIDDEN, "You may not do this")
            .saying("This operator key lacks the ability manage."));
    }
    let key = desk.site.manager().show_key(&operator.by(), id).await?;
    if key.row.state == KeyState::Revoked {
        return Ok(answer::go(&format!("/keys/{id}")));
    }
    revoke_page(&desk, &operator, &key, StatusCode::OK, (None, None))
}

async fn revoke(
    State(desk): State<Desk>,
    Path(key): Path<String>,
    posted: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let PostedByOperator { operator, form } = posted;
    let (manager, by) = (desk.site.manager(), operator.by());
    by.require(Ability::Manage)?;
    let key = manager.show_key(&by, desk::id(&key)?).await?;
    if form.get("confirm").trim() != name_of(&key.row).trim() {
        let error = Some("This is not what is asked for: type it exactly.");
        return revoke_page(&desk, &operator, &key, StatusCode::UNPROCESSABLE_ENTITY, (error, None));
    }
    match manager.revoke_key(&by, key.row.id).await {
        Ok(changed) => Ok(done(key.row.id, &changed.receipt, "revoked")),
        Err(refusal @ Refusal::LastKey) => {
            let refused = Some(capitalised(&refusal.to_string()));
            revoke_page(&desk, &operator, &key, StatusCode::CONFLICT, (None, refused))
        }
        Err(other) => Err(other.into()),
    }
}
