//! `/healthz` and `/readyz`: whether the process lives, and whether it can decide.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use claviger_manage::Manager;
use claviger_verify::{Readiness, Verifier};
use http::StatusCode;

use crate::problem::{Code, Problem};

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses((status = 200, description = "Yes")))]
pub(super) async fn health() -> StatusCode {
    StatusCode::OK
}

/// The node can decide.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, description = "Yes"), (status = 503, description = "No decision can be reached", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn ready(State(verifier): State<Arc<Verifier>>, State(manager): State<Manager>) -> Response {
    match verifier.readiness() {
        Readiness::Ready => match manager.other_profiles() {
            None => StatusCode::OK.into_response(),
            Some(what) => Problem::new(Code::Unavailable, what).into_response(),
        },
        Readiness::Loading => Problem::new(Code::Unavailable, "the keys are being loaded").into_response(),
        Readiness::LeaseLost => {
            Problem::new(Code::Unavailable, "the database was not heard for longer than the lease")
                .into_response()
        }
    }
}
