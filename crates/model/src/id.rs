//! Typed identifiers: UUIDv7 (RFC 9562) written as a prefix and 26 characters of base 32, or as a plain UUID.

use std::{fmt, ops::Deref, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{Entropy, Timestamp};

/// Why a text is not an identifier of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an id of this kind")]
pub struct IdError;

/// Crockford's base 32 in lower case, as the TypeID specification uses it.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED: usize = 26;
/// The longest prefix, and the digits.
const LONGEST: usize = 5 + ENCODED;

fn encode(value: u128) -> [u8; ENCODED] {
    let mut text = [0; ENCODED];
    let mut rest = value;
    // Twelve digits at a time are 60 bits, which a machine word holds.
    for digits in text.rchunks_mut(12) {
        let mut low = u64::try_from(rest & u128::from(u64::MAX)).expect("a word was cut out");
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[usize::try_from(low & 31).expect("five bits fit")];
            low >>= 5;
        }
        rest >>= 60;
    }
    text
}

/// Only the canonical form is read: lower case, no look-alikes, no overflow. Two spellings would be two ids.
fn decode(text: &[u8]) -> Option<u128> {
    if text.len() != ENCODED || text[0] > b'7' {
        return None;
    }
    text.iter().try_fold(0u128, |value, byte| {
        let digit = ALPHABET.iter().position(|letter| letter == byte)?;
        Some((value << 5) | digit as u128)
    })
}

/// A UUIDv7: 48 bits of milliseconds, 74 random bits.
fn mint(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// The text of an id, in place.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; LONGEST],
    len: usize,
}

impl IdText {
    fn new(prefix: &str, digits: [u8; ENCODED]) -> Self {
        let len = prefix.len() + ENCODED;
        let mut bytes = [0; LONGEST];
        bytes[..prefix.len()].copy_from_slice(prefix.as_bytes());
        bytes[prefix.len()..len].copy_from_slice(&digits);
        Self { bytes, len }
    }

    /// Its letters, digits and underscore.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("prefixes and the alphabet are ASCII")
    }
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id: ordered by `now`, unique by `entropy`.
            pub fn mint(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(mint(now, entropy))
            }

            /// The id with these sixteen bytes, as a database holds them.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The sixteen bytes of this id.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            /// The id as it is printed.
            pub fn text(self) -> IdText {
                IdText::new($prefix, encode(self.0.as_u128()))
            }

            /// The id as a plain hyphenated lower-case UUID, for contracts that show one.
            pub fn to_uuid_text(self) -> String {
                self.0.hyphenated().to_string()
            }

            /// Reads the hyphenated lower-case form, and no other spelling.
            pub fn from_uuid_text(text: &str) -> Result<Self, IdError> {
                let uuid = Uuid::try_parse(text).or(Err(IdError))?;
                if uuid.hyphenated().to_string() == text { Ok(Self(uuid)) } else { Err(IdError) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let encoded = text.strip_prefix($prefix).ok_or(IdError)?;
                decode(encoded.as_bytes()).map(|value| Self(Uuid::from_u128(value))).ok_or(IdError)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

typed_id!(
    /// A customer of an api.
    AccountId, "acc_"
);
typed_id!(
    /// A key: stays the same when its secret is rotated.
    KeyId, "key_"
);
typed_id!(
    /// An operator key.
    OperatorId, "op_"
);
typed_id!(
    /// A person who signs in for an account.
    MemberId, "mem_"
);
typed_id!(
    /// A member's session: one signed-in browser.
    SessionId, "ses_"
);
typed_id!(
    /// A one-time link.
    LinkId, "lnk_"
);
typed_id!(
    /// An application that asks for access by OAuth 2.0: its `client_id`.
    ClientId, "app_"
);
typed_id!(
    /// An audit event.
    EventId, "evt_"
);
typed_id!(
    /// One installation of Claviger: a fact of its database.
    InstallationId, "ins_"
);
typed_id!(
    /// One run of a node, from its start or its return to its end or its exclusion.
    NodeId, "node_"
);
typed_id!(
    /// One request, echoed as `X-Request-Id`.
    RequestId, "req_"
);

impl RequestId {
    /// The id as 32 lower-case hexadecimal digits, for contracts that call it a correlation id.
    pub fn to_hex(self) -> String {
        self.0.simple().to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_reads_back_what_it_prints(bytes: [u8; 16]) {
            let id = KeyId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<KeyId>(), Ok(id));
            prop_assert_eq!(KeyId::from_uuid_text(&id.to_uuid_text()), Ok(id));
        }

        #[test]
        fn no_text_is_read_as_an_id_it_does_not_print_as(text in "key_[0-9a-zA-Z]{26}") {
            if let Ok(id) = text.parse::<KeyId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn an_id_of_another_kind_or_spelling_is_refused() {
        let key = KeyId::from_bytes([7; 16]);
        let text = key.to_string();
        assert!(text.parse::<AccountId>().is_err());
        for wrong in [
            text.to_uppercase(),
            text.replace("key_", ""),
            format!("{text}0"),
            format!(" {text}"),
            key.to_uuid_text(),
            "key_../../x".into(),
            "key_zzzzzzzzzzzzzzzzzzzzzzzzzz".into(),
            String::new(),
        ] {
            assert_eq!(wrong.parse::<KeyId>(), Err(IdError), "{wrong}");
        }
        assert!(KeyId::from_uuid_text(&key.to_uuid_text().replace('-', "")).is_err());
        assert!(KeyId::from_uuid_text("0707070A-0707-0707-0707-070707070707").is_err());
    }
}
