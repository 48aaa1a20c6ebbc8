//! Within two seconds of a receipt, but for what held up everything else on the machine meanwhile.

use std::time::Duration;

use claviger_testkit::{Answer, Hammer, Stopwatch};

use super::Stage;

const SOON: Duration = Duration::from_secs(2);
/// How often is looked whether the server answers at all.
const PAUSE: Duration = Duration::from_millis(20);

/// The time since a change was answered.
pub(super) struct Soon {
    clock: Stopwatch,
    since: Duration,
    others: Hammer,
}

impl Soon {
    /// Makes a change of keys.
    #[track_caller]
    pub(super) fn after(stage: &Stage, change: impl FnOnce() -> Answer) -> Self {
        let clock = Stopwatch::start();
        let request = b"GET /healthz HTTP/1.1\r\nHost: control\r\n\r\n";
        let others = Hammer::with_pauses(clock, stage.server.control, request, 1, PAUSE);
        others.until(200, 1);
        let answer = change().expect(200);
        let since = clock.now();
        assert_eq!(answer.json()["receipt"]["complete"], true);
        Self { clock, since, others }
    }

    /// What was to happen has happened.
    #[track_caller]
    pub(super) fn happened(self) {
        let took = self.clock.now().saturating_sub(self.since);
        let answers = self.others.stop();
        let pauses = answers.windows(2).map(|two| two[1].ended.saturating_sub(two[0].ended));
        let held_up = pauses.max().unwrap_or_default();
        assert!(
            took < SOON + held_up,
            "A111: it took {took:?}, and nothing was held up for longer than {held_up:?}"
        );
    }
}
