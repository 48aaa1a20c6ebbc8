//! The calls under way: a few at once, told in their order, and never two that speak of one account, whose first row says
//! what it is.

use std::{
    collections::{HashSet, VecDeque},
    future::Future,
};

use anyhow::Context as _;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::report::Refused;

/// About how many secrets and bytes make a call; it has no more rows than secrets.
const SECRETS: usize = 2_000;
const BYTES: usize = 2 << 20;
/// Secrets after which a call ends where another account begins.
const SECRETS_ENOUGH: usize = 1_800;
/// Most calls under way: while the rows of one are written, the next ones are sent and read.
const UNDER_WAY: usize = 3;

/// The rows of one call, as JSON, their lines and accounts; and those among them that need no asking.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) lines: Vec<u64>,
    pub(super) rows: String,
    accounts: HashSet<String>,
    secrets: usize,
    pub(super) refused: Vec<Refused>,
}

impl Batch {
    pub(super) fn add(&mut self, line: u64, row: &str, account: String, secrets: usize) {
        if !self.lines.is_empty() {
            self.rows.push(',');
        }
        self.lines.push(line);
        self.rows.push_str(row);
        self.accounts.insert(account);
        self.secrets += secrets;
    }

    pub(super) fn is_full(&self) -> bool {
        self.secrets.max(self.refused.len()) >= SECRETS || self.rows.len() >= BYTES
    }

    /// Whether it is large enough, and has no row of this account.
    pub(super) fn ends_before(&self, account: &str) -> bool {
        self.secrets >= SECRETS_ENOUGH && !self.accounts.contains(account)
    }
}

/// A call that was answered.
pub(super) struct Answered {
    pub(super) lines: Vec<u64>,
    pub(super) refused: Vec<Refused>,
    pub(super) answer: anyhow::Result<Value>,
}

struct Call {
    lines: Vec<u64>,
    accounts: HashSet<String>,
    refused: Vec<Refused>,
    answer: JoinHandle<anyhow::Result<Value>>,
}

#[derive(Default)]
pub(super) struct Calls(VecDeque<Call>);

impl Calls {
    /// Whether a call about these rows may be made now, beside those under way.
    pub(super) fn have_room_for(&self, batch: &Batch) -> bool {
        self.0.len() < UNDER_WAY && self.0.iter().all(|call| call.accounts.is_disjoint(&batch.accounts))
    }

    /// Makes a call, which goes on while rows are read, however long the next of them takes to come.
    pub(super) fn begin<F>(&mut self, batch: Batch, call: impl FnOnce(String) -> F)
    where
        F: Future<Output = anyhow::Result<Value>> + Send + 'static,
    {
        let Batch { lines, rows, accounts, refused, .. } = batch;
        let answer =
            if lines.is_empty() { tokio::spawn(async { Ok(Value::Null) }) } else { tokio::spawn(call(rows)) };
        self.0.push_back(Call { lines, accounts, refused, answer });
    }

    /// The call that was made first, once it is answered.
    pub(super) async fn next(&mut self) -> Option<Answered> {
        let Call { lines, refused, answer, .. } = self.0.pop_front()?;
        let answer = answer.await.context("the call broke off").and_then(|answer| answer);
        Some(Answered { lines, refused, answer })
    }
}
