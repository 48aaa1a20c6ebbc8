//! The list of an account's keys.

use std::borrow::Cow;

use askama::Template;
use axum::{Router, extract::State, routing::get};
use claviger_manage::{Browsed, KeyShow, KeySort};
use claviger_model::{MemberAbility, Role, profile::Profile};
use http::{Response, StatusCode};

use super::{
    asked::{Asked, PER_PAGE, word_of_show},
    can_reveal, live, place_of_keys,
    row::{Row, has_test_keys, header},
};
use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::{Frame, Place},
    keys_in_words::is_plain_key,
    site::{ApiSite, Site},
    visit::Visitor,
    words,
};

pub(super) fn routes() -> Router<Site> {
    Router::new().route("/keys", get(show))
}

async fn show(State(site): State<Site>, visitor: Visitor, query: Query) -> Result<Response<Body>, Stop> {
    let api = visitor.api(&site)?;
    let title = place_of_keys(api);
    if !visitor.may(MemberAbility::Read) {
        return closed(&site, &visitor, Place::Keys, title);
    }
    let profile = &*api.profile;
    let asked = Asked::read(&query);
    if is_plain_key(&asked.search, std::iter::once(profile)) {
        // Out of the address bar, which is remembered and shared.
        return Ok(answer::go("/keys/check?pasted=search"));
    }
    let (by, account) = (visitor.by(), visitor.permit.account());
    let found = site.manager().browse_keys(&by, account, &asked.browse()).await?;
    let full = bound_reached(profile, &found);
    let frame = Frame::of(&site, &visitor, Place::Keys, title).done(query.get("done"));
    answer::page(StatusCode::OK, &ListPage::of(frame, &visitor, api, &asked, &found, full, site.now()))
}

/// The bound of the account's keys, if it is reached. Expired keys don't count.
pub(super) fn bound_reached(profile: &Profile, found: &Browsed) -> Option<u32> {
    profile.keys.max.filter(|max| usize::try_from(*max).is_ok_and(|max| found.working >= max))
}

/// What those are told who could otherwise make another key.
pub(super) fn full_in_words(max: u32, revoke: &str) -> String {
    let keys = words::plural(i64::from(max), "key");
    format!(
        "This account has {keys}, as many as it may have. To make a new one, {} one that is not used any more.",
        revoke.to_lowercase()
    )
}

#[expect(clippy::struct_excessive_bools, reason = "each is a column or a link that is there or not")]
#[derive(Template)]
#[template(path = "keys/list.html")]
struct ListPage<'a> {
    frame: Frame,
    account: &'a str,
    lead: String,
    /// The button that begins a new key, for those who may make one now.
    create: Option<&'a str>,
    full: Option<String>,
    search: &'a str,
    shows: Vec<Choice>,
    sorts: Vec<Choice>,
    headings: Headings,
    hints: Vec<Hint>,
    /// Whether there is anything to search.
    has_any: bool,
    rows: Vec<Row>,
    empty: Option<Empty>,
    pager: Option<Pager>,
    live: String,
    has_environments: bool,
    header: Option<String>,
    can_reveal: bool,
    can_manage: bool,
    revoke: &'a str,
}

/// An entry of a list to choose from.
struct Choice {
    value: Cow<'static, str>,
    text: String,
    chosen: bool,
}

/// The columns that sort.
struct Headings {
    name: Heading,
    created: Heading,
    used: Heading,
}

struct Heading {
    href: String,
    order: Option<&'static str>,
}

/// Keys that need someone's attention, and where they are shown.
struct Hint {
    text: String,
    href: String,
    link: &'static str,
}

/// Why no key is shown.
struct Empty {
    title: String,
    text: String,
    /// Whether all keys are elsewhere, rather than none there.
    leads_back: bool,
}

struct Pager {
    from: String,
    to: String,
    total: String,
    previous: Option<String>,
    next: Option<String>,
}

impl<'a> ListPage<'a> {
    fn of(
        frame: Frame,
        visitor: &'a Visitor,
        api: &'a ApiSite,
        asked: &'a Asked,
        found: &Browsed,
        full: Option<u32>,
        now: claviger_model::Timestamp,
    ) -> Self {
        let profile = &*api.profile;
        let wording = &profile.dashboard;
        let can_manage = visitor.may(MemberAbility::Manage);
        Self {
            frame,
            account: visitor.permit.account_name(),
            lead: format!("Keys let your programs call {}. Give each program its own.", profile.title),
            create: (can_manage && full.is_none()).then_some(&*wording.create),
            full: full.filter(|_| can_manage).map(|max| full_in_words(max, &wording.revoke)),
            search: &asked.search,
            shows: shows(asked, found),
            sorts: sorts(asked),
            headings: Headings {
                name: Heading::of(asked, KeySort::Name),
                created: Heading::of(asked, KeySort::Created),
                used: Heading::of(asked, KeySort::LastUsed),
            },
            hints: hints(asked, found),
            has_any: !found.keys.is_empty() || asked.is_narrow() || found.standing > 0,
            rows: found.keys.iter().map(|key| Row::of(key, now)).collect(),
            empty: found.keys.is_empty().then(|| Empty::of(asked, found, visitor, profile)),
            pager: Pager::of(asked, found),
            live: live::path(&found.keys),
            has_environments: has_test_keys(profile),
            header: wording.shows_header.then(|| header(profile, "••••••••")),
            can_reveal: can_reveal(api, visitor),
            can_manage,
            revoke: &wording.revoke,
        }
    }
}

