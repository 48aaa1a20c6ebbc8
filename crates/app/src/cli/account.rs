//! `claviger account`

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Ending,
    client::segment,
    key,
    paging::{Paging, note_more},
    receipt::note_incomplete,
    remote::Remote,
    table,
};
use crate::out;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create an account
    Create(Create),
    /// List accounts
    List(List),
    /// Show an account
    Show(Show),
    /// Erase from where its keys were used and its members are signed in
    EraseAddresses(Show),
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// The name people read
    name: String,
    /// The api it is a customer of; may be left out where there is one only
    #[arg(long)]
    api: Option<String>,
    /// Your own id for it
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Only customers of this api
    #[arg(long)]
    api: Option<String>,
    /// Only the one with this id of yours
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Show {
    /// The account's id
    id: String,
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(list) => list.run().await,
            Self::Show(show) => show.run().await,
            Self::EraseAddresses(account) => account.erase_addresses().await,
        }
    }
}

impl Create {
    async fn run(self) -> anyhow::Result<Ending> {
        let mut order = json!({"name": self.name});
        for (field, value) in [("api", self.api), ("external_id", self.external_id)] {
            if let Some(value) = value {
                order[field] = value.into();
            }
        }
        let account = self.remote.client()?.post("/v1/accounts", Some(&order)).await?;
        note_incomplete(&account["receipt"]);
        if self.remote.json {
            out::shown_once(&format!("{account}\n"))?;
            return Ok(Ending::Done);
        }
        let mut shown = account;
        shown["receipt"].take();
        let first_key = shown["first_key"].take();
        out::data(&table::fields(&shown))?;
        if !first_key.is_null() {
            out::data("\nIts first key:\n")?;
            key::show_issued(false, &first_key)?;
        }
        Ok(Ending::Done)
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Ending> {
        let filters = [("api", self.api.as_deref()), ("external_id", self.external_id.as_deref())];
        let query: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let accounts = self.paging.fetch(&self.remote.client()?, "/v1/accounts", &query).await?;
        if self.remote.json {
            out::json(&accounts)?;
        } else {
            let columns = ["id", "api", "name", "external_id", "state", "created_at"];
            out::data(&table::columns(&accounts["items"], &columns))?;
            note_more(&accounts);
        }
        Ok(Ending::Done)
    }
}

impl Show {
    async fn run(self) -> anyhow::Result<Ending> {
        let account = self.remote.client()?.get(&format!("/v1/accounts/{}", segment(&self.id)?)).await?;
        table::show(self.remote.json, &account, &account)?;
        Ok(Ending::Done)
    }
    async fn erase_addresses(self) -> anyhow::Result<Ending> {
        let path = format!("/v1/accounts/{}/erase-addresses", segment(&self.id)?);
        let erased = self.remote.client()?.post(&path, None).await?;
        table::show(self.remote.json, &erased, &erased)?;
        Ok(Ending::Done)
    }
}
