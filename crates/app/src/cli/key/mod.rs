//! `claviger key`

mod find;
mod issue;
mod list;
mod restrict;
mod stdin;
mod verify;

use clap::{Args, Subcommand};
use claviger_model::{DurationError, parse_duration};
use serde_json::{Value, json};

pub(super) use issue::scopes;

use super::{Ending, client::segment, receipt::note_incomplete, remote::Remote, table};
use crate::out;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Issue a key; it is printed this once
    Issue(issue::Issue),
    /// List keys
    List(list::List),
    /// Find whose key this is, read from stdin
    Find(find::Find),
    /// Show a key, never its secret
    Show(One),
    /// Give a key another name
    Rename(Rename),
    /// Change what a key may do, where from and until when
    Restrict(restrict::Restrict),
    /// Give a key a new secret; the old one works until the overlap ends
    Rotate(Rotate),
    /// End a key for good
    Revoke(One),
    /// Switch a key off until it is enabled again
    Disable(One),
    /// Switch a key on again
    Enable(One),
    /// Show the secret of a sealed key again; audited
    Reveal(One),
    /// Ask whether a key, read from stdin, is good; status 0 when it is, 1 when it is not
    Verify(verify::Verify),
}

#[derive(Args, Debug)]
pub(super) struct One {
    /// The key's id
    id: String,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Rename {
    /// The key's id
    id: String,
    /// What it is for
    #[arg(long)]
    name: String,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Rotate {
    /// The key's id
    id: String,
    /// How long the old secret stays valid, such as 24h; 0 for a compromise; the profile says where left out
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    overlap: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match self {
            Self::Issue(issue) => issue.run().await,
            Self::List(list) => list.run().await,
            Self::Find(find) => find.run().await,
            Self::Show(one) => one.show().await,
            Self::Rename(rename) => rename.run().await,
            Self::Restrict(restrict) => restrict.run().await,
            Self::Rotate(rotate) => rotate.run().await,
            Self::Revoke(one) => one.change("revoke").await,
            Self::Disable(one) => one.change("disable").await,
            Self::Enable(one) => one.change("enable").await,
            Self::Reveal(one) => one.reveal().await,
            Self::Verify(verify) => verify.run().await,
        }
    }
}

impl One {
    fn path(&self) -> anyhow::Result<String> {
        Ok(format!("/v1/keys/{}", segment(&self.id)?))
    }

    async fn show(self) -> anyhow::Result<Ending> {
        let key = self.remote.client()?.get(&self.path()?).await?;
        table::show(self.remote.json, &key, &key)?;
        Ok(Ending::Done)
    }

    async fn change(self, verb: &str) -> anyhow::Result<Ending> {
        let changed = self.remote.client()?.post(&format!("{}/{verb}", self.path()?), None).await?;
        show_changed(&self.remote, &changed)
    }

    async fn reveal(self) -> anyhow::Result<Ending> {
        let revealed = self.remote.client()?.post(&format!("{}/reveal", self.path()?), None).await?;
        if self.remote.json {
            out::shown_once(&format!("{revealed}\n"))?;
        } else {
            out::shown_once(&format!("{}\n", out::visible(revealed["key"].as_str().unwrap_or_default())))?;
        }
        Ok(Ending::Done)
    }
}

impl Rename {
    async fn run(self) -> anyhow::Result<Ending> {
        let path = format!("/v1/keys/{}", segment(&self.id)?);
        let changed = self.remote.client()?.patch(&path, &json!({"name": self.name})).await?;
        show_changed(&self.remote, &changed)
    }
}

impl Rotate {
    async fn run(self) -> anyhow::Result<Ending> {
        let order = self.overlap.map_or_else(|| json!({}), |overlap| json!({"overlap": overlap}));
        let path = format!("/v1/keys/{}/rotate", segment(&self.id)?);
        let rotated = self.remote.client()?.post(&path, Some(&order)).await?;
        note_incomplete(&rotated["receipt"]);
        show_issued(self.remote.json, &rotated)?;
        Ok(Ending::Done)
    }
}

/// A duration as the API reads it.
pub(super) fn duration(text: &str) -> Result<String, DurationError> {
    parse_duration(text).map(|_| text.to_owned())
}

/// A key with its secret.
pub(super) fn show_issued(as_json: bool, issued: &Value) -> anyhow::Result<()> {
    let mut of_interest = issued.clone();
    of_interest["receipt"].take();
    table::show_once(as_json, issued, &of_interest)?;
    out::note("Store the key now: it is shown this once.");
    Ok(())
}

fn show_changed(remote: &Remote, changed: &Value) -> anyhow::Result<Ending> {
    note_incomplete(&changed["receipt"]);
    table::show(remote.json, changed, &changed["key"])?;
    Ok(Ending::Done)
}
