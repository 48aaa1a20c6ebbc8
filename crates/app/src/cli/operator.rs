//! `claviger operator`

use clap::{Args, Subcommand};
use claviger_model::{Abilities, AbilitiesError};
use serde_json::{Value, json};

use super::{
    Ending,
    client::segment,
    paging::{Paging, note_more},
    receipt::note_incomplete,
    remote::Remote,
    table,
};
use crate::out;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Issue an operator key; it is printed this once
    Issue(Issue),
    /// List operator keys
    List(List),
    /// End an operator key for good
    Revoke(Revoke),
}

#[derive(Args, Debug)]
pub(super) struct Issue {
    /// Who or what will hold it
    #[arg(long)]
    name: String,
    /// What it may do: verify, read, manage, reveal, all; separated by commas or given several times
    #[arg(long, required = true, value_name = "ABILITY", value_delimiter = ',', value_parser = ability)]
    can: Vec<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Revoke {
    /// The operator key's id
    id: String,
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match self {
            Self::Issue(issue) => issue.run().await,
            Self::List(list) => list.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Issue {
    async fn run(self) -> anyhow::Result<Ending> {
        let order = json!({"name": self.name, "can": self.can});
        let issued = self.remote.client()?.post("/v1/operators", Some(&order)).await?;
        note_incomplete(&issued["receipt"]);
        let mut of_interest = issued.clone();
        of_interest["receipt"].take();
        table::show_once(self.remote.json, &issued, &of_interest)?;
        out::note("Store the operator key now: it is shown this once.");
        Ok(Ending::Done)
    }
}

/// An ability, or `all`.
fn ability(text: &str) -> Result<String, AbilitiesError> {
    text.parse().map(|_: Abilities| text.to_owned())
}

impl List {
    async fn run(self) -> anyhow::Result<Ending> {
        let operators = self.paging.fetch(&self.remote.client()?, "/v1/operators", &[]).await?;
        if self.remote.json {
            out::json(&operators)?;
        } else {
            let columns = ["id", "name", "can", "hint", "created_at", "revoked_at"];
            out::data(&table::columns(&operators["items"], &columns))?;
            note_more(&operators);
        }
        Ok(Ending::Done)
    }
}

impl Revoke {
    async fn run(self) -> anyhow::Result<Ending> {
        let path = format!("/v1/operators/{}/revoke", segment(&self.id)?);
        let revoked: Value = self.remote.client()?.post(&path, None).await?;
        note_incomplete(&revoked["receipt"]);
        table::show(self.remote.json, &revoked, &revoked["operator"])?;
        Ok(Ending::Done)
    }
}
