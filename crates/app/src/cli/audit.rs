//! `claviger audit`

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Ending,
    paging::{Paging, note_more},
    remote::Remote,
    table,
};
use crate::out;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List what happened, in that order
    List(List),
    /// Walk the whole chain of events; status 1 where it is broken
    Verify(Verify),
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Only what happened in this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only what happened to the thing with this id
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Only what this request did
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Verify {
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match self {
            Self::List(list) => list.run().await,
            Self::Verify(verify) => verify.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Ending> {
        let filters =
            [("account_id", &self.account), ("subject", &self.subject), ("request_id", &self.request)];
        let query: Vec<_> =
            filters.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
        let events = self.paging.fetch(&self.remote.client()?, "/v1/audit-events", &query).await?;
        if self.remote.json {
            out::json(&events)?;
        } else {
            let columns = ["number", "at", "actor", "action", "account_id", "subject", "detail"];
            out::data(&table::columns(&events["items"], &columns))?;
            note_more(&events);
        }
        Ok(Ending::Done)
    }
}

impl Verify {
    async fn run(self) -> anyhow::Result<Ending> {
        let report = self.remote.client()?.get("/v1/audit-events/check").await?;
        let whole = report["whole"] == Value::Bool(true);
        if self.remote.json {
            out::json(&report)?;
        } else if whole {
            out::data(&format!("whole\n{}", table::fields(&without_whole(report))))?;
        } else {
            out::data(&format!("broken\n{}", table::fields(&without_whole(report))))?;
        }
        Ok(if whole { Ending::Done } else { Ending::No })
    }
}

fn without_whole(mut report: Value) -> Value {
    report["whole"].take();
    report
}
