//! A span for each request, sent to an OpenTelemetry collector by OTLP (HTTP, protobuf).
//!
//! The environment says where to and how much, by the variables of OpenTelemetry; without an address nothing is traced.
//! No span has a key, a query, a path, an address or anything of an account.

mod queue;
mod traced;

use std::{env, sync::Arc, time::Duration};

use anyhow::Context as _;
use claviger_model::NodeId;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    resource::EnvResourceDetector,
    trace::{SdkTracer, SdkTracerProvider, SpanExporter as _},
};
use prometheus_client::{metrics::counter::ConstCounter, registry::Registry};

use self::{
    queue::{Carrier, Sums},
    traced::Traced,
};
use super::listener::{Handle, Listener};

/// How long a collector may take to answer.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What traces requests, if anything does.
#[derive(Clone)]
pub(super) struct Traces(Option<Tracing>);

#[derive(Clone)]
struct Tracing {
    tracer: SdkTracer,
    sums: Arc<Sums>,
    carrier: Carrier,
}

impl Traces {
    /// Traces to where the environment says, as this node. Within a runtime, whose task carries what is traced.
    pub(super) fn begin(node: NodeId) -> anyhow::Result<Self> {
        if !is_wanted() {
            return Ok(Self(None));
        }
        let resource = resource(node);
        let mut exporter = exporter().context("no traces can be sent")?;
        exporter.set_resource(&resource);
        let (queue, carrier, sums) = queue::begin(exporter);
        let provider =
            SdkTracerProvider::builder().with_span_processor(queue).with_resource(resource).build();
        tracing::info!("requests are traced");
        Ok(Self(Some(Tracing { tracer: provider.tracer("claviger"), sums, carrier })))
    }

    /// The same handler, whose requests are traced as those of this listener.
    pub(super) fn of<H: Handle>(&self, listener: &Listener, handler: H) -> Traced<H> {
        let tracer = self.0.as_ref().map(|tracing| tracing.tracer.clone());
        Traced { handler, tracer, listener: listener.name(), by_tls: listener.speaks_tls() }
    }

    /// Adds what became of the spans.
    pub(super) fn describe(&self, registry: &mut Registry) {
        let Some(Tracing { sums, .. }) = &self.0 else { return };
        let sent = ConstCounter::new(sums.sent());
        registry.register("spans_sent", "Spans that the collector took", sent);
        let lost = ConstCounter::new(sums.lost());
        registry.register("spans_lost", "Spans that it didn't take, or that too many waited before", lost);
    }

    /// Sends what still waits, within a second.
    pub(super) async fn end(self) {
        if let Some(tracing) = self.0 {
            tracing.carrier.end().await;
        }
    }
}

/// Whether the environment names a collector, and doesn't say otherwise.
fn is_wanted() -> bool {
    let says = |name, value: &str| env::var(name).is_ok_and(|said| said.eq_ignore_ascii_case(value));
    let names = |name| env::var(name).is_ok_and(|said| !said.is_empty());
    (names("OTEL_EXPORTER_OTLP_ENDPOINT") || names("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
        && !says("OTEL_SDK_DISABLED", "true")
        && !says("OTEL_TRACES_EXPORTER", "none")
}

/// What traces are of: this program and node, and what the environment says of them.
fn resource(node: NodeId) -> Resource {
    let known = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", node.to_string()),
    ];
    let resource = Resource::builder_empty()
        .with_service_name("claviger")
        .with_attributes(known)
        .with_detector(Box::new(EnvResourceDetector::new()));
    match env::var("OTEL_SERVICE_NAME") {
        Ok(name) if !name.is_empty() => resource.with_service_name(name),
        _ => resource,
    }
    .build()
}

fn exporter() -> anyhow::Result<SpanExporter> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let tls = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())
        .expect("the provider speaks the default versions of TLS");
    let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
    let client = HyperClient::new(connector, EXPORT_TIMEOUT, None);
    Ok(SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(client)
        .with_timeout(EXPORT_TIMEOUT)
        .build()?)
}
