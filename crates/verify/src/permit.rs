//! Proof that something was allowed: what is downstream of a decision takes one of these, and nothing else can
//! make them.

use std::sync::Arc;

use claviger_model::{
    Abilities, Ability, AccountId, Denial, Digest, Environment, KeyId, OperatorId, Restrictions, Scopes,
    Standings, Timestamp,
};

use crate::{
    feed::{AccountRecord, OperatorRecord, Terms},
    replica::Held,
};

/// That a key allowed an attempt, and whose key it is.
#[derive(Clone, Debug)]
pub struct Permit {
    digest: Digest,
    key: KeyId,
    secret: u16,
    environment: Environment,
    expires_at: Option<Timestamp>,
    account: Arc<AccountRecord>,
    terms: Arc<Terms>,
    standings: Option<Box<Standings>>,
    observed: Option<Box<Denial>>,
}

impl Permit {
    /// `standings` is where the key stands with its limits, if it has any; `observed` is what would have refused it, were
    /// it enforced.
    pub(crate) fn new(held: Held, standings: Option<Box<Standings>>, observed: Option<Box<Denial>>) -> Self {
        let Held { digest, key, secret, environment, expires_at, account, terms, .. } = held;
        Self { digest, key, secret, environment, expires_at, account, terms, standings, observed }
    }

    /// What would have refused the attempt, were it enforced and not only observed.
    pub fn observed(&self) -> Option<&Denial> {
        self.observed.as_deref()
    }

    /// The digest of the secret that was presented.
    pub(crate) fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The key.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Which of the key's secrets was presented, counted from 1.
    pub fn secret(&self) -> u16 {
        self.secret
    }

    /// The account whose key it is.
    pub fn account(&self) -> AccountId {
        self.account.id
    }

    /// The api whose key it is.
    pub fn api(&self) -> &Arc<str> {
        &self.account.api
    }

    /// The company's own id for the account.
    pub fn external_id(&self) -> Option<&str> {
        self.account.external_id.as_deref()
    }

    /// The key's environment.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// What the key may do.
    pub fn scopes(&self) -> &Scopes {
        &self.terms.policy.scopes
    }

    /// What narrows the key.
    pub fn restrictions(&self) -> &Restrictions {
        &self.terms.policy.restrictions
    }

    /// When the key expires.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Where the key stands with its limits after this call; `None` where it has none.
    pub fn standings(&self) -> Option<&Standings> {
        self.standings.as_deref()
    }

    /// Who created the key.
    pub fn created_by(&self) -> &str {
        &self.terms.created_by
    }
}

/// That an operator key is good. What it allows is [`OperatorPermit::can`]'s to say.
#[derive(Clone, Debug)]
pub struct OperatorPermit(Arc<OperatorRecord>);

impl OperatorPermit {
    pub(crate) fn new(record: Arc<OperatorRecord>) -> Self {
        Self(record)
    }

    /// The operator key's id.
    pub fn id(&self) -> OperatorId {
        self.0.id
    }

    /// The operator key's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it may do.
    pub fn abilities(&self) -> Abilities {
        self.0.abilities
    }

    /// Whether it may do this.
    pub fn can(&self, ability: Ability) -> bool {
        self.0.abilities.include(ability)
    }
}
