//! What someone is told whose form was made before the key was changed by someone else.

use claviger_manage::{AuditFilter, KeyRow, PageRequest};

use super::fields::Typed;
use crate::{
    answer::Stop,
    keys_in_words::scopes_in_words,
    pages::audit::{Names, Party},
    site::Site,
    visit::Visitor,
    words::Time,
};

/// Events of the trail among which the change is looked for.
const LOOKED_AT: usize = 20;

/// Who was faster, and what the key has now.
pub(super) struct Conflict {
    pub(super) who: Party,
    pub(super) differences: Vec<Difference>,
}

/// A field that has something else than what was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) label: &'static str,
    pub(super) now: String,
    /// The instant that stands for the words.
    pub(super) at: Option<Time>,
}

impl Conflict {
    pub(super) async fn of(
        site: &Site,
        visitor: &Visitor,
        key: &KeyRow,
        typed: &Typed,
    ) -> Result<Self, Stop> {
        Ok(Self { who: who_changed(site, visitor, key).await?, differences: differences(key, typed) })
    }
}

/// Who changed the key last, as far as this visitor may know.
async fn who_changed(site: &Site, visitor: &Visitor, key: &KeyRow) -> Result<Party, Stop> {
    let words = |text: &str| Party { before: text.to_owned(), name: String::new(), href: None };
    let by = visitor.by();
    let filter = AuditFilter { subject: Some(key.id.to_string()), ..AuditFilter::default() };
    let page = PageRequest { after: None, limit: LOOKED_AT };
    let trail = site.manager().list_audit_newest_first(&by, filter, page).await;
    let is_change = |action: &str| matches!(action, "key.rename" | "key.restrict");
    let found = trail.ok().and_then(|trail| trail.items.into_iter().find(|event| is_change(&event.action)));
    match found {
        None => Ok(words("someone else")),
        Some(event) if event.actor == by.actor.label() => Ok(words("you, on another page")),
        Some(event) => {
            let names = Names::of(site, visitor, std::iter::once(&*event.actor)).await?;
            Ok(names.actor(&event.actor))
        }
    }
}

/// What the key has now, field by field, where something else was typed.
fn differences(key: &KeyRow, typed: &Typed) -> Vec<Difference> {
    let now = Typed::of_key(key);
    let shown = |text: &str| if text.is_empty() { "none".to_owned() } else { text.replace('\n', ", ") };
    let difference = |label, now| Difference { label, now, at: None };
    let mut differences = Vec::new();
    for (label, typed, now) in [
        ("Name", &typed.name, &now.name),
        ("Allowed networks", &typed.networks, &now.networks),
        ("Allowed websites", &typed.referrers, &now.referrers),
        ("Allowed endpoints", &typed.endpoints, &now.endpoints),
    ] {
        if typed.trim() != now.trim() {
            differences.push(difference(label, shown(now)));
        }
    }
    let has_all = |list: &[String], of: &[String]| of.iter().all(|scope| list.contains(scope));
    let same_scopes = typed.permissions == now.permissions
        && has_all(&typed.scopes, &now.scopes)
        && has_all(&now.scopes, &typed.scopes);
    if !typed.permissions.is_empty() && !same_scopes {
        differences.push(difference("Permissions", scopes_in_words(&key.scopes)));
    }
    if typed.expiry != "keep" {
        let at = key.expires_at.map(Time::exact);
        let now = if at.is_some() { String::new() } else { "never".to_owned() };
        differences.push(Difference { at, ..difference("Expires", now) });
    }
    differences
}
