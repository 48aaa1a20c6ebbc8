//! The page a request says it comes from.

use http::{HeaderMap, header::REFERER};

/// The `Referer` of a request. Two are as good as none: a key restricted to pages is then refused.
pub fn only_referrer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(REFERER).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}
