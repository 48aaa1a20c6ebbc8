//! How the operators' pages show what several of them show: badges, links with a query, events of the trail.

use claviger_manage::{AuditEvent, Fault, KeyRow, KeyView, MemberRow};
use claviger_model::{AccountState, KeyState, Timestamp};

use crate::{answer, words::Time};

/// A badge: its kind and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Badge {
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

pub(super) const fn account_badge(state: AccountState) -> Badge {
    match state {
        AccountState::Active => Badge { kind: "active", text: "Active" },
        AccountState::Suspended => Badge { kind: "warn", text: "Suspended" },
    }
}

pub(super) fn key_badge(row: &KeyRow, now: Timestamp) -> Badge {
    match row.state {
        KeyState::Revoked => Badge { kind: "revoked", text: "Revoked" },
        _ if row.expires_at.is_some_and(|at| at <= now) => Badge { kind: "expired", text: "Expired" },
        KeyState::Disabled => Badge { kind: "disabled", text: "Disabled" },
        KeyState::Active => Badge { kind: "active", text: "Active" },
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
            name: name_of(row),
            hint: hint_of(row),
            environment: row.environment.as_str(),
            badge: key_badge(row, now),
            last_used: key.last_use().map(|last| Time::ago(last.at, now)),
        }
    }
}

/// The hint of the newest secret.
pub(super) fn hint_of(row: &KeyRow) -> String {
    row.secrets.first().map(|secret| secret.hint.clone()).unwrap_or_default()
}

/// The name, or what stands for it where there is none.
pub(super) fn name_of(row: &KeyRow) -> String {
    row.name.clone().unwrap_or_else(|| "Unnamed".to_owned())
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

/// An id as it is shown, and the page that says more.
pub(super) struct Named {
    pub(super) text: String,
    pub(super) href: Option<String>,
}

impl Named {
    /// `text` is an id, or an id after its kind and a colon.
    fn of(text: &str) -> Self {
        let id = text.rsplit_once(':').map_or(text, |(_, id)| id);
        let known = ["acc_", "key_", "mem_", "op_", "req_"].iter().any(|prefix| id.starts_with(prefix));
        Self { text: text.to_owned(), href: known.then(|| link("/find", &[("q", id)])) }
    }
}

impl EventLine {
    pub(super) fn of(event: &AuditEvent, now: Timestamp) -> Self {
        let detail = event.detail.as_object().is_some_and(|object| !object.is_empty());
        Self {
            number: event.number,
            at: Time::ago(event.at, now),
            action: event.action.clone(),
            actor: Named::of(&event.actor),
            subject: event.subject.as_deref().map(Named::of),
            request: event.request.as_deref().map(Named::of),
            detail: if detail { event.detail.to_string() } else { String::new() },
        }
    }
}

/// What is wrong, in one sentence for the one field a form has.
pub(super) fn sentence(faults: &[Fault]) -> String {
    let details = faults.iter().map(|fault| answer::capitalised(&format!("it {}", fault.detail)));
    details.collect::<Vec<_>>().join(" ")
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
        let href = |text| Named::of(text).href;
        assert_eq!(href("member:mem_0").as_deref(), Some("/find?q=mem_0"));
        assert_eq!(href("key_0").as_deref(), Some("/find?q=key_0"));
        assert_eq!((href("system"), href("ses_0")), (None, None));
    }
}
