//! Keys that come from other systems, and go to them.
//!
//! What comes is what a customer has and uses: it is bound by what keeps keys apart and safe, and not by how many keys
//! an account may have or whether each has a name.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use claviger_model::{
    Ability, Account, AccountId, Digest, Environment, KeyId, Scopes, Timestamp,
    foreign::{ForeignSecret, Scheme},
    import::{HINT_MAX, Row, RowRefusal, Secret},
    key::KeyFormat,
    profile::Profile,
};
use claviger_store::{Import, ImportOutcome, ImportRow, KeyFilter, Page, PageRequest};
use serde_json::json;

use crate::{By, Fault, KeyView, Manager, Receipt, Refusal};

/// Most keys that begin alike and are known by hashes.
const ALIKE_MAX: usize = 16;

/// Keys of one api to take over.
#[derive(Debug)]
pub struct ImportOrder {
    /// The api; may be left out where there is one only.
    pub api: Option<String>,
    /// The keys, as far as they could be read.
    pub rows: Vec<Result<Row, RowRefusal>>,
    /// Whether keys that can be guessed are taken where a rate limits them.
    pub allow_weak: bool,
    /// Whether to say what would be made of them, and do nothing.
    pub dry_run: bool,
}

/// What became of an import.
#[derive(Debug)]
pub struct ImportReport {
    /// Of each row, in their order.
    pub outcomes: Vec<ImportOutcome>,
    /// How many accounts are new.
    pub accounts: usize,
    /// How far it has come; `None` where nothing was changed.
    pub receipt: Option<Receipt>,
}

/// A key with the account that it is taken to another system with.
#[derive(Debug)]
pub struct ExportedKey {
    /// The key.
    pub key: KeyView,
    /// Its account.
    pub account: Arc<Account>,
}

/// How many keys begin alike, of those that are known by hashes: each is compared with whatever begins so.
#[derive(Default)]
struct Crowd(HashMap<Box<str>, HashSet<Digest>>);

impl Crowd {
    fn admit(&mut self, row: ImportRow, here: impl Fn(&str) -> Vec<Digest>) -> Result<ImportRow, RowRefusal> {
        let Secret::Foreign(ForeignSecret { lookup, .. }) = &row.row.secret else { return Ok(row) };
        let alike = self.0.entry(lookup.clone()).or_insert_with(|| here(lookup).into_iter().collect());
        if alike.len() >= ALIKE_MAX && !alike.contains(&row.digest) {
            let detail = format!(
                "{ALIKE_MAX} keys that weren't used yet begin so: have the format find keys by more of their characters"
            );
            return Err(RowRefusal::malformed("lookup", detail));
        }
        alike.insert(row.digest);
        Ok(row)
    }
}

impl Manager {
    /// Takes over what can be taken of `order`, in one change. Rows that can't be are told one by one.
    pub async fn import_keys(&self, by: &By, order: ImportOrder) -> Result<ImportReport, Refusal> {
        by.require(Ability::Manage)?;
        let profile = self.profile_for(order.api.as_deref())?;
        let now = self.clock.now();
        let (mut rows, mut refused) = (Vec::with_capacity(order.rows.len()), Vec::new());
        let mut crowd = Crowd::default();
        for (place, row) in order.rows.into_iter().enumerate() {
            let row = row.and_then(|row| self.import_row(row, profile, order.allow_weak, now));
            match row.and_then(|row| crowd.admit(row, |lookup| self.verifier.found_by(profile, lookup))) {
                Ok(row) => rows.push(row),
                Err(refusal) => refused.push((place, refusal)),
            }
        }
        let import = Import { api: Arc::clone(&profile.name), at: now, created_by: by.actor.label(), rows };
        let (imported, receipt) = if order.dry_run {
            (self.store.would_import(import).await?, None)
        } else {
            let done = self.store.import(import, self.note(by, "key.import", json!({}))).await?;
            let receipt = if !done.made {
                None
            } else if done.value.outcomes.contains(&ImportOutcome::Changed) {
                Some(self.narrowed(done.seq, Some(&profile.name)).await)
            } else {
                Some(self.widened(done.seq, Some(&profile.name)).await)
            };
            (done.value, receipt)
        };
        let mut outcomes = imported.outcomes;
        for (place, refusal) in refused {
            outcomes.insert(place, ImportOutcome::Refused(refusal));
        }
        Ok(ImportReport { outcomes, accounts: imported.accounts, receipt })
    }

