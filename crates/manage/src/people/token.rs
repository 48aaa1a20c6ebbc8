//! The secrets of browsers and links: 256 random bits, of which the database has the digest only.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use claviger_model::{Digest, Entropy};
use zeroize::Zeroizing;

/// Characters of a token: 32 bytes in base64url without padding.
const LENGTH: usize = 43;

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            pub(super) fn mint(entropy: &dyn Entropy) -> Self {
                let mut bytes = Zeroizing::new([0; 32]);
                entropy.fill(&mut *bytes);
                Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
            }

            /// Reads what a browser sent; `None` where it can't be one.
            pub fn read(text: &str) -> Option<Self> {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                (text.len() == LENGTH && text.bytes().all(plain)).then(|| Self(Zeroizing::new(text.to_owned())))
            }

            /// The token itself, for the one cookie or link that carries it.
            pub fn expose(&self) -> &str {
                &self.0
            }

            pub(super) fn digest(&self) -> Digest {
                Digest::of(self.0.as_bytes())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

token!(
    /// What a signed-in browser holds. It has no honest `Debug`, and its memory is wiped when dropped.
    SessionToken
);
token!(
    /// The secret part of a one-time link. It has no honest `Debug`, and its memory is wiped when dropped.
    OneTimeToken
);

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn a_token_reads_back_what_it_exposes_and_prints_nothing() {
        let token = SessionToken::mint(&Sevens);
        let read = SessionToken::read(token.expose()).unwrap();
        assert_eq!(read.digest(), token.digest());
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
    }

    #[test]
    fn what_can_not_be_a_token_is_not_looked_up() {
        for text in ["", "short", &"a".repeat(42), &"a".repeat(44), &"=".repeat(43), &"é".repeat(43)] {
            assert!(OneTimeToken::read(text).is_none(), "{text}");
        }
    }
}
