//! Who asks: by `client_secret_basic`, `client_secret_post` or, for public clients, by the id alone (RFC 6749 §2.3).

use std::{borrow::Cow, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_manage::{ClientPermit, Manager, TokenError};
use claviger_model::{RequestId, oauth::Parameters, profile::Profile};
use http::{HeaderMap, header::AUTHORIZATION};

use crate::answer::Wrong;

/// What a client said of itself.
struct Said<'a> {
    id: Cow<'a, str>,
    secret: Option<Cow<'a, str>>,
    by_field: bool,
}

/// The client that asks.
pub(crate) async fn authenticate(
    manager: &Manager,
    profile: &Profile,
    headers: &HeaderMap,
    parameters: &Parameters<'_>,
    from: Option<IpAddr>,
    request: RequestId,
) -> Result<ClientPermit, Wrong> {
    let said = read(headers, parameters)?;
    match manager.authenticate_client(profile, &said.id, said.secret.as_deref(), request).await {
        Ok(client) => Ok(client),
        Err(TokenError::InvalidClient) => {
            Err(Wrong::client(said.by_field).counted(manager.count_wrong_client(&said.id, from)))
        }
        Err(other) => Err(other.into()),
    }
}

fn read<'a>(headers: &HeaderMap, parameters: &'a Parameters<'_>) -> Result<Said<'a>, Wrong> {
    let (id, secret) = (parameters.get("client_id"), parameters.get("client_secret"));
    if parameters.get("client_assertion").is_some() || parameters.get("client_assertion_type").is_some() {
        return Err(Wrong::client(false));
    }
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        let id = id.ok_or_else(|| Wrong::client(false))?;
        return Ok(Said { id: id.into(), secret: secret.map(Into::into), by_field: false });
    };
    // RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
    if fields.next().is_some() || secret.is_some() {
        return Err(Wrong::request("the client authenticates in two ways: one is enough"));
    }
    let said = field.to_str().ok().and_then(basic).ok_or_else(|| Wrong::client(true))?;
    if id.is_some_and(|id| id != said.id) {
        return Err(Wrong::request("client_id is another one than the client authenticates as"));
    }
    Ok(said)
}

/// Both parts are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(field: &str) -> Option<Said<'static>> {
    let (scheme, credentials) = field.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim_start_matches(' ')).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let (id, secret) = (form_decoded(id)?, form_decoded(secret)?);
    let secret = (!secret.is_empty()).then(|| secret.into());
    Some(Said { id: id.into(), secret, by_field: true })
}

fn form_decoded(text: &str) -> Option<String> {
    if text.contains(['&', '=']) {
        return None;
    }
    let name = form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned());
    Some(name.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn field(text: &str) -> HeaderMap {
        let value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(text))).unwrap();
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    }

    fn said(headers: &HeaderMap, form: &str) -> Option<(String, Option<String>, bool)> {
        let parameters = Parameters::read(form.as_bytes()).unwrap();
        let read = read(headers, &parameters).ok()?;
        Some((read.id.into_owned(), read.secret.map(Cow::into_owned), read.by_field))
    }

    #[test]
    fn a_client_says_who_it_is_in_one_way() {
        let is = |id: &str, secret: Option<&str>, by_field| {
            Some((id.to_owned(), secret.map(ToOwned::to_owned), by_field))
        };
        assert_eq!(said(&field("a:b"), ""), is("a", Some("b"), true));
        assert_eq!(said(&field("a%3Ab:c%20d+e%2B"), ""), is("a:b", Some("c d e+"), true));
        assert_eq!(said(&field("a:"), ""), is("a", None, true));
        assert_eq!(said(&field("a:b"), "client_id=a"), is("a", Some("b"), true));
        let none = HeaderMap::new();
        assert_eq!(said(&none, "client_id=a&client_secret=b"), is("a", Some("b"), false));
        assert_eq!(said(&none, "client_id=a"), is("a", None, false));
        for (headers, form) in [
            (field("a:b"), "client_secret=b"),
            (field("a:b"), "client_id=b"),
            (field("no colon"), ""),
            (field("a:b&c=d"), ""),
            (HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer x"))]), ""),
            (none.clone(), ""),
            (none.clone(), "client_id="),
            (none, "client_id=a&client_assertion=x"),
        ] {
            assert_eq!(said(&headers, form), None, "{headers:?} {form}");
        }
    }
}
