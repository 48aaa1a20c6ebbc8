//! Finding anything by whatever is known of it: an id, a hint, an external id, a request, or the key itself.

use askama::Template;
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use claviger_manage::{AccountFilter, AuditFilter, KeyQuery, PageRequest, Refusal};
use claviger_model::{AccountId, KeyId, MemberId, RequestId, Timestamp, operator_key_format};
use claviger_verify::usage::DeniedAttempt;
use http::{Response, StatusCode};

use super::{
    accounts::AccountLine,
    desk::{Desk, Operator, Place, PostedByOperator, Reader},
    shown::{self, EventLine, KeyLine, Named},
};
use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::Frame,
    words::Time,
};

/// Things of each kind that are shown.
const MOST: usize = 20;

pub(super) fn routes() -> Router<Desk> {
    Router::new().route("/find", get(find)).route("/find/key", post(find_key))
}

/// A denied request.
pub(super) struct DenialLine {
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) at: Time,
    pub(super) address: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) request: Named,
    pub(super) key: Option<Named>,
}

impl DenialLine {
    pub(super) fn of(denial: &DeniedAttempt, now: Timestamp) -> Self {
        let request = denial.request.to_string();
        Self {
            code: denial.code.as_str(),
            detail: denial.detail.to_string(),
            at: Time::ago(denial.at, now),
            address: denial.address.map(|address| address.to_string()),
            endpoint: denial.endpoint.as_deref().map(str::to_owned),
            request: Named { href: Some(shown::link("/find", &[("q", &request)])), text: request },
            key: denial.key.map(|key| Named { text: key.to_string(), href: Some(format!("/keys/{key}")) }),
        }
    }
}

#[derive(Template)]
#[template(path = "operator/find.html")]
struct FindPage {
    frame: Frame,
    q: String,
    found: Option<Found>,
    /// What was typed into the search is a secret, which doesn't belong there.
    is_secret: bool,
    error: Option<&'static str>,
}

/// What a search found.
#[derive(Default)]
struct Found {
    accounts: Vec<AccountLine>,
    keys: Vec<KeyLine>,
    denials: Vec<DenialLine>,
    events: Vec<EventLine>,
    /// A sentence where nothing else says it.
    note: Option<&'static str>,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.keys.is_empty()
            && self.denials.is_empty()
            && self.events.is_empty()
            && self.note.is_none()
    }
}

/// What was typed, as far as its form says.
#[derive(Debug, PartialEq, Eq)]
enum Sought {
    Account(AccountId),
    Key(KeyId),
    Member(MemberId),
    Operator(String),
    Request(RequestId),
    Text,
}

impl Sought {
    fn of(text: &str) -> Self {
        let request = text.parse().ok().or_else(|| request_of_hex(text));
        if let Ok(id) = text.parse::<AccountId>() {
            Self::Account(id)
        } else if let Ok(id) = text.parse::<KeyId>() {
            Self::Key(id)
        } else if let Ok(id) = text.parse::<MemberId>() {
            Self::Member(id)
        } else if text.parse::<claviger_model::OperatorId>().is_ok() {
            Self::Operator(text.to_owned())
        } else {
            request.map_or(Self::Text, Self::Request)
        }
    }
}

/// The request that a contract calls a correlation id: 32 hexadecimal digits.
fn request_of_hex(text: &str) -> Option<RequestId> {
    let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
    Some(RequestId::from_bytes(number.to_be_bytes()))
}

async fn find(
    State(desk): State<Desk>,
    Reader(operator): Reader,
    query: Query,
) -> Result<Response<Body>, Stop> {
    let q = query.get("q").trim();
    let frame = operator.frame(Place::Find, "Find");
    let blank = FindPage { frame, q: String::new(), found: None, is_secret: false, error: None };
    if q.is_empty() {
        return answer::page(StatusCode::OK, &blank);
    }
    if is_secret(&desk, q) {
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &FindPage { is_secret: true, ..blank });
    }
    let found = match Sought::of(q) {
        Sought::Account(id) => return Ok(answer::go(&format!("/accounts/{id}"))),
        Sought::Key(id) => return Ok(answer::go(&format!("/keys/{id}"))),
        Sought::Operator(id) => return Ok(answer::go(&format!("/operators#{id}"))),
        Sought::Member(id) => match desk.site.manager().show_member(&operator.by(), id).await {
            Ok(member) => return Ok(answer::go(&format!("/accounts/{}#{id}", member.account))),
            Err(Refusal::NotFound(_)) => about(&desk, &operator, q).await?,
            Err(other) => return Err(other.into()),
        },
        Sought::Request(id) => by_request(&desk, &operator, &id.to_string()).await?,
        Sought::Text => by_text(&desk, &operator, q).await?,
    };
    answer::page(StatusCode::OK, &FindPage { q: q.to_owned(), found: Some(found), ..blank })
}

