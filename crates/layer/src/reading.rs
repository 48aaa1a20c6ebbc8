//! Reads the attempt that a request is out of its head.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName, StatusCode, Uri, request::Parts};

use crate::{
    Answer, Carrier, Environment, Peer, TrustedProxies,
    address::caller_address,
    attempt::Attempt,
    credential::{self, NoCredential},
    only_referrer,
    plain_key::PlainKey,
    scopes::problem,
};

/// Longest key that is asked about; none has more than 255 characters.
const KEY_MAX: usize = 512;
/// Longest path that is asked about, in bytes.
const PATH_MAX: usize = 16 << 10;
/// Longest referrer that counts as one, in bytes.
const REFERRER_MAX: usize = 8 << 10;
/// What no api has for a key: the node answers as for any other text that can't be one.
const NO_KEY_OF_ANY: &str = " ";

/// Where an api's requests say what they say.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) api: Arc<str>,
    pub(crate) carriers: Vec<Carrier>,
    pub(crate) forward: bool,
    pub(crate) proxies: TrustedProxies,
    pub(crate) scopes: Arc<[Box<str>]>,
    pub(crate) environment: Option<Environment>,
}

/// That a request can be read in two ways or in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misread {
    TwoCredentials,
    Path,
    LongPath,
}

impl Reading {
    /// `Authorization: Bearer KEY` or `X-API-Key: KEY`, and nobody's word about addresses.
    pub(crate) fn of(api: &str) -> Self {
        Self {
            api: api.into(),
            carriers: vec![Carrier::Bearer, Carrier::Header(HeaderName::from_static("x-api-key"))],
            forward: false,
            proxies: TrustedProxies::default(),
            scopes: Arc::default(),
            environment: None,
        }
    }

    /// The attempt that a request with this head is: method and path exactly as they were sent.
    pub(crate) fn attempt(&self, head: &Parts) -> Result<Attempt, Misread> {
        let path = uri_as_sent(head).path();
        if path.len() > PATH_MAX {
            return Err(Misread::LongPath);
        }
        if !path.starts_with('/') {
            return Err(Misread::Path);
        }
        let address = caller_address(|address| self.proxies.trust(address), peer(head), &head.headers);
        Ok(Attempt {
            key: self.presented(&head.headers)?,
            api: Arc::clone(&self.api),
            method: head.method.as_str().into(),
            path: path.into(),
            address,
            referrer: only_referrer(&head.headers).filter(|text| text.len() <= REFERRER_MAX).map(Into::into),
            scopes: Arc::clone(&self.scopes),
            environment: self.environment,
        })
    }

    /// Takes out of a head what must go no further.
    pub(crate) fn withdraw(&self, headers: &mut HeaderMap) {
        if !self.forward {
            credential::withdraw(headers, self.carriers.iter().cloned());
        }
    }

    /// What the node is asked about. It says in the api's own words what is answered where nothing was presented, or
    /// something that can't be a key.
    fn presented(&self, headers: &HeaderMap) -> Result<PlainKey, Misread> {
        match credential::find(headers, self.carriers.iter().cloned()) {
            Ok(found) if found.len() > KEY_MAX => Ok(PlainKey::new(NO_KEY_OF_ANY)),
            // Keys are ASCII: what isn't UTF-8 is no more a key when it is.
            Ok(found) => Ok(PlainKey::new(String::from_utf8_lossy(&found))),
            Err(NoCredential::Missing) => Ok(PlainKey::new("")),
            Err(NoCredential::Length | NoCredential::Encoding | NoCredential::Empty) => {
                Ok(PlainKey::new(NO_KEY_OF_ANY))
            }
            Err(NoCredential::Two) => Err(Misread::TwoCredentials),
        }
    }
}

