//! `/metrics`: how this node and the others stand. It names apis and nodes, never keys or accounts, and nothing of a request.

mod figures;

use std::{fmt, sync::Arc};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use claviger_manage::Manager;
use claviger_verify::Verifier;
use http::{
    HeaderMap,
    header::{CONTENT_TYPE, VARY},
};
use prometheus_client::{
    encoding::{prometheus_text, text},
    registry::Registry,
};

use crate::{
    accept,
    problem::{Code, Problem},
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the process itself has to say: its listeners, its memory.
pub trait ProcessFigures: Send + Sync {
    /// Adds what is named `claviger_…`.
    fn describe(&self, registry: &mut Registry);

    /// Adds what every process says of itself, under names that all of them share: `process_…`.
    fn describe_process(&self, registry: &mut Registry);
}

/// Shows how this node and the others stand.
#[utoipa::path(get, path = "/metrics", tag = "health", security(()),
    responses((status = 200, description = "OpenMetrics where it is asked for, the text format of Prometheus otherwise", content((String = "text/plain"), (String = "application/openmetrics-text"))), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn metrics(
    State(manager): State<Manager>,
    State(verifier): State<Arc<Verifier>>,
    State(process): State<Arc<dyn ProcessFigures>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (mut ours, mut shared) = (Registry::with_prefix("claviger"), Registry::default());
    figures::of_decisions(&mut ours, &verifier);
    figures::of_apis(&mut ours, &manager);
    figures::of_this_node(&mut ours, &verifier);
    figures::of_changes(&mut ours, &manager);
    if let Some(nodes) = manager.nodes_heard_last() {
        figures::of_all_nodes(&mut ours, &nodes);
    }
    process.describe(&mut ours);
    process.describe_process(&mut shared);
    let open = accept::named(&headers, &["application/openmetrics-text"]).is_some();
    let told = if open { open_metrics(&[&ours, &shared]) } else { plain(&[&ours, &shared]) };
    let told = told.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let media_type = if open { OPEN_METRICS } else { prometheus_text::CONTENT_TYPE };
    Ok(([(CONTENT_TYPE, media_type), (VARY, "Accept")], told).into_response())
}

fn open_metrics(registries: &[&Registry]) -> Result<String, fmt::Error> {
    let mut told = String::new();
    registries.iter().try_for_each(|registry| text::encode_registry(&mut told, registry))?;
    text::encode_eof(&mut told)?;
    Ok(told)
}

fn plain(registries: &[&Registry]) -> Result<String, fmt::Error> {
    let mut told = String::new();
    registries.iter().try_for_each(|registry| prometheus_text::encode(&mut told, registry))?;
    Ok(told)
}
