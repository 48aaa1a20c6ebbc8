//! "Key not working?": what stands in the way of a key that someone pastes. The key is digested and shown nowhere.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_manage::{Diagnosis, KeyView};
use claviger_model::MemberAbility;
use http::{Response, StatusCode};

use super::{
    advice::{Finding, next_step},
    list, row,
};
use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::{Frame, Place, with_request},
    keys_in_words::{Badge, allowed, hint_of, name_of, scopes_in_words, state_of},
    site::{ApiSite, Site},
    visit::{Posted, Visitor},
    words::Time,
};

const TITLE: &str = "Key not working?";

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys/check", get(show).post(check))
}

#[derive(Template)]
#[template(path = "keys/check.html")]
struct CheckPage {
    frame: Frame,
    /// A whole key was pasted into the search.
    was_searched: bool,
    error: Option<&'static str>,
    /// The id of the failed request, as it was typed.
    request: String,
    finding: Option<Finding>,
    known: Option<Known>,
    can_manage: bool,
    /// How a key travels to this api.
    header: String,
}

/// A known key: what it may be used for, and what was denied.
struct Known {
    id: String,
    name: String,
    hint: String,
    state: Badge,
    facts: Vec<Fact>,
    /// What was denied of the request that was asked for, or lately.
    denials: Vec<Denied>,
    of_request: bool,
}

/// What a request must have, or from where it must come.
struct Fact {
    label: &'static str,
    values: Vec<String>,
}

struct Denied {
    at: Time,
    detail: String,
    address: Option<String>,
    endpoint: Option<String>,
    request: String,
    support: Option<String>,
    next: &'static str,
}

async fn show(State(site): State<Site>, visitor: Visitor, query: Query) -> Result<Response<Body>, Stop> {
    if !visitor.may(MemberAbility::Read) {
        return list::closed(&site, &visitor, Place::Check, TITLE);
    }
    let mut page = CheckPage::of(&site, &visitor)?;
    page.was_searched = query.get("pasted") == "search";
    answer::page(StatusCode::OK, &page)
}

async fn check(State(site): State<Site>, posted: Posted) -> Result<Response<Body>, Stop> {
    let Posted { visitor, form } = posted;
    if !visitor.may(MemberAbility::Read) {
        return list::closed(&site, &visitor, Place::Check, TITLE);
    }
    let mut page = CheckPage::of(&site, &visitor)?;
    page.request = typed_request(form.get("request"));
    let Some(text) = form.text("key") else {
        page.error = Some("Paste the key that doesn't work.");
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let diagnosis = site.manager().diagnose_key(&visitor.by(), visitor.permit.account(), text).await?;
    let api = visitor.api(&site)?;
    page.finding = Some(Finding::of(&diagnosis, &api.profile));
    if let Diagnosis::Known { key, .. } = diagnosis {
        page.known = Some(Known::of(&site, &visitor, api, &key, &page.request).await?);
    }
    answer::page(StatusCode::OK, &page)
}

/// What may be a request's id; nothing else is shown again, as it may be a key in the wrong field.
fn typed_request(text: &str) -> String {
    let text = text.trim();
    let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_id = is_hex || text.parse::<claviger_model::RequestId>().is_ok();
    if is_id { text.to_owned() } else { String::new() }
}

impl CheckPage {
    fn of(site: &Site, visitor: &Visitor) -> Result<Self, Stop> {
        let profile = &visitor.api(site)?.profile;
        Ok(Self {
            frame: Frame::of(site, visitor, Place::Check, TITLE),
            was_searched: false,
            error: None,
            request: String::new(),
            finding: None,
            known: None,
            can_manage: visitor.may(MemberAbility::Manage),
            header: row::header(profile, "YOUR_KEY"),
        })
    }
}

impl Known {
    async fn of(
        site: &Site,
        visitor: &Visitor,
        api: &ApiSite,
        key: &KeyView,
        request: &str,
    ) -> Result<Self, Stop> {
        let (by, id) = (visitor.by(), key.row.id);
        let of_request = !request.is_empty();
        let asked = of_request.then(|| request.to_owned());
        let denials = site.manager().denials(&by, Some(id), asked).await?;
        let support = api.profile.support.as_deref();
        let now = site.now();
        let denials = denials.iter().map(|denied| Denied {
            at: Time::ago(denied.at, now),
            detail: denied.detail.to_string(),
            address: denied.address.map(|address| address.to_string()),
            endpoint: denied.endpoint.as_deref().map(str::to_owned),
            request: denied.request.to_string(),
            support: support.map(|support| with_request(support, denied.request)),
            next: next_step(denied.code),
        });
        Ok(Self {
            id: id.to_string(),
            name: name_of(&key.row).to_owned(),
            hint: hint_of(&key.row).to_owned(),
            state: state_of(&key.row, now),
            facts: facts(api, key),
            denials: denials.collect(),
            of_request,
        })
    }
}

/// What narrows the key: by itself, and by the hosts of its environment.
fn facts(api: &ApiSite, key: &KeyView) -> Vec<Fact> {
    let row = &key.row;
    let fact = |label, values: Vec<String>| Fact { label, values };
    let mut facts = vec![fact("Permissions", vec![scopes_in_words(&row.scopes)])];
    facts.extend(allowed(&row.restrictions).into_iter().map(|kind| fact(kind.label, kind.entries)));
    if row::has_test_keys(&api.profile) {
        facts.push(fact("Environment", vec![row.environment.to_string()]));
    }
    let takes = |host: &&claviger_model::profile::HostRule| {
        host.environment.is_none_or(|only| only == row.environment)
    };
    let hosts: Vec<_> = api.profile.hosts.iter().filter(takes).map(|rule| rule.host.clone()).collect();
    if !hosts.is_empty() {
        facts.push(fact("Taken at", hosts));
    }
    if let Some(at) = row.expires_at {
        facts.push(fact("Expires", vec![Time::exact(at).text]));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_id_of_a_request_is_shown_again() {
        for id in ["req_00000000000000000000000000", "0123456789abcdef0123456789abcdef"] {
            assert_eq!(typed_request(&format!(" {id} ")), id);
        }
        for other in ["", "cc_live_AbCdEfGhIjKlMnOpQrStUvWxYz", "<script>"] {
            assert_eq!(typed_request(other), "");
        }
    }
}
