//! Real servers and the people who use them, for tests: a `claviger` process on ports and a directory of its own, the
//! processes and the network that it works with, a client that sends exactly the bytes it is given, and actors that
//! speak HTTP.
//!
//! It waits for events, never for time, and it knows nothing of the server's insides.

mod actors;
mod browser;
mod certificates;
mod claim;
mod clock;
mod cluster;
mod eventually;
mod fault_proxy;
mod hammer;
mod http;
mod markup;
mod namespace;
mod nginx;
mod peer;
mod pgbouncer;
mod postgres;
mod program;
mod prometheus;
mod proxy;
mod redis;
mod reference;
mod rotel;
mod server;
mod spinners;
mod standby;
mod visitor;

pub use actors::{Customer, Operator};
pub use browser::{failing_story, play_story};
pub use certificates::Certificates;
pub use cluster::Cluster;
pub use eventually::eventually;
pub use fault_proxy::{DroppedAnswer, FaultProxy};
pub use hammer::{Hammer, Probe, Stopwatch};
pub use http::{Answer, Connection, exchange};
pub use namespace::{Lost, Namespace};
pub use nginx::Nginx;
pub use pgbouncer::PgBouncer;
pub use postgres::{Postgres, PostgresBuilder};
pub use program::{Finished, Program, repository};
pub use prometheus::Prometheus;
pub use proxy::Proxy;
pub use redis::{Redis, RedisBuilder};
pub use reference::hold_reference;
pub use rotel::Rotel;
pub use server::{Address, Server, ServerBuilder, Stopped};
pub use spinners::Spinners;
pub use visitor::Visitor;
