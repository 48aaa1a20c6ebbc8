//! How much of usage is kept and shown, whichever database keeps it.

use claviger_model::RequestId;

/// Denials kept of each known key.
pub(crate) const KEPT_OF_KEY: u32 = 10;
/// Denials kept of all unknown keys together.
pub(crate) const KEPT_OF_UNKNOWN: u32 = 10_000;
/// Most counts in one answer.
pub(crate) const MAX_COUNTS: usize = 100_000;
/// Most denials in one answer.
pub(crate) const MAX_DENIALS: usize = 1_000;

/// A request's id as callers were told it: in its own form, or as a correlation id of 32 hexadecimal digits.
pub(crate) fn request_id(text: &str) -> Option<RequestId> {
    let hex =
        |text: &str| u128::from_str_radix(text, 16).ok().map(|id| RequestId::from_bytes(id.to_be_bytes()));
    text.parse().ok().or_else(|| hex(text).filter(|id| id.to_hex() == text))
}
