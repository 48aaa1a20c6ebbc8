//! The closed list of reasons for a no, and which answer of the profile each one gets.

use std::{borrow::Cow, fmt, ops::RangeInclusive};

use crate::{Environment, Exceeded, Scope, Timestamp, seconds_up};

/// Why a credential doesn't allow an attempt.
///
/// The variant decides the answer; what it carries is for the key's owner and the operator, never for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No credential where one is expected.
    Missing,
    /// Something was presented that can't be a key.
    Malformed(Malformation),
    /// Well formed, but no key of this api.
    Unknown,
    /// The key was revoked, or this secret replaced by a rotation, at this instant.
    Revoked(Timestamp),
    /// The key is disabled, or its account suspended.
    Disabled,
    /// The key's life ended at this instant.
    Expired(Timestamp),
    /// The key belongs to this environment, and the place asked doesn't take it.
    Environment(Environment),
    /// The key lacks this scope.
    Scope(Scope),
    /// The key has listed scopes, and no route of the table says which one this request needs.
    UnlistedRoute,
    /// The key's list of scopes is empty: it may do nothing.
    NoScopes,
    /// The caller's address is outside the key's networks, or unknown.
    Network,
    /// The referrer is missing, or not among the key's referrers.
    Referrer,
    /// The method and path are not among the key's endpoints, or not known.
    Endpoint,
    /// The request can be read in two ways: refused as malformed rather than judged.
    Ambiguous(Misfit),
    /// Too many requests within a window.
    Rate(Box<Exceeded>),
    /// The calls of the day or month are used up.
    Quota(Box<Exceeded>),
}

/// In what way something can't be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformation {
    /// An empty credential, or an authentication scheme without one.
    Empty,
    /// Not base 64 where the scheme asks for it, or more than the bare key inside.
    Encoding,
    /// Not one of the api's prefixes.
    Prefix,
    /// Too short or too long.
    Length,
    /// A character that keys of this api don't have.
    Alphabet,
    /// The checksum doesn't hold: mistyped.
    Checksum,
}

/// What makes a request ambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// Two credentials at once.
    TwoCredentials,
    /// A path that two parsers could read differently.
    Path,
    /// A method that is not a single token.
    Method,
}

/// The reason as it is named in JSON, logs and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DenialCode {
    /// `missing`
    Missing,
    /// `malformed`
    Malformed,
    /// `unknown`
    Unknown,
    /// `revoked`
    Revoked,
    /// `disabled`
    Disabled,
    /// `expired`
    Expired,
    /// `environment`
    Environment,
    /// `scope`
    Scope,
    /// `network`
    Network,
    /// `referrer`
    Referrer,
    /// `endpoint`
    Endpoint,
    /// `rate`
    Rate,
    /// `quota`
    Quota,
}

/// The causes an api has an answer for: one for each denial, and those of requests that never came to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// No credential.
    Missing,
    /// Not a key.
    Malformed,
    /// No such key.
    Unknown,
    /// Revoked.
    Revoked,
    /// Disabled.
    Disabled,
    /// Expired.
    Expired,
    /// Of the other environment.
    Environment,
    /// Lacks a scope.
    Scope,
    /// From another network.
    Network,
    /// From another referrer.
    Referrer,
    /// For another endpoint.
    Endpoint,
    /// Too fast.
    Rate,
    /// Used up.
    Quota,
    /// Can't be understood, or can be in two ways.
    BadRequest,
    /// A self-service endpoint was given a name beyond the profile's bound.
    NameTooLong,
    /// No such key of this account.
    NotFound,
    /// As many keys as an account may have.
    Conflict,
    /// The last key can't be deleted.
    LastKey,
    /// Body, header or path beyond its bound.
    TooLarge,
    /// No decision can be reached now.
    Unavailable,
    /// A fault of ours.
    Internal,
    /// The upstream can't be reached or answered nonsense.
    BadGateway,
    /// The upstream took too long.
    GatewayTimeout,
}

impl Denial {
    /// The reason's name.
    pub const fn code(&self) -> DenialCode {
        match self {
            Self::Missing => DenialCode::Missing,
            Self::Malformed(_) | Self::Ambiguous(Misfit::TwoCredentials) => DenialCode::Malformed,
            Self::Unknown => DenialCode::Unknown,
            Self::Revoked(_) => DenialCode::Revoked,
            Self::Disabled => DenialCode::Disabled,
            Self::Expired(_) => DenialCode::Expired,
            Self::Environment(_) => DenialCode::Environment,
            Self::Scope(_) | Self::UnlistedRoute | Self::NoScopes => DenialCode::Scope,
            Self::Network => DenialCode::Network,
            Self::Referrer => DenialCode::Referrer,
            Self::Endpoint | Self::Ambiguous(Misfit::Path | Misfit::Method) => DenialCode::Endpoint,
            Self::Rate(_) => DenialCode::Rate,
            Self::Quota(_) => DenialCode::Quota,
        }
    }

    /// The answer it gets.
    pub const fn slot(&self) -> Slot {
        match self {
            Self::Missing => Slot::Missing,
            Self::Malformed(_) => Slot::Malformed,
            Self::Unknown => Slot::Unknown,
            Self::Revoked(_) => Slot::Revoked,
            Self::Disabled => Slot::Disabled,
            Self::Expired(_) => Slot::Expired,
            Self::Environment(_) => Slot::Environment,
            Self::Scope(_) | Self::UnlistedRoute | Self::NoScopes => Slot::Scope,
            Self::Network => Slot::Network,
            Self::Referrer => Slot::Referrer,
            Self::Endpoint => Slot::Endpoint,
            Self::Ambiguous(_) => Slot::BadRequest,
            Self::Rate(_) => Slot::Rate,
            Self::Quota(_) => Slot::Quota,
        }
    }

