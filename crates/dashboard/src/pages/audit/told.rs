//! Events of the trail in words: who did what to which thing, and the particulars.

use std::collections::HashMap;

use claviger_manage::{AuditEvent, KeyRow, Refusal};
use claviger_model::{KeyId, MemberId, Timestamp};
use serde_json::Value;

use crate::{
    answer::{Stop, with_capital},
    site::Site,
    visit::Visitor,
    words::{self, Time},
};

/// An event as a page tells it: `who` `did` `what` `rest`.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) who: Party,
    pub(crate) did: String,
    pub(crate) what: Option<Party>,
    pub(crate) rest: String,
    pub(crate) at: Time,
    pub(crate) request: Option<String>,
    pub(crate) facts: Vec<(String, String)>,
}

/// Somebody or something that an event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Party {
    /// What it is, in words of ours.
    pub(crate) before: String,
    /// What it is called, in words of its own.
    pub(crate) name: String,
    pub(crate) href: Option<String>,
}

impl Party {
    fn words(before: &str) -> Self {
        Self { before: before.to_owned(), name: String::new(), href: None }
    }

    fn named(before: &str, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::words(before) }
    }

    /// At the beginning of a sentence.
    fn first(self) -> Self {
        Self { before: with_capital(&self.before), ..self }
    }
}

/// What the ids of some events stand for, as far as the visitor may know it.
#[derive(Debug, Default)]
pub(crate) struct Names {
    members: HashMap<MemberId, String>,
    keys: HashMap<KeyId, String>,
}

impl Names {
    /// The names of everybody and everything in `events`.
    pub(crate) async fn in_events(
        site: &Site,
        visitor: &Visitor,
        events: &[AuditEvent],
    ) -> Result<Self, Stop> {
        let actors = events.iter().map(|event| event.actor.as_str());
        let subjects = events.iter().filter_map(|event| event.subject.as_deref());
        Self::of(site, visitor, actors.chain(subjects)).await
    }

    /// The names of these, each an actor's label or a thing's id.
    pub(crate) async fn of(
        site: &Site,
        visitor: &Visitor,
        labels: impl Iterator<Item = &str>,
    ) -> Result<Self, Stop> {
        let (mut names, by) = (Self::default(), visitor.by());
        for label in labels {
            let id = label.split_once(':').map_or(label, |(_, id)| id);
            if let Ok(id) = id.parse::<MemberId>()
                && !names.members.contains_key(&id)
            {
                let found = known(site.manager().member_address(&by, id).await)?.flatten();
                names.members.extend(found.map(|address| (id, address)));
            } else if let Ok(id) = id.parse::<KeyId>()
                && !names.keys.contains_key(&id)
            {
                let found = known(site.manager().show_key(&by, id).await)?;
                names.keys.extend(found.map(|key| (id, called_or_hint(key.row))));
            }
        }
        Ok(names)
    }

    /// Who acted, by the label of the trail.
    pub(crate) fn actor(&self, label: &str) -> Party {
        match label.split_once(':') {
            Some(("operator", _)) => Party::words("the people who run this API"),
            Some(("member" | "key", id)) => self.thing(id),
            Some(("client", _)) => Party::words("an application"),
            _ => Party::words("the system"),
        }
    }

    /// A member, a key, or whatever else an id stands for.
    fn thing(&self, id: &str) -> Party {
        if let Ok(id) = id.parse::<MemberId>() {
            return self.members.get(&id).map_or_else(
                || Party::words("somebody who is no member"),
                |address| Party::named("", address),
            );
        }
        if let Ok(key) = id.parse::<KeyId>() {
            let name = self.keys.get(&key).map_or(id, String::as_str);
            return Party { href: Some(format!("/keys/{key}")), ..Party::named("the key ", name) };
        }
        Party::named("", id)
    }
}

pub(super) fn called_or_hint(key: KeyRow) -> String {
    let hint = key.secrets.into_iter().next().map(|secret| secret.hint);
    key.name.or(hint).unwrap_or_default()
}

