//! How long it may take.

use std::path::PathBuf;

use clap::Parser;
use claviger_testkit::repository;

/// Compares the server with what it could be replaced by
#[derive(Parser)]
pub struct Settings {
    /// A minute in all: enough to see that it works, too little for figures
    #[arg(long, conflicts_with = "long")]
    short: bool,
    /// Sends ten million unknown keys
    #[arg(long)]
    long: bool,
    /// How often each server runs
    #[arg(long)]
    rounds: Option<usize>,
    /// How long it runs
    #[arg(long)]
    seconds: Option<u32>,
    /// How many unknown keys are sent [default: 300000, or ten million with --long]
    #[arg(long, conflicts_with = "long")]
    flood: Option<u64>,
    /// How many keys there are
    #[arg(long, default_value_t = 100_000)]
    pub keys: u64,
    /// Only the comparisons whose title has this in it
    #[arg(long)]
    only: Option<String>,
    /// The product's program
    #[arg(long, default_value_os_t = repository().join("target/dist/claviger"))]
    pub claviger: PathBuf,
}

/// How often and how long each server runs.
#[derive(Clone, Copy)]
pub struct Pace {
    pub rounds: usize,
    pub seconds: u32,
}

impl Settings {
    pub fn pace(&self) -> Pace {
        let (rounds, seconds) = if self.short { (1, 1) } else { (7, 2) };
        Pace { rounds: self.rounds.unwrap_or(rounds).max(1), seconds: self.seconds.unwrap_or(seconds).max(1) }
    }

    /// How many unknown keys are sent.
    pub fn flood(&self) -> u64 {
        self.flood.unwrap_or(if self.long { 10_000_000 } else { 300_000 })
    }

    /// Whether the comparison with this title is wanted.
    pub fn wants(&self, title: &str) -> bool {
        self.only.as_ref().is_none_or(|only| title.contains(only))
    }
}
