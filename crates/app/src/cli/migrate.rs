//! `claviger migrate`

use std::{cmp::Ordering, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use claviger_model::Clock as _;
use claviger_store::{Migrated, Store};
use serde_json::json;

use super::{Ending, wrong_usage};
use crate::{
    config::{self, DatabaseUrl},
    out,
    system::{SystemClock, SystemEntropy},
};

#[derive(Args, Debug)]
pub(super) struct Migrate {
    /// The PostgreSQL database that several nodes share
    #[arg(long, value_name = "URL", env = "CLAVIGER_DATABASE_URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    /// A file of settings, of which the database counts
    #[arg(long, value_name = "FILE", env = "CLAVIGER_CONFIG")]
    config: Option<PathBuf>,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

impl Migrate {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let (_, url) = config::places(None, self.database_url, self.config.as_deref())?;
        let Some(url) = url else {
            return Err(wrong_usage(
                "no database is named with --database-url, CLAVIGER_DATABASE_URL or in --config. The embedded database \
                 needs no migrate: `claviger serve` brings it up when it opens it",
            ));
        };
        let migrated = Store::migrate_postgres(url.expose(), SystemClock::new().now(), &SystemEntropy).await;
        let migrated = migrated.context("the schema can't be brought up")?;
        if self.json {
            let Migrated { place, found, known } = &migrated;
            out::json(&json!({"database": place, "from": found, "to": known.max(found)}))?;
        } else {
            out::data(&format!("{}\n", told(&migrated)))?;
        }
        Ok(Ending::Done)
    }
}

fn told(Migrated { place, found, known }: &Migrated) -> String {
    match (found, found.cmp(known)) {
        (0, Ordering::Less) => format!("{place}: made, with schema {known}"),
        (_, Ordering::Less) => format!("{place}: brought from schema {found} to {known}"),
        (_, Ordering::Equal) => format!("{place}: has schema {known} already; nothing was changed"),
        (_, Ordering::Greater) => format!(
            "{place}: has schema {found} of a newer version, with which this one (schema {known}) can go on; nothing \
             was changed"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_from_which_to_which() {
        for (found, words) in [
            (0, "made, with schema 3"),
            (2, "brought from schema 2 to 3"),
            (3, "already"),
            (4, "newer version, with which this one (schema 3) can go on"),
        ] {
            let text = told(&Migrated { place: "postgres://db/keys".to_owned(), found, known: 3 });
            assert!(text.starts_with("postgres://db/keys: ") && text.contains(words), "{text}");
        }
    }
}
