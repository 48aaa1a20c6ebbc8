//! What handlers answer: a page, a redirection, or a stop; and the headers that all of them carry.

use std::sync::Arc;

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect};
use claviger_manage::{Fault, Refusal};
use claviger_model::RequestId;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::{Body, frame::Frame, site::Site, visit::Visitor};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; \
     manifest-src 'self'; require-trusted-types-for 'script'; trusted-types default; report-uri /csp-report; \
     report-to csp";
const CONTENT_SECURITY: HeaderValue = HeaderValue::from_static(POLICY);
const REPORTING: HeaderValue = HeaderValue::from_static("csp=\"/csp-report\"");
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self), \
     clipboard-write=(self)",
);
const TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// Sets what every answer carries, whatever it is.
pub(crate) fn protect(headers: &mut HeaderMap, is_secure_for_good: bool) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // Not `no-referrer`: browsers would send `Origin: null` with forms of the same origin.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (HeaderName::from_static("reporting-endpoints"), REPORTING),
    ];
    for (name, value) in fixed {
        headers.insert(name, value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(CONTENT_SECURITY);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if is_secure_for_good {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TRANSPORT);
    }
}

/// The host and port of an origin.
pub(crate) fn authority(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, authority)| authority)
}

/// A page with this status.
pub(crate) fn page(status: StatusCode, page: &impl Template) -> Result<Response<Body>, Stop> {
    match page.render() {
        Ok(text) => Ok((status, Html(text)).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page can't be rendered");
            Err(Stop::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side"))
        }
    }
}

/// Sends the browser to `path` of this site, by GET.
pub(crate) fn go(path: &str) -> Response<Body> {
    Redirect::to(path).into_response()
}

/// Why there is no page: becomes one in the end, with the request's id and a way to get help.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) api: Option<Arc<str>>,
    pub(crate) retry_after: Option<u64>,
}

impl Stop {
    /// A stop with a title that says what happened.
    pub(crate) fn new(status: StatusCode, title: impl Into<String>) -> Self {
        Self { status, title: title.into(), text: String::new(), api: None, retry_after: None }
    }

    /// With a sentence on what to do.
    #[must_use]
    pub(crate) fn saying(self, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..self }
    }

    /// In the looks of this api.
    #[must_use]
    pub(crate) fn of_api(self, api: &Arc<str>) -> Self {
        Self { api: Some(Arc::clone(api)), ..self }
    }

    /// There is no such page, or none for whoever asks.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is no such page")
            .saying("It may have moved, or belong to someone else.")
    }

    /// A form that didn't come from one of our own pages.
    pub(crate) fn forged() -> Self {
        Self::new(StatusCode::FORBIDDEN, "This form can't be taken")
            .saying("It was sent from another site, or the page it was on is too old. Go back, reload the page, and try again.")
    }
}

impl From<Stop> for Response<Body> {
    fn from(stop: Stop) -> Self {
        let mut response = Self::new(Body::empty());
        *response.status_mut() = stop.status;
        response.extensions_mut().insert(stop);
        response
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response<Body> {
        self.into()
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        let text = capitalised(&refusal.to_string());
        match refusal {
            Refusal::NotFound(_) => Self::not_found(),
            Refusal::Forbidden(_) | Refusal::AuthorityLost => {
                Self::new(StatusCode::FORBIDDEN, "You may not do this").saying(text)
            }
            Refusal::LinkUsed | Refusal::LinkExpired => {
                Self::new(StatusCode::GONE, "This link doesn't work any more").saying(text)
            }
            Refusal::TooManyAttempts { retry_after } => Self {
                retry_after: Some(retry_after.as_secs() + 1),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts").saying(text)
            },
            Refusal::Unavailable(source) | Refusal::OutcomeUnknown(source) => {
                tracing::warn!(error = %source, "a page can't be answered");
                Self {
                    retry_after: Some(2),
                    ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not possible right now")
                }
                .saying(text)
            }
            Refusal::Moved | Refusal::StorageFull => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not possible right now").saying(text)
            }
            Refusal::Internal(fault) => {
                tracing::error!(fault, "a page failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side")
            }
            Refusal::Invalid(_) | Refusal::NameTooLong { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "This can't be taken").saying(text)
            }
            Refusal::TooManyKeys { .. }
            | Refusal::LastKey
            | Refusal::ChangedMeanwhile
            | Refusal::LastOperator
            | Refusal::LastAdministrator
            | Refusal::MemberExists
            | Refusal::Revoked
            | Refusal::IsGrant
            | Refusal::ExternalIdTaken
            | Refusal::NotSealed
            | Refusal::NodeAlive
            | Refusal::WrongPassword
            | Refusal::AlreadyCreated { .. }
            | Refusal::IdempotencyMismatch => {
                Self::new(StatusCode::CONFLICT, "This can't be done").saying(text)
            }
        }
    }
}

/// A sentence that begins with a capital letter and ends with a full stop.
pub(crate) fn capitalised(text: &str) -> String {
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{end}", with_capital(text))
}

/// The same words beginning with a capital letter.
pub(crate) fn with_capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// What is wrong with the one field that all faults are about: `It must …`.
pub(crate) fn faults_of_it(faults: &[Fault]) -> String {
    let details = faults.iter().map(|fault| capitalised(&format!("it {}", fault.detail)));
    details.collect::<Vec<_>>().join(" ")
}

#[derive(Template)]
#[template(path = "stop.html")]
struct StopPage<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
    request: String,
}

/// The same for whoever is signed in: they keep the navigation.
#[derive(Template)]
#[template(path = "stop_inside.html")]
struct StopInsidePage<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
    request: String,
}

/// Gives a stop its page.
pub(crate) fn finish(
    site: &Site,
    response: Response<Body>,
    id: RequestId,
    visitor: Option<&Visitor>,
) -> Response<Body> {
    finish_in(response, id, |stop| {
        if let Some(visitor) = visitor {
            return Frame::of(site, visitor, None, &stop.title);
        }
        let api = stop.api.as_ref().and_then(|name| site.api(name)).or_else(|| site.only_api());
        Frame::outside(api, &stop.title)
    })
}

/// Gives a stop its page, in the layout that `frame` makes of it.
pub(crate) fn finish_in(
    response: Response<Body>,
    id: RequestId,
    frame: impl FnOnce(&Stop) -> Frame,
) -> Response<Body> {
    let Some(stop) = response.extensions().get::<Stop>().cloned() else { return response };
    let (frame, title, text, request) = (frame(&stop), &*stop.title, &*stop.text, id.to_string());
    let rendered = if frame.who.is_some() {
        StopInsidePage { frame, title, text, request }.render()
    } else {
        StopPage { frame: frame.with_request(id), title, text, request }.render()
    };
    let mut answer = match rendered {
        Ok(text) => (stop.status, Html(text)).into_response(),
        Err(_) => (stop.status, stop.title.clone()).into_response(),
    };
    for name in [header::ALLOW, header::SET_COOKIE] {
        answer
            .headers_mut()
            .extend(response.headers().get_all(&name).iter().map(|value| (name.clone(), value.clone())));
    }
    if let Some(seconds) = stop.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_answer_carries_is_there_once_whatever_a_page_said() {
        let mut headers = HeaderMap::new();
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("unsafe-url"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        protect(&mut headers, true);
        let all = |name| headers.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(all(header::REFERRER_POLICY), ["same-origin"]);
        assert_eq!(all(header::CACHE_CONTROL), ["max-age=60"]);
        assert_eq!(all(header::STRICT_TRANSPORT_SECURITY), [TRANSPORT]);
        assert_eq!(headers.len(), headers.keys_len());
    }
}
