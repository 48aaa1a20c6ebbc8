//! What browsers report of pages that broke their policy: logged, within bounds, without the secrets of links.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::extract::{Request, State};
use claviger_model::Timestamp;
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

use crate::site::Site;

const MAX: usize = 16 << 10;
/// Violations that are logged of one request.
const MOST: usize = 3;
/// Characters of a field that are logged.
const SHOWN: usize = 150;
/// Letters in a row that may be a secret; names of directives and files are shorter.
const SECRET: usize = 22;
/// What is logged of a violation, by its old and its new name. Of the rest, some quotes the page.
const TOLD: [(&str, &str); 5] = [
    ("effective-directive", "effectiveDirective"),
    ("blocked-uri", "blockedURL"),
    ("document-uri", "documentURL"),
    ("source-file", "sourceFile"),
    ("line-number", "lineNumber"),
];

/// Violations that are logged at once, whoever reports them; after them, one each interval.
const AT_ONCE: i64 = 10;
const EVERY_MILLIS: i64 = 1000;

/// Nobody has to sign in to report: how much is logged is bounded for all together.
static LOGGED: Rate = Rate(AtomicI64::new(0));

/// The instant at which the whole allowance is there again (the generic cell rate algorithm).
struct Rate(AtomicI64);

impl Rate {
    /// Takes one of what is allowed by `now`, if there is any.
    fn allows(&self, now: Timestamp) -> bool {
        let (now, whole) = (now.as_millis(), EVERY_MILLIS * AT_ONCE);
        let taken = |at: i64| {
            // Nothing is taken so far ahead: the clock was set back, and must not silence what is reported since.
            let begun = if at > now + whole { now } else { at.max(now) };
            let next = begun + EVERY_MILLIS;
            (next <= now + whole).then_some(next)
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }
}

pub(crate) async fn take(State(site): State<Site>, request: Request) -> StatusCode {
    let reading = Limited::new(request.into_body(), MAX).collect();
    let Ok(Ok(body)) = tokio::time::timeout(std::time::Duration::from_secs(5), reading).await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let now = site.now();
    for report in violations(&body.to_bytes()).into_iter().take_while(|_| LOGGED.allows(now)) {
        // Written with its escapes: on one line, whatever it is.
        tracing::warn!(?report, "a browser reports that a page broke its policy");
    }
    StatusCode::NO_CONTENT
}

/// What a body tells, in either of the two forms of CSP level 3; of anything else nothing.
fn violations(body: &[u8]) -> Vec<String> {
    let told = match serde_json::from_slice(body) {
        Ok(Value::Array(reports)) => reports,
        Ok(one) => vec![one],
        Err(_) => return Vec::new(),
    };
    let bodies = told.iter().filter_map(|report| report.get("csp-report").or_else(|| report.get("body")));
    bodies.map(in_words).filter(|report| !report.is_empty()).take(MOST).collect()
}

fn in_words(body: &Value) -> String {
    let fields = TOLD.iter().filter_map(|(name, new)| {
        let text = match body.get(name).or_else(|| body.get(new))? {
            Value::String(text) => plain(text),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some(format!("{name}={text}"))
    });
    fields.collect::<Vec<_>>().join(" ")
}

/// The beginning of a text, with everything left out that may be a one-time token.
fn plain(text: &str) -> String {
    let shown: String = text.chars().take(4 * SHOWN).collect();
    let of_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut plain = String::new();
    for part in shown.split_inclusive(|c: char| !of_token(c)) {
        let word = part.trim_end_matches(|c: char| !of_token(c));
        if word.len() < SECRET {
            plain.push_str(part);
        } else {
            plain.push('…');
            plain.push_str(&part[word.len()..]);
        }
    }
    plain.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_told_in_one_line() {
        let old =
            br#"{"csp-report": {"document-uri": "https://a.example/keys", "effective-directive": "img-src",
            "blocked-uri": "inline", "line-number": 7, "script-sample": "let a"}}"#;
        let new = br#"[{"type": "csp-violation", "body": {"effectiveDirective": "img-src", "sample": "x"}}]"#;
        let told = "effective-directive=img-src blocked-uri=inline document-uri=https://a.example/keys line-number=7";
        assert_eq!(violations(old), [told]);
        assert_eq!(violations(new), ["effective-directive=img-src"]);
        for nothing in
            [&b""[..], b"{", b"[]", b"1", b"{}", br#"{"csp-report": {}}"#, br#"{"csp-report": [1]}"#]
        {
            assert!(violations(nothing).is_empty());
        }
    }

    #[test]
    fn ten_are_logged_at_once_and_then_one_each_second() {
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);
        let rate = Rate(AtomicI64::new(0));
        let allowed = |now, asked: usize| (0..asked).filter(|_| rate.allows(at(now))).count();
        assert_eq!(allowed(0, 1000), 10);
        assert_eq!(allowed(999, 10), 0);
        assert_eq!(allowed(1000, 10), 1);
        assert_eq!(allowed(3000, 10), 2);
        assert_eq!(allowed(60_000, 1000), 10);
        assert_eq!(allowed(-3_600_000, 1000), 10, "the clock was set back");
    }

    #[test]
    fn a_token_of_a_link_is_left_out() {
        let token = "aB3-".repeat(11);
        assert_eq!(plain(&format!("https://a.example/link/{token}?x=1")), "https://a.example/link/…?x=1");
        assert_eq!(plain(&token), "…");
        assert_eq!(plain("/assets/style-0123456789ab.css"), "/assets/style-0123456789ab.css");
        assert!(plain(&"a b".repeat(1000)).chars().count() <= SHOWN);
    }
}
