//! The server against what it could be replaced by: every server answers the same questions about the same keys, and
//! what counts is how many answers it gives for a second of processor time.
//!
//! Figures go to standard output as a page shows them. It fails if anything was answered otherwise than expected, and
//! never because of a figure.

mod claviger;
mod contest;
mod contestant;
mod field;
mod flood;
mod peers;
mod process;
mod requests;
mod rival;
mod settings;
mod table;
mod wrk;

use clap::Parser as _;
use claviger_bench::contract;
use tempfile::TempDir;

use crate::{field::Field, settings::Settings, wrk::Wrk};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let (set, profile) = contract(settings.keys);
    let (wrk, directory) = (Wrk::new()?, TempDir::new()?);
    let pace = settings.pace();
    eprintln!("issuing {} keys to each server", set.keys);
    let field = Field::start(&settings.claviger, profile, &set, directory.path()).await?;
    println!(
        "{} keys, {} connections, {} rounds of {} s each.\n",
        table::thousands(contestant::count(set.keys)),
        wrk::CONNECTIONS,
        pace.rounds,
        pace.seconds
    );
    for contest in field.contests() {
        if settings.wants(contest.title) {
            println!("{}", contest.run(&wrk, pace, &set, field.operator_key())?);
        }
    }
    if settings.wants("Flood") {
        let [spared, flooded] = field.flooded();
        let keys = settings.flood();
        println!("{}", flood::run(&wrk, pace, keys, &set, field.operator_key(), [&spared, &flooded])?);
    }
    Ok(())
}