/// Whether someone put a whole key into the search, where it ends up in the browser's history.
fn is_secret(desk: &Desk, text: &str) -> bool {
    let is_key = desk.site.apis().iter().any(|api| api.profile.parse_key(text.as_bytes()).is_ok());
    is_key || operator_key_format().parse(text.as_bytes()).is_ok()
}

/// What the trail says of a member who was removed.
async fn about(desk: &Desk, operator: &Operator, id: &str) -> Result<Found, Stop> {
    let filter = AuditFilter { subject: Some(id.to_owned()), ..AuditFilter::default() };
    let events = events(desk, operator, filter).await?;
    let note = (!events.is_empty()).then_some("They are no longer a member. What the trail says of them:");
    Ok(Found { events, note, ..Found::default() })
}

async fn events(desk: &Desk, operator: &Operator, filter: AuditFilter) -> Result<Vec<EventLine>, Stop> {
    let (now, request) = (desk.site.now(), PageRequest { after: None, limit: MOST });
    let page = desk.site.manager().list_audit_newest_first(&operator.by(), filter, request).await?;
    Ok(page.items.iter().map(|event| EventLine::of(event, now)).collect())
}

async fn by_request(desk: &Desk, operator: &Operator, id: &str) -> Result<Found, Stop> {
    let now = desk.site.now();
    let denials = desk.site.manager().denials(&operator.by(), None, Some(id.to_owned())).await?;
    let filter = AuditFilter { request: Some(id.to_owned()), ..AuditFilter::default() };
    Ok(Found {
        denials: denials.iter().map(|denial| DenialLine::of(denial, now)).collect(),
        events: events(desk, operator, filter).await?,
        ..Found::default()
    })
}

async fn by_text(desk: &Desk, operator: &Operator, text: &str) -> Result<Found, Stop> {
    let (manager, by, now) = (desk.site.manager(), operator.by(), desk.site.now());
    let filter = AccountFilter { name: Some(text.to_owned()), ..AccountFilter::default() };
    let accounts = manager.list_accounts(&by, filter, PageRequest { after: None, limit: MOST }).await?;
    let every = KeyQuery { include_revoked: true, ..KeyQuery::default() };
    let queries = [
        KeyQuery { hint: Some(text.to_owned()), ..every.clone() },
        KeyQuery { external_id: Some(text.to_owned()), ..every },
    ];
    let mut keys = Vec::new();
    for query in queries {
        let page = manager.list_keys(&by, query, PageRequest { after: None, limit: MOST }).await?;
        keys.extend(page.items);
    }
    keys.sort_by_key(|key| key.row.id);
    keys.dedup_by_key(|key| key.row.id);
    Ok(Found {
        accounts: accounts.items.iter().map(AccountLine::of).collect(),
        keys: keys.iter().map(|key| KeyLine::of(key, now)).collect(),
        ..Found::default()
    })
}

/// The key is digested, and neither kept nor shown again.
async fn find_key(
    State(desk): State<Desk>,
    PostedByOperator { operator, form }: PostedByOperator,
) -> Result<Response<Body>, Stop> {
    let pasted = form.get("key");
    let error = match desk.site.manager().find_key(&operator.by(), pasted).await {
        Ok(key) => return Ok(answer::go(&format!("/keys/{}", key.row.id))),
        Err(Refusal::NotFound(_)) if operator_key_format().parse(pasted.trim().as_bytes()).is_ok() => {
            "This is an operator key, not a key of an API. Nobody else should have it: if it was lost, revoke it."
        }
        Err(Refusal::NotFound(_)) => {
            "No key here is like this one: it is mistyped, cut short, or from elsewhere."
        }
        Err(other) => return Err(other.into()),
    };
    let frame = operator.frame(Place::Find, "Find");
    let shown = FindPage { frame, q: String::new(), found: None, is_secret: false, error: Some(error) };
    answer::page(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sought_is_known_by_its_form() {
        let zeros = "00000000000000000000000000";
        let sought = |prefix: &str| Sought::of(&format!("{prefix}{zeros}"));
        assert_eq!(sought("acc_"), Sought::Account(AccountId::from_bytes([0; 16])));
        assert_eq!(sought("key_"), Sought::Key(KeyId::from_bytes([0; 16])));
        assert_eq!(sought("mem_"), Sought::Member(MemberId::from_bytes([0; 16])));
        assert_eq!(sought("op_"), Sought::Operator(format!("op_{zeros}")));
        assert_eq!(sought("req_"), Sought::Request(RequestId::from_bytes([0; 16])));
        for text in ["cc_live_Ab", "key_0", "cus_42", "", "+0000000000000000000000000000000"] {
            assert_eq!(Sought::of(text), Sought::Text, "{text}");
        }
    }

    #[test]
    fn a_correlation_id_is_a_request() {
        let id = RequestId::from_bytes([0xab; 16]);
        assert_eq!(Sought::of(&id.to_hex()), Sought::Request(id));
    }
}
