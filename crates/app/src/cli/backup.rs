//! `claviger backup` and `claviger restore`

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use claviger_model::{Clock as _, Digest};
use claviger_store::{Again, BackupError, PostgresOptions, Store, TrailReader, Unpacked, back_up};
use serde_json::{Value, json};

use super::{Ending, wrong_usage};
use crate::{
    config::{self, DatabaseUrl},
    out,
    serve::master,
    system::{SystemClock, SystemEntropy},
};

/// Where the installation is.
#[derive(Args, Debug)]
struct Place {
    /// The data directory
    #[arg(long, value_name = "DIR", env = "CLAVIGER_DATA")]
    data: Option<PathBuf>,
    /// The PostgreSQL database that several nodes share: its own tools make and restore its backups
    #[arg(long, value_name = "URL", env = "CLAVIGER_DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    /// A file of settings, of which the data directory and the database count
    #[arg(long, value_name = "FILE", env = "CLAVIGER_CONFIG")]
    config: Option<PathBuf>,
}

impl Place {
    /// The data directory, and the database that nodes share if the settings name one.
    fn find(self) -> anyhow::Result<(PathBuf, Option<DatabaseUrl>)> {
        config::places(self.data, self.database_url, self.config.as_deref())
    }
}

fn instead_of(tools: &str) -> anyhow::Error {
    wrong_usage(format!(
        "the settings name a PostgreSQL database, whose own tools do this: {tools} (docs/guide/backup.md)"
    ))
}

#[derive(Args, Debug)]
pub(super) struct Backup {
    /// Where the backup is written; one that is there is replaced when the new one is whole
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub(super) fn run(self) -> anyhow::Result<Ending> {
        let (dir, None) = self.place.find()? else {
            return Err(instead_of("pg_dump --clean --if-exists --file FILE URL"));
        };
        let made = back_up(&dir, &self.file, env!("CARGO_PKG_VERSION"), SystemClock::new().now())
            .context("no backup was made")?;
        let (digest, head) = (hex(made.digest), hex(made.head));
        if self.json {
            out::json(&json!({
                "file": self.file,
                "bytes": made.bytes,
                "sha256": digest,
                "audit": {"events": made.events, "head": head},
                "sealed": made.is_sealed,
            }))?;
            return Ok(Ending::Done);
        }
        out::data(&format!(
            "{}\n\nbytes   {}\nsha256  {digest}\naudit   {} events, {head}\n",
            self.file.display(),
            made.bytes,
            made.events
        ))?;
        if made.is_sealed {
            out::note("It holds sealed keys and not the master key: keep a copy of that apart from it.");
        }
        Ok(Ending::Done)
    }
}

#[derive(Args, Debug)]
pub(super) struct Restore {
    /// The backup; left out where PostgreSQL's own tools have put one back
    file: Option<PathBuf>,
    /// An exported audit trail that goes on after the backup: what it says was revoked, disabled, restricted or removed is
    /// so again
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// The master key, where the backup holds sealed keys; otherwise it is looked for in the data directory
    #[arg(long, value_name = "FILE", env = "CLAVIGER_MASTER_KEY_FILE")]
    master_key_file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

impl Restore {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match (self.place.find()?, self.file, self.audit) {
            ((dir, None), Some(file), audit) => {
                Embedded { file, dir, audit, master_key_file: self.master_key_file, json: self.json }
                    .restore()
                    .await
            }
            ((_, None), None, _) => Err(wrong_usage("name the backup that is to be restored")),
            ((_, Some(url)), None, Some(audit)) => do_again_in(&url, &audit, self.json).await,
            ((_, Some(_)), ..) => Err(instead_of(
                "psql --single-transaction -v ON_ERROR_STOP=1 -f FILE URL, and then claviger restore --audit FILE",
            )),
        }
    }
}

/// A backup that is put back into a data directory.
struct Embedded {
    file: PathBuf,
    dir: PathBuf,
    audit: Option<PathBuf>,
    master_key_file: Option<PathBuf>,
    json: bool,
}

