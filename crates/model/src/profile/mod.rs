//! The profile: everything in which one api's contract differs from another's, as data.

mod routes;

pub use routes::{Need, Route, RouteTable};
