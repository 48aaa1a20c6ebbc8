//! Keys that come from other systems, and go to them.
//!
//! What comes is what a customer has and uses: it is bound by what keeps keys apart and safe, and not by how many keys
//! an account may have or whether each has a name.

mod secrets;

use std::{collections::HashMap, sync::Arc};

use claviger_model::{
    Ability, Account, AccountId, KeyId, KeyState, Scopes, Timestamp,
    import::{EARLIER_MAX, Row, RowRefusal},
    profile::Profile,
};
use claviger_store::{Import, ImportOutcome, ImportRow, KeyFilter, KeyRow, Page, PageRequest, SecretRow};
use serde_json::json;

use self::secrets::{Crowd, Kept, Taking};
use crate::{By, Fault, KeyView, Manager, Receipt, Refusal};

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
    /// Those of its earlier secrets that work still, the newest first.
    pub earlier: Vec<SecretRow>,
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
        number_in_order(&mut rows);
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
        mut row: Row,
        profile: &Profile,
        allow_weak: bool,
        now: Timestamp,
    ) -> Result<ImportRow, RowRefusal> {
        let environment = secrets::environment(&row.secret, row.environment, profile)?;
        if row.name.as_ref().is_some_and(|name| name.chars().count() > profile.keys.name_max) {
            let detail = format!("must be at most {} characters", profile.keys.name_max);
            return Err(RowRefusal::malformed("name", detail));
        }
        known_scopes(row.scopes.as_ref(), profile)?;
        let past = [
            ("created_at", row.created_at),
            ("last_used_at", row.last_used_at),
            ("revoked_at", row.revoked_at),
        ];
        secrets::lie_in_the_past(past, now)?;
        let may_be_weak = allow_weak && {
            let own = row.restrictions.as_ref().is_some_and(|restrictions| restrictions.rates.is_some());
            own || profile.limits.defaults(environment).rates.is_some()
        };
        let taking = Taking { profile, environment, may_be_weak, now };
        let Kept { digest, hint } = taking.secret(&row.secret, row.hint.as_deref())?;
        let earlier = (1..).zip(row.earlier_secrets.drain(..));
        let earlier = earlier.map(|(place, one)| taking.earlier(one).map_err(|why| why.of_earlier(place)));
        Ok(ImportRow {
            digest,
            hint,
            earlier: earlier.collect::<Result<_, _>>()?,
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
        let now = self.clock.now();
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
            Ok(ExportedKey { earlier: still_working(&key.row, now), key, account })
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

/// Has the ids that were minted for the rows ascend with them, as if one row had come after the other: keys are listed in
/// the order of their ids, and a database appends to its indexes what comes in it.
fn number_in_order(rows: &mut [ImportRow]) {
    let (mut keys, mut accounts): (Vec<_>, Vec<_>) = rows.iter().map(|row| (row.key, row.account)).unzip();
    keys.sort_unstable();
    accounts.sort_unstable();
    for (row, (key, account)) in rows.iter_mut().zip(keys.into_iter().zip(accounts)) {
        (row.key, row.account) = (key, account);
    }
}

/// The earlier secrets by which a key works until their overlaps end: as many as a row may have.
fn still_working(key: &KeyRow, now: Timestamp) -> Vec<SecretRow> {
    let is_working =
        |secret: &&SecretRow| key.state != KeyState::Revoked && secret.ends_at.is_some_and(|at| at > now);
    key.secrets.iter().skip(1).filter(is_working).take(EARLIER_MAX).cloned().collect()
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
