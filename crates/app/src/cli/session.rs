//! `claviger session`

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Ending,
    client::segment,
    link,
    member::role,
    paging::{Paging, note_more},
    remote::Remote,
    table,
};
use crate::out;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a link that signs someone in, once; it is printed this once
    Link(Link),
    /// List who is signed in
    List(List),
    /// Sign a browser out
    End(End),
}

#[derive(Args, Debug)]
pub(super) struct Link {
    /// The account to sign in for
    #[arg(long, value_name = "ID")]
    account: String,
    /// Who; where the account has no member with this address, one is made
    #[arg(long)]
    email: String,
    /// Their role from now on: administrator, developer or viewer; a new member is a developer where left out
    #[arg(long, value_parser = role)]
    role: Option<String>,
    /// Where the pages lead back to: a URL of an origin that the profile lists
    #[arg(long, value_name = "URL")]
    return_to: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Of this account's members
    #[arg(long, value_name = "ID")]
    account: String,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct End {
    /// The session's id
    id: String,
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match self {
            Self::Link(link) => link.run().await,
            Self::List(list) => list.run().await,
            Self::End(end) => end.run().await,
        }
    }
}

impl Link {
    async fn run(self) -> anyhow::Result<Ending> {
        let mut order = json!({"account_id": self.account, "email": self.email});
        for (field, value) in [("role", self.role), ("return_to", self.return_to)] {
            if let Some(value) = value {
                order[field] = value.into();
            }
        }
        let linked = self.remote.client()?.post("/v1/sessions", Some(&order)).await?;
        link::show(self.remote.json, &linked, "url")
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Ending> {
        let query = [("account_id", self.account.as_str())];
        let sessions = self.paging.fetch(&self.remote.client()?, "/v1/sessions", &query).await?;
        if self.remote.json {
            out::json(&sessions)?;
        } else {
            let columns = ["id", "email", "method", "address", "created_at", "seen_at", "expires_at"];
            out::data(&table::columns(&sessions["items"], &columns))?;
            note_more(&sessions);
        }
        Ok(Ending::Done)
    }
}

impl End {
    async fn run(self) -> anyhow::Result<Ending> {
        let path = format!("/v1/sessions/{}/end", segment(&self.id)?);
        let ended = self.remote.client()?.post(&path, None).await?;
        table::show(self.remote.json, &ended, &ended)?;
        Ok(Ending::Done)
    }
}
