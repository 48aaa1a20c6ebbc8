//! Pages as people meet them: in a real browser, and, where an attacker has none, over HTTP.

mod kit;
mod sign_in;
mod stage;
