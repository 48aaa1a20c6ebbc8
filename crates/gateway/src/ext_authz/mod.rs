//! Envoy's external authorization over gRPC (`envoy.service.auth.v3.Authorization/Check`): the same question as forward
//! auth's, in Envoy's messages.
//!
//! Where no decision can be reached the call fails, and what Envoy does then is its own setting: a refusal would be a lie.

mod answer;
mod descriptors;
mod messages;
mod question;
mod reflection;

use std::{net::SocketAddr, pin::Pin, sync::Arc};

use bytes::Bytes;
use claviger_judge::{Api, Pass, Witness, address::caller_address};
use claviger_model::{RequestId, Slot};
use claviger_verify::Readiness;
use http::{HeaderMap, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body::Body as HttpBody;
use tonic::{Status, server::Grpc};
use tonic_prost::ProstCodec;
use tower_service::Service;

use self::{
    messages::{
        AttributeContext, CheckRequest, CheckResponse, HealthCheckRequest, HealthCheckResponse, ServingStatus,
    },
    question::Question,
    reflection::Reflection,
};
use crate::{
    Desk,
    refusal::{Refusal, check_head},
};

/// The largest question, in bytes: the caller's head and what Envoy adds.
const QUESTION_MAX: usize = 256 << 10;

/// The name by which a route's `context_extensions` choose the api.
const API: &str = "api";

/// What answers Envoy. Cheap to clone.
#[derive(Clone)]
pub struct ExtAuthz {
    desk: Arc<Desk>,
    reflection: Reflection,
}

type Answering<T> = Pin<Box<dyn Future<Output = Result<tonic::Response<T>, Status>> + Send>>;

impl ExtAuthz {
    /// Answers from `desk`.
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk, reflection: Reflection::new() }
    }

    /// Answers one call from `peer`: a check, whether checks are answered (`grpc.health.v1.Health/Check`), or what can be
    /// called.
    pub async fn handle<B>(&self, peer: SocketAddr, call: Request<B>) -> Response<tonic::body::Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let is_grpc = call.headers().get(CONTENT_TYPE);
        if is_grpc.is_none_or(|kind| !kind.as_bytes().starts_with(b"application/grpc")) {
            let mut answer = Response::new(tonic::body::Body::empty());
            *answer.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return answer;
        }
        if let Err(may_not) = self.desk.admit(peer) {
            return Status::permission_denied(may_not.to_string()).into_http();
        }
        match call.uri().path() {
            "/envoy.service.auth.v3.Authorization/Check" => {
                let codec = ProstCodec::<CheckResponse, CheckRequest>::default();
                let mut grpc = Grpc::new(codec).max_decoding_message_size(QUESTION_MAX);
                grpc.unary(Check(self.clone()), call).await
            }
            "/grpc.health.v1.Health/Check" => {
                let codec = ProstCodec::<HealthCheckResponse, HealthCheckRequest>::default();
                let mut grpc = Grpc::new(codec).max_decoding_message_size(QUESTION_MAX);
                grpc.unary(Health(self.clone()), call).await
            }
            path => match self.reflection.at(path) {
                Some(answer) => answer(call.map(tonic::body::Body::new)).await,
                None => Status::unimplemented(format!("there is no {path} here")).into_http(),
            },
        }
    }
}

struct Check(ExtAuthz);

impl Service<tonic::Request<CheckRequest>> for Check {
    type Response = tonic::Response<CheckResponse>;
    type Error = Status;
    type Future = Answering<CheckResponse>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Status>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, question: tonic::Request<CheckRequest>) -> Self::Future {
        let desk = self.0.clone();
        let witness = question.extensions().get().cloned();
        Box::pin(async move { desk.check(question.into_inner(), witness).await.map(tonic::Response::new) })
    }
}

struct Health(ExtAuthz);

impl Service<tonic::Request<HealthCheckRequest>> for Health {
    type Response = tonic::Response<HealthCheckResponse>;
    type Error = Status;
    type Future = std::future::Ready<Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Status>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, question: tonic::Request<HealthCheckRequest>) -> Self::Future {
        std::future::ready(self.0.health(&question.get_ref().service).map(tonic::Response::new))
    }
}

impl ExtAuthz {
    async fn check(&self, question: CheckRequest, witness: Option<Witness>) -> Result<CheckResponse, Status> {
        let attributes = question.attributes.ok_or_else(|| Status::invalid_argument("nothing is asked"))?;
        let api = self.api(&attributes)?;
        let id = self.desk.mint();
        match self.judge(api, attributes, witness, id).await {
            Ok((pass, caller)) => Ok(answer::allowed(api, &pass, &caller, id)),
            Err(refusal) if refusal.slot() == Slot::Unavailable => {
                Err(Status::unavailable("no decision can be reached now"))
            }
            Err(refusal) => Ok(answer::denied(refusal.in_words(api, id)).await),
        }
    }

    /// The api that the route names, or the only one.
    fn api(&self, attributes: &AttributeContext) -> Result<&Arc<Api>, Status> {
        let unknown = || Status::invalid_argument("name an api that is served in `context_extensions`: api");
        match (attributes.context_extensions.get(API), &*self.desk.apis) {
            (None, [only]) => Ok(only),
            (None, _) => Err(unknown()),
            (Some(name), _) => self.desk.api(name).ok_or_else(unknown),
        }
    }

    /// By what it passes, and the fields that the caller sent.
    async fn judge(
        &self,
        api: &Api,
        attributes: AttributeContext,
        witness: Option<Witness>,
        id: RequestId,
    ) -> Result<(Pass, HeaderMap), Refusal> {
        let Question { mut head, host, peer } = Question::read(attributes).ok_or(Slot::BadRequest)?;
        if let Some(witness) = witness {
            head.extensions.insert(witness);
        }
        check_head(&head)?;
        let address = caller_address(api.profile(), peer, &head.headers);
        let pass = self.desk.judge(api, &head, &host, address, id).await?;
        Ok((pass, head.headers))
    }

    fn health(&self, service: &str) -> Result<HealthCheckResponse, Status> {
        if !matches!(service, "" | "envoy.service.auth.v3.Authorization") {
            return Err(Status::not_found("no such service"));
        }
        let status = match self.desk.verifier.readiness() {
            Readiness::Ready => ServingStatus::Serving,
            Readiness::Loading | Readiness::LeaseLost => ServingStatus::NotServing,
        };
        Ok(HealthCheckResponse { status: status.into() })
    }
}
