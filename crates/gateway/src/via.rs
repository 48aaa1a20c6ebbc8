//! Says in `Via` that a message came through here, and in which version of HTTP it was received (RFC 9110 §7.6.3).

use http::{HeaderMap, HeaderValue, Version, header::VIA};

/// Adds the gateway after those a message came through before. It goes by a pseudonym: its address is nobody's business.
pub(crate) fn note(headers: &mut HeaderMap, received: Version) {
    let here = match received {
        Version::HTTP_09 => "0.9 claviger",
        Version::HTTP_10 => "1.0 claviger",
        Version::HTTP_2 => "2.0 claviger",
        Version::HTTP_3 => "3.0 claviger",
        _ => "1.1 claviger",
    };
    headers.append(VIA, HeaderValue::from_static(here));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_in_which_the_message_came_and_what_was_there_stays() {
        let mut headers = HeaderMap::new();
        headers.append(VIA, HeaderValue::from_static("1.0 fred, 1.1 p.example.net"));
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            note(&mut headers, version);
        }
        let via: Vec<_> = headers.get_all(VIA).iter().collect();
        assert_eq!(via, ["1.0 fred, 1.1 p.example.net", "1.0 claviger", "1.1 claviger", "2.0 claviger"]);
    }
}
