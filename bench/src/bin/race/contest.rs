//! Laps in alternating rounds: in each round everybody runs once, so that a busy neighbour slows everybody.

use anyhow::Context as _;
use claviger_bench::KeySet;

use crate::{
    contestant::{Contestant, Lap},
    table::{Line, Table},
    wrk::Wrk,
};

/// A server, and how many times as quick the one that is compared should be.
pub struct Rival {
    pub contestant: Contestant,
    pub aim: Option<f64>,
}

/// One server that is compared with others.
pub struct Contest {
    pub title: &'static str,
    pub compared: Contestant,
    pub rivals: Vec<Rival>,
}

impl Contest {
    /// Examines all, lets each warm up for a second, and runs the rounds.
    pub fn run(
        &self,
        wrk: &Wrk,
        rounds: usize,
        seconds: u32,
        set: &KeySet,
        operator_key: &str,
    ) -> anyhow::Result<Table> {
        let all: Vec<_> =
            [&self.compared].into_iter().chain(self.rivals.iter().map(|rival| &rival.contestant)).collect();
        let mut lengths = Vec::new();
        for contestant in &all {
            let length = contestant.examine(set, operator_key)?;
            contestant.lap(wrk, 1, length).with_context(|| format!("warming up {}", contestant.name))?;
            lengths.push(length);
        }
        let mut laps: Vec<Vec<Lap>> = vec![Vec::new(); all.len()];
        for round in 0..rounds {
            eprintln!("{}: round {} of {rounds}", self.title, round + 1);
            // Nobody is always first, nor always after the same.
            for turn in 0..all.len() {
                let place = (turn + round) % all.len();
                laps[place].push(all[place].lap(wrk, seconds, lengths[place])?);
            }
        }
        Ok(self.table(&laps))
    }

    fn table(&self, laps: &[Vec<Lap>]) -> Table {
        let (own, others) = laps.split_first().expect("one is compared");
        let mut lines = vec![Line::compared(self.compared.name, own)];
        for (rival, laps) in self.rivals.iter().zip(others) {
            let name = rival.contestant.name;
            lines.push(Line::rival(name, rival.aim, own, laps, |lap| Some(lap.rate)));
            if rival.contestant.database.is_some() {
                let name = format!("{name}, its database's time included");
                lines.push(Line::rival(&name, None, own, laps, |lap| lap.rate_with_database));
            }
        }
        Table { title: self.title.to_owned(), compared: self.compared.name.to_owned(), lines }
    }
}
