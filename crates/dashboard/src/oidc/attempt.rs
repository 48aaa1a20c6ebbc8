//! A sign-in that a browser has begun: its cookie, and what is derived from it for the provider.
//!
//! The server remembers nothing: who brings the cookie back is the browser that began.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_model::Timestamp;
use sha2::{Digest as _, Sha256};

/// How long somebody may take at the provider.
pub(super) const PATIENCE: Duration = Duration::from_mins(10);

/// A sign-in that was begun. It has no honest `Debug`: everything that protects it is derived from it.
pub(super) struct Attempt {
    api: String,
    issued_at: Timestamp,
    random: String,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("api", &self.api).finish_non_exhaustive()
    }
}

impl Attempt {
    /// A new one; `random` is a text that no attempt had before.
    pub(super) fn begin(api: &str, now: Timestamp, random: String) -> Self {
        Self { api: api.to_owned(), issued_at: now, random }
    }

    /// The one in a cookie, unless it is none or took too long.
    pub(super) fn read(cookie: &str, now: Timestamp) -> Option<Self> {
        let mut parts = cookie.split('.');
        let (api, issued_at, random) = (parts.next()?, parts.next()?, parts.next()?);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let is_ours = parts.next().is_none() && random.len() == 22 && random.bytes().all(plain);
        let digits = issued_at.bytes().all(|b| b.is_ascii_digit());
        let issued_at = issued_at.parse().ok().filter(|_| is_ours && digits).map(Timestamp::from_millis)?;
        let is_fresh = issued_at <= now && now < issued_at.plus(PATIENCE);
        is_fresh.then(|| Self { api: api.to_owned(), issued_at, random: random.to_owned() })
    }

    /// The api that is signed in to.
    pub(super) fn api(&self) -> &str {
        &self.api
    }

    /// What the browser keeps.
    pub(super) fn cookie(&self) -> String {
        format!("{}.{}.{}", self.api, self.issued_at.as_millis(), self.random)
    }

    /// What the provider sends back with the browser (RFC 6749 §4.1.1).
    pub(super) fn state(&self) -> String {
        self.derived("state")
    }

    /// Whether it is what the provider sent back. Digests are compared, so that the time it takes tells nothing.
    pub(super) fn has_state(&self, sent: &str) -> bool {
        Sha256::digest(self.state()) == Sha256::digest(sent)
    }

    /// What the provider writes into the ID token (OpenID Connect Core §3.1.2.1).
    pub(super) fn nonce(&self) -> String {
        self.derived("nonce")
    }

    /// What only the one who began knows, until the code is exchanged (RFC 7636 §4.1).
    pub(super) fn verifier(&self) -> String {
        self.derived("verifier")
    }

    /// The digest of it that the provider is told at the beginning (RFC 7636 §4.2, `S256`).
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }

    /// 43 characters that tell nothing of the cookie, nor of each other.
    fn derived(&self, label: &str) -> String {
        let hash = Sha256::new()
            .chain_update(b"claviger oidc v1\0")
            .chain_update(label)
            .chain_update(b"\0")
            .chain_update(self.cookie());
        URL_SAFE_NO_PAD.encode(hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "abcdefghijklmnopqrstuv";
    const NOW: Timestamp = Timestamp::from_millis(1_772_546_700_000);

    #[test]
    fn an_attempt_is_read_as_it_was_begun() {
        let begun = Attempt::begin("cat-facts", NOW, RANDOM.to_owned());
        let read = Attempt::read(&begun.cookie(), NOW.plus(Duration::from_millis(599_999))).unwrap();
        assert_eq!(read.api(), "cat-facts");
        assert!(read.has_state(&begun.state()));
        let derived = [read.state(), read.nonce(), read.verifier(), read.challenge()];
        for (place, one) in derived.iter().enumerate() {
            assert_eq!(one.len(), 43);
            assert!(!derived[..place].contains(one), "each is its own");
        }
    }

    #[test]
    fn what_is_no_fresh_attempt_is_none() {
        let at = NOW.as_millis();
        for cookie in [
            String::new(),
            "a".to_owned(),
            format!("a.{at}"),
            format!("a.{at}.short"),
            format!("a.{at}.{RANDOM}.x"),
            format!("a.+{at}.{RANDOM}"),
            format!("a..{RANDOM}"),
            format!("a.{at}.abcdefghijklmnopqrst;="),
            format!("a.{}.{RANDOM}", at + 1),
            format!("a.{}.{RANDOM}", at - 600_000),
            format!("a.99999999999999999999.{RANDOM}"),
        ] {
            assert!(Attempt::read(&cookie, NOW).is_none(), "{cookie}");
        }
    }

    #[test]
    fn another_state_is_not_this_one() {
        let begun = Attempt::begin("a", NOW, RANDOM.to_owned());
        let other = Attempt::begin("b", NOW, RANDOM.to_owned());
        assert!(!begun.has_state(&other.state()));
        assert!(!begun.has_state(""));
    }
}
