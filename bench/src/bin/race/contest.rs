//! Rounds in which the compared server runs before and after each rival: a ratio is of a lap to the mean of its two
//! neighbours, so that somebody else's work on the machine slows both sides of it.

use anyhow::{Context as _, ensure};
use claviger_bench::KeySet;

use crate::{
    contestant::{Contestant, Lap},
    settings::Pace,
    table::{Line, Paired, Table},
    wrk::Wrk,
};

/// A server, and how many times as quick the one that is compared should be.
pub struct Rival {
    pub contestant: Contestant,
    /// Whether its answers have to be as long as the compared one's.
    pub imitates: bool,
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
        Pace { rounds, seconds }: Pace,
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
        for (rival, length) in self.rivals.iter().zip(&lengths[1..]) {
            let name = rival.contestant.name;
            let own = lengths[0];
            ensure!(!rival.imitates || *length == own, "{name} answers {length} bytes instead of {own}");
        }
        let (own, others) = all.split_first().expect("one is compared");
        let mut laps: Vec<Vec<Paired>> = vec![Vec::new(); others.len()];
        let mut own_laps = Vec::new();
        for round in 0..rounds {
            eprintln!("{}: round {} of {rounds}", self.title, round + 1);
            let mut before = own.lap(wrk, seconds, lengths[0])?;
            own_laps.push(before);
            // Nobody is always first.
            for turn in 0..others.len() {
                let place = (turn + round) % others.len();
                let lap = others[place].lap(wrk, seconds, lengths[place + 1])?;
                let after = own.lap(wrk, seconds, lengths[0])?;
                laps[place].push(Paired { beside: f64::midpoint(before.rate, after.rate), lap });
                own_laps.push(after);
                before = after;
            }
        }
        Ok(self.table(&own_laps, &laps))
    }

    fn table(&self, own: &[Lap], laps: &[Vec<Paired>]) -> Table {
        let mut lines = vec![Line::compared(self.compared.name, own)];
        for (rival, laps) in self.rivals.iter().zip(laps) {
            let name = rival.contestant.name;
            lines.push(Line::rival(name, rival.aim, laps, |lap| Some(lap.rate)));
            if rival.contestant.database.is_some() {
                let name = format!("{name}, its database's time included");
                lines.push(Line::rival(&name, rival.aim, laps, |lap| lap.rate_with_database));
            }
        }
        Table { title: self.title.to_owned(), compared: self.compared.name.to_owned(), lines }
    }
}
