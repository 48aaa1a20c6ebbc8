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
/// Most equal attempts that one call stands for.
const COUNT_MAX: u32 = 100;

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
    /// How many equal attempts this stands for, from 1 to 100; one where left out. Each is judged and counted.
    count: Option<u32>,
}

/// The decision. Of several attempts some may be allowed and others not: then there are a permit and a denial.
#[derive(Serialize, ToSchema)]
struct Verdict<'a> {
    /// Whether the attempt is allowed; of several, whether all are.
    allowed: bool,
    /// How many are allowed, where there was a `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_count: Option<u32>,
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
        check_count(call.count)?;
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
        let mut judged = Judged::default();
        for _ in 0..call.count.unwrap_or(1) {
            match self.verifier.verify(api.profile(), presented.clone(), &attempt, id).await {
                Ok(decision) => judged.add(decision),
                Err(indeterminate) => return Err(Problem::new(Code::Unavailable, indeterminate.to_string())),
            }
        }
        let response = match &judged.denial {
            Some(denial) => Some(response_json(api, denial, id).await),
            None => None,
        };
        let verdict = Verdict {
            allowed: judged.denial.is_none(),
            allowed_count: call.count.map(|_| judged.allowed),
            permit: judged.permit.as_ref().map(permit_json),
            denial: judged.denial.as_ref().map(denial_json),
            response,
        };
        Ok(serde_json::to_vec(&verdict).expect("a verdict is plain JSON"))
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

fn check_count(count: Option<u32>) -> Result<(), Problem> {
    if count.is_none_or(|count| (1..=COUNT_MAX).contains(&count)) {
        return Ok(());
    }
    Err(Problem::invalid(vec![Fault::new("/count", format!("from 1 to {COUNT_MAX}"))]))
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}

/// What was decided about equal attempts: the last permit and the last denial stand for the others.
#[derive(Default)]
struct Judged {
    allowed: u32,
    permit: Option<Permit>,
    denial: Option<Denial>,
}

impl Judged {
    fn add(&mut self, decision: Decision) {
        match decision {
            Decision::Allow(permit) => {
                self.allowed += 1;
                self.permit = Some(permit);
            }
            Decision::Deny(denial) => self.denial = Some(denial),
        }
    }
}

fn permit_json(permit: &Permit) -> PermitJson<'_> {
    PermitJson {
        key_id: permit.key(),
        account_id: permit.account(),
        external_id: permit.external_id(),
        api: permit.api(),
        environment: permit.environment(),
        scopes: permit.scopes(),
        expires_at: permit.expires_at(),
        limits: limits_json(permit.standings()),
    }
}

fn denial_json(denial: &Denial) -> DenialJson<'_> {
    DenialJson {
        code: denial.code().as_str(),
        detail: denial.detail(),
        retry_after: denial.exceeded().map(|exceeded| seconds_up(exceeded.retry_after)),
        limits: limits_json(denial.exceeded().map(|exceeded| &exceeded.standings)),
    }
}

async fn response_json(api: &Api, denial: &Denial, id: RequestId) -> ResponseJson {
    let answer = api.refuse(&denial.clone().into(), id);
    let status = answer.status().as_u16();
    let mut headers = BTreeMap::<_, String>::new();
    for (name, value) in answer.headers() {
        let text = value.to_str().unwrap_or_default();
        // Lines of the same name are one list (RFC 9110 §5.3): a 401 has a challenge for each way a key may travel.
        let told = headers.entry(name.to_string()).or_default();
        told.push_str(if told.is_empty() { "" } else { ", " });
        told.push_str(text);
    }
    let body = match answer.into_body().collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(never) => match never {},
    };
    ResponseJson { status, headers, body }
}

fn json(body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
