//! `claviger init`

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use claviger_manage::{Apis, Manager, ManagerParts, PeopleSettings};
use claviger_model::{Clock, PlainKey};
use claviger_verify::{Verifier, nodes::Leases};
use serde_json::json;

use super::{Ending, lease};
use crate::{
    config::{self, DatabaseUrl},
    out,
    serve::data,
    system::{SystemClock, SystemEntropy},
};

#[derive(Args, Debug)]
pub(super) struct Init {
    /// The data directory
    #[arg(long, value_name = "DIR", env = "CLAVIGER_DATA")]
    data: Option<PathBuf>,
    /// The PostgreSQL database that several nodes share, instead of the embedded one
    #[arg(long, value_name = "URL", env = "CLAVIGER_DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    /// A file of settings, of which the data directory and the database count
    #[arg(long, value_name = "FILE", env = "CLAVIGER_CONFIG")]
    config: Option<PathBuf>,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

impl Init {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        // Before anything is made: what can't be used is said while it costs nothing.
        let lease = config::lease(self.config.as_deref())?;
        let (dir, url) = config::places(self.data, self.database_url, self.config.as_deref())?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let shared = url.as_ref().map(|url| data::Shared { url, listen_url: None, migrate: true });
        let opened = data::open(&dir, shared, &*clock).await?;
        let store = opened.store.clone();
        let verifier = Verifier::new(Arc::clone(&clock), Duration::ZERO);
        let apis = Arc::new(Apis::default());
        let manager = Manager::new(ManagerParts {
            store: store.clone(),
            verifier,
            apis,
            master: None,
            // Nobody signs in here.
            people: PeopleSettings { portal: "".into(), idle: Duration::ZERO, longest: Duration::ZERO },
            clock,
            entropy: Arc::new(SystemEntropy),
        });
        let made = manager.initialise(|key| show(key, self.json)).await;
        store.close().await;
        if !made.context("the first operator key can't be made")? {
            let (place, other) = match url {
                Some(_) => ("the database".to_owned(), "another database with --database-url"),
                None => (dir.display().to_string(), "another directory with --data"),
            };
            bail!(
                "{place} is initialised already, and its operator key was shown then: use that one, or choose {other}"
            );
        }
        if !self.json {
            out::note(&format!(
                "{NOTE}\n{} --lease and profiles change that.",
                lease::sentences(&Leases::of(lease))
            ));
        }
        Ok(Ending::Done)
    }
}

fn show(key: &PlainKey, as_json: bool) -> anyhow::Result<()> {
    let text =
        if as_json { json!({"operator_key": key.expose()}).to_string() } else { key.expose().to_owned() };
    out::shown_once(&format!("{text}\n")).context("it can't be shown")
}

const NOTE: &str = "\
This is the operator key, shown this once: `export CLAVIGER_OPERATOR_KEY=…` lets this command manage keys.";
