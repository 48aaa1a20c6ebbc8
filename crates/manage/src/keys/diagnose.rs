//! Why a key doesn't work, for whoever holds it: what was pasted is digested here and kept nowhere.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use claviger_model::{
    Ability, AccountId, AccountState, Digest, Environment, KeyState, Malformation, Timestamp,
    operator_key_format,
    profile::{Carrier, Profile},
};
use claviger_store::{FoundSecret, StoreError};
use claviger_verify::{Indeterminate, usage::SecretRef};
use zeroize::Zeroizing;

use super::KeyView;
use crate::{By, Manager, Refusal};

/// Longest text that is looked at, in bytes: longer than any key, shorter than a file pasted by mistake.
const MAX_PASTED: usize = 4096;

/// What is wrong with a key.
#[derive(Debug)]
pub enum Diagnosis {
    /// Nothing that could be a key of this api.
    Mistyped(Malformation),
    /// An operator key, which is not for calling the api and should be replaced: it was pasted into a page.
    OperatorKey,
    /// It looks like a key, but the account has none like it.
    Unknown,
    /// It is known.
    Known {
        /// The key.
        key: Box<KeyView>,
        /// What stands in its way.
        state: KeyFinding,
    },
}

/// What stands in the way of a known key, the first in the order a request is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFinding {
    /// The key was revoked.
    Revoked(Timestamp),
    /// A rotation replaced this secret, and its overlap ended.
    Replaced(Timestamp),
    /// The account is suspended.
    Suspended,
    /// The key is disabled.
    Disabled,
    /// Its life ended.
    Expired(Timestamp),
    /// The api takes no test keys.
    TestKey,
    /// A rotation replaced this secret: it works until then.
    Ending(Timestamp),
    /// Nothing, its restrictions aside.
    Well,
}

impl Manager {
    /// What is wrong with a key that someone of `account` pasted.
    pub async fn diagnose_key(
        &self,
        by: &By,
        account: AccountId,
        pasted: &str,
    ) -> Result<Diagnosis, Refusal> {
        by.allow(Ability::Read)?;
        by.require_sight(account)?;
        let (profile, account) = (self.profile_of(account).await?, self.account(account).await?);
        let text = bare(pasted, &profile.credentials.carriers);
        let found = self.find_pasted(&text, [&profile]).await?;
        let found = found.filter(|found| found.key.account == account.id);
        let Some(found) = found else { return Ok(unknown(&text, &profile)) };
        let state = finding(&found, account.state, &profile, self.clock.now());
        let key = Box::new(self.with_last_uses(found.key).await?);
        Ok(Diagnosis::Known { key, state })
    }

    /// The key that someone pasted, in whichever account and state it is.
    pub async fn find_key(&self, by: &By, pasted: &str) -> Result<KeyView, Refusal> {
        by.require(Ability::Read)?;
        let carriers: Vec<_> =
            self.apis.iter().flat_map(|profile| profile.credentials.carriers.iter().cloned()).collect();
        let found = self.find_pasted(&bare(pasted, &carriers), self.apis.iter()).await?;
        self.with_last_uses(found.ok_or(Refusal::NotFound("key"))?.key).await
    }

    /// The key with this text, by what it is looked up by as a key of each of these apis, and as what it is in any case.
    async fn find_pasted(
        &self,
        text: &str,
        apis: impl IntoIterator<Item = &Arc<Profile>>,
    ) -> Result<Option<FoundSecret>, Refusal> {
        let text = text.as_bytes();
        let apis: Vec<_> = apis.into_iter().collect();
        let as_keys = apis.iter().filter_map(|profile| Some(profile.recognise(text).ok()?.0));
        let digests: BTreeSet<Digest> = as_keys.chain([Digest::of(text)]).collect();
        for digest in digests {
            if let Some(found) = self.store.find_secret(digest).await? {
                return Ok(Some(found));
            }
        }
        for profile in apis {
            let met = self.verifier.meet(profile, text).await.map_err(cannot_know)?;
            if let Some(SecretRef { key, secret: number }) = met
                && let Some(key) = self.store.find_key(key).await?
            {
                return Ok(Some(FoundSecret { key, number }));
            }
        }
        Ok(None)
    }
}

