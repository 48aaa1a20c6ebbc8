//! The form that changes a key's name, scopes, expiry and restrictions.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_manage::{KeyPatch, KeyRow, Refusal};
use claviger_model::{KeyState, MemberAbility, RestrictionsPatch};
use http::{Response, StatusCode};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    conflict::Conflict,
    fields::{self, Problem, Typed},
    key_id, require,
    shown::Fields,
};
use crate::{
    Body,
    answer::{self, Stop, capitalised},
    frame::{Frame, Place},
    keys_in_words::{done_word, name_of},
    site::Site,
    visit::{Posted, Visitor},
};

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/{id}/edit", get(ask).post(save))
}

#[derive(Template)]
#[template(path = "keys/edit.html")]
struct EditPage {
    frame: Frame,
    id: String,
    name: String,
    /// What the key was when the form was made.
    seen: String,
    form: Fields,
    refused: Option<String>,
    /// Someone else was faster.
    conflict: Option<Conflict>,
}

impl EditPage {
    fn new(
        site: &Site,
        visitor: &Visitor,
        key: &KeyRow,
        typed: &Typed,
        problems: Vec<Problem>,
    ) -> Result<Self, Stop> {
        let profile = &visitor.api(site)?.profile;
        let name = name_of(key);
        Ok(Self {
            frame: Frame::of(site, visitor, Place::Keys, &format!("Edit {name}")),
            id: key.id.to_string(),
            name: name.to_owned(),
            seen: fingerprint(key),
            form: Fields::of_change(profile, key, typed, problems),
            refused: None,
            conflict: None,
        })
    }
}

/// What of a key can be changed here, so that it can be told whether it was.
fn fingerprint(key: &KeyRow) -> String {
    let seen = json!([key.name, key.scopes, key.expires_at, key.restrictions]);
    URL_SAFE_NO_PAD.encode(Sha256::digest(seen.to_string()))
}

async fn ask(
    State(site): State<Site>,
    Path(id): Path<String>,
    visitor: Visitor,
) -> Result<Response<Body>, Stop> {
    let key = site.manager().show_key(&visitor.by(), key_id(&id)?).await?.row;
    require(&visitor, MemberAbility::Manage)?;
    if key.state == KeyState::Revoked {
        return Err(Refusal::Revoked.into());
    }
    let page = EditPage::new(&site, &visitor, &key, &Typed::of_key(&key), Vec::new())?;
    answer::page(StatusCode::OK, &page)
}

async fn save(
    State(site): State<Site>,
    Path(id): Path<String>,
    Posted { visitor, form }: Posted,
) -> Result<Response<Body>, Stop> {
    let by = visitor.by();
    let key = site.manager().show_key(&by, key_id(&id)?).await?.row;
    require(&visitor, MemberAbility::Manage)?;
    let typed = Typed::of(&form);
    if key.state != KeyState::Revoked && form.get("seen") != fingerprint(&key) {
        return changed_meanwhile(&site, &visitor, &key, &typed).await;
    }
    let patch = match typed.patch(&key, &visitor.api(&site)?.profile, site.now()) {
        Ok(patch) => patch,
        Err(problems) => return again(&site, &visitor, &key, &typed, problems),
    };
    let saved = |word: &str| answer::go(&format!("/keys/{}?done={word}", key.id));
    if is_nothing(&patch) {
        return Ok(saved("saved"));
    }
    let patch = KeyPatch { seen: Some(Box::new(key.clone())), ..patch };
    match site.manager().patch_key(&by, key.id, patch).await {
        Err(Refusal::ChangedMeanwhile) => {
            let key = site.manager().show_key(&by, key.id).await?.row;
            changed_meanwhile(&site, &visitor, &key, &typed).await
        }
        Ok(changed) => Ok(saved(done_word(&changed.receipt, "saved"))),
        Err(refusal @ (Refusal::LastKey | Refusal::Revoked | Refusal::TooManyKeys { .. })) => {
            let refused = Some(capitalised(&refusal.to_string()));
            let page = EditPage::new(&site, &visitor, &key, &typed, Vec::new())?;
            answer::page(StatusCode::CONFLICT, &EditPage { refused, ..page })
        }
        Err(other) => again(&site, &visitor, &key, &typed, fields::problems_of(other)?),
    }
}

fn again(
    site: &Site,
    visitor: &Visitor,
    key: &KeyRow,
    typed: &Typed,
    problems: Vec<Problem>,
) -> Result<Response<Body>, Stop> {
    let page = EditPage::new(site, visitor, key, typed, problems)?;
    answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn is_nothing(patch: &KeyPatch) -> bool {
    let KeyPatch { name, scopes, restrictions, expires_at, .. } = patch;
    name.is_none()
        && scopes.is_none()
        && expires_at.is_none()
        && *restrictions == RestrictionsPatch::default()
}

async fn changed_meanwhile(
    site: &Site,
    visitor: &Visitor,
    key: &KeyRow,
    typed: &Typed,
) -> Result<Response<Body>, Stop> {
    let conflict = Some(Conflict::of(site, visitor, key, typed).await?);
    let page = EditPage::new(site, visitor, key, typed, Vec::new())?;
    answer::page(StatusCode::CONFLICT, &EditPage { conflict, ..page })
}
