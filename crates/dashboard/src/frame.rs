//! What the layout around every page needs.

use std::fmt;

use claviger_model::{MemberAbility, RequestId};

use crate::{
    assets,
    site::{ApiSite, Site},
    visit::Visitor,
};

/// The layout's values. It has no honest `Debug`: what binds the forms to the browser is among them.
#[derive(Default)]
pub(crate) struct Frame {
    pub(crate) lang: &'static str,
    pub(crate) title: String,
    pub(crate) product: String,
    /// Where the product's name leads.
    pub(crate) home: &'static str,
    pub(crate) place: Vec<String>,
    pub(crate) logo: Option<String>,
    pub(crate) brand_css: Option<String>,
    pub(crate) icon: &'static str,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    pub(crate) nav: Vec<NavLink>,
    pub(crate) who: Option<Who>,
    pub(crate) csrf: String,
    pub(crate) support: Option<String>,
    pub(crate) back: Option<Back>,
    pub(crate) notice: Option<Notice>,
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("title", &self.title).field("who", &self.who).finish_non_exhaustive()
    }
}

/// A page family in the navigation.
#[derive(Debug)]
pub(crate) struct NavLink {
    pub(crate) label: String,
    pub(crate) href: &'static str,
    pub(crate) current: bool,
}

/// Who is signed in.
#[derive(Debug)]
pub(crate) struct Who {
    pub(crate) email: String,
    pub(crate) role: &'static str,
    pub(crate) account: String,
}

/// The way back to where the member came from.
#[derive(Debug)]
pub(crate) struct Back {
    pub(crate) href: String,
    pub(crate) label: String,
}

/// What just happened.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// The families of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Keys,
    Check,
    Members,
    ConnectedApps,
    Audit,
    Sessions,
}

impl Place {
    const ALL: [Self; 6] =
        [Self::Keys, Self::Check, Self::Members, Self::ConnectedApps, Self::Audit, Self::Sessions];

    const fn link(self) -> (&'static str, &'static str, Option<MemberAbility>) {
        match self {
            Self::Keys => ("API keys", "/keys", Some(MemberAbility::Read)),
            Self::Check => ("Key not working?", "/keys/check", Some(MemberAbility::Read)),
            Self::Members => ("Members", "/members", Some(MemberAbility::Members)),
            Self::ConnectedApps => ("Connected apps", "/connected-apps", None),
            Self::Audit => ("Audit trail", "/audit", Some(MemberAbility::Audit)),
            Self::Sessions => ("Sign-ins", "/sessions", None),
        }
    }
}

impl Frame {
    /// Around a page of someone who is not signed in.
    pub(crate) fn outside(api: Option<&ApiSite>, title: &str) -> Self {
        let blank = Self {
            lang: "en",
            home: "/keys",
            title: title.to_owned(),
            icon: assets::icon(),
            style: assets::style(),
            script: assets::script(),
            ..Self::default()
        };
        match api {
            None => Self { product: "API keys".to_owned(), ..blank },
            Some(ApiSite { profile, brand, .. }) => Self {
                product: profile.title.clone(),
                logo: brand.logo_path(),
                brand_css: brand.css_path(),
                support: profile.support.clone(),
                ..blank
            },
        }
    }

    /// Around a member's page; around what belongs to no family where `place` is `None`.
    pub(crate) fn of(site: &Site, visitor: &Visitor, place: impl Into<Option<Place>>, title: &str) -> Self {
        let place = place.into();
        let permit = &visitor.permit;
        let api = site.api(permit.api());
        let place_of_keys = api.map(|api| api.profile.dashboard.place.clone()).unwrap_or_default();
        let lets_apps_in = api.is_some_and(|api| api.profile.oauth.is_some());
        let nav = Place::ALL.into_iter().filter_map(|there| {
            let (usual, href, needed) = there.link();
            let is_there = there != Place::ConnectedApps || lets_apps_in;
            let is_open = is_there && needed.is_none_or(|ability| visitor.may(ability));
            // The keys are where the api's own documents say that they are.
            let own = place_of_keys.last().filter(|_| there == Place::Keys).map_or(usual, String::as_str);
            is_open.then(|| NavLink { label: own.to_owned(), href, current: Some(there) == place })
        });
        let label = api.map_or_else(|| "Back".to_owned(), |api| format!("Back to {}", api.profile.title));
        Self {
            nav: nav.collect(),
            place: place_of_keys,
            who: Some(Who {
                email: permit.email().to_string(),
                role: permit.role().as_str(),
                account: permit.account_name().to_owned(),
            }),
            csrf: visitor.csrf.as_str().to_owned(),
            back: permit.return_to().map(|href| Back { href: href.to_owned(), label }),
            ..Self::outside(api, title)
        }
        .with_request(visitor.request)
        .warned(permit.is_suspended())
    }

