//! Tells the upstream whose request it is, in header fields that no caller can write.
//!
//! The fields are `X-Claviger-Account`, `-Key-Id`, `-Environment`, `-Scopes`, `-Created-By`, and `-External-Id` where
//! the account has one. A value that isn't visible ASCII is percent-encoded (UTF-8, RFC 3986), and so are spaces and
//! `%` itself: decoding it gives back exactly what was stored, and no two values look alike.

pub use claviger_layer::identity::{reads_like, remove_claimed};
use claviger_verify::Permit;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

const ACCOUNT: HeaderName = HeaderName::from_static("x-claviger-account");
const EXTERNAL_ID: HeaderName = HeaderName::from_static("x-claviger-external-id");
const KEY_ID: HeaderName = HeaderName::from_static("x-claviger-key-id");
const ENVIRONMENT: HeaderName = HeaderName::from_static("x-claviger-environment");
const SCOPES: HeaderName = HeaderName::from_static("x-claviger-scopes");
const CREATED_BY: HeaderName = HeaderName::from_static("x-claviger-created-by");

const NOT_PLAIN: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Adds what `permit` proves, after removing what the caller claimed.
pub fn state(headers: &mut HeaderMap, permit: &Permit) {
    remove_claimed(headers);
    headers.insert(ACCOUNT, plain(&permit.account().to_string()));
    headers.insert(KEY_ID, plain(&permit.key().to_string()));
    headers.insert(ENVIRONMENT, HeaderValue::from_static(permit.environment().as_str()));
    headers.insert(SCOPES, listed(&permit.scopes().to_string()));
    headers.insert(CREATED_BY, plain(permit.created_by()));
    if let Some(external_id) = permit.external_id() {
        headers.insert(EXTERNAL_ID, plain(external_id));
    }
}

/// The same with every field, empty where there is nothing to tell: a proxy that copies what it was told then leaves no
/// field as a caller wrote it.
pub fn state_all(headers: &mut HeaderMap, permit: &Permit) {
    state(headers, permit);
    headers.entry(EXTERNAL_ID).or_insert(HeaderValue::from_static(""));
}

fn plain(value: &str) -> HeaderValue {
    let encoded = utf8_percent_encode(value, NOT_PLAIN).to_string();
    HeaderValue::try_from(encoded).expect("percent-encoding leaves visible ASCII only")
}

/// Scopes are visible ASCII already (RFC 6749 §3.3); the spaces between them stay.
fn listed(scopes: &str) -> HeaderValue {
    HeaderValue::try_from(scopes).expect("scopes are visible ASCII, separated by spaces")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_stated_value_decodes_to_what_was_stored(value: String) {
            let field = plain(&value);
            prop_assert!(field.as_bytes().iter().all(u8::is_ascii_graphic));
            let decoded = percent_encoding::percent_decode(field.as_bytes()).collect::<Vec<_>>();
            prop_assert_eq!(decoded, value.into_bytes());
        }
    }

    #[test]
    fn plain_values_stay_as_they_are() {
        assert_eq!(plain("cus_42/a,b"), "cus_42/a,b");
        assert_eq!(plain("50% off"), "50%25%20off");
    }
}
