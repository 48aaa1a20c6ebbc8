//! From the text of a profile to a profile: what values mean, and whether they fit together.
//!
//! Every problem is gathered with its place, so that one run shows all of them.

mod answers;
mod keys;
mod limits;
mod oauth;
mod people;
mod places;
mod self_service;

use std::{ops::Range, sync::Arc, time::Duration};

use toml::Spanned;

use super::{LEASE_MAX, LEASE_MIN, Problem, Problems, Profile, grammar::ProfileText};
use crate::parse_duration;

/// The text being read and what was found wrong with it.
pub(super) struct Reading<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    /// Notes a problem at `span`.
    fn object(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.problems.push(Problem::at(self.text, span, message));
    }

    /// The value, or its problem noted.
    fn take<T, E: ToString>(&mut self, span: &Range<usize>, what: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.object(span, format!("{what}: {}", error.to_string()));
                None
            }
        }
    }

    fn duration(&mut self, what: &str, text: Option<&Spanned<String>>) -> Option<Duration> {
        let text = text?;
        self.take(&text.span(), what, parse_duration(text.get_ref()))
    }
}

/// Reads a profile, or says everything that is wrong with it.
pub(super) fn read(file: &str, text: &str) -> Result<Profile, Problems> {
    let refuse = |mut problems: Vec<Problem>| {
        // One fault of the shared shape shows in every slot; one line says it.
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.dedup_by_key(|problem| (problem.line, problem.column));
        Problems { file: file.to_owned(), problems }
    };
    let parsed: ProfileText = toml::from_str(text)
        .map_err(|error| refuse(vec![Problem::at(text, &error.span().unwrap_or(0..0), error.message())]))?;
    let mut reading = Reading { text, problems: Vec::new() };
    let profile = reading.profile(parsed);
    match profile {
        Some(profile) if reading.problems.is_empty() => Ok(profile),
        _ => Err(refuse(reading.problems)),
    }
}

impl Reading<'_> {
    /// `None` only when a problem was noted.
    fn profile(&mut self, text: ProfileText) -> Option<Profile> {
        self.names(&text);
        let keys = self.keys(&text);
        let credentials = self.credentials(&text);
        let scopes = self.scopes(text.scopes.as_ref());
        let routes = self.routes(&text.routes, &scopes);
        let hosts = self.hosts(&text.hosts);
        let upstream = self.upstream(&text.upstream);
        let trusted_proxies = self.trusted_proxies(&text.trusted_proxies);
        let answers = self.answers(&text.answers, keys.as_ref());
        let limits = self.limits(&text.limits);
        let self_service =
            text.self_service.as_ref().map(|section| self.self_service(section, keys.as_ref()));
        let roles = self.roles(&text.roles);
        let sign_in = self.sign_in(&text.sign_in);
        let oauth = text.oauth.as_ref().and_then(|section| self.oauth(section, keys.as_ref()));
        let lease = self.lease(text.lease.as_ref());
        Some(Profile {
            name: Arc::from(text.name.into_inner()),
            title: text.title.into_inner(),
            env_var: text.env_var.into_inner(),
            support: text.support.map(Spanned::into_inner),
            hosts,
            keys: keys?,
            credentials,
            upstream,
            trusted_proxies,
            scopes,
            routes,
            answers: answers?,
            limits,
            self_service,
            roles,
            sign_in,
            oauth,
            dashboard: text.dashboard,
            lease,
            mode: text.mode,
        })
    }

    fn names(&mut self, text: &ProfileText) {
        let name = text.name.get_ref();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&name.len()) || !name.bytes().all(plain) || name.starts_with('-') {
            self.object(&text.name.span(), "name: 1 to 32 lower-case letters, digits and hyphens");
        }
        if text.title.get_ref().trim().is_empty() || text.title.get_ref().chars().any(char::is_control) {
            self.object(&text.title.span(), "title: the name people read can't be empty");
        }
        if let Some(support) = &text.support
            && !is_web_or_mail(support.get_ref())
        {
            self.object(
                &support.span(),
                "support: an https: or mailto: address, such as mailto:help@example.com",
            );
        }
        let variable = text.env_var.get_ref();
        let is_variable = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if variable.is_empty()
            || !variable.bytes().all(is_variable)
            || variable.as_bytes()[0].is_ascii_digit()
        {
            self.object(
                &text.env_var.span(),
                "env_var: upper-case letters, digits and underscores, such as ACME_API_KEY",
            );
        }
    }

    fn lease(&mut self, text: Option<&Spanned<String>>) -> Option<Duration> {
        let lease = self.duration("lease", text)?;
        if !(LEASE_MIN..=LEASE_MAX).contains(&lease) {
            self.object(&text?.span(), "lease: from 2s to 1h");
        }
        Some(lease)
    }
}

/// Whether a browser that follows `text` opens a page or a mail, and runs nothing.
fn is_web_or_mail(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http" | "mailto"))
}