    /// The row as the api's profile takes it.
    fn import_row(
        &self,
        row: Row,
        profile: &Profile,
        allow_weak: bool,
        now: Timestamp,
    ) -> Result<ImportRow, RowRefusal> {
        let environment = environment(&row, profile)?;
        if row.name.as_ref().is_some_and(|name| name.chars().count() > profile.keys.name_max) {
            let detail = format!("must be at most {} characters", profile.keys.name_max);
            return Err(RowRefusal::malformed("name", detail));
        }
        known_scopes(row.scopes.as_ref(), profile)?;
        let is_later = |at: &Timestamp| *at > now;
        for (field, at) in [
            ("created_at", row.created_at),
            ("last_used_at", row.last_used_at),
            ("revoked_at", row.revoked_at),
        ] {
            if at.as_ref().is_some_and(is_later) {
                return Err(RowRefusal::malformed(field, "lies in the future"));
            }
        }
        let limited = || {
            let own = row.restrictions.as_ref().is_some_and(|restrictions| restrictions.rates.is_some());
            own || profile.limits.defaults(environment).rates.is_some()
        };
        if is_weak(&row.secret, profile) && !(allow_weak && limited()) {
            return Err(RowRefusal::Weak);
        }
        let hint = hint(&row, profile, environment)?;
        let digest = match &row.secret {
            Secret::Plain(plain) => {
                let presented = plain.expose().as_bytes();
                profile.recognise(presented).map_err(RowRefusal::Format)?.0
            }
            Secret::Digest(digest) => *digest,
            Secret::Foreign(foreign) => {
                if matches!(foreign.hash.scheme(), Scheme::Hmac(_)) && profile.keys.pepper_file.is_none() {
                    let detail = "is an HMAC, and the profile names no pepper_file with its key";
                    return Err(RowRefusal::malformed("hash", detail));
                }
                foreign.stand_in(&profile.name)
            }
        };
        Ok(ImportRow {
            digest,
            hint,
            environment,
            key: KeyId::mint(now, &*self.entropy),
            account: AccountId::mint(now, &*self.entropy),
            row,
        })
    }

    /// Keys of an api with their accounts, in the order of creation.
    pub async fn export_keys(
        &self,
        by: &By,
        api: Option<&str>,
        include_revoked: bool,
        page: PageRequest<KeyId>,
    ) -> Result<Page<ExportedKey, KeyId>, Refusal> {
        by.require(Ability::Manage)?;
        let api = Some(Arc::clone(&self.profile_for(api)?.name));
        let found =
            self.store.list_keys(KeyFilter { api, include_revoked, ..KeyFilter::default() }, page).await?;
        let mut ids: Vec<AccountId> = found.items.iter().map(|key| key.account).collect();
        ids.sort_unstable();
        ids.dedup();
        let accounts = self.store.find_accounts(ids).await?;
        let accounts: HashMap<AccountId, Arc<Account>> =
            accounts.into_iter().map(|account| (account.id, Arc::new(account))).collect();
        let with_account = |key: KeyView| {
            let account = accounts.get(&key.row.account).cloned();
            let account =
                account.ok_or_else(|| Refusal::Internal(format!("{} has no account", key.row.id)))?;
            Ok(ExportedKey { key, account })
        };
        let items = self.views(found.items).await?.into_iter().map(with_account);
        Ok(Page { items: items.collect::<Result<_, Refusal>>()?, next: found.next })
    }

    /// The profile of the api called so, or of the only one.
    pub(crate) fn profile_for(&self, api: Option<&str>) -> Result<&Arc<Profile>, Refusal> {
        let found = api.map_or_else(|| self.apis.only(), |name| self.apis.get(name));
        found.ok_or_else(|| {
            let names: Vec<_> = self.apis.iter().map(|profile| &*profile.name).collect();
            Refusal::Invalid(vec![Fault::new("/api", format!("must be one of {}", names.join(", ")))])
        })
    }
}

/// The environment that a plain key shows, and otherwise the one that the row says: `live` where it says none.
fn environment(row: &Row, profile: &Profile) -> Result<Environment, RowRefusal> {
    let shown = match &row.secret {
        Secret::Plain(plain) => profile.key_format(plain.expose().as_bytes()).map_err(RowRefusal::Format)?.1,
        Secret::Foreign(foreign) => found_by(profile, foreign)?.1,
        Secret::Digest(_) => {
            let said = row.environment.unwrap_or(Environment::Live);
            let is_there = profile.keys.formats.iter().any(|format| format.prefix(said).is_some());
            let none = || RowRefusal::malformed("environment", format!("this api has no {said} keys"));
            return is_there.then_some(said).ok_or_else(none);
        }
    };
    if row.environment.is_some_and(|said| said != shown) {
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

/// What lists show of the key: never so much that the rest could be guessed.
fn hint(row: &Row, profile: &Profile, environment: Environment) -> Result<String, RowRefusal> {
    let shows_all = match (&row.hint, &row.secret) {
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
        return Err(RowRefusal::malformed("hint", "shows so much of the key that the rest could be guessed"));
    }
    Ok(row.hint.clone().unwrap_or_default())
}

/// All scopes is written out: where an api has scopes, a row that says none would be one that says all.
fn known_scopes(scopes: Option<&Scopes>, profile: &Profile) -> Result<(), RowRefusal> {
    let fits = match scopes {
        None => profile.scopes.is_empty(),
        Some(Scopes::All) => true,
        Some(Scopes::Listed(scopes)) => {
            scopes.iter().all(|scope| profile.scopes.iter().any(|(known, _)| known == scope))
        }
    };
    if fits {
        return Ok(());
    }
    let known = profile.scope_names();
    let detail = if known.is_empty() {
        "must be \"all\" or empty: this api has no scopes".to_owned()
    } else {
        format!("must be \"all\" or some of {}", known.join(", "))
    };
    Err(RowRefusal::malformed("scopes", detail))
}

/// Whether a plain key was made up by somebody. What a digest is of can't be seen: that its key has a format of the api,
/// and so enough letters, is asked when it is presented.
fn is_weak(secret: &Secret, profile: &Profile) -> bool {
    let Secret::Plain(plain) = secret else { return false };
    let presented = plain.expose().as_bytes();
    profile.key_format(presented).is_ok_and(|(format, _)| !format.may_be_drawn(presented))
}
