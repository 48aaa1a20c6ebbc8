//! What a receipt says to people: nothing where the change holds everywhere.

use serde_json::Value;

use crate::out;

/// Says by when a change holds everywhere, where it doesn't yet.
pub(super) fn note_incomplete(receipt: &Value) {
    if receipt["complete"] == Value::Bool(false) {
        let by = receipt["guaranteed_by"].as_str().unwrap_or("the end of the lease");
        let pending = receipt["pending"].as_array().into_iter().flatten().filter_map(Value::as_str);
        out::note(&format!(
            "Not every node has confirmed this yet ({} has not); it holds everywhere by {}. \
             `GET /v1/receipts/{}` says when it does.",
            out::visible(&pending.collect::<Vec<_>>().join(", ")),
            out::visible(by),
            receipt["seq"]
        ));
    }
}
