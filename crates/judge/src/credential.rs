//! Finds the one credential of a request where the profile says one travels.
//!
//! How it is read is [`claviger_layer::credential`]'s: services that ask a node read the same.

use std::sync::Arc;

pub use claviger_layer::credential::Credential;
use claviger_layer::{Carrier, credential::NoCredential};
use claviger_model::{
    Denial, Malformation, Misfit,
    profile::{self, CredentialRules},
};
use http::{HeaderMap, HeaderName};

/// Finds the credential where `rules` say one travels.
///
/// No field, an empty one, a scheme without a token and another scheme than the api's are [`Denial::Missing`]:
/// there is nothing that could be a key. Two fields that could each hold one are refused, whatever they hold.
pub fn find<'a>(headers: &'a HeaderMap, rules: &CredentialRules) -> Result<Credential<'a>, Denial> {
    claviger_layer::credential::find(headers, carriers(rules)).map_err(objection)
}

/// Removes every field that [`find`] looks at, so that the key goes no further.
pub fn withdraw(headers: &mut HeaderMap, rules: &CredentialRules) {
    claviger_layer::credential::withdraw(headers, carriers(rules));
}

/// The names of the fields that [`find`] looks at for a key.
pub fn fields(rules: &CredentialRules) -> impl Iterator<Item = HeaderName> {
    claviger_layer::credential::fields(carriers(rules))
}

fn carriers(rules: &CredentialRules) -> impl Iterator<Item = Carrier> {
    rules.carriers.iter().filter_map(|carrier| match carrier {
        profile::Carrier::Bearer => Some(Carrier::Bearer),
        profile::Carrier::Basic => Some(Carrier::Basic),
        profile::Carrier::Scheme(name) => Some(Carrier::Scheme(Arc::clone(name))),
        profile::Carrier::Header(name) => HeaderName::from_bytes(name.as_bytes()).ok().map(Carrier::Header),
    })
}

fn objection(none: NoCredential) -> Denial {
    match none {
        NoCredential::Missing => Denial::Missing,
        NoCredential::Two => Denial::Ambiguous(Misfit::TwoCredentials),
        NoCredential::Length => Denial::Malformed(Malformation::Length),
        NoCredential::Encoding => Denial::Malformed(Malformation::Encoding),
        NoCredential::Empty => Denial::Malformed(Malformation::Empty),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn found(fields: &[(&'static str, &'static str)]) -> Result<Vec<u8>, Denial> {
        let carriers = vec![
            profile::Carrier::Bearer,
            profile::Carrier::Basic,
            profile::Carrier::Header("x-api-key".into()),
        ];
        let rules = CredentialRules { carriers, realm: String::new(), forward: false };
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut headers = fields.iter().map(field).collect();
        let found = find(&headers, &rules).map(|credential| credential.to_vec());
        withdraw(&mut headers, &rules);
        assert!(headers.is_empty());
        found
    }

    #[test]
    fn a_credential_is_found_where_the_profile_says_and_objected_to_as_it_is_read() {
        let malformed = |how| Err(Denial::Malformed(how));
        let long = "Basic AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".repeat(12);
        let long: &'static str = Box::leak(long.into_boxed_str());
        for (fields, expected) in [
            (&[("authorization", "Bearer KEY")][..], Ok(b"KEY".to_vec())),
            (&[("authorization", "Basic S0VZ")], Ok(b"KEY".to_vec())),
            (&[("x-api-key", "KEY")], Ok(b"KEY".to_vec())),
            (&[], Err(Denial::Missing)),
            (
                &[("authorization", "Bearer A"), ("x-api-key", "A")],
                Err(Denial::Ambiguous(Misfit::TwoCredentials)),
            ),
            (&[("authorization", "Basic ?")], malformed(Malformation::Encoding)),
            (&[("authorization", "Basic Og==")], malformed(Malformation::Empty)),
            (&[("authorization", long)], malformed(Malformation::Length)),
        ] {
            assert_eq!(found(fields), expected, "{fields:?}");
        }
    }
}
