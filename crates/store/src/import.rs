//! What becomes of the rows of an import: decided over what is here, in memory, whichever database keeps it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use claviger_model::{
    Account, AccountId, AccountState, Digest, Environment, KeyId, KeyState, Scopes, Timestamp,
    import::{Row, RowRefusal},
};
use claviger_verify::usage::{LastUse, SecretRef};
use serde_json::{Value, json};

use crate::{
    AuditNote, EarlierSecret, FoundSecret, KeyRow, NewKey, SecretRow,
    earlier::{ArrivedSecret, Rotated},
    foreign::Rehashed,
};

/// Most characters of an account's name.
const ACCOUNT_NAME: usize = 200;

/// Keys of one api to take over, in one transaction.
#[derive(Debug)]
pub struct Import {
    /// The api.
    pub api: Arc<str>,
    /// When.
    pub at: Timestamp,
    /// Who will have created what is new.
    pub created_by: String,
    /// The keys.
    pub rows: Vec<ImportRow>,
}

/// A key to take over, looked at by what its api's profile says.
#[derive(Debug)]
pub struct ImportRow {
    /// What is said of it.
    pub row: Row,
    /// SHA-256 of the plain key, or what stands in its place.
    pub digest: Digest,
    /// What lists show of it.
    pub hint: String,
    /// The secrets that it had before, the newest first.
    pub earlier: Vec<EarlierSecret>,
    /// Its environment.
    pub environment: Environment,
    /// Its id, if it is new.
    pub key: KeyId,
    /// Its account's id, if that is new.
    pub account: AccountId,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The key is new.
    Created,
    /// The key is here, and something that the row says is new.
    Changed,
    /// The key is here as the row says.
    Unchanged,
    /// The row isn't taken.
    Refused(RowRefusal),
}

/// What became of an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Of each row, in their order.
    pub outcomes: Vec<ImportOutcome>,
    /// How many accounts are new.
    pub accounts: usize,
}

/// What is here of what the rows speak of.
#[derive(Default)]
pub(crate) struct Known {
    /// Accounts, by what rows call them.
    pub(crate) accounts: HashMap<String, AccountId>,
    /// Keys, by the digests of their secrets.
    pub(crate) keys: HashMap<Digest, FoundSecret>,
    /// Digests of the secrets of operators and applications.
    pub(crate) others: HashSet<Digest>,
    /// External ids of keys, each with its account's.
    pub(crate) external_ids: HashSet<(AccountId, String)>,
}

/// A key to insert, and where it is in its life.
pub(crate) struct Arrived {
    pub(crate) key: NewKey,
    pub(crate) state: KeyState,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) last_used_at: Option<Timestamp>,
    pub(crate) earlier: Vec<EarlierSecret>,
}

/// What there is to write.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) accounts: Vec<Account>,
    pub(crate) keys: Vec<Arrived>,
    /// Keys as they will be, and what changes of them.
    pub(crate) changes: Vec<(KeyRow, Value)>,
    pub(crate) rehashed: Vec<Rehashed>,
    rotated: Vec<Rotated>,
    pub(crate) last_uses: Vec<LastUse>,
    outcomes: Vec<ImportOutcome>,
}

impl Plan {
    /// Decides every row of `import` over what is `known`.
    pub(crate) fn of(import: &Import, mut known: Known) -> Self {
        let mut plan = Self::default();
        let mut seen = HashSet::with_capacity(import.rows.len());
        for row in &import.rows {
            let decided = row.is_new_among(&mut seen).and_then(|()| plan.decide(import, row, &mut known));
            plan.outcomes.push(decided.unwrap_or_else(ImportOutcome::Refused));
        }
        plan
    }

    fn decide(
        &mut self,
        import: &Import,
        row: &ImportRow,
        known: &mut Known,
    ) -> Result<ImportOutcome, RowRefusal> {
        if known.others.contains(&row.digest) {
            return Err(RowRefusal::Taken);
        }
        let account = known.accounts.get(&row.row.account).copied();
        let (found, rotated) = match known.keys.remove(&row.digest) {
            Some(found) => (found, None),
            None => match row.rotated(import.at, known)? {
                Some((found, rotated)) => (found, Some(rotated)),
                None => return self.create(import, row, account, known),
            },
        };
        let secret = SecretRef { key: found.key.id, secret: found.number };
        let used = row.row.last_used_at.filter(|_| rotated.is_none());
        let outcome = self.change(import, row, found, rotated, account, known)?;
        self.last_used(secret, used);
        for earlier in &row.earlier {
            let known = known.keys.get(&earlier.secret.digest).filter(|known| known.key.id == secret.key);
            if let Some(FoundSecret { number, .. }) = known {
                self.last_used(SecretRef { secret: *number, ..secret }, earlier.last_used_at);
            }
        }
        Ok(outcome)
    }

