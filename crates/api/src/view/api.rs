//! Apis as they are shown.

use claviger_model::profile::Profile;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An api and what its profile says of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Api)]
pub(crate) struct ApiJson {
    name: String,
    title: String,
    hosts: Vec<String>,
    env_var: String,
    /// Each scope with its description.
    #[schema(value_type = Object)]
    scopes: Value,
    keys_max: Option<u32>,
    keys_min: u32,
    accepts_test: bool,
}

impl From<&Profile> for ApiJson {
    fn from(profile: &Profile) -> Self {
        let scopes =
            profile.scopes.iter().map(|(scope, text)| (scope.to_string(), Value::from(text.clone())));
        Self {
            name: profile.name.to_string(),
            title: profile.title.clone(),
            hosts: profile.hosts.iter().map(|rule| rule.host.clone()).collect(),
            env_var: profile.env_var.clone(),
            scopes: Value::Object(scopes.collect()),
            keys_max: profile.keys.max,
            keys_min: profile.keys.min,
            accepts_test: profile.keys.accepts_test,
        }
    }
}
