//! What this node says of itself to the others.

use std::{collections::BTreeMap, sync::Arc};

use claviger_model::{Clock, Entropy, NodeId, profile::Profile};
use claviger_verify::nodes::{Leases, NodeCard};

use crate::config::Settings;

/// The card of a process that runs in `place` and serves these profiles, each known by a digest.
pub(super) fn card(
    settings: &Settings,
    profiles: &[Arc<Profile>],
    served: BTreeMap<Arc<str>, String>,
    place: [u8; 32],
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> NodeCard {
    NodeCard {
        id: NodeId::mint(clock.now(), entropy),
        name: settings.node.as_deref().unwrap_or(&host_name()).into(),
        place,
        leases: leases(settings, profiles),
        profiles: served,
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// For how long this node goes on deciding after a renewal.
pub(crate) fn leases(settings: &Settings, profiles: &[Arc<Profile>]) -> Leases {
    let mut leases = Leases::of(settings.lease);
    let stricter = profiles.iter().filter_map(|profile| Some((Arc::clone(&profile.name), profile.lease?)));
    leases.stricter.extend(stricter);
    leases
}

/// What the machine calls itself.
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