    fn last_used_each<'a>(&mut self, secrets: impl Iterator<Item = ArrivedSecret<'a>>) {
        for ArrivedSecret { key, number, last_used_at, .. } in secrets {
            self.last_used(SecretRef { key, secret: number }, last_used_at);
        }
    }

    fn last_used(&mut self, secret: SecretRef, at: Option<Timestamp>) {
        self.last_uses.extend(at.map(|at| LastUse { secret, at, address: None, endpoint: None }));
    }

    fn create(
        &mut self,
        import: &Import,
        of: &ImportRow,
        account: Option<AccountId>,
        known: &mut Known,
    ) -> Result<ImportOutcome, RowRefusal> {
        let ImportRow { row, environment, .. } = of;
        let id = account.unwrap_or(of.account);
        let earlier = of.standing(import.at, known)?;
        take_external_id(known, id, row.external_id.as_ref())?;
        if account.is_none() {
            known.accounts.insert(row.account.clone(), id);
            self.accounts.push(Account {
                id,
                api: Arc::clone(&import.api),
                name: row
                    .account_name
                    .clone()
                    .unwrap_or_else(|| row.account.chars().take(ACCOUNT_NAME).collect()),
                external_id: Some(row.account.clone()),
                metadata: row.account_metadata.clone().unwrap_or_else(|| json!({})),
                state: row.account_state.unwrap_or(AccountState::Active),
                created_at: import.at,
            });
        }
        let state = row.state.unwrap_or(KeyState::Active);
        let revoked_at = (state == KeyState::Revoked).then(|| row.revoked_at.unwrap_or(import.at));
        let key = NewKey {
            id: of.key,
            account: id,
            name: row.name.clone(),
            environment: *environment,
            scopes: row.scopes.clone().unwrap_or(Scopes::All),
            restrictions: row.restrictions.clone().unwrap_or_default(),
            expires_at: row.expires_at,
            created_at: row.created_at.unwrap_or(import.at),
            created_by: import.created_by.clone(),
            external_id: row.external_id.clone(),
            metadata: row.metadata.clone().unwrap_or_else(|| json!({})),
            secret: of.secret(),
        };
        let arrived = Arrived { key, state, revoked_at, last_used_at: row.last_used_at, earlier };
        self.last_used_each(arrived.secrets());
        self.keys.push(arrived);
        Ok(ImportOutcome::Created)
    }

    /// A key that is here is its account's for good, and what was ended here isn't begun again. Secrets come to it by a
    /// rotation alone.
    fn change(
        &mut self,
        import: &Import,
        of: &ImportRow,
        found: FoundSecret,
        rotated: Option<Rotated>,
        account: Option<AccountId>,
        known: &mut Known,
    ) -> Result<ImportOutcome, RowRefusal> {
        let (row, before) = (&of.row, found.key);
        if before.client.is_some() {
            return Err(RowRefusal::Taken);
        }
        if account != Some(before.account) {
            return Err(RowRefusal::OtherAccount);
        }
        if row.environment.is_some_and(|said| said != before.environment) {
            let detail = format!("the key is a {} key here, and stays one", before.environment);
            return Err(RowRefusal::malformed("environment", detail));
        }
        match (before.state, row.state) {
            (KeyState::Revoked, Some(KeyState::Revoked)) => return Ok(ImportOutcome::Unchanged),
            (KeyState::Revoked, _) => return Err(RowRefusal::Revoked),
            (KeyState::Disabled, Some(KeyState::Active)) => return Err(RowRefusal::Disabled),
            _ => {}
        }
        let newest = before.secrets.first().filter(|newest| newest.number == found.number);
        let newest = newest.ok_or(RowRefusal::Replaced)?;
        let rehashed = rehashed(newest, of).filter(|_| rotated.is_none());
        let after = as_said(before.clone(), row, import.at);
        let mut changed = changed(&before, &after);
        if let Some(members) = changed.as_object_mut() {
            members.extend(rehashed.is_some().then(|| ("hash".to_owned(), json!(true))));
            members.extend(rotated.is_some().then(|| ("rotated".to_owned(), json!(true))));
        }
        if changed.as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok(ImportOutcome::Unchanged);
        }
        if after.external_id != before.external_id {
            take_external_id(known, before.account, after.external_id.as_ref())?;
        }
        if let Some(rotated) = rotated {
            self.last_used_each(rotated.secrets());
            self.rotated.push(rotated);
        }
        self.rehashed.extend(rehashed);
        self.changes.push((after, changed));
        Ok(ImportOutcome::Changed)
    }

    /// What the trail tells of it, and by which ids that is found; nothing where there is nothing to write.
    pub(crate) fn told(&self, import: &Import, note: &AuditNote) -> Option<(AuditNote, Vec<String>)> {
        if self.keys.is_empty() && self.changes.is_empty() {
            return None;
        }
        let accounts: Vec<_> = self.accounts.iter().map(|account| account.id.to_string()).collect();
        let created: Vec<_> = self.keys.iter().map(|arrived| arrived.key.id.to_string()).collect();
        let changed = self.changes.iter().map(|(key, what)| {
            let mut told = json!({"key": key.id});
            told.as_object_mut()
                .expect("it is an object")
                .extend(what.as_object().cloned().unwrap_or_default());
            told
        });
        let changed: Vec<Value> = changed.collect();
        let detail = json!({
            "api": import.api, "accounts": accounts, "created": created, "changed": changed,
        });
        let of_changed = self.changes.iter().map(|(key, _)| key.id.to_string());
        let subjects = accounts.into_iter().chain(created).chain(of_changed).collect();
        Some((AuditNote { detail, ..note.clone() }, subjects))
    }

    /// The secrets to insert.
    pub(crate) fn secrets(&self) -> Vec<ArrivedSecret<'_>> {
        let of_rotated = self.rotated.iter().flat_map(Rotated::secrets);
        self.keys.iter().flat_map(Arrived::secrets).chain(of_rotated).collect()
    }

    /// The secrets that end, unless they end earlier, each by its key and number.
    pub(crate) fn ends(&self) -> Vec<(KeyId, u16, Timestamp)> {
        self.rotated.iter().flat_map(Rotated::ends).collect()
    }

    /// What became of the rows.
    pub(crate) fn imported(&self) -> Imported {
        Imported { outcomes: self.outcomes.clone(), accounts: self.accounts.len() }
    }
}

