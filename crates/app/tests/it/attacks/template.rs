//! Requests written as text, with the few things that a text can't say or doesn't know yet.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Fills `{NAME}` with its value and `{b64:…}` with the base 64 of what stands inside; `{FF}` is a byte that is no
/// UTF-8.
pub(crate) fn fill(template: &str, names: &[(&str, &str)]) -> Vec<u8> {
    let mut text = template.to_owned();
    for (name, value) in names {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    while let Some(start) = text.find("{b64:") {
        let length = text[start..].find('}').expect("{b64: has an end");
        let encoded = STANDARD.encode(&text[start + 5..start + length]);
        text.replace_range(start..=start + length, &encoded);
    }
    let mut bytes = text.into_bytes();
    while let Some(at) = bytes.windows(4).position(|four| four == b"{FF}") {
        bytes.splice(at..at + 4, [0xff]);
    }
    bytes
}

/// Whether `part` is somewhere in `whole`.
pub(crate) fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}
