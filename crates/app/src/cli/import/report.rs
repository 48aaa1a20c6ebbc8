//! What became of the rows, for the person who waits and for the file that they asked for.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::{Context as _, anyhow};
use claviger_model::{Clock as _, Moment, import::RowRefusal};
use serde_json::{Value, json};

use crate::{
    cli::{Ending, table},
    out,
    system::SystemClock,
};

/// Most refused rows that are shown; a file has all of them.
const SHOWN: usize = 20;
/// Most refused rows in the answer to `--json`.
const LISTED: usize = 1_000;

/// A row that isn't taken.
pub(super) struct Refused {
    line: u64,
    code: String,
    detail: String,
}

impl Refused {
    pub(super) fn of(line: u64, refusal: &RowRefusal) -> Self {
        Self { line, code: refusal.code().to_owned(), detail: refusal.to_string() }
    }
}

pub(super) struct Report {
    file: Option<BufWriter<File>>,
    clock: SystemClock,
    began: Moment,
    rows: u64,
    created: u64,
    changed: u64,
    unchanged: u64,
    accounts: u64,
    reasons: BTreeMap<String, u64>,
    refused: Vec<Value>,
}

impl Report {
    /// A report of nothing yet, which writes refused rows to this file.
    pub(super) fn to(path: Option<&Path>) -> anyhow::Result<Self> {
        let made = path.map(|path| {
            File::create(path).with_context(|| format!("the report {} can't be written", path.display()))
        });
        let clock = SystemClock::new();
        Ok(Self {
            file: made.transpose()?.map(BufWriter::new),
            began: clock.boot(),
            clock,
            rows: 0,
            created: 0,
            changed: 0,
            unchanged: 0,
            accounts: 0,
            reasons: BTreeMap::new(),
            refused: Vec::new(),
        })
    }

    fn refuse(&mut self, Refused { line, code, detail }: Refused) -> anyhow::Result<()> {
        self.rows += 1;
        let seen: u64 = self.reasons.values().sum();
        let told = json!({"line": line, "code": code, "detail": detail});
        *self.reasons.entry(code).or_default() += 1;
        if let Some(file) = &mut self.file {
            writeln!(file, "{told}").context("the report can't be written")?;
        }
        if self.refused.len() < LISTED {
            self.refused.push(told);
        }
        if seen < SHOWN as u64 {
            out::note(&format!("line {line}: {}", out::visible(&detail)));
        } else if seen == SHOWN as u64 {
            out::note("More rows aren't taken; --report FILE has all of them.");
        }
        Ok(())
    }

    /// What became of a call's rows, which began in these lines, and of those that weren't sent.
    pub(super) fn add(
        &mut self,
        answer: &Value,
        lines: &[u64],
        mut unsent: Vec<Refused>,
    ) -> anyhow::Result<()> {
        let count = |field: &str| answer[field].as_u64().unwrap_or_default();
        self.created += count("created");
        self.changed += count("changed");
        self.unchanged += count("unchanged");
        self.accounts += count("accounts");
        self.rows += count("created") + count("changed") + count("unchanged");
        for refused in answer["refused"].as_array().into_iter().flatten() {
            let place = refused["row"].as_u64().and_then(|place| usize::try_from(place).ok());
            let line = place.and_then(|place| lines.get(place));
            let line = *line.ok_or_else(|| anyhow!("the answer names a row that wasn't sent"))?;
            let text = |field: &str| refused[field].as_str().unwrap_or_default().to_owned();
            unsent.push(Refused { line, code: text("code"), detail: text("detail") });
        }
        unsent.sort_unstable_by_key(|refused| refused.line);
        unsent.into_iter().try_for_each(|refused| self.refuse(refused))?;
        self.progress();
        Ok(())
    }

    fn progress(&self) {
        let seconds = self.clock.boot().since(self.began).as_millis().max(1);
        let pace = u128::from(self.rows) * 1000 / seconds;
        let refused: u64 = self.reasons.values().sum();
        out::progress(&format!("{} rows, {pace} a second, {refused} not taken", self.rows));
    }

    /// Says what became of all rows.
    pub(super) fn end(mut self, dry_run: bool, as_json: bool) -> anyhow::Result<Ending> {
        if let Some(file) = &mut self.file {
            file.flush().context("the report can't be written")?;
        }
        out::progress("");
        let refused: u64 = self.reasons.values().sum();
        let mut all = json!({
            "rows": self.rows,
            "created": self.created,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "refused": refused,
        });
        // Nothing being written, an account is new to each call that speaks of it.
        if !dry_run {
            all["accounts"] = json!(self.accounts);
        }
        if as_json {
            all["dry_run"] = json!(dry_run);
            all["reasons"] = json!(self.reasons);
            all["refused_rows"] = json!(self.refused);
            out::json(&all)?;
        } else {
            for (reason, count) in &self.reasons {
                all[format!("  {reason}")] = json!(count);
            }
            out::data(&table::fields(&all))?;
            if dry_run {
                out::note("Nothing was written.");
            }
        }
        Ok(if refused == 0 { Ending::Done } else { Ending::No })
    }
}
