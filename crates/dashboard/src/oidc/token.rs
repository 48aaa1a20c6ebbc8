//! The ID token: whether it says, of this client and this attempt, who somebody is (OpenID Connect Core §3.1.3.7).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_model::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    keys::{KeySet, Signing},
    trouble::Trouble,
};

/// How far the provider's clock may be from ours, in seconds.
const LEEWAY: f64 = 60.0;
/// Longest token in bytes.
const MAX: usize = 32 << 10;
/// Longest name a provider knows somebody by, in characters (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;

/// A token as it came, not yet believed.
pub(super) struct Unverified<'a> {
    pub(super) signing: Signing,
    pub(super) key_id: Option<String>,
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// What a token has to be about.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// What a token says that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) subject: String,
    pub(super) email: EmailClaims,
}

/// What is said of somebody's address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct EmailClaims {
    #[serde(default)]
    email: Option<String>,
    #[serde(default, deserialize_with = "true_only")]
    email_verified: bool,
}

/// Some providers write other things than `true` and `false`; those are not `true`.
fn true_only<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    serde_json::Value::deserialize(value).map(|value| value == serde_json::Value::Bool(true))
}

impl EmailClaims {
    /// Whether an address is named at all.
    pub(super) fn is_absent(&self) -> bool {
        self.email.is_none()
    }

    /// The address, where the provider has verified it.
    pub(super) fn verified(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_verified)
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    #[serde(flatten)]
    email: EmailClaims,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub(super) fn read(token: &'a str) -> Result<Self, Trouble> {
        let broken = Trouble::Untrusted("the ID token is none");
        let apart = token.rsplit_once('.').filter(|_| token.len() <= MAX);
        let Some((message, signature)) = apart else { return Err(broken) };
        let Some((header, payload)) = message.split_once('.') else { return Err(broken) };
        let Some(Header { alg, kid, crit }) = part(header) else { return Err(broken) };
        if crit.is_some() {
            return Err(Trouble::Untrusted("the ID token asks for an extension"));
        }
        let signing = Signing::named(&alg)
            .ok_or(Trouble::Untrusted("the ID token is not signed in a way that counts"))?;
        Ok(Self { signing, key_id: kid, message, payload, signature })
    }

    /// Believes it, if one of `keys` signed it and it is about what was expected.
    pub(super) fn verify(&self, keys: &KeySet, expected: &Expected<'_>) -> Result<Verified, Trouble> {
        if !keys.signed(self.signing, self.key_id.as_deref(), self.message.as_bytes(), self.signature) {
            return Err(Trouble::Untrusted("the ID token's signature is not the provider's"));
        }
        let claims: Claims =
            part(self.payload).ok_or(Trouble::Untrusted("the ID token lacks what it has to say"))?;
        match flaw(&claims, expected) {
            Some(flaw) => Err(Trouble::Untrusted(flaw)),
            None => Ok(Verified { subject: claims.sub, email: claims.email }),
        }
    }
}

