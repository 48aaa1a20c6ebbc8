//! `claviger audit`

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use claviger_store::{TrailError, TrailHead, TrailLines, TrailWalk};
use serde_json::{Value, json};

use super::{
    Ending,
    client::with_query,
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
    /// Print the whole trail, one JSON value a line, and the chain's head last: a file to keep elsewhere
    Export(Export),
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
    /// Walk the chain in this exported trail, and ask no server
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Export {
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match self {
            Self::List(list) => list.run().await,
            Self::Verify(verify) => verify.run().await,
            Self::Export(export) => export.run().await,
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
        let report = match &self.file {
            Some(file) => walk(file)?,
            None => self.remote.client()?.get("/v1/audit-events/check").await?,
        };
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

impl Export {
    async fn run(self) -> anyhow::Result<Ending> {
        let client = self.remote.client()?;
        let (mut walk, mut cursor) = (TrailWalk::default(), None::<String>);
        loop {
            let query = [("limit", "100")].into_iter().chain(cursor.as_deref().map(|at| ("cursor", at)));
            let page = client.get(&with_query("/v1/audit-events", query)).await?;
            for event in page["items"].as_array().into_iter().flatten() {
                let line = event.to_string();
                let told = walk.step(line.as_bytes());
                let _ =
                    told.context("the trail is broken, and what was printed of it ends without a head")?;
                // Whoever keeps it must not take a part for the whole.
                out::shown_once(&format!("{line}\n"))?;
            }
            cursor = page["next_cursor"].as_str().map(ToOwned::to_owned);
            if cursor.is_none() {
                out::shown_once(&format!("{}\n", json!({"head": walk.head()})))?;
                return Ok(Ending::Done);
            }
        }
    }
}

/// What is found in an exported trail, in the words of the API.
fn walk(file: &Path) -> anyhow::Result<Value> {
    let unreadable = || format!("{} can't be read", file.display());
    let lines = TrailLines::of(BufReader::new(File::open(file).with_context(unreadable)?));
    Ok(match walk_all(lines) {
        Err(TrailError::Source(error)) => return Err(error).with_context(unreadable),
        Ok(head) => json!({"whole": true, "events": head.number, "head": head.hash}),
        Err(TrailError::Broken { number, reason }) => {
            json!({"whole": false, "number": number, "reason": reason})
        }
        Err(error) => json!({"whole": false, "reason": error.to_string()}),
    })
}

/// The head of a trail that is whole.
fn walk_all(mut lines: TrailLines<BufReader<File>>) -> Result<TrailHead, TrailError> {
    let mut walk = TrailWalk::default();
    while let Some(line) = lines.read()? {
        let _ = walk.step(line)?;
    }
    walk.end()
}

fn without_whole(mut report: Value) -> Value {
    report["whole"].take();
    report
}
