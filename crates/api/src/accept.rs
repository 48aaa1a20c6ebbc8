//! Which of the media types that an answer can have its caller asks for (RFC 9110 §12.5.1).

use http::{HeaderMap, header::ACCEPT};

/// The one of `offered` that is named and liked best, the first named where two are liked alike. Ranges such as `*/*` name
/// none: whoever takes anything gets what is usual.
pub(crate) fn named<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Option<&'a str> {
    let mut best: Option<(&'a str, f32)> = None;
    let fields = headers.get_all(ACCEPT).iter().filter_map(|field| field.to_str().ok());
    for range in fields.flat_map(|field| field.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let Some(offer) = offered.iter().find(|offer| offer.eq_ignore_ascii_case(name)) else { continue };
        let liked = parts.filter_map(|part| part.split_once('=')).find(|(q, _)| q.eq_ignore_ascii_case("q"));
        let liked = liked.and_then(|(_, value)| value.parse().ok()).unwrap_or(1.0);
        if liked > best.map_or(0.0, |(_, liked)| liked) {
            best = Some((offer, liked));
        }
    }
    best.map(|(offer, _)| offer)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const OPEN: &str = "application/openmetrics-text";

    #[test]
    fn what_is_named_and_liked_best_is_asked_for() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, asked) in [
            (prometheus, Some(OPEN)),
            ("text/html;q=0.2, Application/OpenMetrics-Text; version=0.0.1", Some(OPEN)),
            (browser, Some("text/html")),
            ("application/openmetrics-text, text/html", Some(OPEN)),
            ("application/openmetrics-text;q=0.1, text/html;q=0.2", Some("text/html")),
            ("*/*", None),
            ("text/*", None),
            ("", None),
            ("application/openmetrics-text;q=0", None),
            ("application/openmetrics-text; Q=0.000, */*", None),
            ("application/openmetrics-text-x", None),
            ("text/html;q=-1", None),
            ("text/html;q=NaN", None),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(named(&headers, &[OPEN, "text/html"]), asked, "{accept}");
        }
        assert_eq!(named(&HeaderMap::new(), &[OPEN]), None);
    }
}
