//! Pages a key may be used from. Browsers send the referrer honestly, other clients needn't: this narrows where a
//! key embedded in a page works, it is no boundary against programs.

use std::fmt;

use url::{Host, Url};

use super::RestrictionError;

const MAX_REFERRER: usize = 4096;

/// A list of referrer patterns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Referrers(Box<[Referrer]>);

text_list!(Referrers, Referrer);

impl Referrers {
    /// Whether a `Referer` field with this value comes from one of them.
    pub fn admit(&self, referrer: &str) -> bool {
        read_web_url(referrer).is_some_and(|url| self.0.iter().any(|pattern| pattern.admits(&url)))
    }
}

/// `scheme://host[:port][/path]`: the host may begin with `*.` for any depth of sub-domains (not the domain itself);
/// the path is a prefix of whole segments, and a trailing `/*` says nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Referrer {
    text: Box<str>,
    scheme: Box<str>,
    host: Box<str>,
    subdomains: bool,
    port: u16,
    path: Box<str>,
}

/// Reads what a browser would send: `http` or `https`, a host, no user information, and nothing that WHATWG's
/// parser would silently repair into another URL.
fn read_web_url(text: &str) -> Option<Url> {
    let repaired = |byte: u8| byte <= b' ' || byte >= 0x7f || byte == b'\\';
    if text.len() > MAX_REFERRER || text.bytes().any(repaired) {
        return None;
    }
    let after_scheme = text.split_once("://")?.1;
    if after_scheme.starts_with('/') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let web = matches!(url.scheme(), "http" | "https");
    let anonymous =
        url.username().is_empty() && url.password().is_none() && !authority(after_scheme).contains('@');
    (web && anonymous).then_some(url)
}

fn authority(after_scheme: &str) -> &str {
    after_scheme.split(['/', '?', '#']).next().unwrap_or_default()
}

impl Referrer {
    fn admits(&self, url: &Url) -> bool {
        url.scheme() == &*self.scheme
            && url.port_or_known_default() == Some(self.port)
            && url.host_str().is_some_and(|host| self.admits_host(host))
            && self.admits_path(url.path())
    }

    fn admits_host(&self, host: &str) -> bool {
        if self.subdomains {
            host.strip_suffix(&*self.host).is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
        } else {
            host == &*self.host
        }
    }

    fn admits_path(&self, path: &str) -> bool {
        path.strip_prefix(&*self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(super) fn parse(text: &str) -> Result<Self, RestrictionError> {
        let subdomains = text.contains("://*.");
        let concrete = text.replacen("://*.", "://", 1);
        let prefix =
            concrete.strip_suffix("/**").or_else(|| concrete.strip_suffix("/*")).unwrap_or(&concrete);
        let url = read_web_url(prefix).ok_or(RestrictionError::Referrer)?;
        let path = url.path().trim_end_matches('/');
        let written_path =
            prefix.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        let as_written = path.trim_start_matches('/') == written_path.trim_end_matches('/');
        let named = matches!(url.host(), Some(Host::Domain(_)));
        let plain = url.query().is_none() && url.fragment().is_none() && !prefix.contains('*');
        if !as_written || !plain || (subdomains && !named) {
            return Err(RestrictionError::Referrer);
        }
        Ok(Self {
            text: text.into(),
            scheme: url.scheme().into(),
            host: url.host_str().ok_or(RestrictionError::Referrer)?.into(),
            subdomains,
            port: url.port_or_known_default().ok_or(RestrictionError::Referrer)?,
            path: path.into(),
        })
    }
}

impl fmt::Display for Referrer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(pattern: &str, referrer: &str) -> bool {
        Referrers::parse(&[pattern]).unwrap().admit(referrer)
    }

    #[test]
    fn only_the_exact_origin_is_admitted() {
        let pattern = "https://app.example.com/*";
        for referrer in [
            "https://app.example.com",
            "https://app.example.com/",
            "https://APP.example.com/a?b#c",
            "https://app.example.com:443/a",
        ] {
            assert!(admits(pattern, referrer), "{referrer}");
        }
        for referrer in [
            "https://app.example.com.evil.io/",
            "https://app.example.com@evil.io/",
            "https://evil.io/?https://app.example.com/",
            "https://app.example.com%2eevil.io",
            "http://app.example.com/",
            "https://app.example.com:444/",
            "https://app.example.com\\@evil.io",
            "https://user@app.example.com/",
            "https://@app.example.com/",
            "null",
            "",
            "//app.example.com/",
            "https:app.example.com",
            "https:///app.example.com",
            "https://app.example.com\t/",
            " https://app.example.com",
            "https://app.example.com./",
            "javascript://app.example.com/",
            "https://аpp.example.com/",
        ] {
            assert!(!admits(pattern, referrer), "{referrer}");
        }
    }

    #[test]
    fn sub_domains_and_paths_are_whole_labels_and_segments() {
        for (pattern, referrer, expected) in [
            ("https://*.example.com", "https://a.example.com/x", true),
            ("https://*.example.com", "https://a.b.example.com/", true),
            ("https://*.example.com", "https://example.com/", false),
            ("https://*.example.com", "https://badexample.com/", false),
            ("https://*.example.com", "https://.example.com/", false),
            ("https://example.com/shop", "https://example.com/shop", true),
            ("https://example.com/shop/*", "https://example.com/shop/cart", true),
            ("https://example.com/shop/*", "https://example.com/shopping", false),
            ("https://example.com/shop/*", "https://example.com/shop/../admin", false),
            ("http://localhost:3000", "http://localhost:3000/x", true),
            ("http://localhost:3000", "http://localhost:3001/x", false),
        ] {
            assert_eq!(admits(pattern, referrer), expected, "{pattern} {referrer}");
        }
    }

    #[test]
    fn texts_that_are_no_referrer_patterns_are_refused() {
        for text in [
            "",
            "*",
            "example.com",
            "https://*",
            "https://*/",
            "https://a.*.com",
            "ftp://example.com",
            "https://u@example.com",
            "https://example.com/?q",
            "https://example.com/#f",
            "https://example.com/a*b",
            "https://*.10.0.0.1",
            "https://example.com/a/../b",
            "https://example.com\\",
            "https://*.*.example.com",
        ] {
            assert!(Referrers::parse(&[text]).is_err(), "{text}");
        }
    }
}
