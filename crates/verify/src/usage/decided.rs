//! How many attempts were decided since the start, by api, environment and outcome: for metrics, which no flush empties.

use std::{collections::BTreeMap, sync::Arc};

use claviger_model::Environment;

use super::Outcome;

/// Of one shard: an entry for each api, looked for by going through them.
#[derive(Default)]
pub(super) struct Decided(Vec<(Arc<str>, Box<Counts>)>);

/// All shards' together.
#[derive(Default)]
pub(super) struct Sums(BTreeMap<Arc<str>, Box<Counts>>);

/// For each environment, and for what has none.
type Counts = [[u64; Outcome::ALL.len()]; ENVIRONMENTS.len()];

const ENVIRONMENTS: [Option<Environment>; 3] = [Some(Environment::Live), Some(Environment::Test), None];

/// How many attempts on an api ended in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedCount {
    /// The api asked.
    pub api: Arc<str>,
    /// The environment of what was presented, if it has one.
    pub environment: Option<Environment>,
    /// How they ended.
    pub outcome: Outcome,
    /// How many, since the start.
    pub count: u64,
}

impl Decided {
    /// Counts one attempt.
    pub(super) fn count(&mut self, api: &Arc<str>, environment: Option<Environment>, outcome: Outcome) {
        let environment = match environment {
            Some(Environment::Live) => 0,
            Some(Environment::Test) => 1,
            None => 2,
        };
        self.of(api)[environment][outcome.index()] += 1;
    }

    /// A profile lends the same name each time: it is found by its place.
    fn of(&mut self, api: &Arc<str>) -> &mut Counts {
        let place = self.0.iter().position(|(known, _)| Arc::ptr_eq(known, api) || known == api);
        let place = place.unwrap_or_else(|| {
            self.0.push((Arc::clone(api), Box::default()));
            self.0.len() - 1
        });
        &mut self.0[place].1
    }

    /// Adds what was counted here to `sums`.
    pub(super) fn add_to(&self, sums: &mut Sums) {
        for (api, counts) in &self.0 {
            let sum = sums.0.entry(Arc::clone(api)).or_default().as_flattened_mut();
            sum.iter_mut().zip(counts.as_flattened()).for_each(|(sum, count)| *sum += count);
        }
    }
}

impl Sums {
    /// What there is of anything.
    pub(super) fn counts(self) -> Vec<DecidedCount> {
        let mut all = Vec::new();
        for (api, counts) in self.0 {
            for (environment, counts) in ENVIRONMENTS.into_iter().zip(*counts) {
                let counted = Outcome::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0);
                all.extend(counted.map(|(outcome, count)| DecidedCount {
                    api: Arc::clone(&api),
                    environment,
                    outcome,
                    count,
                }));
            }
        }
        all
    }
}
