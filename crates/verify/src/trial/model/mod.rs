//! Every order of the protocol's steps, for a few nodes and one revocation.
//!
//! Time goes in few leaps, to where something can depend on it: a message, a node or the database is late by letting
//! time pass before its next step. Nodes' clocks are slow and the caller's is fast, by as much as is allowed for, which
//! is the worst there is. Nothing fails over here: the simulation does that.

mod settle;
mod state;
mod steps;

use claviger_model::Moment;
use stateright::{Model, Property};

use self::state::{Action, Asked, Broken, Rates, State};
use super::database::{Database, Standing};
use crate::{
    follower::Ask,
    nodes::Via,
    protocol::{Planted, Protocol},
};

/// What is tried.
#[derive(Clone, Debug)]
struct Trial {
    protocol: Protocol,
    nodes: usize,
    /// How many changes there are beside the revocation.
    others: u8,
    /// How many messages are lost or repeated and processes killed, at most.
    faults: u8,
    /// How often time goes a short way.
    short_steps: u8,
    /// How often the roll is read.
    rolls: u8,
    /// Whether time can pass between what a renewal reads and its commit.
    renewals_last: bool,
    /// When the trial ends, in ticks.
    until: u16,
    rates: Rates,
    /// Of so many states one is followed until all has settled.
    settles_one_in: u64,
}

impl Trial {
    fn planted(&self) -> Option<Planted> {
        self.protocol.planted
    }

    /// Whether what was asked has yet to read before it is executed.
    fn has_yet_to_read(&self, asked: &Asked) -> bool {
        self.renewals_last && matches!(asked.ask, Ask::Renew { .. }) && asked.read.is_none()
    }
}

impl Model for Trial {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut database = Database::new(self.planted());
        database.commit(&[(state::REVOKED, Standing::Good), (state::KEPT, Standing::Good)], 1, None);
        vec![State::new(self, database)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(self, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        next.act(self, action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no allow is decided after the receipt", |_, state: &State| {
                state.broken != Some(Broken::AllowedAfterReceipt)
            }),
            Property::always("no allow is decided a lease after the commit", |_, state: &State| {
                state.broken != Some(Broken::AllowedAfterLease)
            }),
            Property::always("no deny is caused by an outage", |_, state: &State| {
                state.broken != Some(Broken::DeniedGood)
            }),
            Property::always(
                "every live node gets every change, and every change its receipt",
                Self::settles,
            ),
            Property::sometimes("a receipt by confirmation", |_, state: &State| {
                state.receipt == Some(Via::Ack)
            }),
            Property::sometimes("a receipt by lease", |_, state: &State| state.receipt == Some(Via::Lease)),
            Property::sometimes("an exclusion", |_, state: &State| state.excluded),
            Property::sometimes("a refusal after the receipt", |_, state: &State| state.refused),
        ]
    }
}

/// A clock's reading when so many ticks have passed.
fn reading(micros_a_tick: u32, ticks: u16) -> Moment {
    Moment::since_boot(std::time::Duration::from_micros(u64::from(micros_a_tick) * u64::from(ticks)))
}

mod tests;
