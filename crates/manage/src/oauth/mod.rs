//! OAuth 2.0: applications, what members allow them, and the tokens they get.
//!
//! A grant is a key that an application holds. It speaks no HTTP: the pages ask what is to be allowed and say what was
//! answered, the endpoints exchange what they are given.

mod authorize;
mod clients;
mod consents;
mod guesses;
mod tidy;
mod tokens;

use claviger_model::{
    Digest, Environment, PlainKey, Timestamp, key::KeyFormat, profile::OauthRules, profile::Profile,
};
use claviger_store::NewSecret;

pub use authorize::{Astray, Pending};
pub use clients::{ChangedClient, ClientOrder, ClientPatch, IssuedClient};
pub use consents::ConsentView;
pub(crate) use tidy::Granted;
pub use tokens::{ClientPermit, TokenError, Tokens};

use crate::{Manager, Refusal};

/// Characters of a secret that lists show: the prefix and a few more.
const HINT: usize = 14;

impl Manager {
    /// Who issues an api's tokens (RFC 8414 §2): the same text wherever it is told.
    pub fn issuer(&self, profile: &Profile) -> String {
        profile.issuer(self.portal())
    }

    /// A new secret of this look. Its digest is all that is kept.
    fn mint_oauth(&self, format: &KeyFormat) -> (Digest, PlainKey) {
        let plain = format.mint(Environment::Live, &*self.entropy).expect("tokens are live");
        (plain.digest(), plain)
    }

    fn mint_access(&self, rules: &OauthRules, expires_at: Timestamp) -> (NewSecret, PlainKey) {
        let (digest, plain) = self.mint_oauth(&rules.access);
        (
            NewSecret {
                digest,
                hint: hint(&plain),
                sealed: None,
                expires_at: Some(expires_at),
                foreign: None,
            },
            plain,
        )
    }
}

fn hint(plain: &PlainKey) -> String {
    plain.expose().chars().take(HINT).collect()
}

/// What an api says of OAuth, if it takes part.
fn rules(profile: &Profile) -> Result<&OauthRules, Refusal> {
    profile.oauth.as_ref().ok_or(Refusal::NotFound("authorization server: the api's profile has no [oauth]"))
}