/// Takes an external id for a key of `account`, unless another has it.
fn take_external_id(known: &mut Known, account: AccountId, id: Option<&String>) -> Result<(), RowRefusal> {
    let free = id.is_none_or(|id| known.external_ids.insert((account, id.clone())));
    if free { Ok(()) } else { Err(RowRefusal::ExternalIdTaken) }
}

/// The row's hash in place of the secret's, where that is another and wasn't checked yet.
fn rehashed(secret: &SecretRow, of: &ImportRow) -> Option<Rehashed> {
    secret.brought.as_ref()?.hash.as_ref()?;
    let hash = of.foreign()?.hash.clone();
    (secret.digest != of.digest).then_some(Rehashed { before: secret.digest, after: of.digest, hash })
}

/// The key with everything that the row says. It is revoked now, whenever it was elsewhere: it worked here until now.
fn as_said(key: KeyRow, row: &Row, now: Timestamp) -> KeyRow {
    let state = row.state.unwrap_or(key.state);
    KeyRow {
        name: row.name.clone().or(key.name),
        scopes: row.scopes.clone().unwrap_or(key.scopes),
        restrictions: row.restrictions.clone().unwrap_or(key.restrictions),
        expires_at: row.expires_at.or(key.expires_at),
        external_id: row.external_id.clone().or(key.external_id),
        metadata: row.metadata.clone().unwrap_or(key.metadata),
        state,
        revoked_at: (state == KeyState::Revoked).then_some(now),
        ..key
    }
}

/// What differs, by its name in the API.
fn changed(before: &KeyRow, after: &KeyRow) -> Value {
    let all = [
        ("name", before.name != after.name, json!(after.name)),
        ("scopes", before.scopes != after.scopes, json!(after.scopes)),
        ("restrictions", before.restrictions != after.restrictions, json!(after.restrictions)),
        ("expires_at", before.expires_at != after.expires_at, json!(after.expires_at)),
        ("external_id", before.external_id != after.external_id, json!(after.external_id)),
        ("metadata", before.metadata != after.metadata, after.metadata.clone()),
        ("state", before.state != after.state, json!(after.state)),
    ];
    all.into_iter()
        .filter(|(_, differs, _)| *differs)
        .map(|(name, _, value)| (name.to_owned(), value))
        .collect()
}
