//! Services of a company that ask a node, by way of `claviger-layer`: whatever the gateway would say, they say.

mod outages;
mod passing;
mod relayed;
mod revoked;
mod shared;
mod stage;