    /// With the support link carrying the request's id, so that whoever helps can find it.
    #[must_use]
    pub(crate) fn with_request(mut self, id: RequestId) -> Self {
        if let Some(support) = &mut self.support {
            *support = with_request(support, id);
        }
        self
    }

    fn warned(mut self, suspended: bool) -> Self {
        if suspended {
            let text = "This account is suspended: none of its keys works until it is reinstated.".to_owned();
            self.notice = Some(Notice { kind: "warn", text });
        }
        self
    }

    /// With word of what was done, from the closed list behind `?done=`.
    #[must_use]
    pub(crate) fn done(mut self, word: &str) -> Self {
        if let Some(text) = done(word) {
            let kind = if matches!(word, "session-over" | "registered-before" | "begin-again") {
                "info"
            } else {
                "done"
            };
            self.notice = Some(Notice { kind, text: text.to_owned() });
        }
        self
    }
}

/// What was done, by the word a redirection carries.
fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "revoked" => "The key is revoked. No request with it is accepted any more.",
        "disabled" => "The key is disabled until you enable it again.",
        "enabled" => "The key is enabled again.",
        "suspended" => "The account is suspended: none of its keys works until it is reinstated.",
        "reinstated" => "The account is reinstated: its keys work again.",
        "pending" => "The change is made. It holds on every node at the latest when the lease has run out.",
        "application-revoked" => "The application is revoked. No token of it is accepted any more.",
        "registered-before" => {
            "This application was registered already: its secret was shown the first time. Rotate it if it is lost."
        }
        "saved" => "Saved.",
        "withdrawn" => "The access is withdrawn. No request by it is accepted any more.",
        "member-removed" => "They are no longer a member, and signed out everywhere.",
        "role" => "The role holds from their next click on.",
        "session-ended" => "That browser is signed out.",
        "session-over" => "You were signed out. Sign in again to go on.",
        "begin-again" => {
            "The application asks in many words. If you are not asked whether to allow it once you have signed in, begin again there."
        }
        "signed-out" => "You are signed out.",
        "password" => "Your password is changed. Your other browsers are signed out.",
        _ => return None,
    })
}

/// A support link with the request's id: in the subject of a mail, or in the query of a page.
pub(crate) fn with_request(support: &str, id: RequestId) -> String {
    let separator = if support.contains('?') { '&' } else { '?' };
    if support.starts_with("mailto:") {
        format!("{support}{separator}subject=API%20key%20problem%20({id})")
    } else {
        format!("{support}{separator}request_id={id}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_binds_forms_to_the_browser_is_not_told() {
        let frame = Frame { csrf: "hidden".to_owned(), title: "Keys".to_owned(), ..Frame::default() };
        assert_eq!(format!("{frame:?}"), r#"Frame { title: "Keys", who: None, .. }"#);
    }

    #[test]
    fn the_support_link_carries_the_request() {
        let id: RequestId = "req_00000000000000000000000000".parse().unwrap();
        assert_eq!(
            with_request("https://help.example.com/", id),
            format!("https://help.example.com/?request_id={id}")
        );
        assert_eq!(
            with_request("https://example.com/?a=b", id),
            format!("https://example.com/?a=b&request_id={id}")
        );
        assert_eq!(
            with_request("mailto:help@example.com", id),
            format!("mailto:help@example.com?subject=API%20key%20problem%20({id})")
        );
    }
}
