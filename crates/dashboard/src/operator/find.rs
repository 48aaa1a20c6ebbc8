//! Finding anything by whatever is known of it: an id, a name, an address, a hint, a request, or the key itself.

use askama::Template;
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use claviger_manage::{AccountFilter, AuditFilter, KeyQuery, PageRequest, Refusal};
use claviger_model::{
    AccountId, ClientId, Email, KeyId, MemberId, OperatorId, RequestId, Timestamp, operator_key_format,
};
use claviger_verify::usage::DeniedAttempt;
use http::{Response, StatusCode};

use super::{
    accounts::AccountLine,
    desk::{Desk, Operator, Place, PostedByOperator, Reader},
    operators,
    shown::{self, EventLine, KeyLine, MemberLine, Named},
};
use crate::{
    Body,
    answer::{self, Stop},
    form::Query,
    frame::Frame,
    keys_in_words::is_plain_key,
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
            request: Named::id(request.clone(), shown::link("/find", &[("q", &request)])),
            key: denial.key.map(|key| Named::id(key.to_string(), format!("/keys/{key}"))),
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
    members: Vec<MemberFound>,
    keys: Vec<KeyLine>,
    denials: Vec<DenialLine>,
    events: Vec<EventLine>,
}

/// A member, and the account they are one of.
struct MemberFound {
    member: MemberLine,
    account: String,
    account_name: String,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.members.is_empty()
            && self.keys.is_empty()
            && self.denials.is_empty()
            && self.events.is_empty()
    }
}

/// What was typed, as far as its form says.
#[derive(Debug, PartialEq, Eq)]
enum Sought {
    Account(AccountId),
    Key(KeyId),
    Member(MemberId),
    Operator(OperatorId),
    Application(ClientId),
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
        } else if let Ok(id) = text.parse::<OperatorId>() {
            Self::Operator(id)
        } else if let Ok(id) = text.parse::<ClientId>() {
            Self::Application(id)
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
    if is_plain_key(q, desk.site.apis().iter().map(|api| &*api.profile)) {
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &FindPage { is_secret: true, ..blank });
    }
    let found = match Sought::of(q) {
        Sought::Account(id) => return Ok(answer::go(&format!("/accounts/{id}"))),
        Sought::Key(id) => return Ok(answer::go(&format!("/keys/{id}"))),
        Sought::Member(id) => return Ok(answer::go(&format!("/members/{id}"))),
        Sought::Operator(id) => match operators::place_of(&desk, &operator, id).await? {
            Some(place) => return Ok(answer::go(&place)),
            None => Found::default(),
        },
        Sought::Application(id) => return Ok(answer::go(&format!("/applications/{id}"))),
        Sought::Request(id) => by_request(&desk, &operator, &id.to_string()).await?,
        Sought::Text => by_text(&desk, &operator, q).await?,
    };
    answer::page(StatusCode::OK, &FindPage { q: q.to_owned(), found: Some(found), ..blank })
}

async fn by_request(desk: &Desk, operator: &Operator, id: &str) -> Result<Found, Stop> {
    let (manager, by, now) = (desk.site.manager(), operator.by(), desk.site.now());
    let denials = manager.denials(&by, None, Some(id.to_owned())).await?;
    let filter = AuditFilter { request: Some(id.to_owned()), ..AuditFilter::default() };
    let request = PageRequest { after: None, limit: MOST };
    let events = manager.list_audit_newest_first(&by, filter, request).await?;
    Ok(Found {
        denials: denials.iter().map(|denial| DenialLine::of(denial, now)).collect(),
        events: EventLine::list(desk, operator, &events.items).await?,
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
        members: members(desk, operator, text).await?,
        keys: keys.iter().map(|key| KeyLine::of(key, now)).collect(),
        ..Found::default()
    })
}

/// Who has this address, in whichever account.
async fn members(desk: &Desk, operator: &Operator, text: &str) -> Result<Vec<MemberFound>, Stop> {
    let Ok(email) = text.parse::<Email>() else {
        return Ok(Vec::new());
    };
    let (manager, by) = (desk.site.manager(), operator.by());
    let page = manager.find_members(&by, email, None, PageRequest { after: None, limit: MOST }).await?;
    let mut found = Vec::with_capacity(page.items.len());
    for member in &page.items {
        let account = manager.show_account(&by, member.account).await?;
        found.push(MemberFound {
            member: MemberLine::of(member),
            account: account.id.to_string(),
            account_name: account.name,
        });
    }
    Ok(found)
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
        assert_eq!(sought("op_"), Sought::Operator(OperatorId::from_bytes([0; 16])));
        assert_eq!(sought("app_"), Sought::Application(ClientId::from_bytes([0; 16])));
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