fn shows(asked: &Asked, found: &Browsed) -> Vec<Choice> {
    let counted = |text: &str, count: usize| format!("{text} ({})", words::grouped(count as u64));
    let choice = |show, text| Choice { value: word_of_show(show).into(), text, chosen: asked.show == show };
    vec![
        choice(KeyShow::Standing, counted("All keys", found.standing)),
        choice(KeyShow::Due, counted("Rotation due", found.due)),
        choice(KeyShow::Unused, counted("Unused", found.unused)),
        choice(KeyShow::Revoked, "Revoked".to_owned()),
    ]
}

fn sorts(asked: &Asked) -> Vec<Choice> {
    [
        (KeySort::Created, ["Oldest first", "Newest first"]),
        (KeySort::Name, ["Name", "Name, from Z"]),
        (KeySort::LastUsed, ["Least recently used", "Last used"]),
        (KeySort::Expires, ["Expires first", "Expires last"]),
    ]
    .into_iter()
    .map(|(sort, [ascending, descending])| {
        let chosen = asked.sort == sort;
        let first = if sort == asked.sort { asked.clone() } else { asked.sorted(sort) };
        let text = if first.descending { descending } else { ascending };
        Choice { value: first.order(), text: text.to_owned(), chosen }
    })
    .collect()
}

impl Heading {
    fn of(asked: &Asked, sort: KeySort) -> Self {
        let order = if asked.descending { "descending" } else { "ascending" };
        Self { href: asked.sorted(sort).href("/keys"), order: (asked.sort == sort).then_some(order) }
    }
}

fn hints(asked: &Asked, found: &Browsed) -> Vec<Hint> {
    if asked.is_narrow() {
        return Vec::new();
    }
    let keys = |count: usize| words::plural(i64::try_from(count).unwrap_or(i64::MAX), "key");
    let verb = |count: usize| if count == 1 { "is" } else { "are" };
    let of = |show: KeyShow, count: usize, text: String, link: &'static str| {
        (count > 0).then(|| Hint { text, href: asked.showing(show).href("/keys"), link })
    };
    let (due, unused) = (found.due, found.unused);
    [
        of(
            KeyShow::Due,
            due,
            format!("{} {} due for rotation.", keys(due), verb(due)),
            "Show “Rotation due”",
        ),
        of(
            KeyShow::Unused,
            unused,
            format!("{} {} not in use any more.", keys(unused), verb(unused)),
            "Show “Unused”",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Empty {
    fn of(asked: &Asked, found: &Browsed, visitor: &Visitor, profile: &Profile) -> Self {
        let (title, text) = match asked.show {
            _ if !asked.search.is_empty() => (
                format!("No key matches “{}”", asked.search),
                "The search looks at names, the shown beginnings of keys, and their ids.".to_owned(),
            ),
            KeyShow::Due => ("No key is due for rotation".to_owned(), String::new()),
            KeyShow::Unused => ("No key is unused".to_owned(), String::new()),
            KeyShow::Revoked => ("No key was revoked".to_owned(), String::new()),
            KeyShow::Standing => (
                "No API keys".to_owned(),
                format!(
                    "An API key lets a program call {} for {}. Give each program its own: then each can be limited, \
                     replaced and ended without the others.",
                    profile.title,
                    visitor.permit.account_name()
                ),
            ),
        };
        Self { title, text, leads_back: asked.is_narrow() && found.standing > 0 }
    }
}

impl Pager {
    fn of(asked: &Asked, found: &Browsed) -> Option<Self> {
        let first = found.page * PER_PAGE;
        let grouped = |number: usize| words::grouped(number as u64);
        let to = |page: usize| asked.at_page(page).href("/keys");
        (found.pages > 1).then(|| Self {
            from: grouped(first + 1),
            to: grouped(first + found.keys.len()),
            total: grouped(found.matching),
            previous: found.page.checked_sub(1).map(to),
            next: Some(found.page + 1).filter(|page| *page < found.pages).map(to),
        })
    }
}

#[derive(Template)]
#[template(path = "keys/closed.html")]
struct ClosedPage<'a> {
    frame: Frame,
    title: &'a str,
    role: &'static str,
    who: String,
}

/// The page of someone whose role sees no keys: who does.
pub(super) fn closed(
    site: &Site,
    visitor: &Visitor,
    place: Place,
    title: &str,
) -> Result<Response<Body>, Stop> {
    let roles = visitor.api(site)?.profile.roles;
    let able = Role::ALL.into_iter().filter(|role| roles.of(*role).include(MemberAbility::Read));
    let able: Vec<_> = able.map(|role| format!("{}s", role.as_str())).collect();
    let frame = Frame::of(site, visitor, place, title);
    let page = ClosedPage { frame, title, role: visitor.permit.role().as_str(), who: able.join(" and ") };
    answer::page(StatusCode::FORBIDDEN, &page)
}
