//! The secrets of imported keys: what is kept of each, as the api's profile takes it.

use std::collections::{HashMap, HashSet};

use claviger_model::{
    Digest, Environment, Timestamp,
    foreign::{ForeignSecret, Scheme},
    import::{self, HINT_MAX, RowRefusal, Secret},
    key::KeyFormat,
    profile::{OVERLAP_MAX, Profile},
};
use claviger_store::{EarlierSecret, ImportRow, NewSecret};

/// Most keys that begin alike and are known by hashes.
const ALIKE_MAX: usize = 16;

/// How many keys begin alike, of those that are known by hashes: each is compared with whatever begins so.
#[derive(Default)]
pub(super) struct Crowd(HashMap<Box<str>, HashSet<Digest>>);

impl Crowd {
    pub(super) fn admit(
        &mut self,
        row: ImportRow,
        here: impl Fn(&str) -> Vec<Digest>,
    ) -> Result<ImportRow, RowRefusal> {
        if let Secret::Foreign(foreign) = &row.row.secret {
            self.admit_secret(foreign, row.digest, &here)?;
        }
        for (place, EarlierSecret { secret, .. }) in (1..).zip(&row.earlier) {
            if let Some(foreign) = &secret.foreign {
                self.admit_secret(foreign, secret.digest, &here).map_err(|why| why.of_earlier(place))?;
            }
        }
        Ok(row)
    }

    fn admit_secret(
        &mut self,
        ForeignSecret { lookup, .. }: &ForeignSecret,
        digest: Digest,
        here: impl Fn(&str) -> Vec<Digest>,
    ) -> Result<(), RowRefusal> {
        let alike = self.0.entry(lookup.clone()).or_insert_with(|| here(lookup).into_iter().collect());
        if alike.len() >= ALIKE_MAX && !alike.contains(&digest) {
            let detail = format!(
                "{ALIKE_MAX} keys that weren't used yet begin so: have the format find keys by more of their characters"
            );
            return Err(RowRefusal::malformed("lookup", detail));
        }
        alike.insert(digest);
        Ok(())
    }
}

/// What is kept of a secret.
pub(super) struct Kept {
    /// SHA-256 of the plain key, or what stands in its place.
    pub(super) digest: Digest,
    /// What lists show of it.
    pub(super) hint: String,
}

/// How the secrets of a row are taken.
pub(super) struct Taking<'a> {
    pub(super) profile: &'a Profile,
    pub(super) environment: Environment,
    pub(super) may_be_weak: bool,
    pub(super) now: Timestamp,
}

