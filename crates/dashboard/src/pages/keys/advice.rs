//! What is wrong with a key, and what to do next, in sentences.

use claviger_manage::{Diagnosis, KeyFinding};
use claviger_model::{Environment, Malformation, Timestamp, profile::Profile};

use crate::words::Time;

/// What was found out about a pasted key.
#[derive(Debug)]
pub(super) struct Finding {
    /// The kind of notice it is.
    pub(super) kind: &'static str,
    pub(super) title: &'static str,
    /// The instant that the title ends with.
    pub(super) at: Option<Time>,
    pub(super) text: String,
}

impl Finding {
    fn new(kind: &'static str, title: &'static str, text: impl Into<String>) -> Self {
        Self { kind, title, at: None, text: text.into() }
    }

    fn at(self, at: Timestamp) -> Self {
        Self { at: Some(Time::exact(at)), ..self }
    }

    pub(super) fn of(diagnosis: &Diagnosis, profile: &Profile) -> Self {
        match diagnosis {
            Diagnosis::Mistyped(how) => {
                Self::new("error", "This is not a whole key", mistyped(*how, profile))
            }
            Diagnosis::OperatorKey => Self::new(
                "error",
                "This is an operator key",
                "It belongs to the people who run this service and never goes into a program or a page. Tell them \
                 that it was pasted here, so that they replace it.",
            ),
            Diagnosis::Unknown => Self::new(
                "error",
                "This account has no such key",
                "It has the form of a key, so it may belong to another account or another installation. Copy it again \
                 from where it was stored, or use a key of this account.",
            ),
            Diagnosis::Known { state, .. } => Self::of_known(*state),
        }
    }

    fn of_known(finding: KeyFinding) -> Self {
        match finding {
            KeyFinding::Revoked(at) => Self::new(
                "error",
                "This key was revoked on",
                "That can't be undone. Create a new key and put it in the place of this one.",
            )
            .at(at),
            KeyFinding::Replaced(at) => Self::new(
                "error",
                "This key was replaced by a rotation, and worked until",
                "The key has a newer secret: use that one, or rotate again where nobody has it.",
            )
            .at(at),
            KeyFinding::Suspended => Self::new(
                "error",
                "The account is suspended",
                "None of its keys works until it is reinstated. Ask for help to find out why.",
            ),
            KeyFinding::Disabled => Self::new(
                "error",
                "This key is disabled",
                "Enable it again on its page: it then works as before.",
            ),
            KeyFinding::Expired(at) => Self::new(
                "error",
                "This key expired on",
                "Create a new key, or give this one a later expiry.",
            )
            .at(at),
            KeyFinding::TestKey => Self::new(
                "error",
                "Test keys are not accepted",
                "This is a test key, and only live keys are accepted here. Use a live key.",
            ),
            KeyFinding::Ending(at) => Self::new(
                "warn",
                "This key works until",
                "A rotation replaced it. Use the newer secret before then. If requests fail already, what it is \
                 limited to is the likely reason.",
            )
            .at(at),
            KeyFinding::Well => Self::new(
                "done",
                "This key works",
                "If requests fail, either it doesn't arrive as it is, or they don't fit what it is limited to.",
            ),
        }
    }
}

/// Which rule of the api's keys isn't kept, and what the rule is.
fn mistyped(how: Malformation, profile: &Profile) -> String {
    match how {
        Malformation::Empty => "There is no key in it. Copy the whole key.".to_owned(),
        Malformation::Encoding => {
            "It is not the base 64 of a bare key. Paste the key itself, without the header around it."
                .to_owned()
        }
        Malformation::Prefix => match either(prefixes(profile)) {
            Some(prefixes) => format!(
                "Keys of {} begin with {prefixes}, this one doesn't. The beginning may be cut off, or it may be a key \
                 of another service.",
                profile.title
            ),
            None => format!("Keys of {} look different.", profile.title),
        },
        Malformation::Length => match either(lengths(profile)) {
            Some(lengths) => format!(
                "Keys of {} are {lengths} characters long, this one isn't. Part of it may be missing, or something \
                 else was copied with it.",
                profile.title
            ),
            None => "It is too short or too long: part of it may be missing.".to_owned(),
        },
        Malformation::Alphabet => format!(
            "It has a character that keys of {} never have. Copy it again instead of typing it.",
            profile.title
        ),
        Malformation::Checksum => {
            "One of its characters is wrong: its checksum doesn't hold. Copy it again instead of typing it."
                .to_owned()
        }
    }
}

fn prefixes(profile: &Profile) -> Vec<String> {
    let formats = profile.keys.formats.iter();
    let all = formats.flat_map(|format| format.prefixes().map(|(_, prefix)| prefix.to_owned()));
    all.filter(|prefix| !prefix.is_empty()).collect()
}

fn lengths(profile: &Profile) -> Vec<String> {
    let of = |format: &claviger_model::key::KeyFormat| {
        [Environment::Live, Environment::Test].map(|environment| format.key_length(environment))
    };
    let mut lengths: Vec<_> = profile.keys.formats.iter().flat_map(of).flatten().collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths.iter().map(ToString::to_string).collect()
}

/// `a`, `a or b`, `a, b or c`.
fn either(mut words: Vec<String>) -> Option<String> {
    let last = words.pop()?;
    Some(if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_joined_as_in_a_sentence() {
        let words = |text: &str| either(text.split_whitespace().map(str::to_owned).collect());
        assert_eq!(words(""), None);
        assert_eq!(words("a").as_deref(), Some("a"));
        assert_eq!(words("a b").as_deref(), Some("a or b"));
        assert_eq!(words("a b c").as_deref(), Some("a, b or c"));
    }
}
