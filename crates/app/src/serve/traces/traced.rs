//! The span of one request: from its head to the head of its answer, in the words of OpenTelemetry's conventions.
//!
//! The caller's trace is taken over where it names one, and goes on to the upstream with the span of here (W3C Trace
//! Context).

use std::{net::SocketAddr, sync::LazyLock};

use claviger_judge::{Witness, request_id::X_REQUEST_ID};
use http::{HeaderMap, HeaderName, Method, Request, Response, Version};
use hyper::body::Incoming;
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator as _,
    trace::{SpanBuilder, SpanKind, SpanRef, Status, TraceContextExt as _, Tracer as _},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracer};

use crate::serve::listener::Handle;

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

static PROPAGATOR: LazyLock<TraceContextPropagator> = LazyLock::new(TraceContextPropagator::new);

/// A handler whose requests are traced, where there is something to trace them with.
pub(in crate::serve) struct Traced<H> {
    pub(super) handler: H,
    pub(super) tracer: Option<SdkTracer>,
    pub(super) listener: &'static str,
    pub(super) by_tls: bool,
}

impl<H: Handle> Handle for Traced<H> {
    type Body = H::Body;

    async fn handle(&self, peer: SocketAddr, mut request: Request<Incoming>) -> Response<Self::Body> {
        let Some(tracer) = &self.tracer else { return self.handler.handle(peer, request).await };
        let parent = PROPAGATOR.extract_with_context(&Context::new(), &HeaderExtractor(request.headers()));
        let span = tracer.build_with_context(self.asked(&request), &parent);
        let context = parent.with_span(span);
        hand_on(request.headers_mut(), &context);
        let witness = Witness::default();
        request.extensions_mut().insert(witness.clone());
        let response = self.handler.handle(peer, request).await;
        answered(&context.span(), &response, &witness);
        response
    }
}

impl<H> Traced<H> {
    /// What is known before it is answered.
    fn asked<B>(&self, request: &Request<B>) -> SpanBuilder {
        let method = known(request.method());
        let attributes = vec![
            KeyValue::new("http.request.method", method.unwrap_or("_OTHER")),
            KeyValue::new("url.scheme", if self.by_tls { "https" } else { "http" }),
            KeyValue::new("network.protocol.version", version(request.version())),
            KeyValue::new("claviger.listener", self.listener),
        ];
        let builder = SpanBuilder::from_name(method.unwrap_or("HTTP"));
        builder.with_kind(SpanKind::Server).with_attributes(attributes)
    }
}

/// What came of it.
fn answered<B>(span: &SpanRef<'_>, response: &Response<B>, witness: &Witness) {
    let status = response.status();
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
        span.set_status(Status::error(""));
    }
    if let Some(id) = response.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok()) {
        span.set_attribute(KeyValue::new("claviger.request_id", id.to_owned()));
    }
    if let Some(seen) = witness.seen() {
        span.set_attribute(KeyValue::new("claviger.api", seen.api.to_string()));
        span.set_attribute(KeyValue::new("claviger.outcome", seen.outcome.clone()));
    }
    span.end();
}

/// Has the upstream go on with the span of here. A state without its trace, and one that is empty, is not passed on.
fn hand_on(headers: &mut HeaderMap, context: &Context) {
    headers.remove(TRACESTATE);
    PROPAGATOR.inject_context(context, &mut HeaderInjector(headers));
    if headers.get(TRACESTATE).is_some_and(http::HeaderValue::is_empty) {
        headers.remove(TRACESTATE);
    }
}

/// A method that the conventions name: any other could be the caller's invention, of which there is no end.
fn known(method: &Method) -> Option<&'static str> {
    Some(match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::CONNECT => "CONNECT",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::PATCH => "PATCH",
        _ => return None,
    })
}

const fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
