//! The origin by which people reach the portal: what links and cookies are made for.

use std::net::IpAddr;

use claviger_model::profile::origin;
use http::Uri;

const NO_ORIGIN: &str = "must be an origin such as https://keys.example.com, without a path, query or user";
const PLAIN_HTTP: &str = "must be https: sessions and links must not travel in the clear. Let a \
    proxy in front of the portal speak TLS, or the portal itself (`tls_cert_file`), and name the https origin; plain http \
    is for this machine alone, such as http://127.0.0.1:8081";

/// Reads the origin; prints as `scheme://host[:port]`.
pub(super) fn public_url(text: &str) -> Result<String, &'static str> {
    let origin = origin(text).or(Err(NO_ORIGIN))?;
    if origin.starts_with("https://") || is_on_this_machine(&origin) { Ok(origin) } else { Err(PLAIN_HTTP) }
}

fn is_on_this_machine(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_taken_and_plain_http_on_this_machine() {
        for (text, taken) in [
            ("https://keys.example.com", "https://keys.example.com"),
            ("https://keys.example.com/", "https://keys.example.com"),
            ("HTTPS://Keys.Example.com:443", "https://keys.example.com"),
            ("https://10.0.0.1:8443", "https://10.0.0.1:8443"),
            ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
            ("http://127.9.9.9", "http://127.9.9.9"),
            ("http://localhost:8081", "http://localhost:8081"),
            ("http://[::1]:8081", "http://[::1]:8081"),
        ] {
            assert_eq!(public_url(text).as_deref(), Ok(taken), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "http://keys.example.com",
            "http://10.0.0.1",
            "http://0.0.0.0:8081",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
        ] {
            assert_eq!(public_url(text), Err(PLAIN_HTTP), "{text}");
        }
        for text in [
            "",
            "keys.example.com",
            "//keys.example.com",
            "https://keys.example.com/portal",
            "https://keys.example.com?x",
            "https://keys.example.com#x",
            "https://ada@keys.example.com",
            "ftp://keys.example.com",
            "javascript:alert(1)",
        ] {
            assert_eq!(public_url(text), Err(NO_ORIGIN), "{text}");
        }
    }
}
