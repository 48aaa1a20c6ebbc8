//! Finds the one credential of a request, byte for byte as it was sent.
//!
//! It deliberately repairs nothing: no trimming, no second guess at an encoding, no choice between two
//! credentials. What a key looks like is for those to say who decide.

use std::{fmt, mem, ops::Deref, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, HeaderName},
};
use zeroize::Zeroizing;

/// Longest base 64 text that is decoded; the longest key of 255 characters takes 344.
const MAX_ENCODED: usize = 512;

/// One way for a key to travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer KEY` (RFC 6750 §2.1).
    Bearer,
    /// `Authorization: Basic BASE64(KEY)`: the bare key, a trailing colon allowed.
    Basic,
    /// `Authorization: SCHEME KEY`, by a scheme of the api's own such as `Api-Key`.
    Scheme(Arc<str>),
    /// A header field of its own.
    Header(HeaderName),
}

/// Why no credential was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCredential {
    /// There is nothing that could be a key.
    #[error("no credential was presented")]
    Missing,
    /// Two fields could each hold one.
    #[error("two credentials were presented")]
    Two,
    /// What is in `Basic` is longer than any key.
    #[error("the credential is too long")]
    Length,
    /// What is in `Basic` is not the base 64 of a bare key.
    #[error("the credential is not the base 64 of a bare key")]
    Encoding,
    /// What is in `Basic` holds no key.
    #[error("the credential is empty")]
    Empty,
}

/// What was presented: the bytes of the would-be key.
///
/// A copy made to decode it is wiped when dropped; the `Debug` says nothing.
pub struct Credential<'a>(Held<'a>);

enum Held<'a> {
    AsSent(&'a [u8]),
    Decoded(Zeroizing<Vec<u8>>),
}

impl Deref for Credential<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::AsSent(bytes) => bytes,
            Held::Decoded(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// Finds the credential where `carriers` say one travels.
///
/// No field, an empty one, a scheme without a token and another scheme than those of `carriers` are
/// [`NoCredential::Missing`]: there is nothing that could be a key. Two fields that could each hold one are refused,
/// whatever they hold.
pub fn find(
    headers: &HeaderMap,
    carriers: impl Iterator<Item = Carrier>,
) -> Result<Credential<'_>, NoCredential> {
    // A request has one `Authorization` field at most (RFC 9110 §11.6.2), also where keys travel elsewhere.
    let authorization = only(headers, &AUTHORIZATION)?;
    let (mut schemes, mut own) = (Schemes::default(), None);
    for carrier in carriers {
        match carrier {
            Carrier::Bearer => schemes.bearer = true,
            Carrier::Basic => schemes.basic = true,
            Carrier::Scheme(name) => schemes.own.push(name),
            Carrier::Header(name) => {
                let Some(value) = only(headers, &name)? else { continue };
                if own.replace(from_own_header(value)).is_some() {
                    return Err(NoCredential::Two);
                }
            }
        }
    }
    let authorization = authorization.filter(|_| schemes.are_any());
    match (authorization.map(|value| from_authorization(value, &schemes)), own) {
        (Some(_), Some(_)) => Err(NoCredential::Two),
        (Some(found), None) | (None, Some(found)) => found,
        (None, None) => Err(NoCredential::Missing),
    }
}

/// Removes every field that [`find`] looks at, so that the key goes no further.
pub fn withdraw(headers: &mut HeaderMap, carriers: impl Iterator<Item = Carrier>) {
    for name in fields(carriers) {
        headers.remove(name);
    }
}

/// The names of the fields that [`find`] looks at for a key, each once.
pub fn fields(carriers: impl Iterator<Item = Carrier>) -> impl Iterator<Item = HeaderName> {
    let mut schemes = false;
    carriers.filter_map(move |carrier| match carrier {
        Carrier::Bearer | Carrier::Basic | Carrier::Scheme(_) => {
            (!mem::replace(&mut schemes, true)).then_some(AUTHORIZATION)
        }
        Carrier::Header(name) => Some(name),
    })
}

/// The schemes that are taken in `Authorization`.
#[derive(Default)]
struct Schemes {
    bearer: bool,
    basic: bool,
    own: Vec<Arc<str>>,
}

impl Schemes {
    fn are_any(&self) -> bool {
        self.bearer || self.basic || !self.own.is_empty()
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, NoCredential> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(NoCredential::Two) } else { Ok(first) }
}

fn from_own_header(value: &HeaderValue) -> Result<Credential<'_>, NoCredential> {
    match value.as_bytes() {
        [] => Err(NoCredential::Missing),
        bytes => Ok(Credential(Held::AsSent(bytes))),
    }
}

