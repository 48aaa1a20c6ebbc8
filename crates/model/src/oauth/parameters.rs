//! Parameters as OAuth takes them: form-encoded, none twice, and an empty one as good as none (RFC 6749 §3.1, §3.2).

use std::{borrow::Cow, fmt};

use url::form_urlencoded;

/// Most parameters of a request.
const MANY: usize = 64;

/// The parameters of one request, borrowed from its text where they stand there as they are: codes, tokens and secrets are
/// among them.
#[derive(Clone, Default)]
pub struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl fmt::Debug for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parameters(…)")
    }
}

/// Why a request's parameters can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// RFC 6749 §3.1: "Request and response parameters MUST NOT be included more than once."
    #[error("{0} is there more than once")]
    Repeated(String),
    /// More than anybody needs.
    #[error("there are more than {MANY} parameters")]
    TooMany,
}

impl<'a> Parameters<'a> {
    /// Reads a query or a form's body. Names that nobody knows are kept and not looked at.
    pub fn read(text: &'a [u8]) -> Result<Self, ParametersError> {
        let mut all: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text) {
            // Several resources may be named (RFC 8707 §2).
            if name != "resource" && all.iter().any(|(known, _)| *known == name) {
                return Err(ParametersError::Repeated(shown(&name)));
            }
            if all.len() == MANY {
                return Err(ParametersError::TooMany);
            }
            all.push((name, value));
        }
        Ok(Self(all))
    }

    /// The value of a parameter that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = |(known, value): &&(Cow<'_, str>, Cow<'_, str>)| known == name && !value.is_empty();
        self.0.iter().find(named).map(|(_, value)| &**value)
    }

    /// All values of one that may be repeated.
    pub fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        let named = self.0.iter().filter(move |(known, value)| known == name && !value.is_empty());
        named.map(|(_, value)| &**value)
    }

    /// The first value, whatever else may be wrong: for what must be known to say so.
    pub fn first_of(text: &[u8], name: &str) -> Option<String> {
        let mut values = form_urlencoded::parse(text).filter(|(known, _)| known == name);
        let first = values.next()?.1.into_owned();
        if values.next().is_some() { None } else { Some(first) }
    }
}

/// A name as an answer may repeat it: what isn't plain is left out.
fn shown(name: &str) -> String {
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
    name.chars().filter(plain).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_once_and_empty_ones_are_none() {
        let read = Parameters::read(b"a=1&b=&c=%41+x&resource=r&resource=s&d").unwrap();
        assert_eq!(read.get("a"), Some("1"));
        assert_eq!((read.get("b"), read.get("d"), read.get("e")), (None, None, None));
        assert_eq!(read.get("c"), Some("A x"));
        assert_eq!(read.all("resource").collect::<Vec<_>>(), ["r", "s"]);
    }

    #[test]
    fn parameters_say_nothing_when_they_are_debugged() {
        let read = Parameters::read(b"client_secret=hunter2&hunter3").unwrap();
        assert_eq!(format!("{read:?}"), "Parameters(…)");
    }

    #[test]
    fn a_repeated_parameter_is_refused_even_where_it_is_empty_or_unknown() {
        for text in ["a=1&a=1", "a=&a=1", "x=1&y=2&x=3", "%61=1&a=1"] {
            assert!(matches!(Parameters::read(text.as_bytes()), Err(ParametersError::Repeated(_))), "{text}");
        }
        assert_eq!(Parameters::read(b"<b>=1&<b>=2").unwrap_err().to_string(), "b is there more than once");
        let many = (0..=MANY).map(|number| format!("p{number}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(Parameters::read(many.as_bytes()).unwrap_err(), ParametersError::TooMany);
        assert_eq!(Parameters::first_of(b"state=x&a=1&a=2", "state").as_deref(), Some("x"));
        assert_eq!(Parameters::first_of(b"state=x&state=y", "state"), None);
    }
}
