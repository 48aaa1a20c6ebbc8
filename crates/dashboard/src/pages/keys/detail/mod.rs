//! One key: what it may do, how it is used, and what was denied.

mod secrets;
mod usage;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{AuditEvent, AuditFilter, KeyRow, KeyView, PageRequest, Refusal};
use claviger_model::{KeyId, KeyState, MemberAbility, Scopes, profile::Profile};
use http::{Response, StatusCode};

use super::{
    can_reveal,
    denied::{self, Denied},
    key_id,
    row::Row,
};
use crate::{
    Body,
    answer::{self, Stop, capitalised},
    form::Query,
    frame::{Frame, Notice, Place},
    keys_in_words::{Allowed, allowed},
    pages::audit::{Names, Party, Told, tell},
    site::Site,
    usage::Usage,
    visit::Visitor,
    words::Time,
};

use secrets::{Secret, Use};

/// Events of the trail that the page shows.
const EVENTS: usize = 10;

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/{id}", get(show))
}

#[derive(Template)]
#[template(path = "keys/detail.html")]
struct DetailPage {
    frame: Frame,
    key: Row,
    facts: Facts,
    permissions: Permissions,
    narrowed: Vec<Allowed>,
    /// The secrets that work, where a rotation is under way.
    rotating: Vec<Secret>,
    usage: Usage,
    denied: Vec<Denied>,
    /// What happened to the key; `None` for whose role doesn't include the trail.
    events: Option<Vec<Told>>,
    may: May,
    revoke: String,
}

/// What the visitor may do with the key as it stands.
#[expect(clippy::struct_excessive_bools, reason = "each is a button of its own")]
struct May {
    edit: bool,
    rotate: bool,
    disable: bool,
    enable: bool,
    reveal: bool,
}

/// What there is to know of the key that never works as a restriction.
struct Facts {
    created: Time,
    created_by: Party,
    expires: Option<Time>,
    revoked: Option<Time>,
    revoked_by: Option<Party>,
    used: Option<Use>,
    external_id: Option<String>,
}

/// What the key may do.
struct Permissions {
    text: &'static str,
    /// The scopes it has, each with its description.
    scopes: Vec<(String, String)>,
}

async fn show(
    State(site): State<Site>,
    Path(id): Path<String>,
    query: Query,
    visitor: Visitor,
) -> Result<Response<Body>, Stop> {
    let mut page = DetailPage::of(&site, &visitor, key_id(&id)?).await?;
    page.frame = page.frame.done(query.get("done"));
    answer::page(StatusCode::OK, &page)
}

/// The page of a key with word of why it was not changed.
pub(super) async fn refused(
    site: &Site,
    visitor: &Visitor,
    id: KeyId,
    refusal: &Refusal,
) -> Result<Response<Body>, Stop> {
    let mut page = DetailPage::of(site, visitor, id).await?;
    page.frame.notice = Some(Notice { kind: "error", text: capitalised(&refusal.to_string()) });
    answer::page(StatusCode::CONFLICT, &page)
}

impl DetailPage {
    async fn of(site: &Site, visitor: &Visitor, id: KeyId) -> Result<Self, Stop> {
        let (by, manager) = (visitor.by(), site.manager());
        let key = manager.show_key(&by, id).await?;
        let api = visitor.api(site)?;
        let now = site.now();
        let events = events(site, visitor, &key.row).await?;
        let labels = events.iter().flatten().map(|event| event.actor.as_str());
        let names =
            Names::of(site, visitor, labels.chain([&*key.row.created_by, &*key.row.id.to_string()])).await?;
        let denials = manager.denials(&by, Some(key.row.id), None).await?;
        let row = Row::of(&key, now);
        Ok(Self {
            frame: Frame::of(site, visitor, Place::Keys, &row.name),
            facts: facts(&key, events.as_deref(), &names, site),
            permissions: permissions(&key.row.scopes, &api.profile),
            narrowed: allowed(&key.row.restrictions),
            rotating: secrets::rotating(&key, now),
            usage: usage::of(site, visitor, key.row.id).await?,
            denied: denied::told(denials, &api.profile, now),
            events: events.map(|events| events.iter().map(|event| tell(event, &names, now)).collect()),
            may: may(visitor, &row, can_reveal(api, visitor)),
            revoke: api.profile.dashboard.revoke.clone(),
            key: row,
        })
    }
}

/// What happened to the key, the newest first, for those who may know.
async fn events(site: &Site, visitor: &Visitor, key: &KeyRow) -> Result<Option<Vec<AuditEvent>>, Stop> {
    if !visitor.may(MemberAbility::Audit) {
        return Ok(None);
    }
    let filter = AuditFilter { subject: Some(key.id.to_string()), ..AuditFilter::default() };
    let page = PageRequest { after: None, limit: EVENTS };
    Ok(Some(site.manager().list_audit_newest_first(&visitor.by(), filter, page).await?.items))
}

fn may(visitor: &Visitor, row: &Row, can_reveal: bool) -> May {
    let stands = !row.is_revoked;
    let manages = visitor.may(MemberAbility::Manage) && stands;
    May {
        edit: manages,
        rotate: manages && !row.is_spent,
        disable: manages && !row.is_spent && !row.is_disabled,
        enable: manages && row.is_disabled,
        reveal: can_reveal && stands,
    }
}

fn facts(key: &KeyView, events: Option<&[AuditEvent]>, names: &Names, site: &Site) -> Facts {
    let (row, now) = (&key.row, site.now());
    let revocation = events.unwrap_or_default().iter().find(|event| event.action == "key.revoke");
    let is_revoked = row.state == KeyState::Revoked;
    Facts {
        created: Time::date(row.created_at),
        created_by: names.actor(&row.created_by),
        expires: row.expires_at.map(Time::exact),
        revoked: row.revoked_at.filter(|_| is_revoked).map(Time::exact),
        revoked_by: revocation.filter(|_| is_revoked).map(|event| names.actor(&event.actor)),
        used: key.last_use().map(|last| Use::of(last, now)),
        external_id: row.external_id.clone(),
    }
}

fn permissions(scopes: &Scopes, profile: &Profile) -> Permissions {
    let described = |name: &str| {
        let found = profile.scopes.iter().find(|(scope, _)| scope.as_str() == name);
        found.map(|(_, text)| text.clone()).unwrap_or_default()
    };
    match scopes {
        Scopes::All if profile.scopes.is_empty() => Permissions {
            text: "It may do everything: this API has no separate permissions.",
            scopes: Vec::new(),
        },
        Scopes::All => Permissions {
            text: "It has all permissions, also those that are added later.",
            scopes: profile.scopes.iter().map(|(scope, text)| (scope.to_string(), text.clone())).collect(),
        },
        Scopes::Listed(listed) if listed.is_empty() => Permissions {
            text: "It has none: requests that need a permission are denied.",
            scopes: Vec::new(),
        },
        Scopes::Listed(listed) => Permissions {
            text: "It has these permissions and no others.",
            scopes: listed.iter().map(|scope| (scope.to_string(), described(scope.as_str()))).collect(),
        },
    }
}