/// `credentials = auth-scheme 1*SP token68` (RFC 9110 §11.4): a tab is no space, and what follows the spaces is
/// the token to the last byte.
fn from_authorization<'a>(value: &'a HeaderValue, schemes: &Schemes) -> Result<Credential<'a>, NoCredential> {
    let bytes = value.as_bytes();
    let end_of_scheme = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
    let (scheme, rest) = bytes.split_at(end_of_scheme);
    let start_of_token = rest.iter().position(|byte| *byte != b' ').ok_or(NoCredential::Missing)?;
    let token = &rest[start_of_token..];
    let is_own = |own: &Arc<str>| scheme.eq_ignore_ascii_case(own.as_bytes());
    if (schemes.bearer && scheme.eq_ignore_ascii_case(b"bearer")) || schemes.own.iter().any(is_own) {
        Ok(Credential(Held::AsSent(token)))
    } else if schemes.basic && scheme.eq_ignore_ascii_case(b"basic") {
        bare_key(token)
    } else {
        Err(NoCredential::Missing)
    }
}

/// The key inside `BASE64(KEY)` or `BASE64(KEY:)`, as `curl -u KEY:` sends it. Base 64 is read in its canonical
/// form only (padding in place, no stray bits): two spellings of one key would be two credentials.
fn bare_key(token: &[u8]) -> Result<Credential<'static>, NoCredential> {
    if token.len() > MAX_ENCODED {
        return Err(NoCredential::Length);
    }
    let mut bytes = Zeroizing::new(vec![0; MAX_ENCODED]);
    let length = STANDARD.decode_slice(token, &mut bytes).or(Err(NoCredential::Encoding))?;
    bytes.truncate(length);
    if bytes.last() == Some(&b':') {
        bytes.pop();
    }
    if bytes.contains(&b':') {
        return Err(NoCredential::Encoding);
    }
    if bytes.is_empty() { Err(NoCredential::Empty) } else { Ok(Credential(Held::Decoded(bytes))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &[u8])]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &[u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
        };
        fields.iter().map(field).collect()
    }

    fn found(fields: &[(&'static str, &[u8])], carriers: &[Carrier]) -> Result<Vec<u8>, NoCredential> {
        find(&headers(fields), carriers.iter().cloned()).map(|credential| credential.to_vec())
    }

    fn bearer(value: &[u8]) -> Result<Vec<u8>, NoCredential> {
        found(&[("authorization", value)], &[Carrier::Bearer])
    }

    fn basic(value: &str) -> Result<Vec<u8>, NoCredential> {
        found(&[("authorization", value.as_bytes())], &[Carrier::Basic])
    }

    #[test]
    fn a_bearer_token_is_taken_to_the_last_byte() {
        for (value, token) in [
            (&b"Bearer KEY"[..], &b"KEY"[..]),
            (b"bearer KEY", b"KEY"),
            (b"bEaReR KEY", b"KEY"),
            (b"Bearer   KEY", b"KEY"),
            (b"Bearer KEY ", b"KEY "),
            (b"Bearer \tKEY", b"\tKEY"),
            (b"Bearer K EY", b"K EY"),
            (b"Bearer \xc2\xa0KEY", b"\xc2\xa0KEY"),
            (b"Bearer KEY, Bearer OTHER", b"KEY, Bearer OTHER"),
        ] {
            assert_eq!(bearer(value).as_deref(), Ok(token), "{value:?}");
        }
    }

    #[test]
    fn a_scheme_of_the_apis_own_is_read_as_bearer_is() {
        let carriers = [Carrier::Scheme("Api-Key".into()), Carrier::Bearer];
        for (value, expected) in [
            (&b"Api-Key KEY"[..], Ok(&b"KEY"[..])),
            (b"aPI-kEY  KEY ", Ok(b"KEY ")),
            (b"Bearer KEY", Ok(b"KEY")),
            (b"Api-Key", Err(NoCredential::Missing)),
            (b"Api-KeyKEY", Err(NoCredential::Missing)),
            (b"ApiKey KEY", Err(NoCredential::Missing)),
            (b"Basic S0VZ", Err(NoCredential::Missing)),
        ] {
            let found = found(&[("authorization", value)], &carriers);
            assert_eq!(found.as_deref(), expected.as_deref(), "{value:?}");
        }
        let both = [Carrier::Scheme("Api-Key".into()), Carrier::Header(HeaderName::from_static("x-api-key"))];
        let two = found(&[("authorization", b"Api-Key A"), ("x-api-key", b"A")], &both);
        assert_eq!(two, Err(NoCredential::Two));
        assert_eq!(fields(carriers.into_iter()).collect::<Vec<_>>(), [AUTHORIZATION]);
    }

    #[test]
    fn without_something_that_could_be_a_key_it_is_missing() {
        for value in [
            &b""[..],
            b"Bearer",
            b"Bearer ",
            b"Bearer   ",
            b"Basic S0VZ",
            b"Token KEY",
            b"KEY",
            b" KEY",
            b"Bearer\tKEY",
            b"BearerKEY",
            b"Bearer:KEY",
            b"Bearer,KEY",
        ] {
            assert_eq!(bearer(value), Err(NoCredential::Missing), "{value:?}");
        }
        assert_eq!(found(&[], &[Carrier::Bearer]), Err(NoCredential::Missing));
        assert_eq!(
            found(&[("proxy-authorization", b"Bearer KEY")], &[Carrier::Bearer]),
            Err(NoCredential::Missing)
        );
    }

    #[test]
    fn basic_holds_the_bare_key_with_at_most_one_trailing_colon() {
        for value in ["Basic S0VZ", "basic S0VZ", "BASIC   S0VZ", "Basic S0VZOg=="] {
            assert_eq!(basic(value).as_deref(), Ok(&b"KEY"[..]), "{value}");
        }
        for (value, fault) in [
            ("Basic KEY-", NoCredential::Encoding),
            ("Basic OktFWQ==", NoCredential::Encoding),     // :KEY
            ("Basic dXNlcjpLRVk=", NoCredential::Encoding), // user:KEY
            ("Basic S0VZOmE=", NoCredential::Encoding),     // KEY:a
            ("Basic S0VZOjo=", NoCredential::Encoding),     // KEY::
            ("Basic S0VZOg", NoCredential::Encoding),       // no padding
            ("Basic S0VZOh==", NoCredential::Encoding),     // stray bits
            ("Basic S0VZ S0VZ", NoCredential::Encoding),
            ("Basic S0VZ=", NoCredential::Encoding),
            ("Basic Og==", NoCredential::Empty),
        ] {
            assert_eq!(basic(value), Err(fault), "{value}");
        }
        let long = format!("Basic {}", "A".repeat(MAX_ENCODED + 4));
        assert_eq!(basic(&long), Err(NoCredential::Length));
        assert_eq!(basic("Basic "), Err(NoCredential::Missing));
        assert_eq!(basic("Bearer S0VZ"), Err(NoCredential::Missing));
    }

    #[test]
    fn two_credentials_are_ambiguous_whatever_they_hold() {
        let own = Carrier::Header(HeaderName::from_static("x-api-key"));
        let both = [Carrier::Bearer, own.clone()];
        let ambiguous = Err(NoCredential::Two);
        let twice = [("authorization", &b"Bearer A"[..]), ("authorization", b"Bearer A")];
        assert_eq!(found(&twice, &[Carrier::Bearer]), ambiguous);
        assert_eq!(found(&twice, std::slice::from_ref(&own)), ambiguous);
        assert_eq!(found(&[("x-api-key", b"A"), ("x-api-key", b"B")], std::slice::from_ref(&own)), ambiguous);
        assert_eq!(found(&[("authorization", b"Bearer A"), ("x-api-key", b"A")], &both), ambiguous);
        assert_eq!(found(&[("authorization", b""), ("x-api-key", b"A")], &both), ambiguous);
    }

    #[test]
    fn a_header_of_its_own_holds_the_whole_key() {
        let own = [Carrier::Header(HeaderName::from_static("x-api-key"))];
        assert_eq!(found(&[("x-api-key", b"KEY")], &own).as_deref(), Ok(&b"KEY"[..]));
        assert_eq!(
            found(&[("authorization", b"Bearer A"), ("x-api-key", b"KEY")], &own).as_deref(),
            Ok(&b"KEY"[..])
        );
        assert_eq!(found(&[("x-api-key", b"")], &own), Err(NoCredential::Missing));
        assert_eq!(found(&[("x_api_key", b"KEY")], &own), Err(NoCredential::Missing));
        assert_eq!(found(&[("authorization", b"Bearer KEY")], &own), Err(NoCredential::Missing));
    }

    #[test]
    fn withdrawing_leaves_nothing_that_would_be_found() {
        let carriers = [Carrier::Basic, Carrier::Header(HeaderName::from_static("x-api-key"))];
        let mut fields = headers(&[
            ("authorization", b"Basic S0VZ"),
            ("x-api-key", b"A"),
            ("x-api-key", b"B"),
            ("a", b"b"),
        ]);
        withdraw(&mut fields, carriers.into_iter());
        assert_eq!(fields, headers(&[("a", b"b")]));
    }

    #[test]
    fn a_credential_says_nothing_about_itself() {
        let fields = headers(&[("authorization", b"Bearer KEY")]);
        let credential = find(&fields, [Carrier::Bearer].into_iter()).unwrap();
        assert_eq!(format!("{credential:?}"), "Credential(…)");
    }
}
