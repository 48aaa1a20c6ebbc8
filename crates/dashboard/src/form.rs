//! Forms as browsers send them: names and values, within bounds.

use std::time::Duration;

use axum::extract::Request;
use http::{StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Limited};
use zeroize::Zeroizing;

use crate::answer::Stop;

/// Largest form in bytes: a hundred scopes and restrictions fit well.
const MAX: usize = 128 << 10;
/// Most fields of one.
const MAX_FIELDS: usize = 1000;
/// How long it may take to arrive.
const PATIENCE: Duration = Duration::from_secs(15);

/// The fields of a form, in their order. It has no honest `Debug`: there may be passwords and keys among them.
pub(crate) struct Form(Vec<(String, Zeroizing<String>)>);

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Form {
    /// Reads the body as `application/x-www-form-urlencoded` (URL Standard §5.1).
    pub(crate) async fn read(request: Request) -> Result<Self, Stop> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
            || request.headers().contains_key(header::CONTENT_ENCODING)
        {
            return Err(Stop::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "This can't be read")
                .saying("It has to be a form as browsers send it: application/x-www-form-urlencoded."));
        }
        let too_large = || Stop::new(StatusCode::PAYLOAD_TOO_LARGE, "The form is too large");
        // Who says at once that it is too large needn't send it.
        if request.body().size_hint().lower() > MAX as u64 {
            return Err(too_large());
        }
        let reading = tokio::time::timeout(PATIENCE, Limited::new(request.into_body(), MAX).collect()).await;
        let body = match reading {
            Err(_) => return Err(Stop::new(StatusCode::REQUEST_TIMEOUT, "The form took too long to arrive")),
            Ok(Err(_)) => return Err(too_large()),
            Ok(Ok(body)) => Zeroizing::new(Vec::from(body.to_bytes())),
        };
        let fields: Vec<_> = form_urlencoded::parse(&body)
            .take(MAX_FIELDS + 1)
            .map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())))
            .collect();
        if fields.len() > MAX_FIELDS {
            return Err(Stop::new(StatusCode::PAYLOAD_TOO_LARGE, "The form has too many fields"));
        }
        Ok(Self(fields))
    }

    /// The value of a field; empty where it isn't there. Of several, the first.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }

    /// The value without white space around it, unless nothing is left.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|text| !text.is_empty())
    }

    /// All values of a field, as a list of checkboxes sends them.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// The values of a query, by name.
pub(crate) fn query(request: &http::request::Parts) -> Query {
    let text = request.uri.query().unwrap_or_default();
    Query(
        form_urlencoded::parse(text.as_bytes())
            .take(MAX_FIELDS)
            .map(|(a, b)| (a.into_owned(), b.into_owned()))
            .collect(),
    )
}

/// The fields of a query. It has no honest `Debug`: a provider sends its code in one.
pub(crate) struct Query(Vec<(String, String)>);

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Query {
    /// The value of a field; empty where it isn't there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(query(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_query_holds_is_not_told() {
        let (parts, ()) = http::Request::get("/?code=hidden&state=also").body(()).unwrap().into_parts();
        let query = query(&parts);
        assert_eq!(query.get("code"), "hidden");
        assert_eq!(format!("{query:?}"), r#"["code", "state"]"#);
    }
}