/// What may be known; what isn't there for the visitor, or not for their role, is nothing.
fn known<T>(found: Result<T, Refusal>) -> Result<Option<T>, Stop> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Refusal::NotFound(_) | Refusal::Forbidden(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// The event in words.
pub(crate) fn tell(event: &AuditEvent, names: &Names, now: Timestamp) -> Told {
    let detail = |name: &str| event.detail.get(name).map(text).unwrap_or_default();
    let (did, has_subject, rest) = sentence(&event.action, event.subject.is_some(), &detail);
    let subject = event.subject.as_deref().filter(|_| has_subject);
    Told {
        who: names.actor(&event.actor).first(),
        did,
        what: subject.map(|subject| names.thing(subject)),
        rest,
        at: Time::ago(event.at, now),
        request: event.request.clone(),
        facts: facts(event),
    }
}

/// What was done, whether its subject belongs into the sentence, and how the sentence ends.
fn sentence(action: &str, is_of_one: bool, detail: &dyn Fn(&str) -> String) -> (String, bool, String) {
    let of_subject = |did: &str, rest: String| (did.to_owned(), true, rest);
    let alone = |did: String| (did, false, String::new());
    match action {
        "account.create" => alone("created the account".to_owned()),
        "account.rename" => alone(format!("renamed the account to “{}”", detail("name"))),
        "account.describe" => alone("changed what is noted about the account".to_owned()),
        "account.suspend" => alone("suspended the account: none of its keys works".to_owned()),
        "account.reinstate" => alone("reinstated the account: its keys work again".to_owned()),
        "account.erase_addresses" => alone("erased the addresses the account was used from".to_owned()),
        "key.issue" => of_subject("created", String::new()),
        "key.rename" => of_subject("renamed", called(&detail("name"))),
        "key.describe" => of_subject("changed what is noted about", String::new()),
        "key.restrict" => of_subject("changed permissions or restrictions of", String::new()),
        "key.rotate" => of_subject("rotated", overlap(&detail("overlap"))),
        "key.disable" => of_subject("disabled", String::new()),
        "key.enable" => of_subject("enabled", String::new()),
        "key.revoke" => of_subject("revoked", String::new()),
        "key.reveal" if is_of_one => of_subject("looked at the secret of", String::new()),
        "key.reveal" => alone("looked at the secrets of several keys".to_owned()),
        "member.create" => of_subject("made", format!("a member, as {}", detail("role"))),
        "member.invite" => of_subject("invited", String::new()),
        "member.role" => of_subject("changed the role of", format!("to {}", detail("role"))),
        "member.remove" => of_subject("removed", "from the members".to_owned()),
        "member.password" => of_subject("set a new password for", String::new()),
        "member.forget_password" => of_subject("forgot the password of", String::new()),
        "member.password_link" => of_subject("made a link to a new password for", String::new()),
        "session.link" => of_subject("made a sign-in link for", String::new()),
        "session.begin" => alone(format!("signed in{}", method(&detail("method")))),
        "session.end" => alone("signed a browser out".to_owned()),
        "session.end_all" => of_subject("signed out every browser of", String::new()),
        "client.register" => alone(format!("registered the application “{}”", detail("name"))),
        "client.change" => alone("changed an application".to_owned()),
        "client.rotate" => alone("gave an application a new secret".to_owned()),
        "client.revoke" => alone("revoked an application".to_owned()),
        "client.allow" => alone(format!("allowed “{}” access", detail("name"))),
        "client.withdraw" => alone("withdrew the access of an application".to_owned()),
        "grant.issue" => alone("was let in".to_owned()),
        "grant.refresh" => alone("renewed its access".to_owned()),
        "grant.revoke" => alone("lost its access".to_owned()),
        other => (other.to_owned(), true, String::new()),
    }
}

fn called(name: &str) -> String {
    if name == NOTHING { "to have no name".to_owned() } else { format!("to “{name}”") }
}

fn overlap(overlap: &str) -> String {
    match overlap {
        "" => String::new(),
        "0" | "0s" => "and ended the old secret at once".to_owned(),
        overlap => format!("and kept the old secret for {}", span(overlap)),
    }
}

/// `24 hours` for `24h`; what isn't written so stays as it is.
fn span(text: &str) -> String {
    let unit = match text.chars().last() {
        Some('d') => "day",
        Some('h') => "hour",
        Some('m') => "minute",
        Some('s') => "second",
        _ => return text.to_owned(),
    };
    text[..text.len() - 1].parse().map_or_else(|_| text.to_owned(), |count| words::plural(count, unit))
}

fn method(method: &str) -> &'static str {
    match method {
        "link" => " by a one-time link",
        "password" => " by password",
        "oidc" => " through the identity provider",
        _ => "",
    }
}

/// Said of a particular that is there and empty.
const NOTHING: &str = "none";

/// The particulars. What the company notes for itself stays with it.
fn facts(event: &AuditEvent) -> Vec<(String, String)> {
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut facts = vec![fact("Action", &event.action), fact("Event", &event.id.to_string())];
    facts.extend(event.subject.as_deref().map(|subject| fact("About", subject)));
    let particulars = event.detail.as_object().into_iter().flatten();
    let shown = particulars.filter(|(name, _)| *name != "metadata");
    facts.extend(shown.map(|(name, value)| {
        let name = with_capital(&name.replace('_', " "));
        (name, text(value))
    }));
    facts
}

