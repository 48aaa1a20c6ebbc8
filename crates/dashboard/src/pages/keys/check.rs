//! "Key not working?": what stands in the way of a key that someone pastes. The key is digested and shown nowhere.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_manage::{Diagnosis, KeyView};
use claviger_model::{MemberAbility, RequestId, profile::Profile};
use http::{Response, StatusCode};

use super::{
    advice::Finding,
    denied::{self, Denied},
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
    request_error: Option<&'static str>,
    /// Where help is asked for: with the request that was typed, or else with this page's.
    support: Option<String>,
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
    at: Option<Time>,
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
    let api = visitor.api(&site)?;
    let request = page.read_request(form.get("request"), &api.profile);
    let Some(text) = form.text("key") else {
        page.error = Some("Paste the key that doesn't work.");
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    };
    let diagnosis = site.manager().diagnose_key(&visitor.by(), visitor.permit.account(), text).await?;
    page.finding = Some(Finding::of(&diagnosis, &api.profile));
    if let Diagnosis::Known { key, .. } = diagnosis {
        page.known = Some(Known::of(&site, &visitor, api, &key, request).await?);
    }
    let is_read = page.request_error.is_none();
    answer::page(if is_read { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &page)
}

/// The id of a request, as errors write it: with its prefix, or as 32 hexadecimal digits.
fn request_id(text: &str) -> Option<RequestId> {
    let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let hex = || u128::from_str_radix(text, 16).ok().filter(|_| is_hex);
    text.parse().ok().or_else(|| Some(RequestId::from_bytes(hex()?.to_be_bytes())))
}

impl CheckPage {
    fn of(site: &Site, visitor: &Visitor) -> Result<Self, Stop> {
        let profile = &visitor.api(site)?.profile;
        let frame = Frame::of(site, visitor, Place::Check, TITLE);
        Ok(Self {
            support: frame.support.clone(),
            frame,
            was_searched: false,
            error: None,
            request: String::new(),
            request_error: None,
            finding: None,
            known: None,
            can_manage: visitor.may(MemberAbility::Manage),
            header: row::header(profile, "YOUR_KEY"),
        })
    }

    /// Takes the request that was typed. What isn't one isn't shown again: it may be a key in the wrong field.
    fn read_request(&mut self, typed: &str, profile: &Profile) -> Option<RequestId> {
        let typed = typed.trim();
        let id = request_id(typed);
        match id {
            Some(id) => {
                typed.clone_into(&mut self.request);
                self.support = profile.support.as_ref().map(|support| with_request(support, id));
            }
            None if typed.is_empty() => {}
            None => {
                self.request_error =
                    Some("This is no request's id: it begins with req_, or has 32 digits from 0 to f.");
            }
        }
        id
    }
}

impl Known {
    async fn of(
        site: &Site,
        visitor: &Visitor,
        api: &ApiSite,
        key: &KeyView,
        request: Option<RequestId>,
    ) -> Result<Self, Stop> {
        let (by, id) = (visitor.by(), key.row.id);
        let asked = request.map(|request| request.to_string());
        let denials = site.manager().denials(&by, Some(id), asked).await?;
        let now = site.now();
        Ok(Self {
            id: id.to_string(),
            name: name_of(&key.row).to_owned(),
            hint: hint_of(&key.row).to_owned(),
            state: state_of(&key.row, now),
            facts: facts(api, key),
            denials: denied::told(denials, &api.profile, now),
            of_request: request.is_some(),
        })
    }
}

/// What narrows the key: by itself, and by the hosts of its environment.
fn facts(api: &ApiSite, key: &KeyView) -> Vec<Fact> {
    let row = &key.row;
    let fact = |label, values: Vec<String>| Fact { label, values, at: None };
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
        facts.push(Fact { at: Some(Time::exact(at)), ..fact("Expires", Vec::new()) });
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_request_is_read_in_both_forms() {
        let id = RequestId::from_bytes([0xab; 16]);
        assert_eq!(request_id(&id.to_string()), Some(id));
        assert_eq!(request_id(&id.to_hex()), Some(id));
        for other in ["", "cc_live_AbCdEfGhIjKlMnOpQrStUvWxYz", "+0000000000000000000000000000000"] {
            assert_eq!(request_id(other), None);
        }
    }
}
