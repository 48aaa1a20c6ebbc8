//! Whether an operator's browser comes by TLS: these pages have no public origin that would say it.

use http::{HeaderMap, HeaderValue, header};

use crate::cookie::Jar;

/// Longer than a browser forgets a host that it hasn't visited. Not for the hosts below: nobody said that they are
/// behind TLS too.
const TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Whether a form came from a page that was loaded by TLS, as the browser says.
pub(super) fn sent_by_tls(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// Whether the answer may ask the browser to come by TLS from now on: it did, and its host isn't its own machine,
/// where whatever else is developed would be asked for by TLS as well.
pub(super) fn is_to_last(headers: &HeaderMap) -> bool {
    let by_tls = sent_by_tls(headers) || Jar::Operator.read(headers, true).is_some();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    by_tls && host.is_some_and(|host| !is_this_machine(host))
}

/// Whether a host, perhaps with a port, names the machine it is said on.
fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Asks the browser to come by TLS from now on.
pub(super) fn keep(headers: &mut HeaderMap) {
    headers.insert(header::STRICT_TRANSPORT_SECURITY, TRANSPORT);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_browser_that_came_by_tls_is_asked_to_come_so_again() {
        let (host, here) = (("host", "keys.example.com:8443"), ("host", "localhost:8443"));
        let (secure, plain) = (("origin", "https://keys.example.com:8443"), ("origin", "http://x"));
        let (cookie, old) = (("cookie", "__Host-claviger-operator=x"), ("cookie", "claviger-operator=x"));
        for (fields, expected) in [
            (&[host, secure][..], true),
            (&[host, cookie], true),
            (&[host, plain], false),
            (&[host, old], false),
            (&[host], false),
            (&[secure], false),
            (&[here, secure], false),
            (&[("host", "LocalHost"), secure], false),
            (&[("host", "a.localhost.:1"), cookie], false),
            (&[("host", "notlocalhost"), cookie], true),
        ] {
            assert_eq!(is_to_last(&sent(fields)), expected, "{fields:?}");
        }
    }
}
