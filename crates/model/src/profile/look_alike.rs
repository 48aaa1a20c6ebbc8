//! What upstreams that clean paths could take a path for.
//!
//! Only for refusing: what is matched and forwarded is the path as it was sent.

/// The segments of a path after cleaning.
pub(super) struct Reading(Vec<Vec<u8>>);

/// The path read by those who decode before they cut it into segments, and by those who cut first.
pub(super) fn readings(path: &str) -> [Reading; 2] {
    let path = path.as_bytes();
    [Reading::of(&decoded(path), <[u8]>::to_vec), Reading::of(path, decoded)]
}

impl Reading {
    /// Without parameters, empty and `.` segments; `..` takes the segment before away, and a backslash is a slash.
    fn of(path: &[u8], read: fn(&[u8]) -> Vec<u8>) -> Self {
        let mut segments = Vec::new();
        for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
            let plain = segment.split(|byte| *byte == b';').next().unwrap_or_default();
            match read(plain) {
                empty if empty.is_empty() || empty == b"." => {}
                up if up == b".." => {
                    segments.pop();
                }
                named => segments.push(named),
            }
        }
        Self(segments)
    }

    /// Whether this is a path of `pattern`, in which `*` is one segment and any other is itself.
    pub(super) fn is_of(&self, pattern: &str) -> bool {
        let Self(wanted) = Self::of(pattern.as_bytes(), decoded);
        let fits = |(wanted, segment): (&Vec<u8>, &Vec<u8>)| wanted == b"*" || wanted == segment;
        wanted.len() == self.0.len() && wanted.iter().zip(&self.0).all(fits)
    }
}

/// With every `%XX` replaced by its octet, digits in either case; what is no such triple stays.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let mut octets = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let octet = digit(at + 1).zip(digit(at + 2)).filter(|_| byte == b'%');
        let octet = octet.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        octets.push(octet.unwrap_or(byte));
        at += if octet.is_some() { 3 } else { 1 };
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::super::Profile;

    #[test]
    fn a_path_that_only_looks_like_an_endpoint_s_is_told_from_its_own_and_others() {
        let profile =
            Profile::parse("example.toml", include_str!("../../../../profiles/example.toml")).unwrap();
        let own = profile.self_service.unwrap();
        for path in [
            "/v1/api-keys/",
            "/v1//api-keys",
            "//v1/api-keys",
            "/v1/%61pi-keys",
            "/v1/api%2dkeys",
            "/v1/api-keys;v=1",
            "/v1;a/api-keys",
            "/v1/api-keys%3Bv=1",
            "/v1/./api-keys",
            "/v1/x/../api-keys",
            "/v1/x/%2e%2E/api-keys",
            "/v1/api-keys/key_1/..",
            "/../v1/api-keys",
            "/v1\\api-keys",
            "/v1%5Capi-keys",
            "/v1%2Fapi-keys",
            "/v1%2fapi-keys/key_1",
            "/v1/api-keys/key_1/",
            "/v1//api-keys/key_1",
            "/v1/api-keys//key_1",
            "/v1/api-keys/key_1;v=1",
            "/v1/api-keys;a%2Fb/key_1",
            "/v1/api-keys/%6Bey_1",
            "/v1/api-keys/a%2fb",
            "/v1/api-keys/%FF",
        ] {
            assert!(own.resembles(path), "{path}");
        }
        for path in [
            "/v1/api-keys",
            "/v1/api-keys/key_1",
            "/v1/api-keys/a%20b",
            "/v1/API-keys",
            "/v1/api-keys/key_1/x",
            "/v1/api-keys2/",
            "/v1/x//api-keys",
            "/v1/%2561pi-keys",
            "/v1/api-keys/../x",
            "/v1/%",
            "/v1/%6",
            "/v1/..",
            "/",
            "",
        ] {
            assert!(!own.resembles(path), "{path}");
        }
    }

    #[test]
    fn head_lists_and_does_nothing_else() {
        let profile =
            Profile::parse("example.toml", include_str!("../../../../profiles/example.toml")).unwrap();
        let own = profile.self_service.unwrap();
        assert_eq!(own.action("HEAD", "/v1/api-keys"), own.action("GET", "/v1/api-keys"));
        assert!(own.action("HEAD", "/v1/api-keys").is_some());
        for (method, path) in
            [("HEAD", "/v1/api-keys/key_1"), ("PUT", "/v1/api-keys"), ("head", "/v1/api-keys")]
        {
            assert_eq!(own.action(method, path), None, "{method} {path}");
        }
    }
}