impl Embedded {
    async fn restore(self) -> anyhow::Result<Ending> {
        const CONTEXT: &str = "nothing was restored";
        let Self { file, dir, audit, master_key_file, json } = self;
        let (clock, entropy) = (SystemClock::new(), SystemEntropy);
        let unpacked = Unpacked::of(&file, &dir).context(CONTEXT)?;
        let (made_at, events) = (unpacked.made_at, unpacked.events);
        let trail = audit.map(|file| TrailReader::after(&file, events, unpacked.head));
        let trail = trail.transpose().context(CONTEXT)?;
        let store = unpacked.open(clock.now(), &entropy).await.context(CONTEXT)?;
        let again = async {
            master::must_fit(&store, master_key_file.as_deref(), &dir).await?;
            store.begin_anew(json!({"made_at": made_at, "events": events}), clock.now(), &entropy).await?;
            match trail {
                Some(trail) => Ok(Some(trail.do_again(&store, clock.now(), &entropy).await?)),
                None => Ok::<_, anyhow::Error>(None),
            }
        };
        let again = again.await;
        store.close().await;
        let again = again.context(CONTEXT)?;
        unpacked.put_in_place().context(CONTEXT)?;
        if json {
            out::json(&json!({
                "data": dir,
                "made_at": made_at,
                "events": events,
                "again": again.as_ref().map(as_json),
            }))?;
        } else {
            out::data(&format!("Restored {} as of {made_at}.\n", dir.display()))?;
            out::note(&again.as_ref().map_or_else(|| UNTOLD.to_owned(), told));
        }
        Ok(Ending::Done)
    }
}

/// Does again in a database that was put back by its own tools what the trail says came after.
async fn do_again_in(url: &DatabaseUrl, audit: &Path, json: bool) -> anyhow::Result<Ending> {
    let (clock, entropy) = (SystemClock::new(), SystemEntropy);
    let options = PostgresOptions::new(url.expose());
    let opened = Store::open_postgres(options, clock.now(), &entropy).await;
    let store = opened.context("the database can't be used")?;
    let again = async {
        let trail = TrailReader::after_what_is_in(audit, &store).await?;
        let events = trail.number();
        store.begin_anew(json!({"events": events}), clock.now(), &entropy).await?;
        Ok::<_, BackupError>((events, trail.do_again(&store, clock.now(), &entropy).await?))
    };
    let again = again.await;
    store.close().await;
    let (events, again) = again.context("not everything was done again: run it once more")?;
    if json {
        out::json(&json!({"events": events, "again": as_json(&again)}))?;
    } else {
        out::data(&format!("The database has the trail's first {events} events.\n"))?;
        out::note(&told(&again));
    }
    Ok(Ending::Done)
}

/// What whoever restores without a trail has to know.
const UNTOLD: &str = "\
Whatever was revoked, disabled or restricted after that works again, so do passwords that were replaced, and what was \
made after it is gone. If you have an exported audit trail that goes on after it, restore with --audit FILE instead, into \
another directory. Everybody who was signed in has to sign in again.";

fn as_json(Again { later, done, lost, without_password, refused }: &Again) -> Value {
    json!({
        "later": later, "done": done, "lost": lost, "without_password": without_password, "refused": refused,
    })
}

fn told(Again { later, done, lost, without_password, refused }: &Again) -> String {
    let mut text = format!("The trail has {later} later events.\n");
    for (what, counts) in [("Done again", done), ("Lost, since a trail holds no secrets", lost)] {
        if !counts.is_empty() {
            writeln!(text, "{what}: {}.", listed(counts)).expect("a String takes everything");
        }
    }
    if !without_password.is_empty() {
        let members: Vec<_> = without_password.iter().map(ToString::to_string).collect();
        writeln!(
            text,
            "Without a password, since theirs was set after the backup, are {}. Give each a link to a new one: \
             claviger member password-link ID.",
            members.join(", ")
        )
        .expect("a String takes everything");
    }
    for refusal in refused {
        writeln!(text, "NOT done again: {refusal}. Look at it before you serve this installation.")
            .expect("a String takes everything");
    }
    text.push_str("Everybody who was signed in has to sign in again.");
    text
}

fn listed(counts: &BTreeMap<String, u64>) -> String {
    let all: Vec<_> = counts.iter().map(|(action, count)| format!("{action} ({count})")).collect();
    all.join(", ")
}

fn hex(bytes: [u8; 32]) -> String {
    Digest::from_bytes(bytes).to_hex()
}
