//! What may be answered, by one true clock.
//!
//! It knows nothing of nodes and leases but how long a lease is. A secret has been so and so since this commit and
//! that; a request may be answered by whatever was so at or after the last change it must know.

use std::collections::BTreeMap;

use super::super::database::{Effect, Number, Standing};

/// True time in microseconds.
pub(super) type True = u64;

/// Which commit, counted over everything that was ever committed, lost ones included.
pub(super) type Commit = usize;

/// How a secret stood from a commit on.
struct Version {
    works: bool,
    committed_at: True,
    /// When the receipt said that no node decides as before any more.
    complete_at: Option<True>,
    commit: Commit,
}

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// A node decided as before a change whose complete receipt was there when the request arrived.
    AfterReceipt,
    /// A node decided as before a change that was older than its lease when the request arrived.
    AfterLease,
    /// A node decided as before a change that it had decided by already.
    WentBack,
    /// A secret was refused that worked all along.
    FalseDenial,
    /// A node that had applied a revocation accepted the key again.
    Revived,
    /// A change or a node was left behind after all faults had ended.
    LeftBehind,
}

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) secret: Number,
    pub(super) arrived_at: True,
    /// The lease of the node that answered, for the api.
    pub(super) lease: True,
    /// The version that this node had answered by before the request arrived.
    pub(super) floor: usize,
    pub(super) allowed: bool,
}

/// All versions of all secrets.
#[derive(Default)]
pub(super) struct Oracle {
    versions: BTreeMap<Number, Vec<Version>>,
    commits: usize,
    /// The last failover that lost something, and until when leases of before it can hold.
    lost_until: Option<True>,
}

const NEVER_WAS: Version = Version { works: false, committed_at: 0, complete_at: Some(0), commit: 0 };

impl Oracle {
    /// Something is committed.
    pub(super) fn committed(&mut self, effects: &[Effect], now: True) -> Commit {
        self.commits += 1;
        for (number, standing) in effects {
            let works = *standing == Standing::Good;
            let versions = self.versions.entry(*number).or_insert_with(|| vec![NEVER_WAS]);
            versions.push(Version { works, committed_at: now, complete_at: None, commit: self.commits });
        }
        self.commits
    }

    /// The receipt of a commit says that it is complete.
    pub(super) fn complete(&mut self, commit: Commit, now: True) {
        let versions = self.versions.values_mut().flatten();
        versions.filter(|version| version.commit == commit).for_each(|version| {
            version.complete_at.get_or_insert(now);
        });
    }

    /// A secret that a commit changed.
    pub(super) fn touched_by(&self, commit: Commit) -> Option<Number> {
        let touched = |versions: &Vec<Version>| versions.iter().any(|version| version.commit == commit);
        self.versions.iter().find(|(_, versions)| touched(versions)).map(|(number, _)| *number)
    }

    /// When it was committed.
    pub(super) fn committed_at(&self, commit: Commit) -> True {
        let mut versions = self.versions.values().flatten();
        versions.find(|version| version.commit == commit).map_or(0, |version| version.committed_at)
    }

    /// The database goes on with these secrets, and may have lost what was committed last. What is committed from
    /// now on is promised once the leases of before have run out; nothing is promised of what was lost.
    pub(super) fn failed_over(
        &mut self,
        secrets: &BTreeMap<Number, Standing>,
        now: True,
        longest_lease: True,
    ) {
        self.commits += 1;
        for (number, versions) in &mut self.versions {
            let works = secrets.get(number) == Some(&Standing::Good);
            versions.push(Version { works, committed_at: now, complete_at: None, commit: self.commits });
        }
        self.lost_until = Some(now + longest_lease);
    }

    /// Judges an answer at the moment it is given; the first version it agrees with.
    pub(super) fn judge(&self, answered: Answered, is_revoked: bool) -> Result<usize, Violation> {
        let Answered { secret, arrived_at, lease, floor, allowed } = answered;
        if self.lost_until.is_some_and(|until| arrived_at <= until) || (is_revoked && !allowed) {
            return Ok(0);
        }
        let none = [NEVER_WAS];
        let versions = self.versions.get(&secret).map_or(&none[..], Vec::as_slice);
        let last = |must: &dyn Fn(&Version) -> bool| versions.iter().rposition(must).unwrap_or(0);
        let told = last(&|version| version.complete_at.is_some_and(|at| at < arrived_at));
        let aged = last(&|version| version.committed_at + lease < arrived_at);
        let agrees = |from: usize| (from..versions.len()).find(|version| versions[*version].works == allowed);
        let broken =
            [(told, Violation::AfterReceipt), (aged, Violation::AfterLease), (floor, Violation::WentBack)];
        if agrees(0).is_none() || (!allowed && agrees(told.max(aged).max(floor)).is_none()) {
            return Err(if allowed { Violation::AfterReceipt } else { Violation::FalseDenial });
        }
        if let Some((_, violation)) = broken.into_iter().find(|(from, _)| agrees(*from).is_none()) {
            return Err(violation);
        }
        Ok(agrees(told.max(aged).max(floor)).unwrap_or(0))
    }
}
