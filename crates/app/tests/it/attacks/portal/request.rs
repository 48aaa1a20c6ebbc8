//! A request to the portal as a browser would send it, each part of which can be made another.

use std::net::SocketAddr;

use claviger_testkit::{Answer, Visitor, exchange};

pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// What a browser sends for a link that is followed.
    pub(super) fn get(portal: SocketAddr, path: &str) -> Self {
        Self::new("GET", portal, path)
    }

    pub(super) fn new(method: &str, portal: SocketAddr, path: &str) -> Self {
        let request =
            Self { method: method.to_owned(), path: path.to_owned(), fields: Vec::new(), body: Vec::new() };
        request.with("Host", &portal.to_string())
    }

    /// What a browser sends for a form of our own page.
    pub(super) fn form(portal: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self { body: body.into_bytes(), ..Self::new("POST", portal, path) }
            .with("Origin", &format!("http://{portal}"))
            .with("Sec-Fetch-Site", "same-origin")
            .with("Content-Type", FORM)
    }

    /// With the cookies that this visitor has.
    pub(super) fn of(self, visitor: &Visitor) -> Self {
        let cookies: Vec<_> =
            visitor.cookies().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { self } else { self.with("Cookie", &cookies.join("; ")) }
    }

    /// With this field instead of any of its name.
    pub(super) fn with(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// With this field besides those that are there.
    pub(super) fn and(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(field, _)| !field.eq_ignore_ascii_case(name));
        self
    }

    /// With another body of this kind.
    pub(super) fn saying(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with("Content-Type", kind)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.path)];
        lines.extend(self.fields.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.push(format!("Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len()));
        let head = lines.join("\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    #[track_caller]
    pub(super) fn send(&self, portal: SocketAddr) -> Answer {
        exchange(portal, &self.method, &self.bytes()).expect("the portal answers")
    }
}
