//! Cookies: the session's, and the one that a form outside of a session is tied to.

use http::{HeaderMap, HeaderValue, header};

/// What a cookie holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jar {
    /// The session's token.
    Session,
    /// The secret of a browser that is about to sign in.
    BeforeSession,
    /// The attempt of a browser that is at a provider.
    Oidc,
    /// Where a browser goes on that signs in by way of elsewhere.
    Next,
    /// The token of an operator's session.
    Operator,
}

impl Jar {
    /// `__Host-` keeps other hosts and plain HTTP from setting it; on loopback there is no TLS to keep it to.
    const fn name(self, is_secure: bool) -> &'static str {
        match (self, is_secure) {
            (Self::Session, true) => "__Host-claviger",
            (Self::Session, false) => "claviger",
            (Self::BeforeSession, true) => "__Host-claviger-pre",
            (Self::BeforeSession, false) => "claviger-pre",
            (Self::Oidc, true) => "__Host-claviger-oidc",
            (Self::Oidc, false) => "claviger-oidc",
            (Self::Next, true) => "__Host-claviger-next",
            (Self::Next, false) => "claviger-next",
            (Self::Operator, true) => "__Host-claviger-operator",
            (Self::Operator, false) => "claviger-operator",
        }
    }

    /// Members come by links from other sites and back from providers; to operators nobody sends any.
    const fn same_site(self) -> &'static str {
        match self {
            Self::Session | Self::BeforeSession | Self::Oidc | Self::Next => "Lax",
            Self::Operator => "Strict",
        }
    }

    /// What the browser sent. A cookie that is there twice is none: another host may have planted one of them.
    pub(crate) fn read(self, headers: &HeaderMap, is_secure: bool) -> Option<&str> {
        let name = self.name(is_secure);
        let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
        let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
        let value = values.next()?;
        if values.next().is_some() { None } else { Some(value) }
    }

    /// What the browser sent by either name: the one that other hosts and plain HTTP can't set comes first.
    pub(crate) fn read_either(self, headers: &HeaderMap) -> Option<&str> {
        self.read(headers, true).or_else(|| self.read(headers, false))
    }

    /// The field that gives the browser `value` for so many seconds; 0 takes the cookie away.
    pub(crate) fn set(self, value: &str, seconds: u64, is_secure: bool) -> HeaderValue {
        let (name, secure) = (self.name(is_secure), if is_secure { "; Secure" } else { "" });
        let site = self.same_site();
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite={site}; Max-Age={seconds}{secure}");
        let mut field = HeaderValue::try_from(text)
            .expect("tokens and names are letters, digits, hyphens, underscores and full stops");
        field.set_sensitive(true);
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fields: &[&'static str]) -> HeaderMap {
        fields.iter().map(|field| (header::COOKIE, HeaderValue::from_static(field))).collect()
    }

    #[test]
    fn the_one_cookie_of_this_name_is_read() {
        let read = |fields: &[&'static str]| Jar::Session.read(&sent(fields), true).map(str::to_owned);
        assert_eq!(read(&["a=b; __Host-claviger=x"]).as_deref(), Some("x"));
        assert_eq!(read(&["a=b", "__Host-claviger=x"]).as_deref(), Some("x"));
        for fields in [
            &[][..],
            &[""],
            &["claviger=x"],
            &["__Host-claviger-pre=x"],
            &["x__Host-claviger=x"],
            &["__Host-claviger=x; __Host-claviger=y"],
            &["__Host-claviger=x", "__Host-claviger=x"],
        ] {
            assert_eq!(read(fields), None, "{fields:?}");
        }
    }

    #[test]
    fn the_cookie_that_is_kept_to_tls_comes_before_the_other() {
        let read = |field| Jar::Operator.read_either(&sent(&[field])).map(str::to_owned);
        assert_eq!(read("claviger-operator=x").as_deref(), Some("x"));
        assert_eq!(read("claviger-operator=x; __Host-claviger-operator=y").as_deref(), Some("y"));
        assert_eq!(read("__Host-claviger=y"), None);
    }

    #[test]
    fn a_cookie_is_kept_to_this_host_and_from_scripts() {
        assert_eq!(
            Jar::Session.set("x", 60, true),
            "__Host-claviger=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
        assert_eq!(
            Jar::Session.set("x", 60, false),
            "claviger=x; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"
        );
        assert_eq!(
            Jar::Operator.set("x", 60, false),
            "claviger-operator=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=60"
        );
    }
}
