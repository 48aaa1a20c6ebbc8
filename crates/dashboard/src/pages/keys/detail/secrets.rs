//! The secrets of a key during a rotation: which is new, and who still uses the old one.

use std::time::Duration;

use claviger_manage::{KeyView, SecretRow};
use claviger_model::Timestamp;
use claviger_verify::usage::LastUse;

use crate::words::Time;

/// How long after a rotation it can't be told yet whether anything needs the old secret.
const TOO_EARLY: Duration = Duration::from_hours(1);

/// When, from where and for what a secret last worked.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) at: Time,
    pub(super) address: Option<String>,
    pub(super) endpoint: Option<String>,
}

/// A secret that works.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) hint: String,
    pub(super) created: Time,
    /// When it ends; `None` for the new one.
    pub(super) ends: Option<Time>,
    pub(super) used: Option<Use>,
    pub(super) advice: &'static str,
    /// Whether a program has to be changed before it ends.
    pub(super) is_needed: bool,
}

impl Use {
    pub(super) fn of(last: &LastUse, now: Timestamp) -> Self {
        Self {
            at: Time::ago(last.at, now),
            address: last.address.map(|address| address.to_string()),
            endpoint: last.endpoint.as_deref().map(str::to_owned),
        }
    }
}

/// The secrets that work, the newest first, where there are several; else none.
pub(super) fn rotating(key: &KeyView, now: Timestamp) -> Vec<Secret> {
    let working: Vec<_> =
        key.row.secrets.iter().filter(|secret| secret.ends_at.is_none_or(|at| at > now)).collect();
    let rotated_at = working.first().map(|secret| secret.created_at);
    match rotated_at {
        Some(rotated_at) if working.len() > 1 => {
            working.into_iter().map(|secret| told(key, secret, rotated_at, now)).collect()
        }
        _ => Vec::new(),
    }
}

fn told(key: &KeyView, secret: &SecretRow, rotated_at: Timestamp, now: Timestamp) -> Secret {
    let used = key.last_uses.iter().find(|last| last.secret.secret == secret.number);
    let is_needed = secret.ends_at.is_some() && used.is_some_and(|last| last.at >= rotated_at);
    let advice = match (secret.ends_at, used) {
        (None, None) => "Not used yet: give it to the programs that use the old one.",
        (None, Some(_)) => "In use.",
        (Some(_), _) if is_needed => {
            "Still used after the rotation: change the program at this address before the secret ends."
        }
        (Some(_), _) if rotated_at.plus(TOO_EARLY) > now => {
            "Not used since the rotation, so far: look again later."
        }
        (Some(_), _) => "Not used since the rotation: nothing seems to need it any more.",
    };
    Secret {
        hint: secret.hint.clone(),
        created: Time::exact(secret.created_at),
        ends: secret.ends_at.map(Time::exact),
        used: used.map(|last| Use::of(last, now)),
        advice,
        is_needed,
    }
}
