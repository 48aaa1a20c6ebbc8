//! The seam between those who wrap a service and those who decide.

use std::{borrow::Cow, fmt, future::Future};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER},
    request::Parts,
};
use http_body_util::Full;

use crate::{Scopes, scopes::problem};

/// An answer in the place of the service behind.
pub type Answer = Response<Full<Bytes>>;

/// Decides about requests by their heads: by asking a node, or from a replica in the same process.
///
/// "No" and "cannot know" are different types: an outage is an [`Indeterminate`] and never a denial. An answer that was
/// reached before a request began is none to it.
pub trait Decide: Send + Sync + 'static {
    /// The proof that is put into the extensions of a request that is allowed.
    type Permit: Clone + Send + Sync + 'static;

    /// Judges the request whose head this is. Where it is allowed, the credential has been taken out of the head unless
    /// it is to be forwarded; claims of identity are removed by the layer.
    fn decide(
        &self,
        head: &mut Parts,
    ) -> impl Future<Output = Result<Decision<Self::Permit>, Indeterminate>> + Send;
}

/// Yes or no.
#[derive(Clone, Debug)]
pub enum Decision<P> {
    /// The request may pass.
    Allow(Allowed<P>),
    /// It may not: what to answer instead.
    Deny(Answer),
}

/// What comes with a yes.
#[derive(Clone, Debug)]
pub struct Allowed<P> {
    /// The proof.
    pub permit: P,
    /// What the key may do.
    pub scopes: Scopes,
    /// Fields for the answer of the service behind, in the place of its own of the same name.
    pub told: HeaderMap,
}

/// That no decision could be reached. It is put into the extensions of the 503 that answers it.
#[derive(Clone, Debug)]
pub struct Indeterminate {
    reason: Cow<'static, str>,
    answer: Option<Box<Answer>>,
}

impl Indeterminate {
    /// Why, in words for the operator; the caller doesn't read them.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), answer: None }
    }

    /// The same with what the api answers in its own words. Only its header fields and body count: the status is 503.
    #[must_use]
    pub fn in_the_words_of(mut self, answer: Answer) -> Self {
        self.answer = Some(Box::new(answer));
        self
    }

    /// Why, in words for the operator.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The 503. Where the api doesn't say when to come back, `turn` spreads those who were refused together over one to
    /// three seconds.
    pub(crate) fn into_answer(mut self, turn: u32) -> Answer {
        let own = || problem(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE);
        let mut answer = self.answer.take().map_or_else(own, |answer| *answer);
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        let headers = answer.headers_mut();
        headers.entry(RETRY_AFTER).or_insert_with(|| HeaderValue::from(1 + turn % 3));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        answer.extensions_mut().insert(self);
        answer
    }
}

const UNAVAILABLE: &str = r#"{"title":"The API key can't be checked right now; try again","status":503}"#;

impl fmt::Display for Indeterminate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Indeterminate {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_known_is_503_whatever_words_it_is_given() {
        for status in [StatusCode::UNAUTHORIZED, StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR] {
            let mut words = Answer::default();
            *words.status_mut() = status;
            let answer = Indeterminate::new("the node is down").in_the_words_of(words).into_answer(1);
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.headers()[RETRY_AFTER], "2");
            assert_eq!(answer.extensions().get::<Indeterminate>().unwrap().reason(), "the node is down");
        }
    }

    #[test]
    fn those_refused_together_do_not_come_back_together() {
        let after = |turn| Indeterminate::new("").into_answer(turn).headers()[RETRY_AFTER].clone();
        assert_eq!([after(0), after(1), after(2), after(u32::MAX)], ["1", "2", "3", "1"]);
    }
}
