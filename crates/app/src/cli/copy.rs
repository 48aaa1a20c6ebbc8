//! `claviger copy`

use std::{fmt::Write as _, path::PathBuf};

use anyhow::bail;
use clap::Args;
use claviger_model::Clock as _;
use claviger_store::{Copied, CopyOrder, abort_copy, copy};
use serde_json::{Map, Value, json};

use super::{Ending, wrong_usage};
use crate::{
    config::DatabaseUrl,
    out,
    serve::signals::Signals,
    system::{SystemClock, SystemEntropy},
};

/// The names of the two kinds of databases.
const EMBEDDED: &str = "sqlite:";
/// The file of the master key in a data directory.
const MASTER_KEY: &str = "master.key";

#[derive(Args, Debug)]
pub(super) struct Copy {
    /// The data directory to move, as `sqlite:DIR`; a server may be running on it
    #[arg(long, value_name = "PLACE", value_parser = embedded)]
    from: PathBuf,
    /// The empty PostgreSQL database to move it to
    #[arg(long, value_name = "URL", env = "CLAVIGER_DATABASE_URL", hide_env_values = true)]
    to: Option<DatabaseUrl>,
    /// Have the installation take changes again after a copy that came to nothing
    #[arg(long)]
    abort: bool,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

fn embedded(text: &str) -> Result<PathBuf, &'static str> {
    match text.strip_prefix(EMBEDDED) {
        Some(dir) if !dir.is_empty() => Ok(dir.into()),
        _ => Err("must be sqlite: and a data directory, such as sqlite:/var/lib/claviger"),
    }
}

impl Copy {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        if self.abort { self.take_back().await } else { self.copy().await }
    }

    async fn copy(self) -> anyhow::Result<Ending> {
        let Some(to) = self.to else {
            bail!(wrong_usage("no database to copy to is named with --to or CLAVIGER_DATABASE_URL"));
        };
        let mut signals = Signals::listen()?;
        let order = CopyOrder {
            from: self.from.clone(),
            to: to.expose().to_owned(),
            old_node: format!("moved from {}", self.from.display()),
            now: SystemClock::new().now(),
            entropy: &SystemEntropy,
        };
        let copied = copy(order, signals.next()).await?;
        if self.json {
            out::json(&as_json(&copied))?;
        } else {
            out::data(&told(&self.from.display().to_string(), &copied))?;
            out::note(&next(&self.from, &copied));
        }
        Ok(Ending::Done)
    }

    async fn take_back(self) -> anyhow::Result<Ending> {
        let to = self.to.as_ref().map(DatabaseUrl::expose);
        abort_copy(&self.from, to, SystemClock::new().now(), &SystemEntropy).await?;
        let place = self.from.display().to_string();
        if self.json {
            out::json(&json!({"open": place}))?;
        } else {
            out::data(&format!("{place} takes changes again\n"))?;
        }
        Ok(Ending::Done)
    }
}

fn as_json(copied: &Copied) -> Value {
    let rows: Map<_, _> =
        copied.rows.iter().map(|(table, rows)| ((*table).to_owned(), json!(rows))).collect();
    json!({
        "database": copied.place,
        "rows": rows,
        "sealed": copied.sealed,
        "audit": {"events": copied.events, "head": hex(&copied.head)},
        "old_node": copied.old_node.map(|id| id.to_string()),
        "counts_lost": copied.counts_lost,
    })
}

fn told(from: &str, copied: &Copied) -> String {
    let mut text = format!("Copied {from} to {}:\n\n", copied.place);
    let width = copied.rows.iter().map(|(table, _)| table.len()).max().unwrap_or(0);
    for (table, rows) in &copied.rows {
        writeln!(text, "{table:<width$}  {rows}").expect("a String takes everything");
    }
    let Copied { events, head, .. } = copied;
    writeln!(
        text,
        "\nEach was counted in the copy, and its audit chain walked: {events} events, {}",
        hex(head)
    )
    .expect("a String takes everything");
    text
}

/// What is left to do, in order.
fn next(from: &std::path::Path, copied: &Copied) -> String {
    let mut steps = Vec::new();
    if copied.sealed > 0 {
        steps.push(format!(
            "Give every node the master key ({}, or where CLAVIGER_MASTER_KEY_FILE says): {} keys are sealed with it.",
            from.join(MASTER_KEY).display(),
            copied.sealed
        ));
    }
    steps.push(
        "Start nodes with --database-url on the new database, and move the traffic to them.".to_owned(),
    );
    match copied.old_node {
        None => steps
            .push(format!("{} isn't served any more: keep it as a backup of this instant.", from.display())),
        Some(node) => {
            steps.push(format!(
                "Stop the server on {}. It goes on deciding by what it knows, refuses changes, and hears of none: until it is \
                 fenced, no revocation is reported complete.",
                from.display()
            ));
            steps.push(format!(
                "Say that it has ended: claviger node fence {node} (a node that uses the same data directory has said so)."
            ));
        }
    }
    let mut text = String::new();
    if let Some(why) = &copied.counts_lost {
        writeln!(text, "Counts and last uses are not complete ({why}). Keys are.\n")
            .expect("a String takes everything");
    }
    if copied.old_node.is_some() {
        text.push_str("What the old server counts from here on stays with it.\n\n");
    }
    text.push_str("Next:\n");
    for (number, step) in (1..).zip(steps) {
        write!(text, "\n{number}. {step}").expect("a String takes everything");
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_embedded_database() {
        assert_eq!(embedded("sqlite:/var/lib/claviger"), Ok(PathBuf::from("/var/lib/claviger")));
        for text in ["", "sqlite:", "/var/lib/claviger", "postgres://db/keys"] {
            assert!(embedded(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_left_to_do_depends_on_what_was_found() {
        let mut copied = Copied {
            place: "postgres://db/keys".to_owned(),
            rows: vec![("accounts", 3), ("audit_events", 10)],
            sealed: 0,
            events: 10,
            head: [0xab; 32],
            old_node: None,
            counts_lost: None,
        };
        let from = std::path::Path::new("/data");
        assert!(told("/data", &copied).contains("accounts      3\naudit_events  10\n"));
        assert!(told("/data", &copied).contains("10 events, abab"));
        let text = next(from, &copied);
        assert!(!text.contains("fence") && !text.contains("master key"), "{text}");
        copied.sealed = 2;
        copied.old_node = Some(claviger_model::NodeId::from_bytes([1; 16]));
        copied.counts_lost = Some("the disk is full".to_owned());
        let text = next(from, &copied);
        assert!(text.contains("4. Say that it has ended: claviger node fence node_"), "{text}");
        assert!(text.contains("/data/master.key") && text.contains("the disk is full"), "{text}");
    }
}
