//! What a receipt says to people: nothing where the change holds everywhere.

use serde_json::Value;

use crate::out;

/// Says by when a change holds everywhere, where it doesn't yet.
pub(super) fn note_incomplete(receipt: &Value) {
    if receipt["complete"] == Value::Bool(false) {
        let by = receipt["guaranteed_by"].as_str().unwrap_or("the end of the lease");
        out::note(&format!(
            "Not every node has confirmed this yet; it holds everywhere by {}.",
            out::visible(by)
        ));
    }
}
