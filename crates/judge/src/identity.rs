//! Tells the upstream whose request it is, in header fields that no caller can write.
//!
//! The fields are `X-Claviger-Account`, `-Key-Id`, `-Environment`, `-Scopes`, `-Created-By`, and `-External-Id` where
//! the account has one. `X-Claviger-Observed` is added where something would have been refused that is only observed;
//! where there is no permit it stands alone. A value that isn't visible ASCII is percent-encoded (UTF-8, RFC 3986), and so are spaces and
//! `%` itself: decoding it gives back exactly what was stored, and no two values look alike.

use std::borrow::Cow;

pub use claviger_layer::identity::{reads_like, remove_claimed};
use claviger_model::{IdText, Scopes};
use claviger_verify::Permit;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::Pass;

const ACCOUNT: &str = "x-claviger-account";
const KEY_ID: &str = "x-claviger-key-id";
const ENVIRONMENT: &str = "x-claviger-environment";
const SCOPES: &str = "x-claviger-scopes";
const CREATED_BY: &str = "x-claviger-created-by";
const EXTERNAL_ID: &str = "x-claviger-external-id";

const FIELDS: [HeaderName; 6] = [
    HeaderName::from_static(ACCOUNT),
    HeaderName::from_static(KEY_ID),
    HeaderName::from_static(ENVIRONMENT),
    HeaderName::from_static(SCOPES),
    HeaderName::from_static(CREATED_BY),
    HeaderName::from_static(EXTERNAL_ID),
];

const NOT_PLAIN: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// What would have refused the request, were everything enforced: there only where something is.
const OBSERVED: HeaderName = HeaderName::from_static("x-claviger-observed");

/// Adds what a request that passes proves, after removing what the caller claimed.
pub fn state(headers: &mut HeaderMap, pass: &Pass) {
    remove_claimed(headers);
    if let Some(permit) = pass.permit() {
        for name in FIELDS {
            if let Some(value) = value(&name, permit) {
                headers.insert(name, value);
            }
        }
    }
    state_observed(headers, pass);
}

fn state_observed(headers: &mut HeaderMap, pass: &Pass) {
    if let Some(code) = pass.observed() {
        headers.insert(OBSERVED, HeaderValue::from_static(code));
    }
}

/// Every field, empty: for [`state_in`]. A proxy that copies all of them leaves none as a caller wrote it.
pub fn blank() -> HeaderMap {
    FIELDS.into_iter().map(|name| (name, HeaderValue::from_static(""))).collect()
}

/// Fills in those of the fields that `headers` has already, and adds what is only observed. Each is looked for by going through them, which is cheaper
/// than finding it.
pub fn state_in(headers: &mut HeaderMap, pass: &Pass) {
    if let Some(permit) = pass.permit() {
        for (name, slot) in headers.iter_mut() {
            if let Some(value) = value(name, permit) {
                *slot = value;
            }
        }
    }
    state_observed(headers, pass);
}

/// What a field says, if it is one of these and there is something to say.
fn value(name: &HeaderName, permit: &Permit) -> Option<HeaderValue> {
    match name.as_str() {
        ACCOUNT => Some(id(permit.account().text())),
        KEY_ID => Some(id(permit.key().text())),
        ENVIRONMENT => Some(HeaderValue::from_static(permit.environment().as_str())),
        SCOPES => Some(listed(permit.scopes())),
        CREATED_BY => Some(plain(permit.created_by())),
        EXTERNAL_ID => permit.external_id().map(plain),
        _ => None,
    }
}

fn id(text: IdText) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).expect("ids are letters, digits and an underscore")
}

fn plain(value: &str) -> HeaderValue {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%');
    let value = if is_plain { Cow::Borrowed(value) } else { utf8_percent_encode(value, NOT_PLAIN).into() };
    HeaderValue::from_str(&value).expect("percent-encoding leaves visible ASCII only")
}

/// Scopes are visible ASCII already (RFC 6749 §3.3); the spaces between them stay.
fn listed(scopes: &Scopes) -> HeaderValue {
    match scopes {
        Scopes::All => HeaderValue::from_static("all"),
        Scopes::Listed(_) => {
            HeaderValue::try_from(scopes.to_string()).expect("scopes are visible ASCII, separated by spaces")
        }
    }
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
