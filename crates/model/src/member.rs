//! Members: people who sign in for an account, and what each role may do.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest e-mail address in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAX_EMAIL: usize = 254;

/// An e-mail address, trimmed and in lower case: two spellings of one address are one member. Before the `@` it is
/// ASCII.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(Box<str>);

/// Why a text is not an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as ada@example.com")]
pub struct EmailError;

impl Email {
    /// The address as it is stored and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = EmailError;

    /// Whether mail arrives there is for mail to say; here it is only made sure that it is one address.
    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim().to_ascii_lowercase();
        let odd = |c: char| c.is_whitespace() || c.is_control() || "<>()[]\\,;:\"".contains(c);
        let (local, domain) = text.split_once('@').ok_or(EmailError)?;
        let whole = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
        let domain_stands = !domain.starts_with(['.', '-']) && !domain.ends_with(['.', '-']);
        // Elsewhere a letter beyond ASCII may be folded to one within, such as U+212A to k: another person's address.
        let is_one = local.is_ascii() && domain.to_lowercase() == domain;
        if whole && domain_stands && is_one && text.len() <= MAX_EMAIL && !text.contains(odd) {
            Ok(Self(text.into()))
        } else {
            Err(EmailError)
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a member is to their account. What each role may do is the profile's to say; an administrator may all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May everything, and says who else is a member.
    Administrator,
    /// Works with keys.
    Developer,
    /// Looks, where the profile lets them.
    Viewer,
}

impl Role {
    /// Every role there is, the strongest first.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Developer, Self::Viewer];

    /// Whether it is further down than `other`.
    pub const fn is_below(self, other: Self) -> bool {
        self as u8 > other as u8
    }

    /// The role as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Developer => "developer",
            Self::Viewer => "viewer",
        }
    }
}

/// Why a text is not a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be administrator, developer or viewer")]
pub struct RoleError;

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(RoleError)
    }
}

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RoleSet(u8);

impl RoleSet {
    /// Every role.
    pub const ALL: Self = Self(0b111);

    /// Whether `role` is among them.
    pub const fn include(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().fold(0, |set, role| set | (1 << role as u8)))
    }
}

impl fmt::Debug for RoleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Role::ALL.into_iter().filter(|role| self.include(*role))).finish()
    }
}

/// One thing a member may do within their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberAbility {
    /// See the keys and their usage; never a secret.
    Read,
    /// Create, change, rotate and revoke keys, and see a new key's secret once.
    Manage,
    /// See the secret of a sealed key again.
    Reveal,
    /// See the audit trail.
    Audit,
    /// See, invite, change and remove members, and end their sessions.
    Members,
}

impl MemberAbility {
    /// Every ability there is.
    pub const ALL: [Self; 5] = [Self::Read, Self::Manage, Self::Reveal, Self::Audit, Self::Members];

    /// The ability as a profile writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Manage => "manage",
            Self::Reveal => "reveal",
            Self::Audit => "audit",
            Self::Members => "members",
        }
    }
}

/// A set of member abilities; may be empty.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MemberAbilities(u8);

impl MemberAbilities {
    /// None.
    pub const NONE: Self = Self(0);
    /// Every one.
    pub const ALL: Self = Self(0b1_1111);

    const fn bit(ability: MemberAbility) -> u8 {
        1 << ability as u8
    }

    /// The set of these.
    pub const fn of(abilities: &[MemberAbility]) -> Self {
        let mut set = 0;
        let mut place = 0;
        while place < abilities.len() {
            set |= Self::bit(abilities[place]);
            place += 1;
        }
        Self(set)
    }

    /// Whether `ability` is among them.
    pub const fn include(self, ability: MemberAbility) -> bool {
        self.0 & Self::bit(ability) != 0
    }

    /// Whether all of `other` is among them.
    pub const fn cover(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for MemberAbilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let included = MemberAbility::ALL.into_iter().filter(|ability| self.include(*ability));
        f.debug_set().entries(included.map(MemberAbility::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one_address() {
        let plain: Email = "ada@example.com".parse().unwrap();
        for text in ["Ada@Example.com", " ada@example.com ", "ADA@EXAMPLE.COM\n"] {
            assert_eq!(text.parse::<Email>().unwrap(), plain, "{text:?}");
        }
    }

    #[test]
    fn no_look_alike_becomes_another_address() {
        for text in
            ["\u{212a}im@example.com", "\u{17f}am@example.com", "kim@\u{212a}.example", "ädä@example.com"]
        {
            assert_eq!(text.parse::<Email>(), Err(EmailError), "{text:?}");
        }
        assert_eq!("Kim@bücher.Example".parse::<Email>().unwrap().as_str(), "kim@bücher.example");
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.com",
            "a@b@c",
            "a b@example.com",
            "a@example.com\r\nBcc: b@example.com",
            "<a@example.com>",
            "a,b@example.com",
            "a@.example.com",
            "a@example.com.",
            "a\u{0}@example.com",
            &long,
        ] {
            assert_eq!(text.parse::<Email>(), Err(EmailError), "{text:?}");
        }
    }

    #[test]
    fn a_set_includes_what_it_was_made_of() {
        let set = MemberAbilities::of(&[MemberAbility::Read, MemberAbility::Audit]);
        assert_eq!(format!("{set:?}"), r#"{"read", "audit"}"#);
        assert!(MemberAbility::ALL.iter().all(|ability| MemberAbilities::ALL.include(*ability)));
        assert!(!MemberAbility::ALL.iter().any(|ability| MemberAbilities::NONE.include(*ability)));
    }
}
