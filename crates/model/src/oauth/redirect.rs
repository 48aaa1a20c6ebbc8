//! Where a client is sent back to: registered whole, compared to the byte (OAuth 2.1 §4.1.1, RFC 9700 §2.1).
//!
//! The one exception is the port of a loopback address, which a native application learns only when it starts (RFC 8252
//! §7.3).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

const LENGTH_MAX: usize = 2048;

/// A redirect URI as a client registered it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedirectUri(Box<str>);

/// Why a text can't be registered as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectError {
    /// Not an absolute URI of visible ASCII, or one that browsers and this program could read differently.
    #[error("must be an absolute URI of at most {LENGTH_MAX} visible ASCII characters, without a backslash")]
    Form,
    /// RFC 6749 §3.1.2.
    #[error("can't have a fragment")]
    Fragment,
    /// `https://ok@evil`.
    #[error("can't have a user or a password")]
    User,
    /// RFC 9700 §2.1, RFC 8252 §7.1.
    #[error(
        "must be https://, http:// on a loopback address, or a scheme of the application's own with a dot in it, such as com.example.app:"
    )]
    Scheme,
}

impl RedirectUri {
    /// Reads what a client wants to register.
    pub fn register(text: &str) -> Result<Self, RedirectError> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
        if !(1..=LENGTH_MAX).contains(&text.len()) || !text.bytes().all(plain) {
            return Err(RedirectError::Form);
        }
        let url = Url::parse(text).or(Err(RedirectError::Form))?;
        // Browsers read `https:/a` and `https:a` as places of whatever site they are on.
        let is_special = matches!(url.scheme(), "http" | "https");
        let rest = text.strip_prefix(url.scheme()).and_then(|rest| rest.strip_prefix("://"));
        if is_special && rest.is_none_or(|rest| rest.starts_with('/')) {
            return Err(RedirectError::Form);
        }
        if text.contains('#') {
            return Err(RedirectError::Fragment);
        }
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            return Err(RedirectError::User);
        }
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) if !is_plain_name(name) => return Err(RedirectError::Form),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let fits = match url.scheme() {
            "https" => url.has_host(),
            "http" => is_loopback,
            own => own.contains('.'),
        };
        if fits { Ok(Self(text.into())) } else { Err(RedirectError::Scheme) }
    }

    /// As it was registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request may name `asked` where this one is registered.
    pub fn admits(&self, asked: &str) -> bool {
        if asked == &*self.0 {
            return true;
        }
        let (mine, theirs) = (loopback(&self.0), loopback(asked));
        mine.zip(theirs).is_some_and(|(mine, theirs)| mine == theirs)
    }
}

/// Browsers take more for a name than DNS does.
fn is_plain_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// Everything between `//` and the path.
fn authority(text: &str) -> &str {
    let rest = text.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Address and what follows the port, of an `http` URI on a literal loopback address.
fn loopback(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("http://")?;
    let address = ["127.0.0.1", "[::1]"].into_iter().find(|address| rest.starts_with(address))?;
    let rest = &rest[address.len()..];
    let Some(rest) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((address, rest));
    };
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (port, rest) = rest.split_at(end);
    let is_port = !port.starts_with('0') && port.parse::<u16>().is_ok();
    let ends = rest.is_empty() || rest.starts_with(['/', '?']);
    // A fragment would be the asker's own.
    (is_port && ends && !rest.contains('#')).then_some((address, rest))
}

impl fmt::Debug for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for RedirectUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RedirectUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::register(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_registered() {
        for fine in [
            "https://app.example.com/cb",
            "https://app.example.com:8443/cb?x=1",
            "https://app.example.com",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:8000/cb",
            "http://[::1]/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
            "com.example.app://cb",
        ] {
            assert_eq!(RedirectUri::register(fine).map(|uri| uri.as_str().to_owned()), Ok(fine.to_owned()));
        }
        for (wrong, why) in [
            ("", RedirectError::Form),
            ("/cb", RedirectError::Form),
            ("https://app.example.com/c b", RedirectError::Form),
            ("https://app.example.com/ä", RedirectError::Form),
            ("https://app.example.com\\@evil", RedirectError::Form),
            ("https://app.example.com;script-src/cb", RedirectError::Form),
            ("https://a,b/cb", RedirectError::Form),
            ("https:/keys?x=1", RedirectError::Form),
            ("https:evil.example/cb", RedirectError::Form),
            ("https:///@evil", RedirectError::Form),
            ("http:/127.0.0.1/cb", RedirectError::Form),
            ("HTTPS://app.example.com/cb", RedirectError::Form),
            ("https://app.example.com/cb#x", RedirectError::Fragment),
            ("https://app.example.com/cb#", RedirectError::Fragment),
            ("https://ok@evil.example/cb", RedirectError::User),
            ("https://@evil.example/cb", RedirectError::User),
            ("http://127.0.0.1:80@evil.example/cb", RedirectError::User),
            ("http://app.example.com/cb", RedirectError::Scheme),
            ("http://127.0.0.1.evil.example/cb", RedirectError::Scheme),
            ("javascript:alert(1)", RedirectError::Scheme),
            ("data:text/html,x", RedirectError::Scheme),
            ("myapp:/cb", RedirectError::Scheme),
        ] {
            assert_eq!(RedirectUri::register(wrong), Err(why), "{wrong}");
        }
        assert_eq!(
            RedirectUri::register(&format!("https://a/{}", "x".repeat(LENGTH_MAX))),
            Err(RedirectError::Form)
        );
    }

    #[test]
    fn what_is_asked_for_is_what_was_registered_to_the_byte() {
        let registered = RedirectUri::register("https://app.example.com/cb").unwrap();
        assert!(registered.admits("https://app.example.com/cb"));
        for other in [
            "https://app.example.com/cb/",
            "https://app.example.com/cb/../x",
            "https://app.example.com/%63b",
            "https://app.example.com/cb?x",
            "https://app.example.com/cb#x",
            "https://app.example.com/CB",
            "https://APP.example.com/cb",
            "https://app.example.com:443/cb",
            "https://app.example.com.evil/cb",
            "https://app.example.com@evil/cb",
            "https://app.example.com%2fcb",
            "http://app.example.com/cb",
            "",
        ] {
            assert!(!registered.admits(other), "{other}");
        }
    }

    #[test]
    fn a_loopback_address_leaves_the_port_open_and_nothing_else() {
        for (registered, asked, admitted) in [
            ("http://127.0.0.1/cb", "http://127.0.0.1:49152/cb", true),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", true),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1/cb", true),
            ("http://[::1]/cb?a=b", "http://[::1]:7/cb?a=b", true),
            ("http://127.0.0.1/cb", "http://[::1]:7/cb", false),
            ("http://127.0.0.1/cb", "http://localhost:7/cb", false),
            ("http://localhost:1/cb", "http://localhost:2/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:7/cb/x", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:7/cb?x", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:7/cb#x", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:07/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil/cb", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1.evil/cb", false),
            ("http://127.0.0.1", "http://127.0.0.1:7", true),
            ("http://127.0.0.1", "http://127.0.0.1:7#x", false),
            ("http://127.0.0.1/cb", "https://127.0.0.1:7/cb", false),
        ] {
            let registered = RedirectUri::register(registered).unwrap();
            assert_eq!(registered.admits(asked), admitted, "{registered:?} {asked}");
        }
    }
}
