//! WebSocket (RFC 6455), the one protocol that a caller's connection may go over to.
//!
//! A request that asks for it is judged and passed on as every other one is. Only when the upstream has said that it
//! goes over do bytes pass that are no HTTP: what a caller sent ahead of that is neither read nor passed on before.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Version,
    header::{CONNECTION, UPGRADE},
    request::Parts,
};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;

use crate::Body;

const WEBSOCKET: &str = "websocket";

/// Takes the caller's connection out of a request that asks for WebSocket, for when the answer to it is sent.
///
/// A request with a body, or for another protocol, doesn't ask: the field goes no further, as an intermediary may do
/// (RFC 9110 §7.8). `GET`, HTTP/1.1 and both fields are what a handshake needs (RFC 6455 §4.1).
pub(crate) fn asked(head: &mut Parts, body: &Body) -> Option<OnUpgrade> {
    let connection = head.extensions.remove::<OnUpgrade>()?;
    let asks = head.version == Version::HTTP_11
        && head.method == Method::GET
        && body.is_end_stream()
        && options(&head.headers, CONNECTION).any(|option| option.eq_ignore_ascii_case(b"upgrade"))
        && options(&head.headers, UPGRADE).any(is_websocket);
    asks.then_some(connection)
}

/// Whether an answer goes over to WebSocket and to nothing else.
pub(crate) fn is_granted(headers: &HeaderMap) -> bool {
    let mut protocols = options(headers, UPGRADE);
    protocols.next().is_some_and(is_websocket) && protocols.next().is_none()
}

/// Asks the upstream for it, or tells the caller that it is so. To be said after the fields of the other connection
/// were removed.
pub(crate) fn state(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(WEBSOCKET));
}

fn options(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(name).into_iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
}

fn is_websocket(protocol: &[u8]) -> bool {
    protocol.eq_ignore_ascii_case(WEBSOCKET.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(protocols: &[&'static str]) -> HeaderMap {
        protocols.iter().map(|value| (UPGRADE, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn an_answer_goes_over_to_websocket_or_to_nothing() {
        for (protocols, granted) in [
            (&["websocket"][..], true),
            (&["WebSocket"], true),
            (&[" websocket "], true),
            (&[], false),
            (&[""], false),
            (&["h2c"], false),
            (&["websocket/13"], false),
            (&["websocket, h2c"], false),
            (&["websocket", "h2c"], false),
            (&["h2c", "websocket"], false),
        ] {
            assert_eq!(is_granted(&fields(protocols)), granted, "{protocols:?}");
        }
    }

    #[test]
    fn a_connection_that_can_not_go_over_isn_t_asked_for() {
        let mut head = http::Request::new(()).into_parts().0;
        state(&mut head.headers);
        let empty = crate::body(http_body_util::Empty::new());
        assert!(asked(&mut head, &empty).is_none());
    }
}
