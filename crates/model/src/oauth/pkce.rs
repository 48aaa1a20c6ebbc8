//! Proof Key for Code Exchange (RFC 7636), by S256 alone.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// What the client was to prove when it asked for a code: the SHA-256 of a verifier that it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge([u8; 32]);

/// Why PKCE was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PkceError {
    /// RFC 7636 §4.3: without a method it would be `plain`, which proves nothing.
    #[error("code_challenge_method must be S256")]
    Method,
    /// RFC 7636 §4.2: 43 characters of base64url.
    #[error("code_challenge must be 43 characters of base64url: a SHA-256 digest")]
    Challenge,
    /// RFC 7636 §4.1: 43 to 128 of `A-Z a-z 0-9 - . _ ~`.
    #[error("code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~")]
    Verifier,
}

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method`.
    pub fn read(challenge: &str, method: Option<&str>) -> Result<Self, PkceError> {
        if method != Some("S256") {
            return Err(PkceError::Method);
        }
        let bytes = URL_SAFE_NO_PAD.decode(challenge).or(Err(PkceError::Challenge))?;
        Ok(Self(bytes.try_into().or(Err(PkceError::Challenge))?))
    }

    /// The challenge with these bytes, as a database holds it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `verifier` is the one whose digest this is. How many bytes agree is nobody's to learn from the time it takes:
    /// what is compared is a digest, which no caller can steer.
    pub fn is_proved_by(&self, verifier: &str) -> Result<bool, PkceError> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
            return Err(PkceError::Verifier);
        }
        Ok(Sha256::digest(verifier.as_bytes()).as_slice() == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_rfc_s_example_holds() {
        let challenge = Challenge::read(CHALLENGE, Some("S256")).unwrap();
        assert_eq!(challenge.is_proved_by(VERIFIER), Ok(true));
        assert_eq!(challenge.is_proved_by(&VERIFIER.replace('d', "e")), Ok(false));
        assert_eq!(Challenge::from_bytes(*challenge.as_bytes()), challenge);
    }

    #[test]
    fn other_methods_and_other_forms_are_refused() {
        for method in [None, Some("plain"), Some("s256"), Some("")] {
            assert_eq!(Challenge::read(CHALLENGE, method), Err(PkceError::Method));
        }
        for challenge in [
            "",
            VERIFIER.get(..42).unwrap(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        ] {
            assert_eq!(Challenge::read(challenge, Some("S256")), Err(PkceError::Challenge), "{challenge}");
        }
        let challenge = Challenge::read(CHALLENGE, Some("S256")).unwrap();
        for verifier in
            [String::new(), "a".repeat(42), "a".repeat(129), format!("{VERIFIER} "), format!("{VERIFIER}+")]
        {
            assert_eq!(challenge.is_proved_by(&verifier), Err(PkceError::Verifier), "{verifier}");
        }
        assert_eq!(challenge.is_proved_by(&"a".repeat(128)), Ok(false));
    }
}
