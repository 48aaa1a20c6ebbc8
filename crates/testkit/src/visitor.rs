//! A member whose browser is the test itself: cookies, forms and the header fields of a browser, and any lie about them.

use std::net::SocketAddr;

use crate::{
    Answer,
    http::{exchange, request},
    markup::{Form, forms},
};

/// How many redirections in a row [`Visitor::follow`] goes along with.
const REDIRECTIONS: usize = 5;

/// Someone at the portal, with a cookie jar. A clone is somebody else with a copy of the cookies.
#[derive(Clone, Debug)]
pub struct Visitor {
    address: SocketAddr,
    origin: String,
    cookies: Vec<(String, String)>,
    /// Instead of what a browser sends: a field, or the lack of one.
    lies: Vec<(String, Option<String>)>,
    /// Where the last page was, and the forms on it.
    path: String,
    forms: Vec<Form>,
}

impl Visitor {
    /// Somebody new at the listener at `address`, which is its public origin too.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            origin: format!("http://{address}"),
            cookies: Vec::new(),
            lies: Vec::new(),
            path: "/".to_owned(),
            forms: Vec::new(),
        }
    }

    /// The same person, who came by the public `origin` (`https://keys.example.com`).
    #[must_use]
    pub fn at_origin(mut self, origin: &str) -> Self {
        origin.clone_into(&mut self.origin);
        self
    }

    /// The same person, sending this header field instead of the browser's own.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.lies.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// The same person, without this header field.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.lies.push((name.to_owned(), None));
        self
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(cookie, _)| cookie == name).map(|(_, value)| value.as_str())
    }

    /// The names and values of all cookies.
    pub fn cookies(&self) -> &[(String, String)] {
        &self.cookies
    }

    /// Puts a cookie into the jar; an empty value takes it out.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.retain(|(cookie, _)| cookie != name);
        if !value.is_empty() {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Opens `path` as if it had been typed. A redirection is an answer.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Answer {
        self.navigate("GET", path, "none", None)
    }

    /// Opens `path` and goes along with redirections within the origin, to the first answer that is none.
    #[track_caller]
    pub fn follow(&mut self, path: &str) -> Answer {
        let mut answer = self.get(path);
        for _ in 0..REDIRECTIONS {
            let Some(next) = self.redirection(&answer) else { return answer };
            answer = self.navigate("GET", &next, "same-origin", None);
        }
        assert!(self.redirection(&answer).is_none(), "{path} redirects without end");
        answer
    }

    /// Where within the origin an answer sends its reader.
    pub fn redirection(&self, answer: &Answer) -> Option<String> {
        let location = (300..400).contains(&answer.status).then(|| answer.header("location")).flatten()?;
        let path = location.strip_prefix(&self.origin).unwrap_or(location);
        path.starts_with('/').then(|| path.to_owned())
    }

    /// Sends the form of the last page whose action is `action`: its hidden fields as they are (`csrf` among them),
    /// then `fields`.
    #[track_caller]
    pub fn submit(&mut self, action: &str, fields: &[(&str, &str)]) -> Answer {
        let here = self.path.clone();
        let form = self.forms.iter().find(|form| form.leads_to(action, &here));
        let actions: Vec<_> = self.forms.iter().map(|form| form.action.as_deref().unwrap_or(&here)).collect();
        assert!(form.is_some(), "no form on {here} leads to {action}, only to {actions:?}");
        let hidden = form.map(|form| form.hidden.clone()).unwrap_or_default();
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<_> = hidden.chain(fields.iter().copied()).collect();
        self.post(action, &all)
    }

    /// Sends exactly these fields as a form.
    #[track_caller]
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(fields).finish();
        self.navigate("POST", path, "same-origin", Some(&body))
    }

    /// A hidden field of the last page, such as `csrf`.
    pub fn hidden(&self, name: &str) -> Option<&str> {
        let mut fields = self.forms.iter().flat_map(|form| &form.hidden);
        fields.find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The token that says that a form came from one of this visitor's own pages.
    #[track_caller]
    pub fn csrf(&self) -> String {
        self.hidden("csrf").expect("the last page has a form with a csrf field").to_owned()
    }

    #[track_caller]
    fn navigate(&mut self, method: &str, path: &str, site: &str, body: Option<&str>) -> Answer {
        let mut fields = vec![
            ("Host", self.host().to_owned()),
            ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8".to_owned()),
            ("Sec-Fetch-Site", site.to_owned()),
            ("Sec-Fetch-Mode", "navigate".to_owned()),
            ("Sec-Fetch-Dest", "document".to_owned()),
            ("Sec-Fetch-User", "?1".to_owned()),
        ];
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            fields.push(("Cookie", pairs.join("; ")));
        }
        if body.is_some() {
            fields.push(("Origin", self.origin.clone()));
            fields.push(("Content-Type", "application/x-www-form-urlencoded".to_owned()));
        }
        fields.retain(|(name, _)| !self.lies.iter().any(|(lie, _)| lie.eq_ignore_ascii_case(name)));
        let told = self.lies.iter().filter_map(|(name, value)| Some((name.as_str(), value.clone()?)));
        fields.extend(told);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer =
            exchange(self.address, method, &request(method, path, &fields, body.unwrap_or_default()))
                .expect("the portal answers");
        self.remember(path, &answer);
        answer
    }

    fn host(&self) -> &str {
        self.origin.split_once("://").map_or(self.origin.as_str(), |(_, host)| host)
    }

    fn remember(&mut self, path: &str, answer: &Answer) {
        let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value);
        for cookie in set {
            self.keep(cookie);
        }
        let is_page = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        if is_page && self.redirection(answer).is_none() {
            path.split('?').next().unwrap_or(path).clone_into(&mut self.path);
            self.forms = forms(answer.text());
        }
    }

    /// As a browser keeps a cookie: a `Secure` one only of an https origin, a `__Host-` one only if it is what it says.
    fn keep(&mut self, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let attributes: Vec<_> = parts.map(str::to_ascii_lowercase).collect();
        let has = |attribute: &str| attributes.iter().any(|one| one == attribute);
        let secure = has("secure");
        let of_host = secure && has("path=/") && !attributes.iter().any(|one| one.starts_with("domain"));
        if secure && !self.origin.starts_with("https://") || name.starts_with("__Host-") && !of_host {
            return;
        }
        let gone = has("max-age=0") || attributes.iter().any(|one| one.starts_with("max-age=-"));
        self.set_cookie(name, if gone { "" } else { value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(origin: &str) -> Visitor {
        Visitor::new(SocketAddr::from(([127, 0, 0, 1], 1))).at_origin(origin)
    }

    #[test]
    fn cookies_are_kept_as_a_browser_keeps_them() {
        let mut plain = visitor("http://127.0.0.1:1");
        for refused in ["a=1; Secure", "__Host-b=1; Path=/", "nothing", "c=1; Max-Age=0"] {
            plain.keep(refused);
        }
        assert!(plain.cookies().is_empty());
        plain.keep("sid=one; Path=/; HttpOnly");
        plain.keep("sid=two; Path=/; HttpOnly");
        assert_eq!(plain.cookie("sid"), Some("two"));
        plain.keep("sid=; Path=/; Max-Age=0");
        assert_eq!(plain.cookie("sid"), None);
        let mut secure = visitor("https://keys.example.com");
        secure.keep("__Host-sid=one; Path=/; Secure; HttpOnly; SameSite=Lax");
        secure.keep("__Host-lax=one; Path=/; Secure; Domain=example.com");
        assert_eq!(secure.cookies(), [("__Host-sid".to_owned(), "one".to_owned())]);
    }

    #[test]
    fn redirections_within_the_origin_are_paths() {
        let to = |location: &str| Answer {
            status: 303,
            headers: vec![("location".to_owned(), location.to_owned())],
            body: Vec::new(),
        };
        let visitor = visitor("https://keys.example.com");
        assert_eq!(visitor.redirection(&to("/keys")).as_deref(), Some("/keys"));
        assert_eq!(visitor.redirection(&to("https://keys.example.com/keys")).as_deref(), Some("/keys"));
        assert_eq!(visitor.redirection(&to("https://elsewhere.example/")), None);
    }
}
