//! What is true of OAuth 2.0 clients: where they are sent back to, how they prove what they began, and what they may ask
//! for.

mod error;
mod parameters;
mod pkce;
mod redirect;

pub use error::ErrorCode;
pub use parameters::{Parameters, ParametersError};
pub use pkce::{Challenge, PkceError};
pub use redirect::{RedirectError, RedirectUri};

use crate::{Scope, Scopes};

/// How a client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// By a secret (`client_secret_basic` or `client_secret_post`): it runs where nobody can read it.
    Confidential,
    /// Not at all, as native and browser applications must: what it began is proved by PKCE alone.
    Public,
}

impl ClientKind {
    /// The kind as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        }
    }

    /// The kind of this name.
    pub fn read(name: &str) -> Option<Self> {
        [Self::Confidential, Self::Public].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A scope was asked for that isn't there to be had, or that isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scope is unknown, malformed, or more than this client may ask for")]
pub struct ScopeRefused;

/// Reads a `scope` parameter (RFC 6749 §3.3) against what may be asked for: names separated by single spaces, in any
/// order, a name said twice counting once. Nothing asked for is everything that may be asked for; `all` is never asked
/// for by name.
pub fn scopes_asked(asked: Option<&str>, allowed: &[Scope]) -> Result<Scopes, ScopeRefused> {
    let Some(asked) = asked else {
        return Scopes::listed(allowed.to_vec()).or(Err(ScopeRefused));
    };
    let read = |name: &str| {
        let scope: Scope = name.parse().or(Err(ScopeRefused))?;
        if allowed.contains(&scope) { Ok(scope) } else { Err(ScopeRefused) }
    };
    let scopes = asked.split(' ').map(read).collect::<Result<Vec<_>, _>>()?;
    Scopes::listed(scopes).or(Err(ScopeRefused))
}

/// Whether everything in `wanted` is in `granted`.
pub fn within(wanted: &Scopes, granted: &Scopes) -> bool {
    match (wanted, granted) {
        (_, Scopes::All) => true,
        (Scopes::All, Scopes::Listed(_)) => false,
        (Scopes::Listed(wanted), granted) => wanted.iter().all(|scope| granted.include(scope)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(names: &[&str]) -> Vec<Scope> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_asked_for_is_among_what_may_be() {
        let allowed = scopes(&["a:read", "a:write"]);
        let asked = |text| scopes_asked(text, &allowed).map(|scopes| scopes.to_string());
        assert_eq!(asked(None).as_deref(), Ok("a:read a:write"));
        assert_eq!(asked(Some("a:write")).as_deref(), Ok("a:write"));
        assert_eq!(asked(Some("a:write a:read a:write")).as_deref(), Ok("a:read a:write"));
        for wrong in [
            "",
            " ",
            "a:read ",
            " a:read",
            "a:read  a:write",
            "a:read,a:write",
            "all",
            "b",
            "a\"",
            "a:read\tb",
        ] {
            assert_eq!(asked(Some(wrong)), Err(ScopeRefused), "{wrong:?}");
        }
    }

    #[test]
    fn nothing_is_within_less_than_itself() {
        let (one, both) =
            (Scopes::listed(scopes(&["a"])).unwrap(), Scopes::listed(scopes(&["a", "b"])).unwrap());
        assert!(within(&one, &both) && within(&both, &both) && within(&both, &Scopes::All));
        assert!(!within(&both, &one) && !within(&Scopes::All, &both));
    }
}
