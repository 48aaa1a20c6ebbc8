//! The way to the sign-in page, with the reason why somebody is sent there and the place they were at.

use form_urlencoded::Serializer;
use http::{Method, request::Parts};

/// Longest place that is returned to, in bytes.
const MAX: usize = 500;

/// What the sign-in page is told of whoever is sent there.
#[derive(Debug, Default)]
pub(crate) struct WayIn {
    /// Whether they were signed in before.
    is_over: bool,
    /// Where they go on.
    next: Option<String>,
}

impl WayIn {
    /// Of whoever asks. Only a page that a person opens is gone on with: not a form, nor what a page asks by itself.
    pub(crate) fn of(parts: &Parts, is_over: bool) -> Self {
        let is_page = parts.headers.get("sec-fetch-dest").is_none_or(|dest| dest == "document");
        let path = Some(parts.uri.path()).filter(|_| parts.method == Method::GET && is_page);
        let next = path.and_then(own_place).filter(|path| !matches!(*path, "/" | "/keys"));
        Self { is_over, next: next.map(str::to_owned) }
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
        if query.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?{query}") }
    }
}

/// A path of this site, as every browser reads it: two slashes would begin another host, and so would a backslash.
pub(crate) fn own_place(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('/')?;
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    (plain && !rest.starts_with('/') && text.len() <= MAX).then_some(text)
}

#[cfg(test)]
mod tests {
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
        assert_eq!(own_place(&format!("/{}", "a".repeat(MAX))), None);
    }

    #[test]
    fn the_sign_in_page_is_told_why_and_where_to_go_on() {
        let way = |is_over, next: Option<&str>| WayIn { is_over, next: next.map(str::to_owned) }.href();
        assert_eq!(way(false, None), "/sign-in");
        assert_eq!(way(true, None), "/sign-in?done=session-over");
        assert_eq!(way(true, Some("/keys/new")), "/sign-in?done=session-over&next=%2Fkeys%2Fnew");
    }
}