impl Misread {
    /// What is answered without asking: which of two credentials counts is nobody's to choose.
    pub(crate) fn answer(self) -> Answer {
        let (status, body) = match self {
            Self::TwoCredentials => (
                StatusCode::BAD_REQUEST,
                r#"{"title":"Two credentials were presented; send one","status":400}"#,
            ),
            Self::Path => (StatusCode::BAD_REQUEST, r#"{"title":"The target is no path","status":400}"#),
            Self::LongPath => (StatusCode::URI_TOO_LONG, r#"{"title":"The path is too long","status":414}"#),
        };
        problem(status, body)
    }
}

fn peer(head: &Parts) -> Option<IpAddr> {
    let told = head.extensions.get::<Peer>().map(|peer| peer.0);
    #[cfg(feature = "axum")]
    let told = told.or_else(|| crate::extract::peer(&head.extensions));
    told
}

/// A router that is nested in another is shown the rest of the path only.
fn uri_as_sent(head: &Parts) -> &Uri {
    #[cfg(feature = "axum")]
    if let Some(original) = crate::extract::original_uri(&head.extensions) {
        return original;
    }
    &head.uri
}

#[cfg(test)]
mod tests {
    use http::{Request, request::Builder};

    use super::*;

    fn read(request: Builder) -> Result<Attempt, Misread> {
        Reading::of("cashcat").attempt(&request.body(()).unwrap().into_parts().0)
    }

    fn key(request: Builder) -> Result<String, Misread> {
        read(request)
            .map(|attempt| serde_json::to_value(&attempt).unwrap()["key"].as_str().unwrap().to_owned())
    }

    fn get() -> Builder {
        Request::get("/v1/a%2Fb//c?d=/e")
    }

    #[test]
    fn an_attempt_is_what_was_sent() {
        let request = get()
            .header("authorization", "Bearer KEY")
            .header("referer", "https://a.com/")
            .extension(Peer("::ffff:203.0.113.9".parse().unwrap()))
            .header("x-forwarded-for", "198.51.100.7");
        let attempt = serde_json::to_value(read(request).unwrap()).unwrap();
        let expected = serde_json::json!({
            "key": "KEY", "api": "cashcat", "method": "GET", "path": "/v1/a%2Fb//c", "address": "203.0.113.9",
            "referrer": "https://a.com/", "scopes": [],
        });
        assert_eq!(attempt, expected);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let two = get().header("referer", "https://a.com/").header("referer", "https://a.com/");
        let attempt = read(two).unwrap();
        assert_eq!((attempt.address, attempt.referrer.as_deref()), (None, None));
        let long = read(get().header("referer", "a".repeat(REFERRER_MAX + 1))).unwrap();
        assert_eq!(long.referrer.as_deref(), None);
    }

    #[test]
    fn nothing_and_nonsense_are_the_node_s_to_answer() {
        assert_eq!(key(get()).unwrap(), "");
        assert_eq!(key(get().header("authorization", "Basic S0VZ")).unwrap(), "");
        assert_eq!(key(get().header("x-api-key", "KEY")).unwrap(), "KEY");
        assert_eq!(key(get().header("x-api-key", "K".repeat(KEY_MAX + 1))).unwrap(), NO_KEY_OF_ANY);
        assert_eq!(key(get().header("x-api-key", &b"K\xff"[..])).unwrap(), "K\u{fffd}");
    }

    #[test]
    fn a_request_with_two_readings_is_none() {
        let both = get().header("authorization", "Bearer KEY").header("x-api-key", "KEY");
        assert_eq!(key(both), Err(Misread::TwoCredentials));
        let twice = get().header("x-api-key", "KEY").header("x-api-key", "KEY");
        assert_eq!(key(twice), Err(Misread::TwoCredentials));
        assert_eq!(key(Request::options("*")), Err(Misread::Path));
        let long = format!("/{}", "a".repeat(PATH_MAX));
        assert_eq!(key(Request::get(long)), Err(Misread::LongPath));
        assert_eq!(Misread::TwoCredentials.answer().status(), StatusCode::BAD_REQUEST);
    }
}
