//! Pages as people meet them: in a real browser, and, where an attacker has none, over HTTP.

mod audit;
mod check;
mod create;
mod detail;
mod edit;
mod keys_list;
mod kit;
mod members;
mod oauth;
mod oidc;
mod operator;
mod portal;
mod reveal;
mod revoke;
mod rotate;
mod sessions;
mod sign_in;
mod stage;
