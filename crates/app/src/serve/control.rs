//! The control listener: the management API, and the operators' pages at every other path.

use std::net::SocketAddr;

use claviger_api::Control;
use claviger_dashboard::OperatorPages;
use http::{Request, Response};
use hyper::body::Incoming;

use super::listener::Handle;

/// What answers on the control listener.
pub(super) struct ControlListener {
    pub(super) api: Control,
    pub(super) pages: OperatorPages,
}

/// The first steps of the paths that programs ask for; people have all others.
const OF_PROGRAMS: [&str; 6] = ["v1", "healthz", "readyz", "metrics", "problems", "forward-auth"];

fn is_for_programs(path: &str) -> bool {
    let first = path.strip_prefix('/').and_then(|rest| rest.split('/').next());
    first.is_none_or(|first| OF_PROGRAMS.contains(&first))
}

impl Handle for ControlListener {
    type Body = claviger_dashboard::Body;

    async fn handle(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Self::Body> {
        if is_for_programs(request.uri().path()) {
            self.api.handle(request).await
        } else {
            self.pages.handle(peer, request).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_people_have_paths_of_their_own() {
        for path in
            ["/v1", "/v1/keys", "/healthz", "/readyz", "/metrics", "/problems/x", "/forward-auth/a", "*"]
        {
            assert!(is_for_programs(path), "{path}");
        }
        for path in ["/", "/accounts", "/v1x", "/healthzz", "//v1", "/V1/keys"] {
            assert!(!is_for_programs(path), "{path}");
        }
    }
}
