//! `POST /v1/keys/verify`: a decision for those who ask, and the answer to relay where it is no.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use axum::response::IntoResponse as _;
use bytes::Bytes;
use claviger_judge::Api;
use claviger_manage::Fault;
use claviger_model::{
    Ability, Attempt, Denial, Environment, RequestId, Scope, Scopes, Timestamp, seconds_up,
};
use claviger_verify::{Decision, Permit, Verifier, feed::Seq};
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Body,
    by::operator,
    json::{collect, expects_json, read},
    problem::{Code, Problem},
    view::{LimitJson, limits_json},
};

/// How long a call waits for the change it names in `min_seq`.
const MIN_SEQ_WAIT: Duration = Duration::from_secs(1);

/// The verify call. Cheap to clone.
#[derive(Clone)]
pub(crate) struct VerifyCall {
    verifier: Arc<Verifier>,
    apis: Arc<[Arc<Api>]>,
}

/// An attempt to judge. What is left out is not known, and a restriction on something unknown refuses. Where neither
/// method nor path is there, the key is judged without a request: the scopes it needs are those of `scopes`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyKey {
    /// The plain key, as it was presented.
    key: String,
    /// The api asked; the key's own where left out.
    api: Option<String>,
    #[schema(example = "GET")]
    method: Option<String>,
    /// The path as sent; a query is not looked at.
    path: Option<String>,
    /// The caller's address.
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// The `Referer` field's value.
    referrer: Option<String>,
    /// Scopes the key must have.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Scope>,
    /// The only environment taken.
    #[schema(value_type = Option<String>)]
    environment: Option<Environment>,
    /// A change that must be known here: the `seq` of its receipt.
    min_seq: Option<u64>,
}

/// The decision.
#[derive(Serialize, ToSchema)]
struct Verdict<'a> {
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    permit: Option<PermitJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denial: Option<DenialJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<ResponseJson>,
}

/// Whose key it is, and what it may do.
#[derive(Serialize, ToSchema)]
#[schema(as = Permit)]
struct PermitJson<'a> {
    #[schema(value_type = String)]
    key_id: claviger_model::KeyId,
    #[schema(value_type = String)]
    account_id: claviger_model::AccountId,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    api: &'a str,
    #[schema(value_type = String)]
    environment: Environment,
    #[schema(value_type = Value)]
    scopes: &'a Scopes,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    expires_at: Option<Timestamp>,
    /// Where the key stands with its limits; left out where it has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limits: Vec<LimitJson>,
}

/// Why not: for the asker and the key's owner, not for the caller.
#[derive(Serialize, ToSchema)]
#[schema(as = VerifyDenial)]
struct DenialJson<'a> {
    /// `missing` `malformed` `unknown` `revoked` `disabled` `expired` `environment` `scope` `network` `referrer`
    /// `endpoint` `rate` `quota`
    code: &'static str,
    detail: std::borrow::Cow<'a, str>,
    /// For `rate` and `quota`: seconds until there is room again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// For `rate` and `quota`: where the key stands with its limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limits: Vec<LimitJson>,
}