/// What is wrong with verified claims, if anything is.
fn flaw(claims: &Claims, expected: &Expected<'_>) -> Option<&'static str> {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of any date fit into 53 bits")]
    let now = expected.now.as_millis() as f64 / 1000.0;
    let audience = claims.aud.as_slice();
    let authorized = claims.azp.as_deref();
    let to_us = audience.iter().any(|one| one == expected.client_id)
        && authorized.is_none_or(|party| party == expected.client_id)
        && (audience.len() == 1 || authorized.is_some());
    let holds = [
        (claims.iss == expected.issuer, "the ID token is another issuer's"),
        (to_us, "the ID token is for another client"),
        (claims.exp + LEEWAY > now, "the ID token has expired"),
        (claims.iat <= now + LEEWAY, "the ID token was issued in the future"),
        (claims.nbf.is_none_or(|from| from <= now + LEEWAY), "the ID token is not valid yet"),
        (claims.nonce.as_deref() == Some(expected.nonce), "the ID token is of another attempt"),
        (!claims.sub.is_empty() && claims.sub.chars().count() <= MAX_SUBJECT, "the ID token names nobody"),
    ];
    holds.into_iter().find(|(holds, _)| !holds).map(|(_, flaw)| flaw)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_772_546_700;

    fn judged(claims: Value) -> Option<&'static str> {
        let Ok(claims) = serde_json::from_value(claims) else { return Some("unreadable") };
        let now = Timestamp::from_millis(NOW * 1000);
        flaw(&claims, &Expected { issuer: "https://op.example", client_id: "us", nonce: "n", now })
    }

    fn claims(field: &str, value: Value) -> Value {
        let mut claims = json!({
            "iss": "https://op.example", "sub": "248", "aud": "us", "exp": NOW + 300, "iat": NOW, "nonce": "n",
        });
        claims[field] = value;
        claims
    }

    #[test]
    fn a_token_about_this_attempt_holds() {
        for (field, value) in [
            ("aud", json!(["us"])),
            ("azp", json!("us")),
            ("exp", json!(NOW - 59)),
            ("exp", json!(1_772_546_701.5)),
            ("iat", json!(NOW + 60)),
            ("nbf", json!(NOW + 60)),
            ("sub", json!("x".repeat(255))),
            ("unknown", json!({"a": [1]})),
        ] {
            assert_eq!(judged(claims(field, value.clone())), None, "{field} {value}");
        }
        let mut several = claims("aud", json!(["them", "us"]));
        several["azp"] = json!("us");
        assert_eq!(judged(several), None);
    }

    #[test]
    fn a_token_about_anything_else_does_not() {
        for (field, value) in [
            ("iss", json!("https://op.example/")),
            ("iss", Value::Null),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("sub", json!("x".repeat(256))),
            ("aud", json!("them")),
            ("aud", json!([])),
            ("aud", json!(["us", "them"])),
            ("azp", json!("them")),
            ("exp", json!(NOW - 60)),
            ("exp", Value::Null),
            ("exp", json!("9999999999")),
            ("iat", json!(NOW + 61)),
            ("iat", Value::Null),
            ("nbf", json!(NOW + 61)),
            ("nonce", json!("m")),
            ("nonce", Value::Null),
        ] {
            assert!(judged(claims(field, value.clone())).is_some(), "{field} {value}");
        }
    }

    #[test]
    fn an_address_counts_where_it_is_verified() {
        let read = |value: Value| serde_json::from_value::<EmailClaims>(value).unwrap();
        let verified = read(json!({"email": "a@b.example", "email_verified": true}));
        assert_eq!(verified.verified(), Some("a@b.example"));
        for word in [json!(false), json!("true"), json!(1), Value::Null] {
            let other = read(json!({"email": "a@b.example", "email_verified": word}));
            assert_eq!(other.verified(), None);
            assert!(!other.is_absent());
        }
        assert!(read(json!({"email_verified": true})).is_absent());
    }

    #[test]
    fn what_is_no_signed_token_is_not_taken_apart() {
        let header = |header: Value| URL_SAFE_NO_PAD.encode(header.to_string());
        for token in [
            String::new(),
            "a.b".to_owned(),
            "a.b.c".to_owned(),
            format!("{}.e30.", header(json!({"alg": "none"}))),
            format!("{}.e30.AAAA", header(json!({"alg": "HS256"}))),
            format!("{}.e30.AAAA", header(json!({"alg": "RS256", "crit": ["b64"]}))),
            format!("{}.{}.AAAA", header(json!({"alg": "RS256"})), "A".repeat(MAX)),
        ] {
            assert!(Unverified::read(&token).is_err(), "{token}");
        }
        assert!(Unverified::read(&format!("{}.e30.AAAA", header(json!({"alg": "RS256"})))).is_ok());
    }
}
