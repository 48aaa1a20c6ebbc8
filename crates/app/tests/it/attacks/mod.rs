//! Bad input in raw bytes: each attack of the catalogue (A01, A02, …) has one right answer and nothing happens beside it.
//!
//! HTTP clients quietly repair most of what is sent here, so no client is used: what a row says is what the server gets.

mod answers;
mod bombs;
pub(crate) mod credential;
mod floods;
pub(crate) mod framing;
pub(crate) mod identity;
mod management;
mod management_clients;
mod management_lists;
mod memory;
mod network;
mod own_keys;
pub(crate) mod path;
mod portal;
mod sameness;
mod stage;
pub(crate) mod template;
mod upstream;

pub(crate) use answers::{Wanted, masked_body};
pub(crate) use stage::{Key, profile_with_oauth, profile_without_oauth};
pub(crate) use upstream::{BODY, Received, Upstream};

/// A text with `{b64:…}` filled in.
pub(crate) fn filled(text: &str) -> Vec<u8> {
    template::fill(text, &[])
}
