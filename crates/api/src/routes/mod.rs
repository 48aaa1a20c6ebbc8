//! The router: every operation with its document, so that routes and OpenAPI can't differ.

mod accounts;
mod apis;
mod audit;
mod connected_apps;
mod health;
mod keys;
mod members;
mod metrics;
mod nodes;
mod oauth_clients;
mod operators;
mod problems;
mod sessions;
mod transfer;
mod usage;

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::FromRef, response::IntoResponse as _};
use claviger_manage::{Fault, Manager, Receipt};
use claviger_model::{AccountId, DurationError, parse_duration};
use claviger_verify::Verifier;
use http::StatusCode;
use serde::Deserialize;
use utoipa::{
    OpenApi, ToSchema,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::metrics::ProcessFigures;
use crate::problem::{Code, Problem};

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) manager: Manager,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) figures: Arc<dyn ProcessFigures>,
}

impl FromRef<Shared> for Manager {
    fn from_ref(shared: &Shared) -> Self {
        shared.manager.clone()
    }
}

impl FromRef<Shared> for Arc<Verifier> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.verifier)
    }
}

impl FromRef<Shared> for Arc<dyn ProcessFigures> {
    fn from_ref(shared: &Shared) -> Self {
        Self::clone(&shared.figures)
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Claviger management API",
        description = "Issue, restrict, rotate and revoke the API keys of a company's customers, and verify them.",
    ),
    paths(crate::verify::verify_key, crate::verify::batch::verify_batch),
    components(schemas(Problem)),
    modifiers(&OperatorKey),
    security(("operator_key" = [])),
)]
struct Document;

struct OperatorKey;

impl utoipa::Modify for OperatorKey {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An operator key, `clv_op_…`."))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("operator_key", SecurityScheme::Http(scheme));
    }
}

fn documented() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(apis::list_apis))
        .routes(routes!(accounts::list_accounts, accounts::create_account))
        .routes(routes!(accounts::show_account, accounts::change_account))
        .routes(routes!(accounts::erase_addresses))
        .routes(routes!(keys::list_account_keys, keys::issue_key))
        .routes(routes!(keys::list_keys))
        .routes(routes!(keys::find_key))
        .routes(routes!(transfer::import_keys))
        .routes(routes!(transfer::export_keys))
        .routes(routes!(keys::show_key, keys::change_key))
        .routes(routes!(keys::rotate_key))
        .routes(routes!(keys::revoke_key))
        .routes(routes!(keys::disable_key))
        .routes(routes!(keys::enable_key))
        .routes(routes!(keys::reveal_key))
        .routes(routes!(members::list_members, members::invite_member))
        .routes(routes!(members::show_member, members::change_member))
        .routes(routes!(members::remove_member))
        .routes(routes!(members::password_link))
        .routes(routes!(sessions::list_sessions, sessions::link_session))
        .routes(routes!(sessions::end_session))
        .routes(routes!(oauth_clients::list_clients, oauth_clients::register_client))
        .routes(routes!(oauth_clients::show_client, oauth_clients::change_client))
        .routes(routes!(oauth_clients::rotate_client))
        .routes(routes!(oauth_clients::revoke_client))
        .routes(routes!(connected_apps::list_connected))
        .routes(routes!(connected_apps::withdraw))
        .routes(routes!(operators::list_operators, operators::issue_operator))
        .routes(routes!(operators::revoke_operator))
        .routes(routes!(nodes::list_nodes))
        .routes(routes!(nodes::fence_node))
        .routes(routes!(nodes::show_receipt))
        .routes(routes!(audit::list_events))
        .routes(routes!(audit::check_chain))
        .routes(routes!(usage::usage))
        .routes(routes!(usage::denials))
        .routes(routes!(usage::observed))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(problems::explain))
}

/// 200 for a change that holds on every node, 202 for one whose receipt says by when it will.
const fn completeness(receipt: &Receipt) -> StatusCode {
    if receipt.complete { StatusCode::OK } else { StatusCode::ACCEPTED }
}

/// How a secret is replaced.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateOrder {
    /// How long the old secret stays valid, such as `24h`; `0` for a compromise; the profile's default where left out.
    overlap: Option<String>,
}

impl RotateOrder {
    fn overlap(&self) -> Result<Option<Duration>, Problem> {
        let fault = |error: DurationError| Problem::invalid(vec![Fault::new("/overlap", error.to_string())]);
        self.overlap.as_deref().map(parse_duration).transpose().map_err(fault)
    }
}

/// The account that a query names.
fn account_id(text: &str) -> Result<AccountId, Problem> {
    text.parse().map_err(|error| Problem::invalid(vec![Fault::new("/account_id", format!("{error}"))]))
}

/// The OpenAPI 3.1 document of the management API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented().into_openapi()
}

/// Everything but the verify calls.
pub(crate) fn router(shared: Shared) -> Router {
    let (router, document) = documented().split_for_parts();
    let document = bytes::Bytes::from(serde_json::to_vec(&document).expect("the document is plain JSON"));
    let serve_document = move || async move {
        ([(http::header::CONTENT_TYPE, "application/vnd.oai.openapi+json;version=3.1")], document)
            .into_response()
    };
    router
        .route("/v1/openapi.json", axum::routing::get(serve_document))
        .route("/problems/style.css", axum::routing::get(problems::style))
        // Their POST goes ahead of the router; left out here, other methods would ask for a key called "verify".
        .route("/v1/keys/verify", axum::routing::any(async || (only_post(), method_not_allowed())))
        .route("/v1/keys/verify-batch", axum::routing::any(async || (only_post(), method_not_allowed())))
        .fallback(async || Problem::new(Code::NotFound, "no such resource"))
        .method_not_allowed_fallback(async || method_not_allowed())
        .with_state(shared)
}

fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed, "")
}

const fn only_post() -> [(http::HeaderName, &'static str); 1] {
    [(http::header::ALLOW, "POST")]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn every_answer_is_described() {
        let document = serde_json::to_value(super::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
        });
        let mut answers = 0;
        for (path, method, operation) in operations {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let described = answer["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described, "{method} {path} {status}");
                answers += 1;
            }
            assert_ne!(operation["summary"], Value::Null, "{method} {path}");
        }
        assert!(answers > 40);
    }
}
