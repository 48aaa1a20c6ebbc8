//! The page on which a member is asked whether an application may have what it wants.

use std::borrow::Cow;

use askama::Template;
use claviger_manage::Pending;
use claviger_model::MemberAbility;
use http::{Response, StatusCode};
use url::Url;

use crate::{
    Body,
    answer::{self, Stop},
    frame::Frame,
    site::ApiSite,
    visit::Visitor,
    words,
};

#[derive(Template)]
#[template(path = "oauth/consent.html")]
struct ConsentPage<'a> {
    frame: Frame,
    app: &'a str,
    verified: bool,
    email: &'a str,
    role: &'a str,
    account: &'a str,
    /// Each in the api's words; `None` where it is everything.
    scopes: Option<Vec<(&'a str, &'a str)>>,
    lasts: String,
    leads: Leads,
    /// Why this member can't allow it.
    refused: Option<&'static str>,
}

/// Where the browser goes with the answer, as people know it.
#[derive(Debug, PartialEq, Eq)]
enum Leads {
    /// To a site.
    Site(String),
    /// To a program on the same machine.
    Computer,
    /// To an application that opens links of its own.
    App(String),
}

/// The page. It says so where this member can't allow anything, and then has no button for it.
pub(super) fn page(api: &ApiSite, visitor: &Visitor, pending: &Pending) -> Result<Response<Body>, Stop> {
    let permit = &visitor.permit;
    let mut frame = Frame::outside(Some(api), "Allow access").with_request(visitor.request);
    visitor.csrf.as_str().clone_into(&mut frame.csrf);
    let refused = match permit.may(MemberAbility::Manage) {
        true => None,
        false if permit.is_suspended() => {
            Some("The account is suspended: nothing can be allowed until it is reinstated.")
        }
        false => Some(
            "Your role may not create keys, so it can't allow this either. Ask an administrator of the account.",
        ),
    };
    let status = if refused.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    let shown = ConsentPage {
        frame,
        app: &pending.client.name,
        verified: pending.client.verified,
        email: permit.email().as_str(),
        role: permit.role().as_str(),
        account: permit.account_name(),
        scopes: pending.scopes_in_words(),
        lasts: api.profile.oauth.as_ref().map(|oauth| words::span(oauth.grant_lasts)).unwrap_or_default(),
        leads: Leads::to(&pending.redirect_uri),
        refused,
    };
    answer::page(status, &shown)
}

impl Leads {
    /// Names in other scripts are told as they are sent, so that none looks like another.
    fn to(redirect_uri: &str) -> Self {
        let Ok(url) = Url::parse(redirect_uri) else { return Self::App(String::new()) };
        match (url.scheme(), url.host_str()) {
            ("http", _) => Self::Computer,
            ("https", Some(host)) => {
                let port = url.port().map_or(Cow::Borrowed(""), |port| format!(":{port}").into());
                Self::Site(format!("{host}{port}"))
            }
            (scheme, _) => Self::App(scheme.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_answer_goes_is_told_as_people_know_it() {
        let site = |host: &str| Leads::Site(host.to_owned());
        for (uri, leads) in [
            ("https://app.example.com/callback?x=1", site("app.example.com")),
            ("https://app.example.com:8443/", site("app.example.com:8443")),
            ("https://\u{430}pp.example.com/", site("xn--pp-6kc.example.com")),
            ("http://127.0.0.1:49152/", Leads::Computer),
            ("http://[::1]/", Leads::Computer),
            ("com.example.app:/callback", Leads::App("com.example.app".to_owned())),
        ] {
            assert_eq!(Leads::to(uri), leads, "{uri}");
        }
    }
}
