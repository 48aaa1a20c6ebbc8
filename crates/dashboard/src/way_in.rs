//! The way to the sign-in page, with the reason why somebody is sent there and the place they were at.

use std::{fmt::Write as _, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use form_urlencoded::Serializer;
use http::{HeaderMap, HeaderValue, Method, request::Parts};

use crate::cookie::Jar;

/// Longest place that is returned to, in bytes as the sign-in page's address has it: beside all that browsers send with
/// it there is room for it in a request's head, which has 16 KiB. What an application asks for is one.
const MAX: usize = 10 << 10;

/// What the sign-in page is told of whoever is sent there.
#[derive(Debug, Default)]
pub(crate) struct WayIn {
    /// Whether they were signed in before.
    is_over: bool,
    /// Where they go on.
    next: Option<String>,
    /// What they sign in to, where it matters.
    api: Option<Arc<str>>,
}

impl WayIn {
    /// Of whoever asks. Only a page that a person opens is gone on with: not a form, nor what a page asks by itself.
    pub(crate) fn of(parts: &Parts, is_over: bool) -> Self {
        let is_page = parts.headers.get("sec-fetch-dest").is_none_or(|dest| dest == "document");
        let path = Some(parts.uri.path()).filter(|_| parts.method == Method::GET && is_page);
        let next = path.and_then(own_place).filter(|path| !matches!(*path, "/" | "/keys"));
        Self { is_over, next: next.map(str::to_owned), api: None }
    }

    /// The same way to this api, and on to `place`.
    #[must_use]
    pub(crate) fn leading(self, api: &Arc<str>, place: String) -> Self {
        Self { next: Some(place), api: Some(Arc::clone(api)), ..self }
    }

    /// The sign-in page's place.
    pub(crate) fn href(&self) -> String {
        let mut query = Serializer::new(String::new());
        if self.is_over {
            query.append_pair("done", "session-over");
        }
        if let Some(next) = &self.next {
            query.append_pair("next", next);
        }
        let query = query.finish();
        let mut href = "/sign-in".to_owned();
        if let Some(api) = &self.api {
            href.extend(["/", api]);
        }
        if query.is_empty() { href } else { format!("{href}?{query}") }
    }
}

/// A path with its query, both as they were sent, where it can be returned to. Whatever browsers could read in more than
/// one way is written out in its place; the meaning stays the same.
pub(crate) fn sent_place(path: &str, query: Option<&str>) -> Option<String> {
    let mut place = String::with_capacity(path.len() + query.map_or(0, str::len) + 1);
    let sent = path.bytes().chain(query.iter().flat_map(|query| b"?".iter().copied().chain(query.bytes())));
    for byte in sent {
        if byte.is_ascii_graphic() && byte != b'\\' {
            place.push(char::from(byte));
        } else {
            write!(place, "%{byte:02X}").ok()?;
        }
    }
    own_place(&place).is_some().then_some(place)
}

/// The longest place that fits into a cookie, in bytes.
const KEPT_MAX: usize = 2800;
/// How long a browser may be elsewhere before it comes back signed in, in seconds: as long as a one-time link works.
const KEPT: u64 = 15 * 60;

/// Whether a browser can keep `place` while it is elsewhere.
pub(crate) fn can_be_kept(place: &str) -> bool {
    place.len() <= KEPT_MAX
}

/// The field by which a browser keeps `place`; by which it forgets any where there is none.
pub(crate) fn keep_place(place: Option<&str>, is_secure: bool) -> HeaderValue {
    match place.and_then(own_place).filter(|place| can_be_kept(place)) {
        Some(place) => Jar::Next.set(&URL_SAFE_NO_PAD.encode(place), KEPT, is_secure),
        None => Jar::Next.set("", 0, is_secure),
    }
}

/// The place that a browser kept.
pub(crate) fn kept_place(headers: &HeaderMap, is_secure: bool) -> Option<String> {
    let kept = URL_SAFE_NO_PAD.decode(Jar::Next.read(headers, is_secure)?).ok()?;
    String::from_utf8(kept).ok().filter(|place| own_place(place).is_some())
}

/// A path of this site, as every browser reads it: two slashes would begin another host, and so would a backslash.
pub(crate) fn own_place(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('/')?;
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let length: usize = form_urlencoded::byte_serialize(text.as_bytes()).map(str::len).sum();
    (plain && !rest.starts_with('/') && length <= MAX).then_some(text)
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn only_a_path_of_this_site_is_gone_on_with() {
        for path in ["/", "/keys", "/keys/key_01h455vb4pex5vsknk084sn02q/edit", "/a//b"] {
            assert_eq!(own_place(path), Some(path));
        }
        for other in [
            "",
            "keys",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/ /evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\u{e9}",
        ] {
            assert_eq!(own_place(other), None, "{other:?}");
        }
        for (byte, length) in [("a", MAX), ("%", MAX / 3)] {
            // The slash is three bytes there.
            let longest = format!("/{}", byte.repeat(length - 3));
            assert_eq!(own_place(&longest), Some(&*longest));
            assert_eq!(own_place(&format!("{longest}{}", byte.repeat(4))), None);
        }
    }

    #[test]
    fn the_sign_in_page_is_told_why_and_where_to_go_on() {
        let way =
            |is_over, next: Option<&str>| WayIn { is_over, next: next.map(str::to_owned), api: None }.href();
        assert_eq!(way(false, None), "/sign-in");
        assert_eq!(way(true, None), "/sign-in?done=session-over");
        assert_eq!(way(true, Some("/keys/new")), "/sign-in?done=session-over&next=%2Fkeys%2Fnew");
        let leading = WayIn::default().leading(&Arc::from("cats"), "/a?b=%20c".to_owned());
        assert_eq!(leading.href(), "/sign-in/cats?next=%2Fa%3Fb%3D%2520c");
    }

    #[test]
    fn a_browser_keeps_a_place_of_this_site_and_no_other() {
        let sent = |field: &HeaderValue| {
            let pair = field.to_str().unwrap().split(';').next().unwrap_or_default();
            kept_place(&HeaderMap::from_iter([(header::COOKIE, pair.parse().unwrap())]), true)
        };
        assert_eq!(sent(&keep_place(Some("/a?b=c;d"), true)).as_deref(), Some("/a?b=c;d"));
        assert_eq!(sent(&keep_place(Some("//evil.example"), true)), None);
        assert_eq!(sent(&Jar::Next.set(&URL_SAFE_NO_PAD.encode("//evil.example"), 1, true)), None);
        let longest = format!("/{}", "a".repeat(KEPT_MAX - 1));
        assert!(keep_place(Some(&longest), true).len() < 4096, "browsers take no larger cookies");
        assert_eq!(sent(&keep_place(Some(&longest), true)), Some(longest));
    }

    #[test]
    fn a_place_is_kept_with_its_whole_query() {
        let place = |query: &str| sent_place("/oauth/cats/authorize", Some(query));
        let kept = |query: &str| Some(format!("/oauth/cats/authorize?{query}"));
        assert_eq!(sent_place("/a", None).as_deref(), Some("/a"));
        assert_eq!(place("a=b&c=%2F%5c&d=//x"), kept("a=b&c=%2F%5c&d=//x"));
        assert_eq!(place("a=\\b\u{e9}"), kept("a=%5Cb%C3%A9"));
        assert_eq!(place(&"a".repeat(MAX)), None);
        assert_eq!(sent_place("//evil.example", Some("a")), None);
    }
}
