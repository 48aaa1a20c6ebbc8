//! `claviger import`

mod calls;
mod report;
mod rows;

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader},
    mem,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use claviger_model::import::{Row, RowRefusal, Secret};
use serde_json::json;

use self::{
    calls::{Answered, Batch, Calls},
    report::{Refused, Report},
    rows::{Format, Line, Rows, Said},
};
use super::{Ending, client::Client, receipt::note_incomplete, remote::Remote};
use crate::out;

/// Most secrets of a file that are compared with each other, in a few hundred megabytes.
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
        let client = Arc::new(self.remote.client()?);
        let input = open(&self.file)?;
        let mut rows = Rows::of(input, self.format)?;
        let mut report = Report::to(self.report.as_deref())?;
        let mut seen = Seen::default();
        let (mut batch, mut calls) = (Batch::default(), Calls::default());
        while let Some(Line { number, row }) = rows.next().context("the file can't be read any further")? {
            match row.and_then(|row| seen.look(row)) {
                Ok((row, account, secrets)) => {
                    if batch.ends_before(&account) {
                        self.send(&client, &mut calls, mem::take(&mut batch), &mut report).await?;
                    }
                    batch.add(number, &row, account, secrets);
                }
                Err(refusal) => batch.refused.push(Refused::of(number, &refusal)),
            }
            if batch.is_full() {
                self.send(&client, &mut calls, mem::take(&mut batch), &mut report).await?;
            }
        }
        self.send(&client, &mut calls, batch, &mut report).await?;
        while let Some(answered) = calls.next().await {
            self.tell(answered, &mut report)?;
        }
        if seen.overflowed {
            out::note(&format!("Only the first {COMPARED} secrets were compared with each other."));
        }
        report.end(self.dry_run, self.remote.json)
    }

    /// Makes a call about these rows, once there is room for it.
    async fn send(
        &self,
        client: &Arc<Client>,
        calls: &mut Calls,
        batch: Batch,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        while !calls.have_room_for(&batch)
            && let Some(answered) = calls.next().await
        {
            self.tell(answered, report)?;
        }
        calls.begin(batch, |rows| {
            let (client, body) = (Arc::clone(client), self.call(&rows));
            async move { client.post_text("/v1/keys/import", body).await }
        });
        Ok(())
    }

    fn tell(&self, answered: Answered, report: &mut Report) -> anyhow::Result<()> {
        let Answered { lines, refused, answer } = answered;
        let answer = answer.with_context(|| {
            let first = lines.first().copied().unwrap_or_default();
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

/// The secrets of the rows so far: of two rows with the same one, which of them counts would be chance.
#[derive(Default)]
struct Seen {
    keys: HashSet<[u8; 8]>,
    overflowed: bool,
}

impl Seen {
    /// The row's text, its account and how many secrets it has, if it can be read and is the first with each of them.
    fn look(&mut self, said: Said) -> Result<(String, String, usize), RowRefusal> {
        let row = Row::read(said.members)?;
        self.add(&row.secret)?;
        for (place, earlier) in (1..).zip(&row.earlier_secrets) {
            self.add(&earlier.secret).map_err(|why| why.of_earlier(place))?;
        }
        Ok((said.json, row.account, 1 + row.earlier_secrets.len()))
    }

    fn add(&mut self, secret: &Secret) -> Result<(), RowRefusal> {
        let digest = secret.digest();
        let Some(begin) = digest.as_bytes().first_chunk() else { return Ok(()) };
        if self.keys.len() >= COMPARED {
            self.overflowed = true;
            return Ok(());
        }
        if self.keys.insert(*begin) { Ok(()) } else { Err(RowRefusal::Duplicate) }
    }
}
