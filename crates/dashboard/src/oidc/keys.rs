//! The keys by which a provider signs (RFC 7517), and whether one of them signed this.

use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::Value;

/// Most keys that are looked at in a set.
const MAX: usize = 100;

/// A provider's set of keys; those we can't use are left out.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    kind: Kind,
    algorithm: Option<String>,
    public: DecodingKey,
}

/// What a key is of; one of another kind never verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// How a token says that it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signing {
    name: &'static str,
    algorithm: Algorithm,
    kind: Kind,
}

/// All ways of signing that count. A shared secret is none, and neither is nothing.
const SIGNINGS: [Signing; 6] = [
    Signing { name: "RS256", algorithm: Algorithm::RS256, kind: Kind::Rsa },
    Signing { name: "PS256", algorithm: Algorithm::PS256, kind: Kind::Rsa },
    Signing { name: "ES256", algorithm: Algorithm::ES256, kind: Kind::P256 },
    Signing { name: "ES384", algorithm: Algorithm::ES384, kind: Kind::P384 },
    Signing { name: "EdDSA", algorithm: Algorithm::EdDSA, kind: Kind::Ed25519 },
    // RFC 9864's name for the same.
    Signing { name: "Ed25519", algorithm: Algorithm::EdDSA, kind: Kind::Ed25519 },
];

impl Signing {
    /// The way that a token's header names.
    pub(super) fn named(name: &str) -> Option<Self> {
        SIGNINGS.into_iter().find(|signing| signing.name == name)
    }
}

/// The document behind `jwks_uri`. Keys are read one by one: a new kind among them doesn't spoil the others.
#[derive(Debug, Deserialize)]
pub(super) struct KeySetDocument {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct KeyDocument {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl From<KeySetDocument> for KeySet {
    fn from(document: KeySetDocument) -> Self {
        let documents =
            document.keys.into_iter().take(MAX).filter_map(|key| serde_json::from_value(key).ok());
        Self(documents.filter_map(Key::read).collect())
    }
}

impl Key {
    fn read(document: KeyDocument) -> Option<Self> {
        let KeyDocument { kty, kid, purpose, alg, crv, n, e, x, y } = document;
        if purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let (kind, key) = match (kty.as_str(), crv.as_deref()) {
            ("RSA", _) => (Kind::Rsa, DecodingKey::from_rsa_components(&n?, &e?)),
            ("EC", Some("P-256")) => (Kind::P256, DecodingKey::from_ec_components(&x?, &y?)),
            ("EC", Some("P-384")) => (Kind::P384, DecodingKey::from_ec_components(&x?, &y?)),
            ("OKP", Some("Ed25519")) => (Kind::Ed25519, DecodingKey::from_ed_components(&x?)),
            _ => return None,
        };
        Some(Self { id: kid, kind, algorithm: alg, public: key.ok()? })
    }

    fn may(&self, signing: Signing, id: Option<&str>) -> bool {
        self.kind == signing.kind
            && self.algorithm.as_deref().is_none_or(|name| name == signing.name)
            && id.is_none_or(|id| self.id.as_deref() == Some(id))
    }
}

impl KeySet {
    /// Whether there is a key that may have signed so: the one of this id, where the token names one.
    pub(super) fn knows(&self, signing: Signing, id: Option<&str>) -> bool {
        self.0.iter().any(|key| key.may(signing, id))
    }

    /// Whether one of these keys made `signature` (base64url) over `message`.
    pub(super) fn signed(&self, signing: Signing, id: Option<&str>, message: &[u8], signature: &str) -> bool {
        self.0.iter().filter(|key| key.may(signing, id)).any(|key| {
            // A signature that can't be read is none.
            crypto::verify(signature, message, &key.public, signing.algorithm).is_ok_and(|holds| holds)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 8037 appendix A: an Ed25519 key, and a signature by it.
    const MESSAGE: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    const SIGNATURE: &str =
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn set(keys: &Value) -> KeySet {
        serde_json::from_value::<KeySetDocument>(json!({"keys": keys})).unwrap().into()
    }

    fn ed25519() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    #[test]
    fn a_signature_holds_for_its_message_and_key_only() {
        let eddsa = Signing::named("EdDSA").unwrap();
        let keys = set(&json!([{"kty": "future"}, 7, ed25519()]));
        assert!(keys.signed(eddsa, Some("a"), MESSAGE.as_bytes(), SIGNATURE));
        assert!(keys.signed(eddsa, None, MESSAGE.as_bytes(), SIGNATURE));
        assert!(!keys.signed(eddsa, Some("b"), MESSAGE.as_bytes(), SIGNATURE));
        assert!(!keys.signed(eddsa, Some("a"), b"another", SIGNATURE));
        assert!(!keys.signed(eddsa, Some("a"), MESSAGE.as_bytes(), "="));
        assert!(!keys.signed(eddsa, Some("a"), MESSAGE.as_bytes(), ""));
        let rs256 = Signing::named("RS256").unwrap();
        assert!(!keys.knows(rs256, Some("a")));
        assert!(!keys.signed(rs256, Some("a"), MESSAGE.as_bytes(), SIGNATURE));
    }

    #[test]
    fn keys_for_something_else_are_left_out() {
        let eddsa = Signing::named("EdDSA").unwrap();
        for (field, value) in
            [("use", "enc"), ("alg", "ES256"), ("crv", "X25519"), ("x", "="), ("kty", "oct")]
        {
            let mut key = ed25519();
            key[field] = json!(value);
            assert!(!set(&json!([key])).knows(eddsa, Some("a")), "{field}");
        }
    }

    #[test]
    fn nothing_but_the_listed_ways_of_signing_counts() {
        for name in ["none", "None", "", "HS256", "HS512", "RS1", "RS384", "rs256", "ES256K"] {
            assert!(Signing::named(name).is_none(), "{name}");
        }
    }
}
