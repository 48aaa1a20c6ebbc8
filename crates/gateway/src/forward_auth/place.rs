//! Where a question is put: `/forward-auth/{api}`, with options, or with the path that is asked about behind it.

use http::Uri;

use super::style::Style;

/// The first step of every path here.
const PREFIX: &str = "/forward-auth/";

/// A place that questions are put to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The api's name.
    pub(super) api: &'a str,
    /// The path and query that are asked about, where they follow the name.
    pub(super) target: Option<&'a str>,
    /// How to answer.
    pub(super) style: Style,
    /// Whether a refusal is to be put in the api's own words, and nothing is to be judged.
    pub(super) explains: bool,
}

/// Not such a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path is /forward-auth/{{api}}")]
pub(super) struct NoPlace;

impl<'a> Place<'a> {
    /// Reads a request's target. Behind an api's name everything is what is asked about, a query included. A query that
    /// has anything else than options in it is none of ours: some proxies leave the caller's there.
    pub(super) fn read(target: &'a Uri) -> Result<Self, NoPlace> {
        let target = target.path_and_query().ok_or(NoPlace)?.as_str();
        let named = target.strip_prefix(PREFIX).ok_or(NoPlace)?;
        let end = named.find(['/', '?']).unwrap_or(named.len());
        let (api, rest) = named.split_at(end);
        if api.is_empty() {
            return Err(NoPlace);
        }
        let (style, explains) = match rest {
            "?style=nginx" => (Style::Nginx, false),
            "?explain" => (Style::Profile, true),
            _ => (Style::Profile, false),
        };
        let target = Some(rest).filter(|rest| rest.starts_with('/'));
        Ok(Self { api, target, style, explains })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(target: &str) -> Result<(String, Option<String>, Style, bool), NoPlace> {
        let uri: Uri = target.parse().unwrap();
        let Place { api, target, style, explains } = Place::read(&uri)?;
        Ok((api.to_owned(), target.map(ToOwned::to_owned), style, explains))
    }

    #[test]
    fn what_follows_the_name_is_an_option_or_asked_about() {
        let place = |target: Option<&str>, style, explains| {
            Ok(("a".to_owned(), target.map(ToOwned::to_owned), style, explains))
        };
        for (target, expected) in [
            ("/forward-auth/a", place(None, Style::Profile, false)),
            ("/forward-auth/a?style=nginx", place(None, Style::Nginx, false)),
            ("/forward-auth/a?explain", place(None, Style::Profile, true)),
            ("/forward-auth/a?explain=1", place(None, Style::Profile, false)),
            ("/forward-auth/a?explain&a=b", place(None, Style::Profile, false)),
            ("/forward-auth/a?", place(None, Style::Profile, false)),
            ("http://claviger:8082/forward-auth/a", place(None, Style::Profile, false)),
            ("/forward-auth/a/", place(Some("/"), Style::Profile, false)),
            ("/forward-auth/a/x/y?explain", place(Some("/x/y?explain"), Style::Profile, false)),
            ("/forward-auth/a//x?style=nginx", place(Some("//x?style=nginx"), Style::Profile, false)),
        ] {
            assert_eq!(read(target), expected, "{target}");
        }
        for target in ["/forward-auth/", "/forward-auth//x", "/forward-auth/?explain", "/forward-authx/a"] {
            assert_eq!(read(target), Err(NoPlace), "{target}");
        }
    }
}
