//! Pages as people meet them: in a real browser, and, where an attacker has none, over HTTP.

mod create;
mod edit;
mod kit;
mod oidc;
mod reveal;
mod revoke;
mod rotate;
mod sign_in;
mod stage;
