//! The portal: one request in, one answer out, with the headers that every answer carries.

use std::net::SocketAddr;

use axum::Router;
use bytes::Bytes;
use claviger_judge::{Host, request_id};
use claviger_model::RequestId;
use http::{Request, Response, StatusCode, header};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::{
    Body, PagesParts, PortalError,
    answer::{self, Stop},
    pages,
    site::Site,
    visit::Seen,
};

/// The service of the portal listener. Cheap to clone.
#[derive(Clone)]
pub struct Portal {
    site: Site,
    router: Router,
}

/// The address a request came from, as the connection says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) SocketAddr);

impl Portal {
    /// The service made of `parts`.
    pub fn new(parts: PagesParts) -> Result<Self, PortalError> {
        let site = Site::new(parts)?;
        Ok(Self { router: pages::router(site.clone()), site })
    }

    /// Answers one request.
    pub async fn handle<B>(&self, peer: SocketAddr, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let id = RequestId::mint(self.site.now(), self.site.entropy());
        self.answer(peer, request, id).instrument(tracing::error_span!("request", %id)).await
    }

    async fn answer<B>(&self, peer: SocketAddr, mut request: Request<B>, id: RequestId) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut response = if self.is_addressed(&request) {
            request.extensions_mut().insert(id);
            request.extensions_mut().insert(PeerAddress(peer));
            let seen = Seen::default();
            request.extensions_mut().insert(seen.clone());
            let request = noted(request);
            match self.router.clone().oneshot(request.map(Body::new)).await {
                Ok(response) => answer::finish(&self.site, response, id, seen.visitor()),
                Err(never) => match never {},
            }
        } else {
            let stop = Stop::new(StatusCode::MISDIRECTED_REQUEST, "This is not the address of this page");
            answer::finish(&self.site, stop.into(), id, None)
        };
        answer::protect(response.headers_mut(), self.site.is_secure_for_good());
        request_id::set(response.headers_mut(), id);
        response
    }

    /// Whether the host asked for is ours, where it was said which is: links and forms lead nowhere else.
    fn is_addressed<B>(&self, request: &Request<B>) -> bool {
        let Some(origin) = self.site.public_origin() else { return true };
        let mut fields = request.headers().get_all(header::HOST).iter();
        let field = fields.next().and_then(|host| host.to_str().ok());
        let asked = request.uri().authority().map(http::uri::Authority::as_str).or(field);
        fields.next().is_none() && asked.is_some_and(|asked| is_host_of(origin, asked))
    }
}

/// The same request, whose host is in its field whatever version of HTTP it came by.
pub(crate) fn noted<B>(request: Request<B>) -> Request<B> {
    let (mut head, body) = request.into_parts();
    Host::note(&head.uri, &mut head.headers);
    Request::from_parts(head, body)
}

/// Whether `asked` is the host of `origin`; the port that goes without saying may be said.
fn is_host_of(origin: &str, asked: &str) -> bool {
    let usual = if origin.starts_with("https://") { ":443" } else { ":80" };
    let own = answer::authority(origin);
    asked.eq_ignore_ascii_case(own)
        || asked.strip_suffix(usual).is_some_and(|host| host.eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_ours_with_the_usual_port_or_without() {
        for asked in ["keys.example.com", "KEYS.Example.com", "keys.example.com:443"] {
            assert!(is_host_of("https://keys.example.com", asked), "{asked}");
        }
        for asked in [
            "",
            ":443",
            "keys.example.com:80",
            "keys.example.com:8443",
            "x.keys.example.com",
            "keys.example.com.",
        ] {
            assert!(!is_host_of("https://keys.example.com", asked), "{asked}");
        }
        assert!(is_host_of("http://127.0.0.1:8081", "127.0.0.1:8081"));
        assert!(is_host_of("http://localhost", "localhost:80"));
        assert!(!is_host_of("http://127.0.0.1:8081", "127.0.0.1"));
    }
}
