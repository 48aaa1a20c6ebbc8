use stateright::{Checker, HasDiscoveries, UniformChooser};

use super::*;
use crate::trial::is_long;

/// As far apart as is allowed for.
const WORST: Rates = Rates { nodes: 4_900, caller: 5_100 };
const ALIKE: Rates = Rates { nodes: 5_000, caller: 5_000 };

/// One node, one lease of time, and a caller that reads the roll once; nothing fails.
const SMALL: Trial = Trial {
    protocol: Protocol { planted: None },
    nodes: 1,
    others: 0,
    faults: 0,
    short_steps: 0,
    rolls: 1,
    renewals_last: false,
    until: 500,
    rates: WORST,
    settles_one_in: 256,
};

/// Long enough for a node to be excluded, and to be asked once more before its last lease is over.
const EXCLUDING: Trial = Trial { short_steps: 1, rolls: 2, until: 550, ..SMALL };

/// The promises that don't hold.
fn broken(checker: &impl Checker<Trial>) -> Vec<&'static str> {
    let promises = checker.model().properties();
    let promises = promises.iter().filter(|property| property.expectation == stateright::Expectation::Always);
    promises.map(|property| property.name).filter(|name| checker.discovery(name).is_some()).collect()
}

/// Tries every order; how many states that were.
fn exhaust(trial: Trial) -> usize {
    let said = format!("{trial:?}");
    let checker = trial.checker().threads(2).spawn_bfs().join();
    assert!(checker.is_done());
    assert_eq!(broken(&checker), [""; 0], "{said}");
    for reached in ["a receipt by confirmation", "a receipt by lease", "a refusal after the receipt"] {
        assert!(checker.discovery(reached).is_some(), "{reached} is never reached: {said}");
    }
    let states = checker.unique_state_count();
    eprintln!("{states} states, at most {} steps: {said}", checker.max_depth());
    states
}

#[test]
fn no_order_of_steps_breaks_a_promise() {
    let states = exhaust(EXCLUDING);
    assert!(states > 400_000, "only {states} states");
}

#[test]
fn no_order_of_steps_breaks_a_promise_where_a_message_or_a_process_is_lost() {
    let states = exhaust(Trial { faults: 1, rolls: 2, ..SMALL });
    assert!(states > 250_000, "only {states} states");
}

#[test]
fn no_order_of_steps_breaks_a_promise_where_clocks_run_alike() {
    let states = exhaust(Trial { rates: ALIKE, others: 1, until: 600, ..SMALL });
    assert!(states > 50_000, "only {states} states");
}

#[test]
fn no_order_of_steps_breaks_a_promise_where_renewals_last() {
    let states = exhaust(Trial { renewals_last: true, ..SMALL });
    assert!(states > 10_000, "only {states} states");
}

#[test]
fn no_long_walk_of_several_nodes_breaks_a_promise() {
    let steps = if is_long() { 50_000_000 } else { 300_000 };
    for nodes in [2, 3] {
        let trial = Trial {
            nodes,
            others: 2,
            faults: 3,
            short_steps: 4,
            rolls: 6,
            renewals_last: true,
            until: 2_000,
            settles_one_in: 4_096,
            ..SMALL
        };
        let walks = trial.checker().target_state_count(steps).spawn_simulation(1, UniformChooser).join();
        assert_eq!(broken(&walks), [""; 0]);
        assert!(walks.state_count() >= steps, "only {} steps", walks.state_count());
        assert!(walks.discovery("a receipt by lease").is_some());
    }
}

/// Where a mistake is found, or `None` where it makes none here: nothing fails over in the model.
fn where_to_look(planted: Planted) -> Option<Trial> {
    let protocol = Protocol { planted: Some(planted) };
    let trial = match planted {
        Planted::MarkUnchecked | Planted::TombstonesForgotten => return None,
        Planted::LeaseFromAnswer => Trial { short_steps: 1, until: 550, ..SMALL },
        Planted::LeaseFromLoad | Planted::LeaseFromLook => Trial { rolls: 3, ..EXCLUDING },
        Planted::ExcludedRenews => Trial { rolls: 3, ..SMALL },
        Planted::GrantAtFirst => Trial { renewals_last: true, ..SMALL },
        Planted::SeqAtBegin => Trial { others: 1, ..SMALL },
        _ => SMALL,
    };
    Some(Trial { protocol, ..trial })
}

#[test]
fn every_mistake_breaks_a_promise() {
    for planted in Planted::ALL {
        let Some(trial) = where_to_look(planted) else { continue };
        let search = trial.checker().threads(2).finish_when(HasDiscoveries::AnyFailures);
        let checker = search.spawn_bfs().join();
        assert!(
            !broken(&checker).is_empty(),
            "{planted:?} isn't found in {} states",
            checker.unique_state_count()
        );
        eprintln!("{planted:?}: after {} states: {:?}", checker.unique_state_count(), broken(&checker));
    }
}
