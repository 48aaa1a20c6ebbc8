//! What a proxy asks: the method, target and host of the request that it holds.
//!
//! Proxies say so in different places. Whoever calls the proxy can write the same fields, and proxies pass on what they
//! don't write themselves; so where it is said in two places, both must say the same.

use claviger_judge::Host;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{HOST, TRANSFER_ENCODING},
    request::Parts,
    uri::PathAndQuery,
};

use super::place::Place;

/// nginx, as its documentation has it.
const ORIGINAL: [HeaderName; 2] =
    [HeaderName::from_static("x-original-method"), HeaderName::from_static("x-original-uri")];
/// Traefik and Caddy.
const FORWARDED: [HeaderName; 2] =
    [HeaderName::from_static("x-forwarded-method"), HeaderName::from_static("x-forwarded-uri")];
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The request that a proxy holds.
#[derive(Debug)]
pub(super) struct Question {
    /// Its head: the caller's fields, and nothing of the proxy's own.
    pub(super) head: Parts,
    pub(super) host: Host,
}

/// Nothing, or more than one thing, is asked, or it can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclear;

#[derive(PartialEq, Eq)]
struct Asked {
    method: Method,
    target: PathAndQuery,
    host: Host,
}

impl Question {
    /// Reads what was asked at `place` by a request with this head.
    pub(super) fn read(mut head: Parts, place: &Place<'_>) -> Result<Self, Unclear> {
        Host::note(&head.uri, &mut head.headers);
        let asked = {
            let said = [
                in_fields(&head.headers, &ORIGINAL, &HOST)?,
                in_fields(&head.headers, &FORWARDED, &FORWARDED_HOST)?,
                in_path(&head, place)?,
            ];
            let mut said = said.into_iter().flatten();
            let asked = said.next().ok_or(Unclear)?;
            if said.any(|other| other != asked) {
                return Err(Unclear);
            }
            asked
        };
        for name in ORIGINAL.iter().chain(&FORWARDED) {
            head.headers.remove(name);
        }
        // How the question's own body is coded says nothing of the caller's.
        head.headers.remove(TRANSFER_ENCODING);
        head.method = asked.method;
        head.uri = Uri::from(asked.target);
        Ok(Self { head, host: asked.host })
    }
}

/// What the two fields say, if either is there; `host` is the field that names the host where they are used.
fn in_fields(
    headers: &HeaderMap,
    [method, target]: &[HeaderName; 2],
    host: &HeaderName,
) -> Result<Option<Asked>, Unclear> {
    if !headers.contains_key(method) && !headers.contains_key(target) {
        return Ok(None);
    }
    let method = Method::from_bytes(only(headers, method)?.as_bytes()).or(Err(Unclear))?;
    let target = read_target(only(headers, target)?.as_bytes())?;
    Ok(Some(Asked { method, target, host: read_host(headers, host)? }))
}

/// What follows the api's name: Envoy asks by the caller's own method, path and host.
fn in_path(head: &Parts, place: &Place<'_>) -> Result<Option<Asked>, Unclear> {
    let Some(target) = place.target else { return Ok(None) };
    let (method, target) = (head.method.clone(), read_target(target.as_bytes())?);
    Ok(Some(Asked { method, target, host: read_host(&head.headers, &HOST)? }))
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a HeaderValue, Unclear> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().ok_or(Unclear)?;
    if values.next().is_some() { Err(Unclear) } else { Ok(first) }
}

/// A path and a query as they stand in a request line: what a server would cut off or read otherwise is unclear.
pub(crate) fn read_target(sent: &[u8]) -> Result<PathAndQuery, Unclear> {
    let target = PathAndQuery::try_from(sent).or(Err(Unclear))?;
    let is_whole = target.as_str().as_bytes() == sent && sent.starts_with(b"/");
    if is_whole { Ok(target) } else { Err(Unclear) }
}

fn read_host(headers: &HeaderMap, name: &HeaderName) -> Result<Host, Unclear> {
    Host::read(only(headers, name)?.as_bytes()).or(Err(Unclear))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// `method target host` of what is asked at `to` with these fields.
    fn asked(method: &str, to: &str, fields: &[(&str, &str)]) -> Result<String, Unclear> {
        let mut request = Request::builder().method(method).uri(to).header("host", "api.example");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        let target = head.uri.clone();
        let Question { head, host } = Question::read(head, &Place::read(&target).unwrap())?;
        assert!(
            !head.headers.contains_key("x-original-uri") && !head.headers.contains_key("x-forwarded-uri")
        );
        Ok(format!("{} {} {}", head.method, head.uri, host.name))
    }

    #[test]
    fn each_proxy_is_understood() {
        for (method, to, fields, expected) in [
            (
                "GET",
                "/forward-auth/a?style=nginx",
                &[("x-original-method", "PUT"), ("x-original-uri", "/x/%2e?a=b")][..],
                "PUT /x/%2e?a=b api.example",
            ),
            (
                "GET",
                "/forward-auth/a",
                &[
                    ("x-forwarded-method", "PUT"),
                    ("x-forwarded-uri", "/x"),
                    ("x-forwarded-host", "b.example:8"),
                ],
                "PUT /x b.example",
            ),
            ("PUT", "/forward-auth/a/x//y?z", &[], "PUT /x//y?z api.example"),
            (
                "PUT",
                "/forward-auth/a/x",
                &[("x-original-method", "PUT"), ("x-original-uri", "/x")],
                "PUT /x api.example",
            ),
        ] {
            assert_eq!(asked(method, to, fields).as_deref(), Ok(expected), "{to} {fields:?}");
        }
    }

    #[test]
    fn what_is_missing_twofold_or_not_a_request_is_unclear() {
        const METHOD: (&str, &str) = ("x-original-method", "GET");
        const TARGET: (&str, &str) = ("x-original-uri", "/x");
        let forwarded = |target| [("x-forwarded-method", "GET"), ("x-forwarded-uri", target)];
        for fields in [
            &[][..],
            &[METHOD],
            &[TARGET],
            &[METHOD, METHOD, TARGET],
            &[METHOD, TARGET, TARGET],
            &[METHOD, TARGET, ("x-original-uri", "/y")],
            &[("x-original-method", "GET, POST"), TARGET],
            &[("x-original-method", ""), TARGET],
            &[METHOD, ("x-original-uri", "")],
            &[METHOD, ("x-original-uri", "x")],
            &[METHOD, ("x-original-uri", "http://api.example/x")],
            &[METHOD, ("x-original-uri", "/x#y")],
            &[METHOD, ("x-original-uri", "/x y")],
            &forwarded("/x"),
            &[forwarded("/x")[0], forwarded("/x")[1], ("x-forwarded-host", "a, b")],
            &[METHOD, TARGET, forwarded("/x")[1]],
            &[METHOD, TARGET, forwarded("/y")[0], forwarded("/y")[1], ("x-forwarded-host", "api.example")],
            &[METHOD, TARGET, forwarded("/x")[0], forwarded("/x")[1], ("x-forwarded-host", "other.example")],
        ] {
            assert_eq!(asked("GET", "/forward-auth/a", fields), Err(Unclear), "{fields:?}");
        }
        let elsewhere = [METHOD, ("x-original-uri", "/public")];
        assert_eq!(asked("GET", "/forward-auth/a/private", &elsewhere), Err(Unclear));
        assert_eq!(asked("POST", "/forward-auth/a/x", &[METHOD, TARGET]), Err(Unclear));
    }
}
