//! What of a request's head makes an attempt.

use std::net::IpAddr;

use claviger_layer::only_referrer;
use claviger_model::{Attempt, Environment};
use http::request::Parts;

/// The attempt that a request is: method and path exactly as they will be forwarded.
///
/// Method overrides (`X-HTTP-Method-Override`, `_method`) and rewritten paths (`X-Original-URI`) are not looked at.
pub(crate) fn attempt_of(
    head: &Parts,
    environment: Option<Environment>,
    address: Option<IpAddr>,
) -> Attempt<'_> {
    Attempt {
        method: Some(head.method.as_str()),
        path: Some(head.uri.path()),
        address,
        referrer: only_referrer(&head.headers),
        environment,
        scopes: &[],
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, header::REFERER};

    use super::*;

    fn referrer(values: &[&str]) -> Option<String> {
        let mut request = Request::get("/v1?x=/v2");
        for value in values {
            request = request.header(REFERER, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let attempt = attempt_of(&head, None, None);
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
