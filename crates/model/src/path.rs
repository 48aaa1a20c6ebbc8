//! Paths as sent, and the patterns that match them segment by segment.
//!
//! Where two parsers could read a path differently it is refused, never cleaned and matched: the upstream may
//! clean it in another way.

use std::{fmt, str::FromStr};

const MAX_PATTERN: usize = 1024;

/// A path that has one reading only.
///
/// It begins with `/`, is UTF-8 in its decoded form, and has no empty, `.` or `..` segment, no `;`, `\`, `#`,
/// `?`, control character or space, no percent-encoding of unreserved characters (RFC 3986 §2.3), of `/`, `\`,
/// `%`, NUL or controls, and no lower-case hexadecimal digits in the encodings that remain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'a>(&'a str);

/// The path has more than one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path is not canonical")]
pub struct NotCanonical;

impl<'a> CanonicalPath<'a> {
    /// Takes `path` (without its query) as it was sent.
    pub fn new(path: &'a str) -> Result<Self, NotCanonical> {
        let rest = path.strip_prefix('/').ok_or(NotCanonical)?;
        if !rest.is_empty() && !rest.split('/').all(is_plain_segment) {
            return Err(NotCanonical);
        }
        if encoded_octets_are_utf8(path) { Ok(Self(path)) } else { Err(NotCanonical) }
    }

    /// The path as sent.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    fn segments(self) -> std::str::Split<'a, char> {
        self.0[1..].split('/')
    }
}

fn is_plain_segment(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    if bytes.is_empty() || segment == "." || segment == ".." {
        return false;
    }
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let Some(octet) = encoded_octet(&bytes[at..]) else { return false };
                if is_ambiguous_when_encoded(octet) {
                    return false;
                }
                at += 3;
            }
            b';' | b'\\' | b'#' | b'?' | 0..=b' ' | 0x7f.. => return false,
            _ => at += 1,
        }
    }
    true
}

/// The octet that `%XX` at the start of `bytes` stands for, if its digits are upper-case hexadecimal.
fn encoded_octet(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(bytes.get(1)?)? << 4 | digit(bytes.get(2)?)?)
}

fn is_ambiguous_when_encoded(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet.is_ascii_control() || b"-._~/\\%;#?".contains(&octet)
}

fn encoded_octets_are_utf8(path: &str) -> bool {
    if !path.contains('%') {
        return true;
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.as_bytes();
    while let Some(&first) = bytes.first() {
        let octet = if first == b'%' { encoded_octet(bytes) } else { None };
        decoded.push(octet.unwrap_or(first));
        bytes = &bytes[if octet.is_some() { 3 } else { 1 }..];
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// A pattern over whole segments: `*` is one segment, `**` one or more, anything else itself, byte for byte.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PathPattern(Box<str>);

/// Why a text is not a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Segments that no canonical path has.
    #[error(
        "a path pattern begins with / and has plain segments, * or **: no //, no . or .., no ;, no query"
    )]
    NotCanonical,
    /// `a*b`
    #[error("* and ** stand for whole segments: write /v1/* rather than /v1/user*")]
    PartialSegment,
    /// More than 1,024 bytes.
    #[error("a path pattern may be at most {MAX_PATTERN} bytes")]
    Long,
}

impl PathPattern {
    /// Whether `path` has the form of this pattern. Linear in the path for patterns with one `**`.
    pub fn matches(&self, path: CanonicalPath<'_>) -> bool {
        matches_segments(self.segments(), path.segments(), |pattern, segment| {
            pattern == "*" || pattern == segment
        })
    }

    /// Whether every path that `other` matches is matched here too.
    ///
    /// Never claims too much; it may fail to see a cover that holds only by combining several `**`.
    pub fn covers(&self, other: &Self) -> bool {
        matches_segments(self.segments(), other.segments(), |mine, theirs| {
            mine == theirs || (mine == "*" && theirs != "**")
        })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn segments(&self) -> std::str::Split<'_, char> {
        self.0[1..].split('/')
    }
}

/// Glob matching with one point of return: on a mismatch, the last `**` takes one segment more.
fn matches_segments<'p, 's>(
    pattern: impl Iterator<Item = &'p str> + Clone,
    segments: impl Iterator<Item = &'s str> + Clone,
    fits: impl Fn(&str, &str) -> bool,
) -> bool {
    let (mut pattern, mut segments) = (pattern, segments);
    let mut retry = None;
    loop {
        match (pattern.next(), segments.next()) {
            (None, None) => return true,
            (Some("**"), Some(_)) => retry = Some((pattern.clone(), segments.clone())),
            (Some(wanted), Some(segment)) if fits(wanted, segment) => {}
            (Some(_), None) => return false,
            (_, Some(_)) => {
                let Some((after_stars, mut rest)) = retry.take() else { return false };
                if rest.next().is_none() {
                    return false;
                }
                (pattern, segments) = (after_stars.clone(), rest.clone());
                retry = Some((after_stars, rest));
            }
        }
    }
}

