//! One server that takes part, and one lap of it.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context as _, ensure};
use claviger_bench::{CALLER, ELSEWHERE, FixedAnswer, KeySet, PATH, PATH_BEYOND};
use claviger_testkit::{Answer, Connection};

use crate::{
    process::cpu_seconds,
    requests::{Attempt, Way},
    wrk::{CONNECTIONS, Wrk},
};

/// So many keys are tried before the race.
const TRIED: u64 = 100;

/// How much a server looks at before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// At nothing.
    Nothing,
    /// Whether there is such a key.
    Key,
    /// At the key's state, expiry, scopes and networks too.
    All,
}

/// A server that takes part.
pub struct Contestant {
    pub name: &'static str,
    pub way: Way,
    pub address: SocketAddr,
    /// The file of requests.
    pub requests: PathBuf,
    /// Its process.
    pub server: u32,
    /// The process of the database that it asks.
    pub database: Option<u32>,
    pub checks: Checks,
}

/// What one lap gave.
#[derive(Clone, Copy, Debug)]
pub struct Lap {
    /// Decisions for each second that the server took on a processor.
    pub rate: f64,
    /// The same with the database's seconds.
    pub rate_with_database: Option<f64>,
    /// Microseconds that half of the answers took at most.
    pub p50: f64,
    /// The same of all but one in a hundred.
    pub p99: f64,
}

impl Contestant {
    /// Lets it answer some, and fails unless it accepts what it has to, refuses what it has to, and all that it accepts
    /// is answered in the same length, which it returns.
    pub fn examine(&self, set: &KeySet, operator_key: &str) -> anyhow::Result<usize> {
        let mut connection = Connection::open(self.address);
        let mut ask = |attempt: Attempt<'_>| -> anyhow::Result<(Answer, bool)> {
            let attempts = vec![attempt; usize::try_from(self.way.decisions())?];
            connection.send(&self.way.request(&attempts, operator_key));
            let answer = connection.answer(self.way.method()).context("no answer")?;
            let allowed = self.way.allowed(&answer);
            let allowed = allowed.with_context(|| format!("{} doesn't decide: {answer:?}", self.name))?;
            Ok((answer, allowed))
        };
        let mut length = None;
        for number in 0..TRIED {
            let (answer, allowed) = ask(Attempt::good(&set.key(number * set.keys / TRIED).plain))?;
            ensure!(allowed, "{} refuses a good key: {answer:?}", self.name);
            let answer = FixedAnswer::from(answer).length();
            ensure!(*length.get_or_insert(answer) == answer, "{} answers in different lengths", self.name);
        }
        let (good, unknown) = (set.key(0).plain, set.key(set.keys).plain);
        let mut must_refuse = |what: &str, attempt: Attempt<'_>| -> anyhow::Result<()> {
            let (answer, allowed) = ask(attempt)?;
            ensure!(!allowed, "{} accepts {what}: {answer:?}", self.name);
            Ok(())
        };
        if self.checks != Checks::Nothing {
            must_refuse("an unknown key", Attempt::good(&unknown))?;
        }
        if self.checks == Checks::All {
            must_refuse(
                "a key without the scope",
                Attempt { key: &good, path: PATH_BEYOND, address: CALLER },
            )?;
            must_refuse("a key from elsewhere", Attempt { key: &good, path: PATH, address: ELSEWHERE })?;
        }
        length.context("nobody was asked")
    }

    /// Asks it for so many seconds; fails unless every answer is as long as one that allows.
    pub fn lap(&self, wrk: &Wrk, seconds: u32, length: usize) -> anyhow::Result<Lap> {
        let time = || -> anyhow::Result<_> {
            Ok((cpu_seconds(self.server)?, self.database.map(cpu_seconds).transpose()?))
        };
        let before = time()?;
        let asked = wrk.ask(self.address, &self.requests, seconds)?;
        let after = time()?;
        let told = asked.bytes.abs_diff(asked.requests * length as u64);
        let open = (CONNECTIONS * length) as u64;
        ensure!(
            asked.requests > 0 && asked.refused == 0 && asked.broken == 0 && told <= open,
            "{} was to allow everything in {length} bytes each: {asked:?}",
            self.name
        );
        let rate = |taken: f64| count(asked.requests) * f64::from(self.way.decisions()) / taken;
        let server = after.0 - before.0;
        let database = after.1.zip(before.1).map(|(after, before)| after - before);
        Ok(Lap {
            rate: rate(server),
            rate_with_database: database.map(|taken| rate(server + taken)),
            p50: asked.p50,
            p99: asked.p99,
        })
    }
}

/// A count as a number to divide.
#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
pub const fn count(counted: u64) -> f64 {
    counted as f64
}
