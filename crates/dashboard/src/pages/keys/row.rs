//! A key as a row of the list.

use claviger_manage::KeyView;
use claviger_model::{
    Environment, KeyState, Scope, Scopes, Timestamp,
    profile::{Carrier, Profile},
};

use crate::{
    keys_in_words::{Allowed, Badge, allowed, hint_of, is_expired, name_of, scopes_in_words, state_of},
    words::Time,
};

/// Scopes that a row names; the key's page has them all.
const NAMED: usize = 3;
/// How long before its end a key's expiry is a warning, in milliseconds.
const SOON: i64 = 14 * 24 * 3_600_000;

/// What is to be known of a key beside its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
    /// The instant that the text ends with, and how it is told.
    pub(super) at: Option<(Time, &'static str)>,
}

/// A key as a row of the list. There is no secret in it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) hint: String,
    pub(super) environment: Badge,
    pub(super) created: Time,
    pub(super) used: Option<Time>,
    /// The same in a sentence, for who is about to end the key.
    pub(super) used_in_words: String,
    pub(super) permissions: String,
    pub(super) narrowed: Vec<String>,
    pub(super) state: Badge,
    pub(super) more: Vec<Remark>,
    /// Whether it can't be used any more.
    pub(super) is_spent: bool,
    pub(super) is_revoked: bool,
    pub(super) is_disabled: bool,
}

impl Row {
    pub(super) fn of(key: &KeyView, now: Timestamp) -> Self {
        let row = &key.row;
        let used = key.last_use().map(|last| Time::ago(last.at, now));
        Self {
            id: row.id.to_string(),
            name: name_of(row).to_owned(),
            hint: hint_of(row).to_owned(),
            environment: environment(row.environment),
            created: Time::date(row.created_at),
            used_in_words: used.as_ref().map_or_else(
                || "It has never been used.".to_owned(),
                |used| format!("It was last used {}.", used.text),
            ),
            used,
            permissions: permissions(&row.scopes),
            narrowed: allowed(&row.restrictions).iter().map(Allowed::in_short).collect(),
            state: state_of(row, now),
            more: remarks(key, now),
            is_spent: row.state == KeyState::Revoked || is_expired(row, now),
            is_revoked: row.state == KeyState::Revoked,
            is_disabled: row.state == KeyState::Disabled,
        }
    }
}

fn environment(environment: Environment) -> Badge {
    match environment {
        Environment::Live => Badge::new("live", "Live"),
        Environment::Test => Badge::new("test", "Test"),
    }
}

fn permissions(scopes: &Scopes) -> String {
    match scopes {
        Scopes::Listed(listed) if listed.len() > NAMED => {
            let first = listed.iter().take(NAMED).map(Scope::as_str).collect::<Vec<_>>();
            format!("{} and {} more", first.join(", "), listed.len() - NAMED)
        }
        few => scopes_in_words(few),
    }
}

/// What is to be known of a key beside its state. Of one that is over, there is nothing more to do.
fn remarks(key: &KeyView, now: Timestamp) -> Vec<Remark> {
    let row = &key.row;
    let on = |at| Some((Time::date(at), "date"));
    let remark = |kind, text, at| Remark { kind, text, at };
    if row.state == KeyState::Revoked {
        return row.revoked_at.map(|at| remark("plain", "", on(at))).into_iter().collect();
    }
    let mut remarks = Vec::new();
    if row.secrets.iter().any(|secret| secret.ends_at.is_some_and(|at| at > now)) {
        remarks.push(remark("info", "Rotating", None));
    }
    if key.due_for_rotation {
        remarks.push(remark("warn", "Rotation due", None));
    }
    if key.unused {
        let since = key.last_use().map_or(row.created_at, |last| last.at);
        remarks.push(remark("warn", "Unused since", on(since)));
    }
    if let Some(at) = row.expires_at.filter(|at| *at > now) {
        let soon = at.as_millis() - now.as_millis() <= SOON;
        let (kind, when) = if soon { ("warn", Some((Time::ago(at, now), "ago"))) } else { ("plain", on(at)) };
        remarks.push(remark(kind, "Expires", when));
    }
    remarks
}

/// Whether keys of this api can be of the test environment.
pub(super) fn has_test_keys(profile: &Profile) -> bool {
    profile.keys.formats.iter().any(|format| format.prefix(Environment::Test).is_some())
}

/// How keys of this api travel, with `shown` in the place of the key.
pub(super) fn header(profile: &Profile, shown: &str) -> String {
    match profile.credentials.carriers.first() {
        Some(Carrier::Header(name)) => format!("{name}: {shown}"),
        Some(Carrier::Scheme(name)) => format!("{name} {shown}"),
        Some(Carrier::Basic) => format!("Basic {shown}"),
        Some(Carrier::Bearer) | None => format!("Bearer {shown}"),
    }
}
