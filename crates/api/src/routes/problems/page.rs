//! The page of a code, for people and for terminals.

use std::fmt::Write as _;

use claviger_model::{Solver, profile::Profile};

use super::entries::{self, Entry, Place};

/// What is said of one code, wherever it is met.
pub(super) struct Page {
    entries: Vec<Entry>,
    /// Where the apis that are served have their callers ask for help: the api's title and its link.
    support: Vec<(String, String)>,
}

impl Page {
    /// The page of `code`, if there is such a code.
    pub(super) fn of<'a>(code: &str, apis: impl Iterator<Item = &'a Profile>) -> Option<Self> {
        let entries: Vec<_> = entries::all().filter(|entry| entry.code == code).collect();
        let support = apis.filter_map(|api| Some((api.title.clone(), api.support.clone()?)));
        (!entries.is_empty()).then(|| Self { entries, support: support.collect() })
    }

    /// Whom an api's people ask in the end.
    fn support_for(&self, entry: &Entry) -> &[(String, String)] {
        let is_asked = entry.help.solver == Solver::Owner || entry.place == Place::Api;
        if is_asked { &self.support } else { &[] }
    }

    /// As Markdown, which is read as it is in a terminal.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("# {}\n", self.entries[0].code);
        for entry in &self.entries {
            let _ = write!(text, "\n## {}: {}\n\n", entry.place.heading(), entry.help.title);
            for (label, value) in facts(entry) {
                let _ = writeln!(text, "- {label}: {value}");
            }
            for (api, link) in self.support_for(entry) {
                let _ = writeln!(text, "- Support of {api}: <{link}>");
            }
        }
        text
    }

    /// As HTML, whole without scripts.
    pub(super) fn html(&self) -> String {
        let code = self.entries[0].code;
        let mut text = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{code} · Claviger</title>\n\
             <link rel=\"stylesheet\" href=\"/problems/style.css\">\n</head>\n<body>\n<main>\n<h1>{code}</h1>\n"
        );
        for entry in &self.entries {
            let _ = writeln!(text, "<h2>{}: {}</h2>\n<dl>", entry.place.heading(), marked(entry.help.title));
            for (label, value) in facts(entry) {
                let _ = writeln!(text, "<dt>{label}</dt><dd>{}</dd>", marked(&value));
            }
            for (api, link) in self.support_for(entry) {
                let (api, link) = (escaped(api), escaped(link));
                let _ = writeln!(text, "<dt>Support of {api}</dt><dd><a href=\"{link}\">{link}</a></dd>");
            }
            text.push_str("</dl>\n");
        }
        text.push_str("</main>\n</body>\n</html>\n");
        text
    }
}

/// What is said of an entry, each with its label.
fn facts(entry: &Entry) -> impl Iterator<Item = (&'static str, String)> {
    let Entry { place, status, help, .. } = entry;
    let status = status.map(|status| match place {
        Place::Api => ("Status", format!("{status}, where the api's profile says no other")),
        _ => ("Status", status.to_string()),
    });
    let others = [
        ("What it means", help.meaning.to_owned()),
        ("What to do", help.solution.to_owned()),
        ("Who can", help.solver.in_words().to_owned()),
        ("Whom to ask", help.solver.asks().to_owned()),
    ];
    status.into_iter().chain(others)
}

/// Markdown's `code` as HTML's.
fn marked(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(place, part)| {
        let part = escaped(part);
        if place % 2 == 1 { format!("<code>{part}</code>") } else { part }
    });
    parts.collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_api_is_called_is_text_wherever_it_stands() {
        let page = Page {
            entries: entries::all().filter(|entry| entry.code == "quota").collect(),
            support: vec![("<script>".to_owned(), "https://example.com/?a=\"b&c\"".to_owned())],
        };
        let html = page.html();
        let support =
            "<dt>Support of &lt;script&gt;</dt><dd><a href=\"https://example.com/?a=&quot;b&amp;c&quot;\">";
        assert!(html.contains(support), "{html}");
        assert!(html.contains("<code>Retry-After</code> says"), "{html}");
    }

    #[test]
    fn a_code_that_is_met_at_two_places_is_explained_for_both() {
        let page = Page::of("revoked", std::iter::empty()).unwrap();
        let headings: Vec<_> =
            page.markdown().lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect();
        assert_eq!(
            headings,
            [
                "# revoked",
                "## In a problem of the management API: It is revoked",
                "## When an api is called: The secret is revoked",
            ]
        );
        assert!(Page::of("Revoked", std::iter::empty()).is_none());
    }
}
