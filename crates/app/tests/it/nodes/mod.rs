//! Several nodes on one real PostgreSQL: what holds on all of them when a call says so, and what an outage may not do.

mod revoked;
