//! What becomes of a state when nothing fails any more.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{
    Trial,
    state::{Action, LEASE, LEASE_TICKS, Stage, State},
};
use crate::lease;

impl Trial {
    /// Whether, from here on, every node gets every change and decides, and the change its receipt, within two leases.
    /// Asked of some states only: those whose hash says so.
    pub(super) fn settles(&self, state: &State) -> bool {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        !hasher.finish().is_multiple_of(self.settles_one_in) || self.has_settled(state.clone())
    }

    fn has_settled(&self, mut state: State) -> bool {
        let until = state.now + 2 * LEASE_TICKS + LEASE_TICKS / 4;
        state.caller.rolls = u8::MAX;
        while state.now < until {
            for index in 0..state.nodes.len() {
                for _ in 0..8 {
                    self.go_on(&mut state, index);
                }
            }
            for _ in 0..state.nodes.len() + 5 {
                self.wait_on(&mut state);
            }
            state.now += LEASE_TICKS / 4;
        }
        let now = state.node_clock(self);
        let head = state.database.head();
        let has_settled = |node: &super::state::Node| {
            // It has just asked for a renewal at the last instant at which anybody did.
            let confirmed = node.confirmed.is_some_and(|confirmed| lease::holds(confirmed, LEASE, now));
            confirmed && node.course.reached().0 == head
        };
        state.nodes.iter().all(has_settled) && (state.committed.is_none() || state.receipt.is_some())
    }

    fn go_on(&self, state: &mut State, index: usize) {
        let node = &state.nodes[index];
        let action = if !node.doing.is_empty() {
            Action::Apply(index)
        } else if node.late.is_some() {
            Action::ExecuteLate(index)
        } else {
            match &node.asked {
                None => Action::Turn(index),
                Some(asked) if asked.answer.is_some() => Action::Deliver(index),
                Some(asked) if self.has_yet_to_read(asked) => Action::Read(index),
                Some(_) => Action::Execute(index),
            }
        };
        state.act(self, action);
    }

    fn wait_on(&self, state: &mut State) {
        if state.receipt.is_some() || state.committed.is_none() {
            return;
        }
        let action = match &state.caller.stage {
            _ if state.caller.awaited.is_none() => Action::Reply,
            Stage::Idle => Action::AskRoll,
            Stage::Asked(_) => Action::ReadRoll,
            Stage::Read(..) => Action::DeliverRoll,
            Stage::Excluding(_, dead) if dead.is_empty() => Action::Judge,
            Stage::Excluding(..) => Action::Exclude,
        };
        state.act(self, action);
    }
}
