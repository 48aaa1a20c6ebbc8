//! `claviger import`

mod report;
mod rows;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use claviger_model::import::{Row, RowRefusal};
use serde_json::{Value, json};

use self::{
    report::{Refused, Report},
    rows::{Format, Line, Rows, Said},
};
use super::{Ending, client::Client, receipt::note_incomplete, remote::Remote};
use crate::out;

/// Most rows, and about how many bytes of them, of one call.
const ROWS: usize = 1_000;
const BYTES: usize = 2 << 20;
/// Most rows of a file that are compared with each other, in a few hundred megabytes.
const COMPARED: usize = 1 << 24;

#[derive(Args, Debug)]
pub(super) struct Import {
    /// The file with the keys, one on each line; `-` is standard input
    file: PathBuf,
    /// The api they are for; may be left out where there is one only
    #[arg(long)]
    api: Option<String>,
    /// How the file is written; seen by its first character where left out
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Say what would become of the rows, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Take keys that can be guessed too, where a rate of their own or of the profile limits them
    #[arg(long)]
    allow_weak: bool,
    /// Write each row that isn't taken to this file, with its line and the reason, as JSON Lines
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let client = self.remote.client()?;
        let input = open(&self.file)?;
        let mut rows = Rows::of(input, self.format)?;
        let mut report = Report::to(self.report.as_deref())?;
        let mut seen = Seen::default();
        let mut batch = Batch::default();
        while let Some(Line { number, row }) = rows.next().context("the file can't be read any further")? {
            match row.and_then(|row| seen.look(row)) {
                Ok(row) => batch.add(number, &row),
                Err(refusal) => batch.refused.push(Refused::of(number, &refusal)),
            }
            if batch.is_full() {
                self.send(&client, &mut batch, &mut report).await?;
            }
        }
        self.send(&client, &mut batch, &mut report).await?;
        if seen.overflowed {
            out::note(&format!("Only the first {COMPARED} rows were compared with each other."));
        }
        report.end(self.dry_run, self.remote.json)
    }

    async fn send(&self, client: &Client, batch: &mut Batch, report: &mut Report) -> anyhow::Result<()> {
        let Batch { lines, rows, refused } = std::mem::take(batch);
        let Some(&first) = lines.first() else { return report.add(&Value::Null, &lines, refused) };
        let sent = client.post_text("/v1/keys/import", self.call(&rows)).await;
        let answer = sent.with_context(|| {
            if self.dry_run {
                return format!("the rows from line {first} on weren't looked at");
            }
            format!("stopped at line {first}; run it again, and only what is missing is taken")
        })?;
        note_incomplete(&answer["receipt"]);
        report.add(&answer, &lines, refused)
    }

    /// The body of a call about these rows.
    fn call(&self, rows: &str) -> String {
        let Self { api, dry_run, allow_weak, .. } = self;
        let api = json!(api);
        format!(r#"{{"api":{api},"dry_run":{dry_run},"allow_weak":{allow_weak},"rows":[{rows}]}}"#)
    }
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("{} can't be read", path.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

/// The keys of the rows so far: of two rows with the same one, which of them counts would be chance.
#[derive(Default)]
struct Seen {
    keys: HashSet<[u8; 8]>,
    overflowed: bool,
}

impl Seen {
    /// The row's text, if it can be read and is the first with its key.
    fn look(&mut self, said: Said) -> Result<String, RowRefusal> {
        let digest = Row::read(said.members)?.secret.digest();
        let Some(begin) = digest.as_bytes().first_chunk() else { return Ok(said.json) };
        if self.keys.len() >= COMPARED {
            self.overflowed = true;
            return Ok(said.json);
        }
        if self.keys.insert(*begin) { Ok(said.json) } else { Err(RowRefusal::Duplicate) }
    }
}

/// The rows of one call, as JSON, and their lines; and those among them that need no asking.
#[derive(Default)]
struct Batch {
    lines: Vec<u64>,
    rows: String,
    refused: Vec<Refused>,
}

impl Batch {
    fn add(&mut self, line: u64, row: &str) {
        if !self.lines.is_empty() {
            self.rows.push(',');
        }
        self.lines.push(line);
        self.rows.push_str(row);
    }

    fn is_full(&self) -> bool {
        self.lines.len().max(self.refused.len()) >= ROWS || self.rows.len() >= BYTES
    }
}
