//! What Envoy asks: the request that it holds, as a head.

use std::net::IpAddr;

use claviger_judge::Host;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, request::Parts};

use super::messages::{AttributeContext, HttpRequest};
use crate::forward_auth::read_target;

/// The request that Envoy holds.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) head: Parts,
    pub(super) host: Host,
    /// Who is connected to Envoy, if it says so.
    pub(super) peer: Option<IpAddr>,
}

impl Question {
    /// Reads what was asked; `None` where something is missing or can't be what a caller sent.
    pub(super) fn read(attributes: AttributeContext) -> Option<Self> {
        let http = attributes.request?.http?;
        let method = Method::from_bytes(http.method.as_bytes()).ok()?;
        let target = read_target(http.path.as_bytes()).ok()?;
        let host = Host::read(http.host.as_bytes()).ok()?;
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(target);
        *request.headers_mut() = fields(http)?;
        let peer = attributes.source.and_then(|source| source.address?.socket_address?.address.parse().ok());
        Some(Self { head: request.into_parts().0, host, peer })
    }
}

/// The caller's fields, without those of HTTP/2 that the message has elsewhere. Envoy sends them in one form or the other;
/// in the first, those of one name are joined by commas.
fn fields(http: HttpRequest) -> Option<HeaderMap> {
    let joined = http.headers.into_iter().map(|(name, value)| (name, value.into_bytes()));
    let raw = http.header_map.into_iter().flat_map(|map| map.headers).map(|field| {
        let value = if field.raw_value.is_empty() { field.value.into_bytes() } else { field.raw_value };
        (field.key, value)
    });
    let mut headers = HeaderMap::new();
    for (name, value) in joined.chain(raw).filter(|(name, _)| !name.starts_with(':')) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.try_append(name, HeaderValue::from_bytes(&value).ok()?).ok()?;
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{
        super::messages::{self, Address, HeaderValue as Field, Peer, SocketAddress},
        *,
    };

    fn asked(http: HttpRequest) -> AttributeContext {
        AttributeContext {
            request: Some(messages::Request { http: Some(http) }),
            ..AttributeContext::default()
        }
    }

    fn http() -> HttpRequest {
        let headers = [(":method", "GET"), ("x-a", "1"), ("authorization", "Bearer k")];
        HttpRequest {
            method: "GET".to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            path: "/x/%2e?a=b".to_owned(),
            host: "api.example:8".to_owned(),
            header_map: None,
        }
    }

    #[test]
    fn a_question_is_the_head_that_the_caller_sent() {
        let address = SocketAddress { address: "203.0.113.9".to_owned() };
        let source = Some(Peer { address: Some(Address { socket_address: Some(address) }) });
        let Question { head, host, peer } =
            Question::read(AttributeContext { source, ..asked(http()) }).unwrap();
        assert_eq!((head.method.as_str(), head.uri.to_string().as_str()), ("GET", "/x/%2e?a=b"));
        assert_eq!((host.name.as_str(), peer), ("api.example", "203.0.113.9".parse().ok()));
        assert_eq!(head.headers.len(), 2, "{:?}", head.headers);
    }

    #[test]
    fn fields_as_they_were_sent_are_read_where_envoy_sends_them_so() {
        let field = |raw_value: &[u8], value: &str| Field {
            key: "authorization".to_owned(),
            value: value.to_owned(),
            raw_value: raw_value.to_vec(),
        };
        let headers = vec![field(b"Bearer a", ""), field(b"", "Bearer b")];
        let header_map = Some(messages::HeaderMap { headers });
        let question =
            Question::read(asked(HttpRequest { headers: HashMap::new(), header_map, ..http() })).unwrap();
        assert_eq!(question.head.headers.get_all("authorization").iter().count(), 2);
    }

    #[test]
    fn what_is_missing_or_no_request_is_no_question() {
        let odd = |name: &str, value: &str| HashMap::from([(name.to_owned(), value.to_owned())]);
        for attributes in [
            AttributeContext::default(),
            AttributeContext {
                request: Some(messages::Request { http: None }),
                ..AttributeContext::default()
            },
            asked(HttpRequest { method: String::new(), ..http() }),
            asked(HttpRequest { method: "GET, POST".to_owned(), ..http() }),
            asked(HttpRequest { path: String::new(), ..http() }),
            asked(HttpRequest { path: "http://a/x".to_owned(), ..http() }),
            asked(HttpRequest { path: "/x#y".to_owned(), ..http() }),
            asked(HttpRequest { host: String::new(), ..http() }),
            asked(HttpRequest { host: "a,b".to_owned(), ..http() }),
            asked(HttpRequest { headers: odd("x y", ""), ..http() }),
            asked(HttpRequest { headers: odd("x", "a\nb"), ..http() }),
        ] {
            assert!(Question::read(attributes.clone()).is_none(), "{attributes:?}");
        }
    }
}
