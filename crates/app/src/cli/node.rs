//! `claviger node`

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Ending, client::segment, remote::Remote, table};
use crate::out;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the nodes, with what each has confirmed and its lease
    List(List),
    /// End the membership of a node that is known to be dead
    Fence(Fence),
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Fence {
    /// The node's id
    id: String,
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match self {
            Self::List(list) => list.run().await,
            Self::Fence(fence) => fence.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Ending> {
        let nodes = self.remote.client()?.get("/v1/nodes").await?;
        show(self.remote.json, &nodes)
    }
}

impl Fence {
    async fn run(self) -> anyhow::Result<Ending> {
        let path = format!("/v1/nodes/{}/fence", segment(&self.id)?);
        let left = self.remote.client()?.post(&path, None).await?;
        out::note(
            "Changes wait for this node no more. If it lives, it decides by what it knew until its lease ends.",
        );
        show(self.remote.json, &left)
    }
}

fn show(as_json: bool, nodes: &Value) -> anyhow::Result<Ending> {
    if as_json {
        out::json(nodes)?;
    } else {
        let columns = ["id", "name", "this", "version", "acked", "lag", "lease_seconds", "renewed_at"];
        out::data(&table::columns(&nodes["items"], &columns))?;
    }
    Ok(Ending::Done)
}
