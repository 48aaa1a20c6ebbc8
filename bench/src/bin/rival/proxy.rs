//! The reverse proxy alone: the same server and client as the product's, what the product tells an upstream told without
//! asking whether it is so, and no decision.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Uri,
    header::{AUTHORIZATION, CONNECTION, TE, TRAILER, UPGRADE, VIA},
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::{Either, Empty};
use hyper::{Request, Response, body::Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::listen;

/// What passes no proxy, and the credential.
const DROPPED: [HeaderName; 5] = [CONNECTION, TE, TRAILER, UPGRADE, AUTHORIZATION];
/// What the product tells the upstream of the races' keys, in values of the same length.
const TOLD: [(HeaderName, &str); 9] = [
    (HeaderName::from_static("x-claviger-account"), "acc_01kdwgjvg07xsbxnhgmmqjkvfx"),
    (HeaderName::from_static("x-claviger-external-id"), "cus_000000000000"),
    (HeaderName::from_static("x-claviger-key-id"), "key_01kdwgjvg07xsbxnhgmmqjkvfx"),
    (HeaderName::from_static("x-claviger-environment"), "live"),
    (HeaderName::from_static("x-claviger-scopes"), "orders:read orders:write"),
    (HeaderName::from_static("x-claviger-created-by"), "operator"),
    (HeaderName::from_static("x-forwarded-for"), "203.0.113.7, 127.0.0.1"),
    (HeaderName::from_static("x-forwarded-proto"), "http"),
    (HeaderName::from_static("x-forwarded-host"), "api.example.com"),
];
/// What it tells both sides.
const REQUEST_ID: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-request-id"), HeaderValue::from_static("req_01kdwgjvg07xsbxnhgmmqjkvfx"));
const VIA_US: HeaderValue = HeaderValue::from_static("1.1 claviger");

type Upstream = Client<HttpConnector, Incoming>;

/// Forwards to `upstream`.
pub async fn serve(upstream: SocketAddr) -> anyhow::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Upstream =
        Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
    let authority = Authority::try_from(upstream.to_string())?;
    listen::serve(move |request| {
        let (client, authority) = (client.clone(), authority.clone());
        async move { forward(&client, authority, request).await }
    })
    .await
}

async fn forward(
    client: &Upstream,
    authority: Authority,
    request: Request<Incoming>,
) -> Response<Either<Incoming, Empty<Bytes>>> {
    let (mut head, body) = request.into_parts();
    let target = head.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let mut uri = http::uri::Parts::default();
    (uri.scheme, uri.authority, uri.path_and_query) = (Some(Scheme::HTTP), Some(authority), Some(target));
    head.uri = Uri::from_parts(uri).expect("all three parts are there");
    drop_fields(&mut head.headers);
    for (name, value) in TOLD {
        head.headers.insert(name, HeaderValue::from_static(value));
    }
    note(&mut head.headers);
    let Ok(mut answer) = client.request(Request::from_parts(head, body)).await else {
        let mut answer = Response::new(Either::Right(Empty::new()));
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        return answer;
    };
    drop_fields(answer.headers_mut());
    note(answer.headers_mut());
    answer.map(Either::Left)
}

fn note(headers: &mut HeaderMap) {
    let (name, value) = REQUEST_ID;
    headers.insert(name, value);
    headers.append(VIA, VIA_US);
}

fn drop_fields(headers: &mut HeaderMap) {
    for name in &DROPPED {
        headers.remove(name);
    }
}