fn cannot_know(indeterminate: Indeterminate) -> Refusal {
    Refusal::Unavailable(StoreError::Unavailable(indeterminate.to_string()))
}

/// The key in what was pasted: without white space, quotes, the name of a header that carries keys and its scheme.
fn bare(pasted: &str, carriers: &[Carrier]) -> Zeroizing<String> {
    let text = pasted.get(..MAX_PASTED).unwrap_or(pasted);
    let mut text = text.trim_matches(|c: char| c.is_whitespace() || "\"'`,;".contains(c));
    let headers = carriers.iter().filter_map(|carrier| match carrier {
        Carrier::Header(name) => Some(name.as_str()),
        Carrier::Bearer | Carrier::Basic | Carrier::Scheme(_) => None,
    });
    let named = |header: &str| without(text, header)?.strip_prefix(':');
    if let Some(rest) = std::iter::once("authorization").chain(headers).find_map(named) {
        text = rest.trim();
    }
    let by_own_scheme = carriers.iter().find_map(|carrier| match carrier {
        Carrier::Scheme(name) => without(text, &format!("{name} ")),
        Carrier::Bearer | Carrier::Basic | Carrier::Header(_) => None,
    });
    if let Some(rest) = without(text, "bearer ").or(by_own_scheme) {
        text = rest;
    } else if let Some(rest) = without(text, "basic ")
        && let Ok(decoded) = STANDARD.decode(rest)
        && let Ok(decoded) = String::from_utf8(decoded)
    {
        return Zeroizing::new(decoded.trim_end_matches(':').to_owned());
    }
    Zeroizing::new(text.to_owned())
}

fn without<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then(|| rest.trim())
}

fn unknown(text: &str, profile: &Profile) -> Diagnosis {
    if operator_key_format().parse(text.as_bytes()).is_ok() {
        return Diagnosis::OperatorKey;
    }
    match profile.parse_key(text.as_bytes()) {
        Ok(_) => Diagnosis::Unknown,
        Err(fault) => Diagnosis::Mistyped(fault),
    }
}

fn finding(found: &FoundSecret, account: AccountState, profile: &Profile, now: Timestamp) -> KeyFinding {
    let key = &found.key;
    if let (KeyState::Revoked, at) = (key.state, key.revoked_at) {
        return KeyFinding::Revoked(at.unwrap_or(key.created_at));
    }
    let ends_at =
        key.secrets.iter().find(|secret| secret.number == found.number).and_then(|secret| secret.ends_at);
    match (ends_at, key.expires_at) {
        (Some(at), _) if at <= now => KeyFinding::Replaced(at),
        _ if account == AccountState::Suspended => KeyFinding::Suspended,
        _ if key.state == KeyState::Disabled => KeyFinding::Disabled,
        (_, Some(at)) if at <= now => KeyFinding::Expired(at),
        _ if key.environment == Environment::Test && !profile.keys.accepts_test => KeyFinding::TestKey,
        (Some(at), _) => KeyFinding::Ending(at),
        (None, _) => KeyFinding::Well,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_in_whatever_was_pasted_around_it() {
        for pasted in [
            "sk_live_abc",
            "  sk_live_abc\n",
            "\"sk_live_abc\"",
            "'sk_live_abc',",
            "Bearer sk_live_abc",
            "Authorization: Bearer sk_live_abc",
            "authorization:bearer   sk_live_abc",
            "Basic c2tfbGl2ZV9hYmM=",
            "Authorization: Basic c2tfbGl2ZV9hYmM6",
            "X-API-Key: sk_live_abc",
            "x-api-key:sk_live_abc",
            "\"X-Api-Key : sk_live_abc\"",
            "Authorization: api-key sk_live_abc",
        ] {
            let own = [Carrier::Header("x-api-key".to_owned()), Carrier::Scheme("Api-Key".into())];
            let carriers = [&[Carrier::Bearer][..], &own].concat();
            assert_eq!(&*bare(pasted, &carriers), "sk_live_abc", "{pasted}");
        }
    }

    #[test]
    fn what_is_no_key_stays_what_it_is() {
        for text in ["Basic not base 64", "", "é", "X-API-Key: k3y"] {
            assert_eq!(&*bare(text, &[Carrier::Bearer]), text);
        }
    }
}
