//! What of a request's head makes an attempt.

use std::net::IpAddr;

use claviger_layer::only_referrer;
use claviger_model::{Attempt, Environment};
use http::{HeaderValue, Method, Uri, header::REFERER, request::Parts};

/// What a request asks, and from where: kept as it was sent, so that a request that lasts can be judged again after its
/// head has gone on. Nothing is copied for it.
#[derive(Clone, Debug)]
pub struct Asked {
    method: Method,
    uri: Uri,
    referrer: Option<HeaderValue>,
    environment: Option<Environment>,
    address: Option<IpAddr>,
}

impl Asked {
    pub(crate) fn new(head: &Parts, environment: Option<Environment>, address: Option<IpAddr>) -> Self {
        let referrer = only_referrer(&head.headers).and(head.headers.get(REFERER)).cloned();
        Self { method: head.method.clone(), uri: head.uri.clone(), referrer, environment, address }
    }

    pub(crate) fn attempt(&self) -> Attempt<'_> {
        let referrer = self.referrer.as_ref().and_then(|referrer| referrer.to_str().ok());
        of(&self.method, &self.uri, referrer, self.environment, self.address)
    }
}

/// The attempt that a request is: method and path exactly as they will be forwarded.
///
/// Method overrides (`X-HTTP-Method-Override`, `_method`) and rewritten paths (`X-Original-URI`) are not looked at.
pub(crate) fn of<'a>(
    method: &'a Method,
    uri: &'a Uri,
    referrer: Option<&'a str>,
    environment: Option<Environment>,
    address: Option<IpAddr>,
) -> Attempt<'a> {
    Attempt {
        method: Some(method.as_str()),
        path: Some(uri.path()),
        address,
        referrer,
        environment,
        scopes: &[],
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn referrer(values: &[&str]) -> Option<String> {
        let mut request = Request::get("/v1?x=/v2");
        for value in values {
            request = request.header(REFERER, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let asked = Asked::new(&head, None, None);
        let attempt = asked.attempt();
        assert_eq!((attempt.method, attempt.path), (Some("GET"), Some("/v1")));
        attempt.referrer.map(str::to_owned)
    }

    #[test]
    fn exactly_one_referrer_counts() {
        assert_eq!(referrer(&["https://a.com/"]).as_deref(), Some("https://a.com/"));
        assert_eq!(referrer(&[]), None);
        assert_eq!(referrer(&["https://a.com/", "https://a.com/"]), None);
        assert_eq!(referrer(&["https://ä.com/"]), None);
    }
}