/// A value as people read it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => NOTHING.to_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let stated = fields.iter().filter(|(_, value)| !value.is_null());
            let stated: Vec<_> = stated.map(|(name, value)| format!("{name}: {}", text(value))).collect();
            if stated.is_empty() { NOTHING.to_owned() } else { stated.join("; ") }
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use claviger_model::EventId;
    use serde_json::json;

    use super::*;

    const KEY: &str = "key_00000000000000000000000000";
    const MEMBER: &str = "mem_00000000000000000000000000";

    fn told(action: &str, subject: Option<&str>, detail: Value) -> String {
        let names = Names {
            members: HashMap::from([(MEMBER.parse().unwrap(), "ada@example.com".to_owned())]),
            keys: HashMap::from([(KEY.parse().unwrap(), "Server".to_owned())]),
        };
        let event = AuditEvent {
            number: 1,
            id: EventId::from_bytes([0; 16]),
            at: Timestamp::from_millis(0),
            actor: format!("member:{MEMBER}"),
            action: action.to_owned(),
            account: None,
            subject: subject.map(str::to_owned),
            request: None,
            detail,
            hash: [0; 32],
        };
        let told = tell(&event, &names, Timestamp::from_millis(0));
        let what = told.what.map(|what| format!("{}{}", what.before, what.name)).unwrap_or_default();
        format!("{}{} {} {what} {}", told.who.before, told.who.name, told.did, told.rest)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn events_are_sentences() {
        let empty = || json!({});
        for (action, subject, detail, sentence) in [
            ("key.issue", Some(KEY), empty(), "ada@example.com created the key Server"),
            ("key.rename", Some(KEY), json!({"name": "B"}), "ada@example.com renamed the key Server to “B”"),
            (
                "key.rename",
                Some(KEY),
                json!({"name": null}),
                "ada@example.com renamed the key Server to have no name",
            ),
            (
                "key.rotate",
                Some(KEY),
                json!({"overlap": "24h"}),
                "ada@example.com rotated the key Server and kept the old secret for 24 hours",
            ),
            (
                "key.rotate",
                Some(KEY),
                json!({"overlap": "0s"}),
                "ada@example.com rotated the key Server and ended the old secret at once",
            ),
            ("key.reveal", None, empty(), "ada@example.com looked at the secrets of several keys"),
            (
                "member.role",
                Some(MEMBER),
                json!({"role": "viewer"}),
                "ada@example.com changed the role of ada@example.com to viewer",
            ),
            (
                "session.begin",
                Some("ses_1"),
                json!({"method": "oidc"}),
                "ada@example.com signed in through the identity provider",
            ),
            ("session.end", Some("ses_1"), empty(), "ada@example.com signed a browser out"),
            ("client.allow", Some("app_1"), json!({"name": "B"}), "ada@example.com allowed “B” access"),
            ("moon.paint", Some("moon_1"), empty(), "ada@example.com moon.paint moon_1"),
        ] {
            assert_eq!(told(action, subject, detail), sentence, "{action}");
        }
    }

    /// Those of the trail's own matrix, and what only people do, who have no call of the API.
    #[test]
    fn every_action_of_an_account_has_a_sentence() {
        let matrix = include_str!("../../../../app/tests/it/matrix/snapshots/it__matrix__audit__audit.snap");
        let of_accounts =
            matrix.split(", ").flat_map(|part| part.lines()).filter(|part| part.contains("of an account"));
        let words = of_accounts.filter_map(|part| part.split_once(" [")?.0.split_whitespace().last());
        let of_people = ["session.begin", "session.end_all", "member.password", "member.forget_password"];
        let actions: Vec<_> = words.chain(of_people).collect();
        assert!(actions.len() > 20, "{actions:?}");
        for action in actions {
            let (did, _, _) = sentence(action, true, &|_| String::new());
            assert_ne!(did, action, "it is told in words");
        }
    }

    #[test]
    fn particulars_are_told_without_what_the_company_notes() {
        let detail = json!({"restrictions": {"networks": ["10.0.0.0/8"], "endpoints": null}, "metadata": {"plan": "x"}});
        assert_eq!(text(&detail["restrictions"]), "networks: 10.0.0.0/8");
        assert_eq!(text(&json!({"a": null})), "none");
        assert_eq!(text(&json!([1, true, "x"])), "1, true, x");
        let event = AuditEvent {
            number: 1,
            id: EventId::from_bytes([0; 16]),
            at: Timestamp::from_millis(0),
            actor: "system".to_owned(),
            action: "key.issue".to_owned(),
            account: None,
            subject: None,
            request: None,
            detail,
            hash: [0; 32],
        };
        let names: Vec<_> = facts(&event).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Action", "Event", "Restrictions"]);
    }
}
