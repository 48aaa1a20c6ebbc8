//! The form that ends a key for good.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{KeyView, Refusal};
use claviger_model::{KeyState, MemberAbility, profile::Display};
use http::{Response, StatusCode};

use super::{key_id, require};
use crate::{
    Body,
    answer::{self, Stop, capitalised},
    frame::{Frame, Place},
    keys_in_words::{hint_of, name_of},
    site::Site,
    visit::{Posted, Visitor},
    words::Time,
};

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/{id}/revoke", get(ask).post(revoke))
}

#[derive(Template)]
#[template(path = "keys/revoke.html")]
struct RevokePage<'a> {
    frame: Frame,
    id: String,
    name: String,
    /// What tells it from others, where its name alone is typed.
    hint: Option<String>,
    /// The button's word.
    verb: &'a str,
    last_use: Option<LastUse>,
    error: Option<&'static str>,
    refused: Option<String>,
    /// It is revoked already: there is nothing to confirm.
    is_over: bool,
    over_since: Option<Time>,
    /// It was revoked just now, and is refused everywhere from then on.
    refused_by: Option<Time>,
}

struct LastUse {
    at: Time,
    address: Option<String>,
}

impl<'a> RevokePage<'a> {
    fn new(site: &'a Site, visitor: &Visitor, key: &KeyView) -> Result<Self, Stop> {
        let name = name_of(&key.row);
        let profile = &visitor.api(site)?.profile;
        let verb = profile.dashboard.revoke.as_str();
        let tells_apart = profile.keys.display != Display::Type;
        let is_over = key.row.state == KeyState::Revoked;
        let title = if is_over { name.to_owned() } else { format!("{verb} {name}?") };
        Ok(Self {
            frame: Frame::of(site, visitor, Place::Keys, &title),
            id: key.row.id.to_string(),
            name: name.to_owned(),
            hint: Some(hint_of(&key.row)).filter(|hint| tells_apart && *hint != name).map(str::to_owned),
            verb,
            last_use: key.last_use().map(|last| LastUse {
                at: Time::ago(last.at, site.now()),
                address: last.address.map(|address| address.to_string()),
            }),
            error: None,
            refused: None,
            is_over,
            over_since: key.row.revoked_at.filter(|_| is_over).map(Time::exact),
            refused_by: None,
        })
    }
}

async fn ask(
    State(site): State<Site>,
    Path(id): Path<String>,
    visitor: Visitor,
) -> Result<Response<Body>, Stop> {
    let key = site.manager().show_key(&visitor.by(), key_id(&id)?).await?;
    require(&visitor, MemberAbility::Manage)?;
    let page = RevokePage::new(&site, &visitor, &key)?;
    answer::page(if page.is_over { StatusCode::CONFLICT } else { StatusCode::OK }, &page)
}

async fn revoke(
    State(site): State<Site>,
    Path(id): Path<String>,
    Posted { visitor, form }: Posted,
) -> Result<Response<Body>, Stop> {
    let by = visitor.by();
    let key = site.manager().show_key(&by, key_id(&id)?).await?;
    require(&visitor, MemberAbility::Manage)?;
    let page = RevokePage::new(&site, &visitor, &key)?;
    if page.is_over {
        return answer::page(StatusCode::CONFLICT, &page);
    }
    if form.get("confirm").trim() != name_of(&key.row).trim() {
        let error = Some("This is not its name. Nothing was changed.");
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &RevokePage { error, ..page });
    }
    match site.manager().revoke_key(&by, key.row.id).await {
        Ok(changed) if !changed.made => {
            answer::page(StatusCode::CONFLICT, &RevokePage::new(&site, &visitor, &changed.key)?)
        }
        Ok(changed) => match changed.receipt.guaranteed_by {
            Some(at) if !changed.receipt.complete => {
                let page = RevokePage::new(&site, &visitor, &changed.key)?;
                answer::page(StatusCode::OK, &RevokePage { refused_by: Some(Time::exact(at)), ..page })
            }
            _ => Ok(answer::go("/keys?done=revoked")),
        },
        Err(refusal @ Refusal::LastKey) => {
            let refused = Some(capitalised(&refusal.to_string()));
            answer::page(StatusCode::CONFLICT, &RevokePage { refused, ..page })
        }
        Err(other) => Err(other.into()),
    }
}
