//! How both databases spell what stands in a column as a word or as JSON.

use std::net::IpAddr;

use claviger_model::{
    Abilities, AccountState, DenialCode, Email, Environment, KeyState, Role, oauth::ClientKind,
};
use claviger_verify::nodes::Via;
use serde::Serialize;

use crate::{LinkPurpose, SignInMethod};

/// A value that stands in a column as text.
pub(crate) trait Word: Sized {
    /// The value of this text, if it is one's.
    fn read(text: &str) -> Option<Self>;
}

impl Word for AccountState {
    fn read(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "suspended" => Some(Self::Suspended),
            _ => None,
        }
    }
}

impl Word for KeyState {
    fn read(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "disabled" => Some(Self::Disabled),
            "revoked" => Some(Self::Revoked),
            _ => None,
        }
    }
}

impl Word for SignInMethod {
    fn read(text: &str) -> Option<Self> {
        match text {
            "link" => Some(Self::Link),
            "password" => Some(Self::Password),
            "oidc" => Some(Self::Oidc),
            _ => None,
        }
    }
}

impl Word for LinkPurpose {
    fn read(text: &str) -> Option<Self> {
        match text {
            "sign_in" => Some(Self::SignIn),
            "invitation" => Some(Self::Invitation),
            "password" => Some(Self::Password),
            _ => None,
        }
    }
}

impl Word for ClientKind {
    fn read(text: &str) -> Option<Self> {
        Self::read(text)
    }
}

impl Word for Via {
    fn read(text: &str) -> Option<Self> {
        [Self::Ack, Self::Lease].into_iter().find(|via| via.as_str() == text)
    }
}

impl Word for DenialCode {
    fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

macro_rules! parsed {
    ($($name:ident),*) => {$(
        impl Word for $name {
            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

parsed!(Email, Role, Environment, Abilities, IpAddr);

/// Writes a value as JSON text.
pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("the model's values are JSON")
}

/// An account's state as its column spells it.
pub(crate) fn account_state(state: AccountState) -> &'static str {
    match state {
        AccountState::Active => "active",
        AccountState::Suspended => "suspended",
    }
}
