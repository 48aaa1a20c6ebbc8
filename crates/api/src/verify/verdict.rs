//! What is said of an attempt: the permit, or why not and what the profile answers.

use std::collections::BTreeMap;

use claviger_judge::{Api, NoPermit};
use claviger_model::{Denial, Environment, RequestId, Scopes, Timestamp, seconds_up};
use claviger_verify::{Decision, Objection, Permit};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use serde::Serialize;
use utoipa::ToSchema;

use crate::view::{LimitJson, limits_json};

/// The decision. Of several attempts some may be allowed and others not: then there are a permit and a denial.
#[derive(Serialize, ToSchema)]
pub(super) struct Verdict<'a> {
    /// Whether the attempt may pass; of several, whether all may.
    allowed: bool,
    /// How many are allowed, where there was a `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permit: Option<PermitJson<'a>>,
    /// Header fields for the answer to an allowed caller: where its key stands with its limits, as the profile tells it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denial: Option<DenialJson<'a>>,
    /// What would have refused it, were it enforced and not only observed. Without a permit nothing is known of who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<ObservedJson>,
    /// What the profile answers who is refused, or would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<ResponseJson>,
}

/// An objection that is only observed.
#[derive(Serialize, ToSchema)]
#[schema(as = VerifyObserved)]
struct ObservedJson {
    /// A denial's code, or `unavailable` where no decision could be reached.
    code: &'static str,
    detail: std::borrow::Cow<'static, str>,
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

/// What was decided about equal attempts: the last permit and the last denial stand for the others.
#[derive(Default)]
pub(super) struct Judged {
    allowed: u32,
    permit: Option<Permit>,
    denial: Option<Denial>,
    observed: Option<Objection>,
}

impl Judged {
    pub(super) fn add(&mut self, decision: Decision) {
        match decision {
            Decision::Allow(permit) => {
                self.allowed += 1;
                self.observed = permit.observed().cloned().map(Objection::Denied).or(self.observed.take());
                self.permit = Some(permit);
            }
            Decision::Observe(objection) => {
                self.allowed += 1;
                self.observed = Some(objection);
            }
            Decision::Deny(denial) => self.denial = Some(denial),
        }
    }

    /// The verdict as JSON; `counted` says that it is to tell how many were allowed.
    pub(super) async fn told(&self, api: &Api, counted: bool, id: RequestId) -> Vec<u8> {
        let refused = match (&self.denial, &self.observed) {
            (Some(denial), _) => Some(NoPermit::from(denial.clone())),
            (None, Some(objection)) => Some(objection.clone().into()),
            (None, None) => None,
        };
        let response = match &refused {
            Some(no_permit) => Some(response_json(api, no_permit, id).await),
            None => None,
        };
        let verdict = Verdict {
            allowed: self.denial.is_none(),
            allowed_count: counted.then_some(self.allowed),
            permit: self.permit.as_ref().map(permit_json),
            headers: fields(&api.limit_fields(self.permit.as_ref())),
            denial: self.denial.as_ref().map(denial_json),
            observed: self.observed.as_ref().map(observed_json),
            response,
        };
        serde_json::to_vec(&verdict).expect("a verdict is plain JSON")
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

fn observed_json(objection: &Objection) -> ObservedJson {
    ObservedJson { code: objection.code(), detail: objection.detail() }
}

async fn response_json(api: &Api, no_permit: &NoPermit, id: RequestId) -> ResponseJson {
    let answer = api.refuse(no_permit, id);
    let status = answer.status().as_u16();
    let headers = fields(answer.headers());
    let body = match answer.into_body().collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(never) => match never {},
    };
    ResponseJson { status, headers, body }
}

/// Lines of the same name are one list (RFC 9110 §5.3): a 401 has a challenge for each way a key may travel.
fn fields(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::<_, String>::new();
    for (name, value) in headers {
        let told = fields.entry(name.to_string()).or_default();
        told.push_str(if told.is_empty() { "" } else { ", " });
        told.push_str(value.to_str().unwrap_or_default());
    }
    fields
}
