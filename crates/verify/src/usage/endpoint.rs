//! Method and path as they are kept: `GET /v1/users`, without the query, at most 256 bytes.

use claviger_model::Attempt;

const LONGEST: usize = 256;

/// Writes the endpoint of `attempt` over `text`, whose memory is used again; whether it is known.
pub(super) fn write(text: &mut String, attempt: &Attempt<'_>) -> bool {
    text.clear();
    let (Some(method), Some(path)) = (attempt.method, attempt.path) else { return false };
    push(text, method);
    push(text, " ");
    push(text, path.split('?').next().unwrap_or(path));
    true
}

/// The endpoint of `attempt`, if it is known.
pub(super) fn of(attempt: &Attempt<'_>) -> Option<Box<str>> {
    let mut text = String::new();
    write(&mut text, attempt).then(|| text.into())
}

/// As much of `part` as there is room for, in whole characters.
fn push(text: &mut String, part: &str) {
    let room = LONGEST.saturating_sub(text.len());
    text.push_str(&part[..part.floor_char_boundary(room)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(method: Option<&str>, path: Option<&str>) -> Option<String> {
        of(&Attempt { method, path, ..Attempt::default() }).map(Into::into)
    }

    #[test]
    fn it_is_the_method_and_the_path_without_the_query() {
        assert_eq!(endpoint(Some("GET"), Some("/v1/users")).unwrap(), "GET /v1/users");
        assert_eq!(endpoint(Some("GET"), Some("/v1/users?token=secret?x")).unwrap(), "GET /v1/users");
        assert_eq!(endpoint(Some("GET"), None), None);
        assert_eq!(endpoint(None, Some("/")), None);
    }

    #[test]
    fn it_is_cut_between_characters() {
        let long = format!("/{}", "é".repeat(300));
        let cut = endpoint(Some("GET"), Some(&long)).unwrap();
        assert!(cut.len() == 255 || cut.len() == 256, "{}", cut.len());
        assert!(format!("GET {long}").starts_with(&cut));
        assert_eq!(endpoint(Some(&"M".repeat(400)), Some("/")).unwrap().len(), 256);
    }

    #[test]
    fn its_memory_is_used_again() {
        let mut text = String::with_capacity(LONGEST);
        let place = text.as_ptr();
        for path in ["/v1/users", "/v1/accounts/123", "/"] {
            assert!(write(
                &mut text,
                &Attempt { method: Some("GET"), path: Some(path), ..Attempt::default() }
            ));
            assert_eq!(text, format!("GET {path}"));
        }
        assert_eq!(text.as_ptr(), place);
    }
}
