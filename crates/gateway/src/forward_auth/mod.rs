//! Forward auth: a proxy asks whether the request that it holds may pass, and is answered by a status.
//!
//! The question is a request of its own, whose body is never read. It is judged like one that came in here: by the
//! method, target and host that the proxy holds, by the caller's fields, and by the address that the proxy noted. What is
//! proved of the caller is told in fields, each of them always, so that none that a caller wrote survives.

mod place;
mod question;
mod style;

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use claviger_judge::{Api, address, identity, request_id};
use claviger_model::{RequestId, Slot};
use claviger_verify::Permit;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CACHE_CONTROL, VARY},
    request::Parts,
};
use http_body_util::Full;

pub(crate) use self::question::read_target;
use self::{place::Place, question::Question};
use crate::{Desk, misplaced, refusal::Refusal};

/// What answers `/forward-auth/{api}`.
pub struct ForwardAuth(Arc<Desk>);

impl ForwardAuth {
    /// Answers from `desk`.
    pub fn new(desk: Arc<Desk>) -> Self {
        Self(desk)
    }

    /// Answers a proxy at `peer`. The body of its question is not read.
    pub async fn handle<B>(&self, peer: SocketAddr, question: Request<B>) -> Response<Full<Bytes>> {
        let id = self.0.mint();
        // A body that isn't `Send` isn't kept while it is judged.
        let head = question.into_parts().0;
        let mut answer = self.answer(peer, head, id).await;
        let headers = answer.headers_mut();
        if !headers.contains_key(request_id::X_REQUEST_ID) {
            request_id::set(headers, id);
        }
        // It is of this request alone, whatever a proxy keeps.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        headers.insert(VARY, HeaderValue::from_static("*"));
        answer
    }

    async fn answer(&self, peer: SocketAddr, head: Parts, id: RequestId) -> Response<Full<Bytes>> {
        if let Err(may_not) = self.0.admit(peer) {
            return misplaced::problem(StatusCode::FORBIDDEN, &may_not.to_string());
        }
        let target = head.uri.clone();
        let place = match Place::read(&target) {
            Ok(place) => place,
            Err(no_place) => return misplaced::problem(StatusCode::NOT_FOUND, &no_place.to_string()),
        };
        let Some(api) = self.0.api(place.api) else {
            return misplaced::problem(StatusCode::NOT_FOUND, "no api of this name is served");
        };
        if place.explains {
            return style::explain(api, &head.headers, id);
        }
        match self.judge(api, head, &place, id).await {
            Ok(permit) => allowed(api, &permit),
            Err(refusal) => place.style.refuse(api, &refusal, id),
        }
    }

    async fn judge(
        &self,
        api: &Api,
        head: Parts,
        place: &Place<'_>,
        id: RequestId,
    ) -> Result<Permit, Refusal> {
        let Question { head, host } = Question::read(head, place).or(Err(Slot::BadRequest))?;
        let address = address::noted(api.profile(), &head.headers);
        self.0.judge(api, &head, &host, address, id).await
    }
}

fn allowed(api: &Api, permit: &Permit) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    identity::state_all(answer.headers_mut(), permit);
    answer.headers_mut().extend(api.limit_fields(permit));
    answer
}
