//! Connected apps: what members have allowed, and taking it back.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use claviger_manage::{ConsentId, ConsentView, PageRequest};
use claviger_model::{ClientId, MemberAbility, MemberId, Scopes, profile::Profile};
use http::{Response, StatusCode};

use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::{Frame, Place},
    keys_in_words::done_word,
    site::{ApiSite, Site},
    visit::{Posted, Visitor},
    words::Time,
};

/// Consents a page.
const PER_PAGE: usize = 50;

pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route("/connected-apps", get(list))
        .route("/connected-apps/{client}/{member}/withdraw", get(ask).post(withdraw))
}

#[derive(Template)]
#[template(path = "oauth/connected.html")]
struct ConnectedPage {
    frame: Frame,
    apps: Vec<App>,
    /// Whether others' are among them.
    of_all: bool,
    /// The next page.
    next: Option<String>,
}

/// What a member has allowed an application.
struct App {
    path: String,
    name: String,
    verified: bool,
    email: String,
    is_yours: bool,
    /// Each in the api's words; `None` where it is everything.
    scopes: Option<Vec<(String, String)>>,
    allowed: Time,
    last_used: Option<Time>,
    /// Whether it can do anything now.
    is_in: bool,
}

impl App {
    fn of(site: &Site, visitor: &Visitor, profile: &Profile, consent: &ConsentView) -> Self {
        let row = &consent.row;
        let scopes = match &row.scopes {
            Scopes::All => None,
            Scopes::Listed(listed) => {
                let words = profile.scopes.iter().filter(|(scope, _)| listed.contains(scope));
                Some(words.map(|(scope, words)| (scope.to_string(), words.clone())).collect())
            }
        };
        Self {
            path: format!("/connected-apps/{}/{}/withdraw", row.id.client, row.id.member),
            name: row.name.clone(),
            verified: row.verified,
            email: row.email.to_string(),
            is_yours: row.id.member == visitor.permit.member(),
            scopes,
            allowed: Time::ago(row.granted_at, site.now()),
            last_used: consent.last_used_at.map(|at| Time::ago(at, site.now())),
            is_in: !row.keys.is_empty(),
        }
    }
}

/// The api of the member's account, where it lets applications in.
fn api<'a>(site: &'a Site, visitor: &Visitor) -> Result<&'a ApiSite, Stop> {
    let api = visitor.api(site)?;
    if api.profile.oauth.is_some() { Ok(api) } else { Err(Stop::not_found()) }
}

async fn list(State(site): State<Site>, query: Query, visitor: Visitor) -> Result<Response<Body>, Stop> {
    let profile = &api(&site, &visitor)?.profile;
    let page = PageRequest { after: query.get("after").parse().ok(), limit: PER_PAGE };
    let found = site.manager().list_consents(&visitor.by(), visitor.permit.account(), page).await?;
    let page = ConnectedPage {
        frame: Frame::of(&site, &visitor, Place::ConnectedApps, "Connected apps").done(query.get("done")),
        apps: found.items.iter().map(|consent| App::of(&site, &visitor, profile, consent)).collect(),
        of_all: visitor.may(MemberAbility::Members),
        next: found.next.map(|id| format!("/connected-apps?after={id}")),
    };
    answer::page(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "oauth/withdraw.html")]
struct WithdrawPage {
    frame: Frame,
    app: App,
}

async fn ask(
    State(site): State<Site>,
    Path((client, member)): Path<(String, String)>,
    visitor: Visitor,
) -> Result<Response<Body>, Stop> {
    let profile = &api(&site, &visitor)?.profile;
    let (client, member) = ids(&client, &member)?;
    let (account, id) = (visitor.permit.account(), ConsentId { client, member });
    let asked = site.manager().show_consent(&visitor.by(), account, id).await?;
    let app = App::of(&site, &visitor, profile, &asked);
    let frame = Frame::of(&site, &visitor, Place::ConnectedApps, "Withdraw access");
    answer::page(StatusCode::OK, &WithdrawPage { frame, app })
}

/// What is withdrawn can be allowed again: nothing has to be typed.
async fn withdraw(
    State(site): State<Site>,
    Path((client, member)): Path<(String, String)>,
    Posted { visitor, .. }: Posted,
) -> Result<Response<Body>, Stop> {
    let (client, member) = ids(&client, &member)?;
    let account = visitor.permit.account();
    let receipt = site.manager().withdraw(&visitor.by(), account, client, member).await?;
    Ok(answer::go(&format!("/connected-apps?done={}", done_word(&receipt, "withdrawn"))))
}

fn ids(client: &str, member: &str) -> Result<(ClientId, MemberId), Stop> {
    client.parse().ok().zip(member.parse().ok()).ok_or_else(Stop::not_found)
}
