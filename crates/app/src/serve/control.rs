//! The control listener: the management API, forward auth, and the operators' pages at every other path.

use std::net::SocketAddr;

use bytes::Bytes;
use claviger_api::Control;
use claviger_dashboard::OperatorPages;
use claviger_gateway::ForwardAuth;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use super::{SMALL_HEAD, listener::Handle};

/// What answers on the control listener.
pub(super) struct ControlListener {
    pub(super) api: Control,
    pub(super) forward_auth: ForwardAuth,
    pub(super) pages: OperatorPages,
}

/// The first steps of the paths that programs ask the API for; people have all others but those of forward auth.
const OF_PROGRAMS: [&str; 5] = ["v1", "healthz", "readyz", "metrics", "problems"];

/// Who answers at a path.
#[derive(Debug, PartialEq, Eq)]
enum Counter {
    ForwardAuth,
    Api,
    Pages,
}

impl Counter {
    fn at(path: &str) -> Self {
        match path.strip_prefix('/').and_then(|rest| rest.split('/').next()) {
            Some("forward-auth") => Self::ForwardAuth,
            Some(first) if !OF_PROGRAMS.contains(&first) => Self::Pages,
            _ => Self::Api,
        }
    }
}

impl Handle for ControlListener {
    type Body = Either<Full<Bytes>, claviger_dashboard::Body>;

    async fn handle(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Self::Body> {
        match Counter::at(request.uri().path()) {
            // A proxy asks by the head of what it holds, which may be a large one.
            Counter::ForwardAuth => self.forward_auth.handle(peer, request).await.map(Either::Left),
            _ if size(&request) > SMALL_HEAD => too_large(),
            Counter::Api => self.api.handle(request).await,
            // In a box, so that the other two don't carry what it takes.
            Counter::Pages => Box::pin(self.pages.handle(peer, request)).await.map(Either::Right),
        }
    }
}

/// The bytes of a request's target, and of its fields' names and values.
fn size(request: &Request<Incoming>) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    target + fields.sum::<usize>()
}

fn too_large() -> Response<<ControlListener as Handle>::Body> {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_people_have_paths_of_their_own() {
        for path in ["/v1", "/v1/keys", "/healthz", "/readyz", "/metrics", "/problems/x", "*"] {
            assert_eq!(Counter::at(path), Counter::Api, "{path}");
        }
        for path in ["/forward-auth", "/forward-auth/a", "/forward-auth/a/x"] {
            assert_eq!(Counter::at(path), Counter::ForwardAuth, "{path}");
        }
        for path in ["/", "/accounts", "/v1x", "/healthzz", "//v1", "/V1/keys", "/forward-authx/a"] {
            assert_eq!(Counter::at(path), Counter::Pages, "{path}");
        }
    }
}