    /// One sentence for the key's owner and the operator: what was wrong and what to do.
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Self::Missing => "No credential was presented.".into(),
            Self::Malformed(how) => how.detail().into(),
            Self::Unknown => "No key of this api looks like this; it may belong to another api.".into(),
            Self::Revoked(at) => format!("Revoked or replaced at {at}; use the new key.").into(),
            Self::Disabled => "The key is disabled or its account suspended; enable it again.".into(),
            Self::Expired(at) => format!("Expired at {at}; issue a new key.").into(),
            Self::Environment(of) => format!("This is a {of} key, which is not accepted here.").into(),
            Self::Scope(scope) => format!("The key lacks the scope {scope}.").into(),
            Self::UnlistedRoute => {
                "No scope is assigned to this route, so a key with listed scopes may not use it.".into()
            }
            Self::NoScopes => "The key has no scopes at all.".into(),
            Self::Network => "The caller's address is not in the key's networks.".into(),
            Self::Referrer => "The referrer is missing or not one of the key's referrers.".into(),
            Self::Endpoint => "The method and path are not among the key's endpoints.".into(),
            Self::Ambiguous(Misfit::TwoCredentials) => "Two credentials were presented; send one.".into(),
            Self::Ambiguous(Misfit::Path) => {
                "The path can be read in more than one way; send it in canonical form.".into()
            }
            Self::Ambiguous(Misfit::Method) => "The method is not a single token.".into(),
            Self::Rate(exceeded) => {
                let seconds = seconds_up(exceeded.retry_after);
                format!("Too many requests for the limit {}; wait {seconds} s and try again.", exceeded.name)
                    .into()
            }
            Self::Quota(exceeded) => {
                let seconds = seconds_up(exceeded.retry_after);
                format!("The quota {} is used up; the next period begins in {seconds} s.", exceeded.name)
                    .into()
            }
        }
    }

    /// The limit that had no room, if that is the reason.
    pub fn exceeded(&self) -> Option<&Exceeded> {
        match self {
            Self::Rate(exceeded) | Self::Quota(exceeded) => Some(exceeded),
            _ => None,
        }
    }
}

impl Malformation {
    /// One sentence for whoever may know what was wrong.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Empty => "The credential is empty.",
            Self::Encoding => "The credential is not the base 64 of a bare key.",
            Self::Prefix => "The key doesn't begin with a prefix of this api.",
            Self::Length => "The key is too short or too long; part of it may be missing.",
            Self::Alphabet => "The key has a character that keys of this api don't have.",
            Self::Checksum => "The key is mistyped: its checksum doesn't hold.",
        }
    }
}

impl DenialCode {
    /// Every code, in the order they are listed.
    pub const ALL: [Self; 13] = [
        Self::Missing,
        Self::Malformed,
        Self::Unknown,
        Self::Revoked,
        Self::Disabled,
        Self::Expired,
        Self::Environment,
        Self::Scope,
        Self::Network,
        Self::Referrer,
        Self::Endpoint,
        Self::Rate,
        Self::Quota,
    ];

    /// The code as JSON, logs and counts spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Environment => "environment",
            Self::Scope => "scope",
            Self::Network => "network",
            Self::Referrer => "referrer",
            Self::Endpoint => "endpoint",
            Self::Rate => "rate",
            Self::Quota => "quota",
        }
    }
}

impl fmt::Display for DenialCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Slot {
    /// Every slot, in the order they are listed.
    pub const ALL: [Self; 23] = [
        Self::Missing,
        Self::Malformed,
        Self::Unknown,
        Self::Revoked,
        Self::Disabled,
        Self::Expired,
        Self::Environment,
        Self::Scope,
        Self::Network,
        Self::Referrer,
        Self::Endpoint,
        Self::Rate,
        Self::Quota,
        Self::BadRequest,
        Self::NameTooLong,
        Self::NotFound,
        Self::Conflict,
        Self::LastKey,
        Self::TooLarge,
        Self::Unavailable,
        Self::Internal,
        Self::BadGateway,
        Self::GatewayTimeout,
    ];

    /// The slot as profiles spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Environment => "environment",
            Self::Scope => "scope",
            Self::Network => "network",
            Self::Referrer => "referrer",
            Self::Endpoint => "endpoint",
            Self::Rate => "rate",
            Self::Quota => "quota",
            Self::BadRequest => "bad_request",
            Self::NameTooLong => "name_too_long",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::LastKey => "last_key",
            Self::TooLarge => "too_large",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::BadGateway => "bad_gateway",
            Self::GatewayTimeout => "gateway_timeout",
        }
    }

    /// The statuses its answer may have: one that blames the caller for a fault of the server's would turn an outage
    /// into a wrong key.
    pub const fn statuses(self) -> RangeInclusive<u16> {
        match self {
            Self::Unavailable => 503..=503,
            Self::Internal | Self::BadGateway | Self::GatewayTimeout => 500..=599,
            _ => 400..=499,
        }
    }

    /// The slot with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|slot| slot.as_str() == name)
    }
}
