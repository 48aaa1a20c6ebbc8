//! Operator keys: issue, list, revoke, and the first one.

use claviger_model::{Abilities, Ability, Environment, OperatorId, PlainKey, operator_key_format};
use claviger_store::{Idempotency, NewOperator, OperatorRow, Page, PageRequest};
use serde_json::json;

use crate::{Actor, By, Fault, Manager, Receipt, Refusal};

const MAX_NAME: usize = 100;
/// Characters of an operator key that lists show: its prefix and five more.
const HINT: usize = 12;

/// An operator key to issue.
#[derive(Clone, Debug)]
pub struct OperatorOrder {
    /// Who or what will hold it.
    pub name: String,
    /// What it may do.
    pub abilities: Abilities,
}

/// An operator key just minted, with its secret: this once.
#[derive(Debug)]
pub struct IssuedOperator {
    /// The record.
    pub row: OperatorRow,
    /// The secret.
    pub plain: PlainKey,
    /// How far it has come.
    pub receipt: Receipt,
}

impl Manager {
    /// Issues an operator key. Nobody can give what they don't have.
    pub async fn issue_operator(
        &self,
        by: &By,
        order: OperatorOrder,
        idempotency: Option<Idempotency>,
    ) -> Result<IssuedOperator, Refusal> {
        by.require(Ability::Manage)?;
        self.first_time(idempotency.as_ref()).await?;
        if let Actor::Operator(permit) = &by.actor
            && !permit.abilities().cover(order.abilities)
        {
            return Err(Refusal::Forbidden(
                "an operator key can't give abilities it doesn't have".to_owned(),
            ));
        }
        let named =
            (1..=MAX_NAME).contains(&order.name.chars().count()) && !order.name.chars().any(char::is_control);
        if !named || order.name.trim().is_empty() {
            let detail = format!("must be 1 to {MAX_NAME} characters without control characters");
            return Err(Refusal::Invalid(vec![Fault::new("/name", detail)]));
        }
        let (operator, plain) = self.new_operator(order);
        let detail = json!({"name": operator.name, "can": operator.abilities, "hint": operator.hint});
        let note = self.note(by, "operator.issue", detail);
        let committed = self.store.insert_operator(operator, idempotency, note).await?;
        let receipt = self.widened(committed.seq, None).await;
        Ok(IssuedOperator { row: committed.value, plain, receipt })
    }

    /// Makes the first operator key of a new installation; `false` if there already is one.
    ///
    /// `show` gets the key before it is committed, and returns once it can't be lost: printed and flushed, or on
    /// disk. Where it fails, nothing is made. A key that was shown and then not committed opens nothing; one that was
    /// committed and not shown would lock everybody out.
    pub async fn initialise<E: From<Refusal>>(
        &self,
        show: impl FnOnce(&PlainKey) -> Result<(), E>,
    ) -> Result<bool, E> {
        if self.store.is_initialised().await.map_err(Refusal::from)? {
            return Ok(false);
        }
        let order = OperatorOrder { name: "first".to_owned(), abilities: Abilities::ALL };
        let (operator, plain) = self.new_operator(order);
        let detail = json!({"name": operator.name, "can": operator.abilities, "hint": operator.hint});
        let note = self.note(&By::system(), "operator.issue", detail);
        show(&plain)?;
        let committed = self.store.initialise(operator, note).await.map_err(Refusal::from)?;
        Ok(committed.value)
    }

    fn new_operator(&self, order: OperatorOrder) -> (NewOperator, PlainKey) {
        let now = self.clock.now();
        let plain = operator_key_format()
            .mint(Environment::Live, &*self.entropy)
            .expect("operator keys are live keys");
        let operator = NewOperator {
            id: OperatorId::mint(now, &*self.entropy),
            name: order.name,
            abilities: order.abilities,
            digest: plain.digest(),
            hint: plain.expose().chars().take(HINT).collect(),
            created_at: now,
        };
        (operator, plain)
    }

    /// Operator keys, in the order of creation.
    pub async fn list_operators(
        &self,
        by: &By,
        page: PageRequest<OperatorId>,
    ) -> Result<Page<OperatorRow, OperatorId>, Refusal> {
        by.require(Ability::Read)?;
        Ok(self.store.list_operators(page).await?)
    }

    /// Ends an operator key. The last one that can do everything stays, or nobody could make another.
    pub async fn revoke_operator(&self, by: &By, id: OperatorId) -> Result<(OperatorRow, Receipt), Refusal> {
        by.require(Ability::Manage)?;
        let note = self.note(by, "operator.revoke", json!({}));
        let committed =
            self.store.revoke_operator(id, note).await.map_err(|error| match Refusal::from(error) {
                Refusal::NotFound(_) => Refusal::NotFound("operator key"),
                Refusal::LastKey => Refusal::LastOperator,
                other => other,
            })?;
        Ok((committed.value, self.narrowed(committed.seq, None).await))
    }
}
