//! What there is and where (RFC 8414).

use claviger_manage::Manager;
use claviger_model::profile::{OauthRules, Profile};
use http::StatusCode;
use serde_json::json;

use crate::answer::{self, Answer};

pub(crate) fn tell(manager: &Manager, profile: &Profile, rules: &OauthRules) -> Answer {
    let issuer = manager.issuer(profile);
    let at = |name: &str| format!("{issuer}/{name}");
    let by_secret = ["client_secret_basic", "client_secret_post"];
    let by_secret_or_not = ["client_secret_basic", "client_secret_post", "none"];
    let mut body = json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "revocation_endpoint": at("revoke"),
        "introspection_endpoint": at("introspect"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": by_secret_or_not,
        "revocation_endpoint_auth_methods_supported": by_secret_or_not,
        "introspection_endpoint_auth_methods_supported": by_secret,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    if rules.registration {
        body["registration_endpoint"] = json!(at("register"));
    }
    // RFC 8414 §3.2: "Claims with zero elements MUST be omitted from the response."
    if !profile.scopes.is_empty() {
        body["scopes_supported"] = json!(profile.scope_names());
    }
    answer::of(StatusCode::OK, &body)
}
