//! What a proxy asks: the method, target and host of the request that it holds.
//!
//! Proxies say so in different places. Whoever calls the proxy can write the same fields, and proxies pass on what they
//! don't write themselves; so where it is said in two places, both must say the same.

use claviger_judge::Host;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri, header::TRANSFER_ENCODING, request::Parts,
    uri::PathAndQuery,
};

use super::place::Place;

/// nginx, as its documentation has it.
const ORIGINAL_METHOD: &str = "x-original-method";
const ORIGINAL_URI: &str = "x-original-uri";
/// Traefik and Caddy.
const FORWARDED_METHOD: &str = "x-forwarded-method";
const FORWARDED_URI: &str = "x-forwarded-uri";

/// Nothing, or more than one thing, is asked, or it can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclear;

#[derive(PartialEq, Eq)]
struct Asked {
    method: Method,
    target: PathAndQuery,
    host: Host,
}

/// Reads what is asked at `place` by a question with this head, puts its method and target into the head, and returns its
/// host. The fields stay: the caller's, and the proxy's own.
pub(super) fn put_in(head: &mut Parts, place: &Place<'_>) -> Result<Host, Unclear> {
    let fields = Fields::of(&head.headers);
    let said = [
        asked_in(&fields.original, &fields.host)?,
        asked_in(&fields.forwarded, &fields.forwarded_host)?,
        asked_in_path(&head.method, place, &fields.host)?,
    ];
    let mut said = said.into_iter().flatten();
    let asked = said.next().ok_or(Unclear)?;
    if said.any(|other| other != asked) {
        return Err(Unclear);
    }
    head.method = asked.method;
    head.uri = Uri::from(asked.target);
    Ok(asked.host)
}

/// What one pass over a question's fields finds.
#[derive(Default)]
struct Fields<'a> {
    /// Method and target.
    original: [Field<'a>; 2],
    /// Likewise.
    forwarded: [Field<'a>; 2],
    forwarded_host: Field<'a>,
    host: Field<'a>,
}

/// A field that is to be there once.
#[derive(Clone, Copy, Default)]
enum Field<'a> {
    #[default]
    Missing,
    Once(&'a HeaderValue),
    Again,
}

impl<'a> Fields<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            let field = match name.as_str() {
                ORIGINAL_METHOD => &mut fields.original[0],
                ORIGINAL_URI => &mut fields.original[1],
                FORWARDED_METHOD => &mut fields.forwarded[0],
                FORWARDED_URI => &mut fields.forwarded[1],
                "x-forwarded-host" => &mut fields.forwarded_host,
                "host" => &mut fields.host,
                _ => continue,
            };
            *field = if matches!(field, Field::Missing) { Field::Once(value) } else { Field::Again };
        }
        fields
    }
}

impl<'a> Field<'a> {
    fn only(self) -> Result<&'a [u8], Unclear> {
        if let Self::Once(value) = self { Ok(value.as_bytes()) } else { Err(Unclear) }
    }
}

/// Whether a field of a question is the proxy's own, and so no part of the request that is held: where it says what is
/// asked, and how the question's own body is coded.
pub(super) fn is_of_question(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, ORIGINAL_METHOD | ORIGINAL_URI | FORWARDED_METHOD | FORWARDED_URI)
        || name == TRANSFER_ENCODING
}

/// What a pair of fields says, if either is there; `host` is the field that names the host where they are used.
fn asked_in(&[method, target]: &[Field<'_>; 2], host: &Field<'_>) -> Result<Option<Asked>, Unclear> {
    if matches!((method, target), (Field::Missing, Field::Missing)) {
        return Ok(None);
    }
    let method = Method::from_bytes(method.only()?).or(Err(Unclear))?;
    Ok(Some(Asked { method, target: read_target(target.only()?)?, host: read_host(host)? }))
}

/// What follows the api's name: Envoy asks by the caller's own method, path and host.
fn asked_in_path(method: &Method, place: &Place<'_>, host: &Field<'_>) -> Result<Option<Asked>, Unclear> {
    let Some(target) = place.target else { return Ok(None) };
    let (method, target) = (method.clone(), read_target(target.as_bytes())?);
    Ok(Some(Asked { method, target, host: read_host(host)? }))
}

/// A path and a query as they stand in a request line: what a server would cut off or read otherwise is unclear.
pub(crate) fn read_target(sent: &[u8]) -> Result<PathAndQuery, Unclear> {
    let target = PathAndQuery::try_from(sent).or(Err(Unclear))?;
    let is_whole = target.as_str().as_bytes() == sent && sent.starts_with(b"/");
    if is_whole { Ok(target) } else { Err(Unclear) }
}

fn read_host(field: &Field<'_>) -> Result<Host, Unclear> {
    Host::read(field.only()?).or(Err(Unclear))
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
        let mut head = request.body(()).unwrap().into_parts().0;
        let target = head.uri.clone();
        let host = put_in(&mut head, &Place::read(&target).unwrap())?;
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
