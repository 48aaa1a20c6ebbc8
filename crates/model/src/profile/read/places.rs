//! Scopes, routes, hosts, upstreams and trusted proxies.

use std::time::Duration;

use toml::{Spanned, Table, Value};

use super::{
    super::{
        HostRule, Route, RouteTable, Upstream,
        grammar::{HostsText, MethodsText, RouteText, UpstreamText},
    },
    Reading,
};
use crate::{
    Environment, Scope,
    restriction::{MAX_ENTRIES, Methods, Networks, RestrictionError},
};

const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);
const TIMEOUT_MIN: Duration = Duration::from_secs(1);
const TIMEOUT_MAX: Duration = Duration::from_hours(1);
const DEFAULT_BODY_MAX: u64 = 64 << 20;

impl Reading<'_> {
    pub(super) fn scopes(&mut self, table: Option<&Spanned<Table>>) -> Vec<(Scope, String)> {
        let Some(table) = table else { return Vec::new() };
        let mut scopes = Vec::new();
        for (name, value) in table.get_ref() {
            let scope = self.take(&table.span(), &format!("scope {name:?}"), name.parse());
            match (scope, value) {
                (Some(scope), Value::String(description)) => scopes.push((scope, description.clone())),
                (Some(_), _) => {
                    self.object(&table.span(), format!("scope {name:?}: must be described by a text"));
                }
                (None, _) => {}
            }
        }
        scopes
    }

    pub(super) fn routes(&mut self, texts: &[Spanned<RouteText>], scopes: &[(Scope, String)]) -> RouteTable {
        let routes: Vec<_> =
            texts.iter().filter_map(|text| self.route(text.get_ref(), scopes, text)).collect();
        let all_read = routes.len() == texts.len();
        let table = RouteTable::new(routes);
        if let Some((earlier, later)) = table.unreachable().filter(|_| all_read) {
            let message =
                format!("this route can't be reached: route {} above covers all of it", earlier + 1);
            self.object(&texts[later].span(), message);
        }
        table
    }

    fn route(
        &mut self,
        text: &RouteText,
        scopes: &[(Scope, String)],
        whole: &Spanned<RouteText>,
    ) -> Option<Route> {
        let methods = self.methods(&text.methods);
        if text.paths.get_ref().is_empty() {
            self.object(&text.paths.span(), "paths: at least one");
        }
        let parsed = |path: &Spanned<String>, reading: &mut Self| {
            reading.take(&path.span(), "path", path.get_ref().parse())
        };
        let paths: Vec<_> = text.paths.get_ref().iter().filter_map(|path| parsed(path, self)).collect();
        let scope = text.scope.as_ref().and_then(|name| {
            let scope = self.take(&name.span(), "scope", name.get_ref().parse::<Scope>())?;
            if !scopes.iter().any(|(known, _)| *known == scope) {
                self.object(&name.span(), format!("scope: \"{scope}\" is not one of [scopes]"));
            }
            Some(scope)
        });
        if text.scope.is_some() == text.open {
            self.object(
                &whole.span(),
                "a route needs either a scope or `open = true`, which lets every key in",
            );
        }
        let all_read = paths.len() == text.paths.get_ref().len();
        all_read.then_some(Route {
            methods: methods?,
            paths: paths.into(),
            scope,
            environment: text.environment,
            mode: text.mode,
        })
    }

    fn methods(&mut self, text: &Spanned<MethodsText>) -> Option<Methods> {
        match text.get_ref() {
            MethodsText::Word(word) if word == "any" => Some(Methods::Any),
            MethodsText::List(names)
                if !names.is_empty() && names.iter().all(|name| Methods::is_name(name)) =>
            {
                Some(Methods::Listed(names.iter().map(|name| name.as_str().into()).collect()))
            }
            _ => {
                self.object(&text.span(), "methods: a list such as [\"GET\", \"POST\"], or \"any\"");
                None
            }
        }
    }

    pub(super) fn hosts(&mut self, text: &HostsText) -> Vec<HostRule> {
        let groups =
            [(&text.any, None), (&text.live, Some(Environment::Live)), (&text.test, Some(Environment::Test))];
        let mut hosts: Vec<HostRule> = Vec::new();
        for (names, environment) in groups {
            for name in names {
                let host = name.get_ref().to_ascii_lowercase();
                // As a request's host is read; another one would never be found.
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
                if host.is_empty() || host.ends_with('.') || !host.bytes().all(plain) {
                    self.object(
                        &name.span(),
                        "hosts: a host name or IPv4 address, without scheme, port, path or final dot",
                    );
                } else if hosts.iter().any(|rule| rule.host == host) {
                    self.object(&name.span(), format!("hosts: \"{host}\" is listed twice"));
                } else {
                    hosts.push(HostRule { host, environment });
                }
            }
        }
        hosts
    }

    pub(super) fn upstream(&mut self, text: &UpstreamText) -> Upstream {
        let timeout = self.duration("timeout", text.timeout.as_ref());
        let works = |span: Duration| (TIMEOUT_MIN..=TIMEOUT_MAX).contains(&span);
        if let Some(stated) = text.timeout.as_ref().filter(|_| !timeout.is_none_or(works)) {
            self.object(&stated.span(), "timeout: from 1s to 1h");
        }
        let body_max = text.body_max.as_ref().map_or(DEFAULT_BODY_MAX, |max| *max.get_ref());
        Upstream {
            live: text.live.as_ref().and_then(|origin| self.origin(origin)),
            test: text.test.as_ref().and_then(|origin| self.origin(origin)),
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            body_max,
        }
    }

    fn origin(&mut self, text: &Spanned<String>) -> Option<String> {
        self.take(&text.span(), "upstream", super::super::origin(text.get_ref()))
    }

    pub(super) fn trusted_proxies(&mut self, texts: &[Spanned<String>]) -> Option<Networks> {
        let mut all_read = true;
        for text in texts {
            let read = Networks::parse(&[text.get_ref()]).map_err(|error| match error {
                RestrictionError::Everything => {
                    "whoever calls could say who they are: name the networks of your proxies".to_owned()
                }
                other => other.to_string(),
            });
            let one = self.take(&text.span(), "trusted_proxies", read);
            all_read &= one.is_some();
        }
        // What is wrong with the whole list is told where it grows too long; without entries there is no list.
        let place = texts.get(MAX_ENTRIES).or(texts.first()).filter(|_| all_read)?;
        let networks: Vec<_> = texts.iter().map(Spanned::get_ref).collect();
        self.take(&place.span(), "trusted_proxies", Networks::parse(&networks))
    }
}
