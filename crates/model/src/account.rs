//! The customer of an api: owns keys, and is the isolation boundary.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{AccountId, Timestamp};

/// A customer of one api.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The name of the api it is a customer of.
    pub api: Arc<str>,
    /// The name people read.
    pub name: String,
    /// The company's own id for this customer; unique within the api.
    pub external_id: Option<String>,
    /// The company's own data, a JSON object.
    pub metadata: serde_json::Value,
    /// Whether its keys may work at all.
    pub state: AccountState,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Whether an account's keys may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Its keys are judged one by one.
    Active,
    /// None of its keys works; reversible.
    Suspended,
}
