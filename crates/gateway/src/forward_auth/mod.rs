//! Forward auth: a proxy asks whether the request that it holds may pass, and is answered by a status.
//!
//! The question is a request of its own, whose body is never read. It is judged like one that came in here: by the
//! method, target and host that the proxy holds, by the caller's fields, and by the address that the proxy noted. What is
//! proved of the caller is told in fields, each of them always, so that none that a caller wrote survives.

mod place;
mod question;
mod style;

use std::{mem, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use claviger_judge::{Api, Host, Pass, address, identity, request_id};
use claviger_model::{RequestId, Slot};
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{CACHE_CONTROL, VARY},
    request::Parts,
};
use http_body_util::Full;

pub(crate) use self::question::read_target;
use self::{place::Place, question::is_of_question};
use crate::{
    Desk, misplaced,
    refusal::{Refusal, check_fields, check_target},
};

/// What answers `/forward-auth/{api}`.
pub struct ForwardAuth {
    desk: Arc<Desk>,
    /// The fields of every yes, to be filled in: a copy costs less than putting them together.
    yes: HeaderMap,
}

impl ForwardAuth {
    /// Answers from `desk`.
    pub fn new(desk: Arc<Desk>) -> Self {
        let mut yes = identity::blank();
        yes.insert(request_id::X_REQUEST_ID, HeaderValue::from_static(""));
        keep_from_caches(&mut yes);
        Self { desk, yes }
    }

    /// Answers a proxy at `peer`. The body of its question is not read.
    pub async fn handle<B>(&self, peer: SocketAddr, question: Request<B>) -> Response<Full<Bytes>> {
        let id = self.desk.mint();
        // A body that isn't `Send` isn't kept while it is judged.
        let mut head = question.into_parts().0;
        match self.answer(peer, &mut head, id).await {
            Ok(yes) => yes,
            Err(mut no) => {
                let headers = no.headers_mut();
                if !headers.contains_key(request_id::X_REQUEST_ID) {
                    request_id::set(headers, id);
                }
                keep_from_caches(headers);
                no
            }
        }
    }

    /// A yes, ready to be sent, or another answer.
    async fn answer(
        &self,
        peer: SocketAddr,
        head: &mut Parts,
        id: RequestId,
    ) -> Result<Response<Full<Bytes>>, Response<Full<Bytes>>> {
        if let Err(may_not) = self.desk.admit(peer) {
            return Err(misplaced::problem(StatusCode::FORBIDDEN, &may_not.to_string()));
        }
        let target = mem::take(&mut head.uri);
        Host::note(&target, &mut head.headers);
        let place = match Place::read(&target) {
            Ok(place) => place,
            Err(no_place) => return Err(misplaced::problem(StatusCode::NOT_FOUND, &no_place.to_string())),
        };
        let Some(api) = self.desk.api(place.api) else {
            return Err(misplaced::problem(StatusCode::NOT_FOUND, "no api of this name is served"));
        };
        if place.explains {
            return Err(style::explain(api, &head.headers, id));
        }
        match self.judge(api, head, &place, id).await {
            Ok(pass) => Ok(self.allowed(api, &pass, id)),
            Err(refusal) => Err(place.style.refuse(api, &refusal, id)),
        }
    }

    async fn judge(
        &self,
        api: &Api,
        head: &mut Parts,
        place: &Place<'_>,
        id: RequestId,
    ) -> Result<Pass, Refusal> {
        let host = question::put_in(head, place).or(Err(Slot::BadRequest))?;
        check_target(head)?;
        check_fields(head.headers.iter().filter(|(name, _)| !is_of_question(name)))?;
        let address = address::noted(api.profile(), &head.headers);
        self.desk.judge(api, head, &host, address, id).await
    }

    fn allowed(&self, api: &Api, pass: &Pass, id: RequestId) -> Response<Full<Bytes>> {
        let mut answer = Response::new(Full::default());
        let headers = answer.headers_mut();
        headers.clone_from(&self.yes);
        identity::state_in(headers, pass);
        request_id::set(headers, id);
        headers.extend(api.limit_fields(pass.permit()));
        answer
    }
}

/// An answer is of one request alone, whatever a proxy keeps.
fn keep_from_caches(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(VARY, HeaderValue::from_static("*"));
}