/// What the profile answers the caller, ready to relay.
#[derive(Serialize, ToSchema)]
#[schema(as = RelayedResponse)]
struct ResponseJson {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Judges an attempt with a key.
#[utoipa::path(post, path = "/v1/keys/verify", tag = "keys", request_body = VerifyKey,
    responses((status = 200, description = "Done", body = Verdict<'static>), (status = 503, description = "No decision can be reached", body = Problem, content_type = "application/problem+json"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
#[expect(dead_code, reason = "documents the call, which is routed by hand")]
pub(crate) const fn verify_key() {}

impl VerifyCall {
    pub(crate) fn new(verifier: Arc<Verifier>, apis: Vec<Arc<Api>>) -> Self {
        Self { verifier, apis: apis.into() }
    }

    pub(crate) async fn answer<B>(&self, request: Request<B>, id: RequestId) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match self.decide(request, id).await {
            Ok(body) => json(body),
            Err(problem) => problem.into_response(),
        }
    }

    async fn decide<B>(&self, request: Request<B>, id: RequestId) -> Result<Vec<u8>, Problem>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let operator = operator(request.headers(), &self.verifier)?;
        if !operator.can(Ability::Verify) {
            return Err(Problem::new(Code::Forbidden, "this operator key lacks the ability verify"));
        }
        expects_json(request.headers())?;
        let call: VerifyKey = read(&collect(request.into_body()).await?)?;
        check_path(call.path.as_deref())?;
        self.catch_up(call.min_seq).await?;
        let api = self.api_of(&call)?;
        let attempt = Attempt {
            method: call.method.as_deref(),
            path: call.path.as_deref().map(without_query),
            address: call.address,
            referrer: call.referrer.as_deref(),
            environment: call.environment,
            scopes: &call.scopes,
        };
        let presented = if call.key.is_empty() { Err(Denial::Missing) } else { Ok(call.key.as_bytes()) };
        match self.verifier.verify(api.profile(), presented, &attempt, id).await {
            Ok(Decision::Allow(permit)) => Ok(allowed(&permit)),
            Ok(Decision::Deny(denial)) => denied(api, denial, id).await,
            Err(indeterminate) => Err(Problem::new(Code::Unavailable, indeterminate.to_string())),
        }
    }

    async fn catch_up(&self, min_seq: Option<u64>) -> Result<(), Problem> {
        let Some(seq) = min_seq.map(Seq) else { return Ok(()) };
        if self.verifier.applied() >= seq || self.verifier.wait_applied(seq, MIN_SEQ_WAIT).await {
            return Ok(());
        }
        Err(Problem::new(Code::Unavailable, format!("this node doesn't know of change {seq} yet")))
    }

    /// The api named, the only one, or the one whose key it is.
    fn api_of(&self, call: &VerifyKey) -> Result<&Arc<Api>, Problem> {
        let named = |name: &str| self.apis.iter().find(|api| &*api.profile().name == name);
        let unknown = |detail: &str| Problem::invalid(vec![Fault::new("/api", detail)]);
        if let Some(name) = &call.api {
            return named(name).ok_or_else(|| unknown("no such api"));
        }
        if let [only] = &*self.apis {
            return Ok(only);
        }
        match self.verifier.api_of(call.key.as_bytes()) {
            Ok(Some(name)) => named(&name).ok_or_else(|| unknown("name the api asked")),
            Ok(None) => Err(unknown("name the api asked: this is no key of any")),
            Err(indeterminate) => Err(Problem::new(Code::Unavailable, indeterminate.to_string())),
        }
    }
}

/// A path is what stood in a request line; anything else would be kept and shown as the endpoint last used.
fn check_path(path: Option<&str>) -> Result<(), Problem> {
    let sendable = |path: &str| path.starts_with('/') && !path.bytes().any(|b| b <= b' ' || b == 0x7f);
    if path.is_none_or(sendable) {
        return Ok(());
    }
    Err(Problem::invalid(vec![Fault::new(
        "/path",
        "must begin with / and have no spaces or control characters",
    )]))
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}

fn allowed(permit: &Permit) -> Vec<u8> {
    let permit = PermitJson {
        key_id: permit.key(),
        account_id: permit.account(),
        external_id: permit.external_id(),
        api: permit.api(),
        environment: permit.environment(),
        scopes: permit.scopes(),
        expires_at: permit.expires_at(),
        limits: limits_json(permit.standings()),
    };
    bytes_of(&Verdict { allowed: true, permit: Some(permit), denial: None, response: None })
}

async fn denied(api: &Api, denial: Denial, id: RequestId) -> Result<Vec<u8>, Problem> {
    let reason = DenialJson {
        code: denial.code().as_str(),
        detail: denial.detail(),
        retry_after: denial.exceeded().map(|exceeded| seconds_up(exceeded.retry_after)),
        limits: limits_json(denial.exceeded().map(|exceeded| &exceeded.standings)),
    };
    let answer = api.refuse(&denial.into(), id);
    let status = answer.status().as_u16();
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let body = match answer.into_body().collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(never) => match never {},
    };
    Ok(bytes_of(&Verdict {
        allowed: false,
        permit: None,
        denial: Some(reason),
        response: Some(ResponseJson { status, headers, body }),
    }))
}

fn bytes_of(verdict: &Verdict<'_>) -> Vec<u8> {
    serde_json::to_vec(verdict).expect("a verdict is plain JSON")
}

fn json(body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
