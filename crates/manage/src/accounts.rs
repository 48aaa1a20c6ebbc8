//! Accounts: create, show, list, rename, suspend, reinstate.

use claviger_model::{Ability, Account, AccountId, AccountState, Environment};
use claviger_store::{AccountChange, AccountFilter, Idempotency, NewAccount, Page, PageRequest};
use serde_json::{Value, json};

use crate::{By, Fault, IssueKey, Issued, Manager, Receipt, Refusal, check::Faults};

/// An account to create.
#[derive(Clone, Debug)]
pub struct AccountOrder {
    /// The api it is a customer of; may be left out where there is one only.
    pub api: Option<String>,
    /// The name people read.
    pub name: String,
    /// The company's own id for it.
    pub external_id: Option<String>,
    /// The company's own data, a JSON object.
    pub metadata: Option<Value>,
}

/// A change of an account; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    /// New name.
    pub name: Option<String>,
    /// Suspend or reinstate.
    pub state: Option<AccountState>,
    /// New metadata.
    pub metadata: Option<Value>,
}

/// An account just created.
#[derive(Debug)]
pub struct NewAccountAnswer {
    /// The account.
    pub account: Account,
    /// Its first key, where the profile provides one.
    pub first_key: Option<Issued>,
    /// How far it has come.
    pub receipt: Receipt,
}

impl Manager {
    /// Creates an account, with its first key where the profile provides one.
    pub async fn create_account(
        &self,
        by: &By,
        order: AccountOrder,
        idempotency: Option<Idempotency>,
    ) -> Result<NewAccountAnswer, Refusal> {
        by.require(Ability::Manage)?;
        self.first_time(idempotency.as_ref()).await?;
        let profile = self.profile_for(order.api.as_deref())?;
        let metadata = order.metadata.unwrap_or_else(|| json!({}));
        let mut faults = Faults::default();
        faults.account_name(&order.name);
        faults.external_id(order.external_id.as_deref());
        faults.metadata(&metadata);
        faults.settle()?;
        let now = self.clock.now();
        let account = Account {
            id: AccountId::mint(now, &*self.entropy),
            api: profile.name.clone(),
            name: order.name,
            external_id: order.external_id,
            metadata,
            state: AccountState::Active,
            created_at: now,
        };
        let prepared = match &profile.keys.first_key {
            Some(first) => {
                let order = IssueKey {
                    name: first.name.clone(),
                    environment: Some(Environment::Live),
                    ..IssueKey::default()
                };
                Some(self.prepare_key(by, account.id, profile, order)?)
            }
            None => None,
        };
        let (first_key, plain) = prepared.map(|(key, note, plain)| ((key, note), plain)).unzip();
        let detail = json!({
            "api": account.api, "name": account.name, "external_id": account.external_id, "metadata": account.metadata,
        });
        let note = self.note(by, "account.create", detail);
        let committed =
            self.store.insert_account(NewAccount { account, first_key }, note, idempotency).await?;
        let receipt = self.widened(committed.seq, Some(&committed.value.0.api)).await;
        let (account, row) = committed.value;
        let first_key = row.zip(plain).map(|(row, plain)| Issued {
            key: self.view(row),
            plain,
            receipt: receipt.clone(),
        });
        Ok(NewAccountAnswer { account, first_key, receipt })
    }

    /// One account.
    pub async fn show_account(&self, by: &By, id: AccountId) -> Result<Account, Refusal> {
        by.allow(Ability::Read)?;
        by.require_sight(id)?;
        self.account(id).await
    }

    /// Accounts, in the order of creation.
    pub async fn list_accounts(
        &self,
        by: &By,
        filter: AccountFilter,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Account, AccountId>, Refusal> {
        by.require(Ability::Read)?;
        Ok(self.store.list_accounts(filter, page).await?)
    }

    /// Changes an account. Suspending one stops all its keys, and waits until it has.
    pub async fn change_account(
        &self,
        by: &By,
        id: AccountId,
        patch: AccountPatch,
    ) -> Result<(Account, Receipt), Refusal> {
        by.require(Ability::Manage)?;
        let mut faults = Faults::default();
        if let Some(name) = &patch.name {
            faults.account_name(name);
        }
        if let Some(metadata) = &patch.metadata {
            faults.metadata(metadata);
        }
        faults.settle()?;
        let changes = [
            patch.name.map(|name| ("account.rename", json!({"name": name}), AccountChange::Rename(name))),
            patch.metadata.map(|data| {
                ("account.describe", json!({"metadata": data}), AccountChange::SetMetadata(data))
            }),
            patch.state.map(|state| (state_action(state), json!({}), AccountChange::SetState(state))),
        ];
        let changes = changes.into_iter().flatten();
        let changes: Vec<_> =
            changes.map(|(action, detail, change)| (change, self.note(by, action, detail))).collect();
        if changes.is_empty() {
            return Err(Refusal::Invalid(vec![Fault::new("", "nothing to change")]));
        }
        let committed = self.store.patch_account(id, changes).await.map_err(account_not_found)?;
        let receipt = self.narrowed(committed.seq, Some(&committed.value.api)).await;
        Ok((committed.value, receipt))
    }

    pub(crate) async fn account(&self, id: AccountId) -> Result<Account, Refusal> {
        self.store.find_account(id).await?.ok_or(Refusal::NotFound("account"))
    }
}

const fn state_action(state: AccountState) -> &'static str {
    match state {
        AccountState::Active => "account.reinstate",
        AccountState::Suspended => "account.suspend",
    }
}

fn account_not_found(error: claviger_store::StoreError) -> Refusal {
    match Refusal::from(error) {
        Refusal::NotFound(_) => Refusal::NotFound("account"),
        other => other,
    }
}