impl FromStr for PathPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_PATTERN {
            return Err(PatternError::Long);
        }
        let mut segments = text.strip_prefix('/').ok_or(PatternError::NotCanonical)?.split('/');
        if segments.any(|segment| segment.contains('*') && segment != "*" && segment != "**") {
            return Err(PatternError::PartialSegment);
        }
        match CanonicalPath::new(text) {
            Ok(_) => Ok(Self(text.into())),
            Err(NotCanonical) => Err(PatternError::NotCanonical),
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> PathPattern {
        text.parse().unwrap()
    }

    fn matches(pattern_text: &str, path: &str) -> bool {
        pattern(pattern_text).matches(CanonicalPath::new(path).unwrap())
    }

    #[test]
    fn patterns_match_whole_segments() {
        for (pattern, path, expected) in [
            ("/", "/", true),
            ("/", "/v1", false),
            ("/v1/users", "/v1/users", true),
            ("/v1/users", "/v1/Users", false),
            ("/v1/users", "/v1/users2", false),
            ("/v1/*", "/v1/users", true),
            ("/v1/*", "/v1/users/1", false),
            ("/v1/*", "/v1", false),
            ("/v1/**", "/v1", false),
            ("/v1/**", "/v1/users", true),
            ("/v1/**", "/v1/users/1/x", true),
            ("/v1/pub/**", "/v1/public-admin", false),
            ("/**", "/a/b", true),
            ("/**/x", "/a/b/x", true),
            ("/**/x", "/x", false),
            ("/**/x", "/x/x/y", false),
            ("/a/**/b/*/c", "/a/1/b/2/b/3/c", true),
            ("/a/**/b/*/c", "/a/b/3/c", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_path_with_two_readings_is_refused() {
        for path in [
            "",
            "v1",
            "*",
            "//v1/admin",
            "/v1//admin",
            "/v1/",
            "/v1/.",
            "/v1/..",
            "/v1/pub/../admin",
            "/./v1",
            "/v1/pub/%2e%2e/admin",
            "/v1/%2E%2E/admin",
            "/v1/.%2e/admin",
            "/v1/..%2fadmin",
            "/v1/..%2Fadmin",
            "/v1/..%5cadmin",
            "/v1/..%5Cadmin",
            "/v1/pub;x=1/admin",
            "/v1/..;/admin",
            "/v1/a%3Bb",
            "/v1\\admin",
            "/v1/a%00",
            "/v1/a\0",
            "/v1/%61dmin",
            "/v1/a%2",
            "/v1/a%",
            "/v1/a%zz",
            "/v1/%252e",
            "/v1/%25",
            "/v1/%c3%a9",
            "/v1/%C0%AE",
            "/v1/%FF",
            "/v1/a#b",
            "/v1/a?b",
            "/v1/a b",
            "/v1/é",
            "/v1/．．/a",
            "/v1/a%0A",
            "/v1/a%7F",
        ] {
            assert_eq!(CanonicalPath::new(path), Err(NotCanonical), "{path}");
        }
        for path in
            ["/", "/v1", "/v1/users/usr_123", "/v1/a%20b", "/v1/%C3%A9", "/v1/a:b@c!$&'()*+,=~-._", "/..."]
        {
            assert!(CanonicalPath::new(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn texts_that_are_no_patterns_are_refused() {
        for (text, error) in [
            ("v1", PatternError::NotCanonical),
            ("/v1//x", PatternError::NotCanonical),
            ("/v1/..", PatternError::NotCanonical),
            ("/v1/x?y", PatternError::NotCanonical),
            ("/v1/us*", PatternError::PartialSegment),
            ("/v1/***", PatternError::PartialSegment),
        ] {
            assert_eq!(text.parse::<PathPattern>(), Err(error), "{text}");
        }
    }

    #[test]
    fn covering_is_seen() {
        for (wide, narrow, expected) in [
            ("/v1/**", "/v1/*", true),
            ("/v1/**", "/v1/users/**", true),
            ("/v1/*", "/v1/**", false),
            ("/v1/*", "/v1/users", true),
            ("/v1/users", "/v1/*", false),
            ("/**", "/v1/**", true),
            ("/v1/**", "/v1", false),
        ] {
            assert_eq!(pattern(wide).covers(&pattern(narrow)), expected, "{wide} {narrow}");
        }
    }

    /// The obvious matcher: try every length for each `**`.
    fn oracle(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), Some((_, tail))) => oracle(rest, tail) || oracle(pattern, tail),
            (Some((wanted, rest)), Some((segment, tail))) => {
                (*wanted == "*" || wanted == segment) && oracle(rest, tail)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_obvious_matcher(
            pattern_text in "(/(a|b|\\*|\\*\\*)){1,5}",
            other_text in "(/(a|b|\\*|\\*\\*)){1,5}",
            path in "(/(a|b|c)){1,7}",
        ) {
            let segments = |text: &'static str| text[1..].split('/').collect::<Vec<_>>();
            let leak = |text: &str| -> &'static str { String::leak(text.to_owned()) };
            let expected = oracle(&segments(leak(&pattern_text)), &segments(leak(&path)));
            prop_assert_eq!(matches(&pattern_text, &path), expected);
            if pattern(&pattern_text).covers(&pattern(&other_text)) && matches(&other_text, &path) {
                prop_assert!(matches(&pattern_text, &path));
            }
        }
    }
}
