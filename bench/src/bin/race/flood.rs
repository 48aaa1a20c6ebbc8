//! Keys that nobody has, each sent once, as many as somebody likes to send: what becomes of the memory, and of those with
//! good keys.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
};

use anyhow::{Context as _, ensure};
use claviger_bench::{CALLER, Figure, FixedAnswer, KeySet, PATH, plain_key, resident_bytes};
use claviger_testkit::exchange;

use crate::{
    contestant::{Contestant, count},
    process::cpu_seconds,
    requests::{Attempt, Way},
    settings::Pace,
    table::thousands,
    wrk::Wrk,
};

/// The first number of a key that nobody has.
const UNKNOWN: u64 = 1 << 40;
/// Connections that the flood comes by.
const CONNECTIONS: u64 = 4;
/// Requests that are sent before an answer to the first of them is read.
const AHEAD: u64 = 32;

/// What the flood did.
pub struct Flooded {
    /// Keys that were refused.
    keys: u64,
    before: usize,
    after: usize,
    /// Of the flooded server, in which nothing is flooding, to one that never was flooded.
    good: Figure,
    /// Of decisions while both are asked for, to those of good keys alone.
    amid: Figure,
    refusals: Figure,
    p99_amid: Figure,
    p99_alone: Figure,
}

/// Floods `flooded` in as many parts as there are rounds, and compares it with `spared`, which has the same keys.
pub fn run(
    wrk: &Wrk,
    Pace { rounds, seconds }: Pace,
    keys: u64,
    set: &KeySet,
    operator_key: &str,
    [spared, flooded]: [&Contestant; 2],
) -> anyhow::Result<Flooded> {
    let length = flooded.examine(set, operator_key)?;
    for contestant in [spared, flooded] {
        contestant.lap(wrk, seconds.max(2), length)?;
    }
    let refusal = {
        let request = Way::ForwardAuth.request(&[Attempt::good(&plain_key(&set.profile, UNKNOWN))], "");
        let answer = exchange(flooded.address, "GET", &request).context("no answer")?;
        ensure!(answer.status == 401, "an unknown key is answered {answer:?}");
        FixedAnswer::from(answer).length()
    };
    let before = resident_bytes(flooded.server)?;
    let rounds_u64 = u64::try_from(rounds)?;
    // In each round one part comes alone and one while others ask with good keys.
    let part = (keys / rounds_u64 / 2 / CONNECTIONS / AHEAD).max(1) * CONNECTIONS * AHEAD;
    let mut laps: [Vec<f64>; 3] = Default::default();
    let mut slow: [Vec<f64>; 2] = Default::default();
    let mut next = UNKNOWN + 1;
    let mut send = || {
        let first = next;
        next += part;
        flood(flooded.address, set, first, part, refusal)
    };
    for round in 0..rounds {
        eprintln!("flood: round {} of {rounds}", round + 1);
        let good = spared.lap(wrk, seconds, length)?;
        let start = cpu_seconds(flooded.server)?;
        send()?;
        let taken = cpu_seconds(flooded.server)? - start;
        laps[0].push(count(part) / taken);
        let start = cpu_seconds(flooded.server)?;
        let (refused, asked) = thread::scope(|scope| {
            let asking = scope.spawn(|| wrk.ask(flooded.address, &flooded.requests, seconds));
            (send(), asking.join().expect("asking doesn't panic"))
        });
        refused?;
        let asked = asked?;
        ensure!(asked.refused == 0 && asked.broken == 0, "good keys amid the flood: {asked:?}");
        let taken = cpu_seconds(flooded.server)? - start;
        laps[1].push(count(part + asked.requests) / taken / good.rate);
        let before = spared.lap(wrk, seconds, length)?;
        let after = flooded.lap(wrk, seconds, length)?;
        let beside = f64::midpoint(before.rate, spared.lap(wrk, seconds, length)?.rate);
        laps[2].push(after.rate / beside);
        slow[0].push(asked.p99 / 1000.0);
        slow[1].push(good.p99 / 1000.0);
    }
    let after = resident_bytes(flooded.server)?;
    let [refusals, amid, good] = laps.map(Figure::of);
    let [p99_amid, p99_alone] = slow.map(Figure::of);
    Ok(Flooded { keys: part * rounds_u64 * 2, before, after, good, amid, refusals, p99_amid, p99_alone })
}

/// Sends keys that nobody has; fails unless each is refused.
fn flood(address: SocketAddr, set: &KeySet, first: u64, keys: u64, refusal: usize) -> anyhow::Result<()> {
    let each = keys / CONNECTIONS;
    thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|sender| {
                let first = first + sender * each;
                scope.spawn(move || send(address, set, first, each, refusal))
            })
            .collect();
        senders.into_iter().try_for_each(|sender| sender.join().expect("sending doesn't panic"))
    })
}

fn send(address: SocketAddr, set: &KeySet, first: u64, keys: u64, refusal: usize) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = vec![0; refusal * usize::try_from(AHEAD)?];
    for batch in 0..keys / AHEAD {
        let mut requests = Vec::new();
        for number in 0..AHEAD {
            let key = plain_key(&set.profile, first + batch * AHEAD + number);
            let attempt = Attempt { key: &key, path: PATH, address: CALLER };
            requests.extend(Way::ForwardAuth.request(&[attempt], ""));
        }
        stream.write_all(&requests)?;
        stream.read_exact(&mut answers)?;
        let is_refused = |answer: &[u8]| answer.starts_with(b"HTTP/1.1 401 ");
        ensure!(answers.chunks(refusal).all(is_refused), "an unknown key isn't answered 401");
    }
    Ok(())
}

impl std::fmt::Display for Flooded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mebibytes = |bytes: usize| count(bytes as u64) / f64::from(1 << 20);
        writeln!(f, "### A flood of {} unknown keys\n", thousands(count(self.keys)))?;
        writeln!(f, "| what | figure | aim |\n|---|---|---|")?;
        writeln!(
            f,
            "| good keys after it, to those of a node without | {} | 0.9 |",
            self.good.whole_range()
        )?;
        writeln!(f, "| answers amid it, to good keys alone | {} | 0.9 |", self.amid.whole_range())?;
        writeln!(f, "| refusals per CPU-second | {} |  |", thousands(self.refusals.median))?;
        let (amid, alone) = (self.p99_amid.median, self.p99_alone.median);
        writeln!(f, "| p99 of good keys amid it, and without it | {amid:.2} ms, {alone:.2} ms |  |")?;
        let (before, after) = (mebibytes(self.before), mebibytes(self.after));
        writeln!(f, "| resident memory before and after | {before:.1} MiB, {after:.1} MiB | the same |")
    }
}
