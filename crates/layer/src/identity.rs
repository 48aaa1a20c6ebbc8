//! What callers may not say about themselves: the header fields in which a gateway tells an upstream whose request it
//! is.

use http::{HeaderMap, HeaderName};

const PREFIX: &str = "x-claviger-";

/// Removes every field that an upstream could take for one of ours. Also needed where none is added: an upstream
/// must never see one that a caller wrote.
pub fn remove_claimed(headers: &mut HeaderMap) {
    let claimed: Vec<_> = headers.keys().filter(|name| reads_like(name, PREFIX)).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
}

/// Whether some upstream could read `name` as beginning with `prefix` (lower case): gateways to CGI, WSGI and PHP
/// fold `-`, `_` and `.` into one.
pub fn reads_like(name: &HeaderName, prefix: &str) -> bool {
    let folded = |byte: u8| if byte.is_ascii_alphanumeric() { byte } else { b'-' };
    let name = name.as_str().as_bytes();
    name.len() >= prefix.len()
        && name.iter().zip(prefix.bytes()).all(|(sent, wanted)| folded(*sent) == wanted)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_a_caller_claims_is_removed_however_it_is_spelt() {
        let mut headers = HeaderMap::new();
        for name in [
            "X-Claviger-Account",
            "x_claviger_account",
            "X-CLAVIGER_KEY-ID",
            "x.claviger.scopes",
            "x-claviger-new",
        ] {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(&name, HeaderValue::from_static("forged"));
            headers.append(&name, HeaderValue::from_static("twice"));
        }
        headers.insert("x-clavigera", HeaderValue::from_static("another"));
        headers.insert("x-claviger", HeaderValue::from_static("another"));
        remove_claimed(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-claviger", "x-clavigera"]);
    }
}
