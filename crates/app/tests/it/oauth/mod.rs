//! Applications that members allow access: what they are told, what they get, and what ends it.

mod bad_input;
mod guesses;
mod libraries;
mod nodes;
mod stage;
mod table;
mod tokens;

pub(crate) use stage::form;
