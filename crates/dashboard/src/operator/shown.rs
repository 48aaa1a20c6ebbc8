//! How the operators' pages show what several of them show: badges, links with a query, events of the trail.

use std::collections::HashMap;

use claviger_manage::{AuditEvent, KeyView, MemberRow};
use claviger_model::{AccountState, MemberId, Timestamp};

use super::desk::{Desk, Operator};
use crate::{
    answer::Stop,
    keys_in_words::{Badge, hint_of, name_of, state_of},
    words::Time,
};

pub(super) fn account_badge(state: AccountState) -> Badge {
    match state {
        AccountState::Active => Badge::new("active", "Active"),
        AccountState::Suspended => Badge::new("warn", "Suspended"),
    }
}

/// A path with a query of those `fields` that aren't empty.
pub(super) fn link(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty())).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A row of a list of keys.
pub(super) struct KeyLine {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) hint: String,
    pub(super) environment: &'static str,
    pub(super) badge: Badge,
    pub(super) last_used: Option<Time>,
}

impl KeyLine {
    pub(super) fn of(key: &KeyView, now: Timestamp) -> Self {
        let row = &key.row;
        Self {
            id: row.id.to_string(),
            name: name_of(row).to_owned(),
            hint: hint_of(row).to_owned(),
            environment: row.environment.as_str(),
            badge: state_of(row, now),
            last_used: key.last_use().map(|last| Time::ago(last.at, now)),
        }
    }
}

/// A row of a list of members.
pub(super) struct MemberLine {
    pub(super) id: String,
    pub(super) email: String,
    pub(super) role: &'static str,
    pub(super) has_password: bool,
    pub(super) joined: Time,
}

impl MemberLine {
    pub(super) fn of(member: &MemberRow) -> Self {
        Self {
            id: member.id.to_string(),
            email: member.email.to_string(),
            role: member.role.as_str(),
            has_password: member.has_password,
            joined: Time::date(member.created_at),
        }
    }
}

/// An event of the trail.
pub(super) struct EventLine {
    pub(super) number: u64,
    pub(super) at: Time,
    pub(super) action: String,
    pub(super) actor: Named,
    pub(super) subject: Option<Named>,
    pub(super) request: Option<Named>,
    pub(super) detail: String,
}

/// What an id stands for as it is shown, and the page that says more.
pub(super) struct Named {
    pub(super) text: String,
    pub(super) is_id: bool,
    pub(super) href: Option<String>,
}

impl Named {
    /// An id, and its page.
    pub(super) fn id(text: String, href: String) -> Self {
        Self { text, is_id: true, href: Some(href) }
    }
}

/// The addresses of members, of removed ones too.
#[derive(Default)]
pub(super) struct Addresses(HashMap<MemberId, String>);

impl Addresses {
    /// Of those among `labels`, each an actor's label or the id of something.
    pub(super) async fn of(
        desk: &Desk,
        operator: &Operator,
        labels: impl Iterator<Item = &str>,
    ) -> Result<Self, Stop> {
        let (mut addresses, by) = (HashMap::new(), operator.by());
        for id in labels.filter_map(|label| id_in(label).parse::<MemberId>().ok()) {
            if !addresses.contains_key(&id)
                && let Some(address) = desk.site.manager().member_address(&by, id).await?
            {
                addresses.insert(id, address);
            }
        }
        Ok(Self(addresses))
    }

    /// What `text`, an id or an id after its kind and a colon, stands for: a member's address, or the id itself.
    pub(super) fn name(&self, text: &str) -> Named {
        let id = id_in(text);
        let address = id.parse().ok().and_then(|id: MemberId| self.0.get(&id));
        if let Some(address) = address {
            return Named { text: address.clone(), is_id: false, href: Some(format!("/members/{id}")) };
        }
        if id.starts_with("app_") {
            return Named::id(text.to_owned(), format!("/applications/{id}"));
        }
        let known = ["acc_", "key_", "mem_", "op_", "req_"].iter().any(|prefix| id.starts_with(prefix));
        Named { text: text.to_owned(), is_id: true, href: known.then(|| link("/find", &[("q", id)])) }
    }
}

fn id_in(label: &str) -> &str {
    label.rsplit_once(':').map_or(label, |(_, id)| id)
}

impl EventLine {
    /// The events as lines, members by their addresses.
    pub(super) async fn list(
        desk: &Desk,
        operator: &Operator,
        events: &[AuditEvent],
    ) -> Result<Vec<Self>, Stop> {
        let subjects = events.iter().filter_map(|event| event.subject.as_deref());
        let labels = events.iter().map(|event| event.actor.as_str()).chain(subjects);
        let (addresses, now) = (Addresses::of(desk, operator, labels).await?, desk.site.now());
        Ok(events.iter().map(|event| Self::of(event, &addresses, now)).collect())
    }

    fn of(event: &AuditEvent, addresses: &Addresses, now: Timestamp) -> Self {
        let detail = event.detail.as_object().is_some_and(|object| !object.is_empty());
        Self {
            number: event.number,
            at: Time::ago(event.at, now),
            action: event.action.clone(),
            actor: addresses.name(&event.actor),
            subject: event.subject.as_deref().map(|id| addresses.name(id)),
            request: event.request.as_deref().map(|id| addresses.name(id)),
            detail: if detail { event.detail.to_string() } else { String::new() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_carries_what_is_filled_in_and_encodes_it() {
        assert_eq!(link("/audit", &[("account", ""), ("subject", "")]), "/audit");
        assert_eq!(link("/find", &[("q", "a&b=ä"), ("x", "")]), "/find?q=a%26b%3D%C3%A4");
    }

    #[test]
    fn an_actor_leads_to_what_is_known_of_it() {
        let href = |text| Addresses::default().name(text).href;
        assert_eq!(href("member:mem_0").as_deref(), Some("/find?q=mem_0"));
        assert_eq!(href("key_0").as_deref(), Some("/find?q=key_0"));
        assert_eq!((href("system"), href("ses_0")), (None, None));
    }

    #[test]
    fn a_member_is_shown_by_their_address() {
        let id = MemberId::from_bytes([0; 16]);
        let addresses = Addresses(HashMap::from([(id, "ada@example.com".to_owned())]));
        for text in [id.to_string(), format!("member:{id}")] {
            let named = addresses.name(&text);
            assert_eq!((&*named.text, named.is_id), ("ada@example.com", false));
            assert_eq!(named.href, Some(format!("/members/{id}")));
        }
    }
}
