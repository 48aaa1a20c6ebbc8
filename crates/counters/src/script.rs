//! The script, its arguments and what it answers.

use claviger_model::{KeyId, restriction::Rate};
use claviger_verify::limits::{Judged, Tat, Window};
use redis::{Cmd, Script};

/// The instant is Redis's own, so that all nodes count on one clock.
const NOW: &str = "local time = redis.call('TIME')\nlocal now = time[1] * 1000000 + time[2]\n";
const JUDGE: &str = include_str!("judge.lua");

/// The script's text and the digest that Redis knows it by.
pub(crate) struct Judge {
    text: String,
    digest: String,
}

impl Judge {
    pub(crate) fn new() -> Self {
        let text = format!("{NOW}{JUDGE}");
        let digest = Script::new(&text).get_hash().to_owned();
        Self { text, digest }
    }

    /// The call by the digest alone, which Redis refuses where it doesn't know the script.
    pub(crate) fn known(&self, key: KeyId, windows: &[Window]) -> Cmd {
        call("EVALSHA", &self.digest, key, windows)
    }

    /// The call with the whole script, which Redis knows from then on.
    pub(crate) fn whole(&self, key: KeyId, windows: &[Window]) -> Cmd {
        call("EVAL", &self.text, key, windows)
    }
}

/// One key, whose braces make a cluster keep whatever is of it in one place.
fn call(how: &str, script: &str, key: KeyId, windows: &[Window]) -> Cmd {
    let mut command = redis::cmd(how);
    command.arg(script).arg(1).arg(format!("claviger:{{{key}}}"));
    for Window { rate, rule } in windows {
        let (whole, rest) = rule.interval();
        command.arg(field(rate)).arg(whole).arg(rest).arg(rule.limit()).arg(rule.tolerance());
    }
    command
}

/// Where the state of a rate is: under its name and numbers, since one that is changed begins anew.
fn field(rate: &Rate) -> String {
    format!("{}:{}/{}/{}", rate.name(), rate.limit(), rate.window().as_secs(), rate.burst())
}

/// The answer to a call with so many windows, if it is one.
pub(crate) fn judged(answer: &[u64], windows: usize) -> Option<Judged> {
    let [admitted, now, tats @ ..] = answer else { return None };
    let tat = |pair: &[u64]| Some(Tat { micros: *pair.first()?, part: u32::try_from(*pair.get(1)?).ok()? });
    let tats: Vec<_> = tats.chunks(2).map(tat).collect::<Option<_>>()?;
    (tats.len() == windows).then_some(Judged { admitted: *admitted == 1, now: *now, tats })
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        time::Duration,
    };

    use claviger_model::restriction::Rate;
    use claviger_testkit::Redis;
    use claviger_verify::limits::{Gcra, admit};
    use proptest::{prelude::*, test_runner::TestRunner};

    use super::*;

    #[test]
    fn an_answer_of_another_shape_is_none() {
        let tat = Tat { micros: 9, part: 2 };
        assert_eq!(judged(&[1, 7, 9, 2], 1), Some(Judged { admitted: true, now: 7, tats: vec![tat] }));
        for answer in [&[][..], &[1], &[1, 7], &[1, 7, 9], &[1, 7, 9, 2, 9, 2], &[1, 7, 9, u64::MAX]] {
            assert_eq!(judged(answer, 1), None, "{answer:?}");
        }
    }

    fn any_rate() -> impl Strategy<Value = (u64, u64, u64)> {
        let limit = prop_oneof![1u64..10, 1u64..=1_000_000_000, Just(1_000_000_000)];
        let seconds = prop_oneof![1u64..10, 1u64..=31 * 86_400, Just(31 * 86_400)];
        (limit, seconds, 1u64..=1_000_000_000)
            .prop_map(|(limit, seconds, burst)| (limit, seconds, 1 + burst % limit))
    }

    fn rate((number, (limit, seconds, burst)): (usize, &(u64, u64, u64))) -> Rate {
        let name = format!("w{number}").parse().unwrap();
        Rate::new(name, *limit, Duration::from_secs(*seconds), Some(*burst)).unwrap()
    }

    /// Whatever is asked of both, in whatever time and though nodes come and go meanwhile: the script on a real Redis
    /// and the function say the same and leave the same.
    #[test]
    fn the_script_is_the_function() {
        let redis = Redis::start();
        let connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
        let connection = RefCell::new(connection);
        // Most calls are by the first number of nodes; some come from one that has counted others.
        let calls = (
            prop::sample::select(vec![0usize, 0, 1]),
            prop_oneof![0u64..5, 0u64..3_000_000, 0u64..40 * 86_400_000_000],
        );
        let rates = prop::collection::vec(any_rate(), 1..=8);
        let story = (any::<[u8; 16]>(), rates, [1u32..5, 1u32..5], prop::collection::vec(calls, 1..60));
        let mut runner = TestRunner::new(ProptestConfig { cases: 200, ..ProptestConfig::default() });
        let (admitted, denied) = (Cell::new(0u32), Cell::new(0u32));
        let told = runner.run(&story, |(id, rates, nodes, calls)| {
            let key = KeyId::from_bytes(id);
            let rates: Vec<_> = rates.iter().enumerate().map(rate).collect();
            let windows = nodes.map(|nodes| {
                let shared = |rate: &Rate| Window { rate: rate.clone(), rule: Gcra::of(rate).share(nodes) };
                rates.iter().map(shared).collect::<Vec<_>>()
            });
            redis.command(&["DEL", &format!("claviger:{{{key}}}")]);
            let (mut now, mut states) = (1_767_225_600_000_000u64, [Tat::default(); 8]);
            for (which, step) in calls {
                now += step;
                let windows = &windows[which];
                let text = format!("local now = {now}\n{JUDGE}");
                let answer: Vec<u64> =
                    call("EVAL", &text, key, windows).query(&mut *connection.borrow_mut()).unwrap();
                let mut expected: Vec<_> =
                    windows.iter().zip(states).map(|(window, tat)| (window.rule, tat)).collect();
                let admits = admit(&mut expected, now);
                let tats: Vec<_> = expected.into_iter().map(|(_, tat)| tat).collect();
                if admits {
                    states[..tats.len()].copy_from_slice(&tats);
                }
                admitted.set(admitted.get() + u32::from(admits));
                denied.set(denied.get() + u32::from(!admits));
                prop_assert_eq!(judged(&answer, windows.len()), Some(Judged { admitted: admits, now, tats }));
            }
            Ok(())
        });
        told.unwrap();
        let (admitted, denied) = (admitted.get(), denied.get());
        assert!(admitted > 500 && denied > 500, "both were tried: {admitted} admitted, {denied} denied");
    }
}
