//! The fields of a key's form as the page shows them: what there is to choose from, and what was chosen.

use claviger_manage::KeyRow;
use claviger_model::{Environment, profile::Profile};

use super::fields::{Problem, SPANS, Typed, environments};
use crate::words::Time;

/// One of several, as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) text: String,
    /// The instant that the text ends with.
    pub(super) at: Option<Time>,
    pub(super) checked: bool,
}

impl Choice {
    fn new(value: &str, label: &str, text: &str, checked: bool) -> Self {
        Self { value: value.to_owned(), label: label.to_owned(), text: text.to_owned(), at: None, checked }
    }
}

/// The fields as the page shows them.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) name: String,
    pub(super) name_required: bool,
    /// Empty where there is no choice.
    pub(super) environments: Vec<Choice>,
    /// Empty where the api has no scopes.
    pub(super) permissions: Vec<Choice>,
    pub(super) scopes: Vec<Choice>,
    pub(super) expiry: Vec<Choice>,
    pub(super) expires_on: String,
    pub(super) networks: String,
    pub(super) referrers: String,
    pub(super) endpoints: String,
    pub(super) advanced: String,
    pub(super) is_open: bool,
    pub(super) problems: Vec<Problem>,
}

impl Fields {
    /// The form of a new key.
    pub(super) fn of_new(profile: &Profile, typed: &Typed, problems: Vec<Problem>) -> Self {
        let offered = environments(profile);
        let environment = |environment: &Environment, is_first: bool| {
            let (label, text) = match environment {
                Environment::Live => ("Live", "Real data, secured with additional monitoring."),
                Environment::Test => ("Test", "No charges are made, data is not persisted."),
            };
            let value = environment.as_str();
            let checked = typed.environment == value || typed.environment.is_empty() && is_first;
            Choice::new(value, label, text, checked)
        };
        let choices = offered.iter().enumerate().map(|(place, one)| environment(one, place == 0));
        let environments = if offered.len() > 1 { choices.collect() } else { Vec::new() };
        let is_open = *typed != typed.without_advanced()
            || problems.iter().any(|problem| !matches!(problem.field, "name" | "environment"));
        Self { environments, is_open, ..Self::of(profile, typed, problems, None) }
    }

    /// The form that changes `key`.
    pub(super) fn of_change(profile: &Profile, key: &KeyRow, typed: &Typed, problems: Vec<Problem>) -> Self {
        let at = key.expires_at.map(Time::exact);
        let text = if at.is_some() { "It expires on" } else { "It never expires." };
        let keep = Choice { at, ..Choice::new("keep", "As it is", text, typed.expiry == "keep") };
        Self::of(profile, typed, problems, Some(keep))
    }

    fn of(profile: &Profile, typed: &Typed, problems: Vec<Problem>, kept: Option<Choice>) -> Self {
        let Typed { name, permissions, expiry, expires_on, networks, referrers, endpoints, .. } = typed;
        let only = permissions == "only";
        let permissions = vec![
            Choice::new(
                "all",
                "All permissions",
                "Everything there is, permissions that are added later included.",
                !only,
            ),
            Choice::new("only", "Only these", "", only),
        ];
        let scopes: Vec<_> = profile
            .scopes
            .iter()
            .map(|(scope, text)| {
                let name = scope.as_str();
                Choice::new(name, name, text, typed.scopes.iter().any(|ticked| ticked == name))
            })
            .collect();
        let spans = SPANS.map(|(value, label)| (value, label, ""));
        let chosen = if expiry.is_empty() { "never" } else { expiry };
        let expiry = [("never", "Never", "")]
            .into_iter()
            .chain(spans)
            .chain([("date", "On a date", "At the end of that day, UTC.")])
            .map(|(value, label, text)| Choice::new(value, label, text, value == chosen));
        Self {
            name: name.clone(),
            name_required: profile.keys.name_required,
            environments: Vec::new(),
            permissions: if scopes.is_empty() { Vec::new() } else { permissions },
            scopes,
            expiry: kept.into_iter().chain(expiry).collect(),
            expires_on: expires_on.clone(),
            networks: networks.clone(),
            referrers: referrers.clone(),
            endpoints: endpoints.clone(),
            advanced: profile.dashboard.advanced.clone(),
            is_open: true,
            problems,
        }
    }

    /// What is wrong with the field, if something is.
    pub(super) fn error(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|problem| problem.field == field).map(|problem| problem.text.as_str())
    }
}

impl Typed {
    /// The same with what stands behind the advanced options as it is at first.
    fn without_advanced(&self) -> Self {
        let plain = |text: &str, at_first: &str| {
            if text == at_first { text.to_owned() } else { String::new() }
        };
        Self {
            name: self.name.clone(),
            environment: self.environment.clone(),
            permissions: plain(&self.permissions, "all"),
            expiry: plain(&self.expiry, "never"),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_stay_closed_until_one_is_used() {
        let file = format!("{}/../../profiles/cicosts.toml", env!("CARGO_MANIFEST_DIR"));
        let cicosts = Profile::parse(&file, &std::fs::read_to_string(&file).unwrap()).unwrap();
        let typed =
            |name: &str| Typed { name: name.to_owned(), permissions: "all".to_owned(), ..Typed::default() };
        assert!(!Fields::of_new(&cicosts, &typed("CI"), Vec::new()).is_open);
        let only = Typed { permissions: "only".to_owned(), ..typed("CI") };
        assert!(Fields::of_new(&cicosts, &only, Vec::new()).is_open);
        let network = Typed { networks: "10.0.0.0/8".to_owned(), ..typed("CI") };
        assert!(Fields::of_new(&cicosts, &network, Vec::new()).is_open);
    }
}