impl Taking<'_> {
    /// What is kept of a secret of which this may be shown.
    pub(super) fn secret(&self, secret: &Secret, hint: Option<&str>) -> Result<Kept, RowRefusal> {
        if !self.may_be_weak && is_weak(secret, self.profile) {
            return Err(RowRefusal::Weak);
        }
        Ok(Kept { hint: self.hint(secret, hint)?, digest: self.digest(secret)? })
    }

    /// A secret of the same key, which works no longer than one that was rotated here.
    pub(super) fn earlier(&self, earlier: import::EarlierSecret) -> Result<EarlierSecret, RowRefusal> {
        let import::EarlierSecret { secret, hint, created_at, ends_at, last_used_at } = earlier;
        environment(&secret, Some(self.environment), self.profile)?;
        lie_in_the_past([("created_at", created_at), ("last_used_at", last_used_at)], self.now)?;
        if ends_at > self.now.plus(OVERLAP_MAX) {
            return Err(RowRefusal::malformed("ends_at", "must be at most 366 days ahead"));
        }
        let Kept { digest, hint } = self.secret(&secret, hint.as_deref())?;
        let foreign = if let Secret::Foreign(foreign) = secret { Some(foreign) } else { None };
        let secret = NewSecret { digest, hint, sealed: None, expires_at: None, foreign };
        Ok(EarlierSecret { secret, created_at, ends_at, last_used_at })
    }

    fn digest(&self, secret: &Secret) -> Result<Digest, RowRefusal> {
        match secret {
            Secret::Plain(plain) => {
                let recognised = self.profile.recognise(plain.expose().as_bytes());
                recognised.map(|(digest, _)| digest).map_err(RowRefusal::Format)
            }
            Secret::Digest(digest) => Ok(*digest),
            Secret::Foreign(foreign) => {
                if matches!(foreign.hash.scheme(), Scheme::Hmac(_)) && self.profile.keys.pepper_file.is_none()
                {
                    let detail = "is an HMAC, and the profile names no pepper_file with its key";
                    return Err(RowRefusal::malformed("hash", detail));
                }
                Ok(foreign.stand_in(&self.profile.name))
            }
        }
    }

    /// What lists show of it: never so much that the rest could be guessed.
    fn hint(&self, secret: &Secret, said: Option<&str>) -> Result<String, RowRefusal> {
        let Self { profile, environment, .. } = *self;
        let shows_all = match (said, secret) {
            (None, Secret::Plain(plain)) => return Ok(profile.hint(environment, plain)),
            (None, Secret::Digest(_)) => return Ok(String::new()),
            (None, Secret::Foreign(foreign)) => return Ok(foreign.lookup.chars().take(HINT_MAX).collect()),
            (Some(hint), Secret::Foreign(foreign)) => {
                let (format, environment) = found_by(profile, foreign)?;
                hint.len() > format.shown_max(environment)
            }
            (Some(hint), Secret::Plain(plain)) => {
                let format = profile.key_format(plain.expose().as_bytes());
                format.is_ok_and(|(format, _)| hint.len() > format.shown_max(environment))
            }
            (Some(hint), Secret::Digest(digest)) => Digest::of(hint.as_bytes()) == *digest,
        };
        if shows_all {
            return Err(RowRefusal::malformed(
                "hint",
                "shows so much of the key that the rest could be guessed",
            ));
        }
        Ok(said.unwrap_or_default().to_owned())
    }
}

/// The environment that a plain key shows, and otherwise the one that the row says: `live` where it says none.
pub(super) fn environment(
    secret: &Secret,
    said: Option<Environment>,
    profile: &Profile,
) -> Result<Environment, RowRefusal> {
    let shown = match secret {
        Secret::Plain(plain) => profile.key_format(plain.expose().as_bytes()).map_err(RowRefusal::Format)?.1,
        Secret::Foreign(foreign) => found_by(profile, foreign)?.1,
        Secret::Digest(_) => {
            let said = said.unwrap_or(Environment::Live);
            let is_there = profile.keys.formats.iter().any(|format| format.prefix(said).is_some());
            let none = || RowRefusal::malformed("environment", format!("this api has no {said} keys"));
            return is_there.then_some(said).ok_or_else(none);
        }
    };
    if said.is_some_and(|said| said != shown) {
        return Err(RowRefusal::malformed("environment", format!("the key is a {shown} key by its prefix")));
    }
    Ok(shown)
}

/// The format whose keys are found by what this one is found by.
fn found_by<'a>(
    profile: &'a Profile,
    foreign: &ForeignSecret,
) -> Result<(&'a KeyFormat, Environment), RowRefusal> {
    let formats = &mut profile.keys.formats.iter();
    let found = formats.find_map(|format| Some((format, format.found_by(&foreign.lookup)?)));
    found.ok_or_else(|| {
        let detail = "finds no key of this api: it must be as many first characters of the key as a format of the profile \
                      says under lookup";
        RowRefusal::malformed("lookup", detail)
    })
}

/// Refuses what would have been after `now`.
pub(super) fn lie_in_the_past<const N: usize>(
    instants: [(&'static str, Option<Timestamp>); N],
    now: Timestamp,
) -> Result<(), RowRefusal> {
    let later = instants.into_iter().find(|(_, at)| at.is_some_and(|at| at > now));
    later.map_or(Ok(()), |(field, _)| Err(RowRefusal::malformed(field, "lies in the future")))
}

/// Whether a plain key was made up by somebody. What a digest is of can't be seen: that its key has a format of the api,
/// and so enough letters, is asked when it is presented.
fn is_weak(secret: &Secret, profile: &Profile) -> bool {
    let Secret::Plain(plain) = secret else { return false };
    let presented = plain.expose().as_bytes();
    profile.key_format(presented).is_ok_and(|(format, _)| !format.may_be_drawn(presented))
}
