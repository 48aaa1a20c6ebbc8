//! `POST /v1/keys/verify`: a decision for those who ask, and the answer to relay where it is no.

pub(crate) mod batch;
mod verdict;

use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use claviger_judge::Api;
use claviger_manage::Fault;
use claviger_model::{Ability, Attempt, Denial, Environment, RequestId, Scope};
use claviger_verify::{Verifier, feed::Seq};
use http::Request;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use self::verdict::{Judged, Verdict};
use crate::{
    by::operator,
    json::{BODY_MAX, collect_up_to, expects_json, read_flat},
    problem::{Code, Problem},
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
struct VerifyKey<'a> {
    /// The plain key, as it was presented.
    #[serde(borrow)]
    key: Cow<'a, str>,
    /// The api asked; the key's own where left out.
    #[serde(borrow, default, deserialize_with = "text")]
    api: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "text")]
    #[schema(example = "GET")]
    method: Option<Cow<'a, str>>,
    /// The path as sent; a query is not looked at.
    #[serde(borrow, default, deserialize_with = "text")]
    path: Option<Cow<'a, str>>,
    /// The caller's address.
    #[schema(value_type = Option<String>)]
    address: Option<IpAddr>,
    /// The `Referer` field's value.
    #[serde(borrow, default, deserialize_with = "text")]
    referrer: Option<Cow<'a, str>>,
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

/// Judges an attempt with a key.
#[utoipa::path(post, path = "/v1/keys/verify", tag = "keys", request_body = VerifyKey<'static>,
    responses((status = 200, description = "Done", body = Verdict<'static>), (status = 503, description = "No decision can be reached", body = Problem, content_type = "application/problem+json"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
#[expect(dead_code, reason = "documents the call, which is routed by hand")]
pub(crate) const fn verify_key() {}

impl VerifyCall {
    pub(crate) fn new(verifier: Arc<Verifier>, apis: Vec<Arc<Api>>) -> Self {
        Self { verifier, apis: apis.into() }
    }

    /// Decides one call's attempt: the verdict as JSON.
    pub(crate) async fn one<B>(&self, request: Request<B>, id: RequestId) -> Result<Vec<u8>, Problem>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = self.body(request, BODY_MAX).await?;
        let call: VerifyKey<'_> = read_flat(&body)?;
        call.check("").map_err(|fault| Problem::invalid(vec![fault]))?;
        self.catch_up(call.min_seq).await?;
        self.judge(&call, id).await
    }

    /// The body of whoever may ask.
    async fn body<B>(&self, request: Request<B>, body_max: usize) -> Result<Bytes, Problem>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let operator = operator(request.headers(), &self.verifier)?;
        if !operator.can(Ability::Verify) {
            return Err(Problem::new(Code::Forbidden, "this operator key lacks the ability verify"));
        }
        expects_json(request.headers())?;
        collect_up_to(request.into_body(), body_max).await
    }

    /// The verdict on an attempt, as JSON.
    async fn judge(&self, call: &VerifyKey<'_>, id: RequestId) -> Result<Vec<u8>, Problem> {
        let api = self.api_of(call)?;
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
        Ok(judged.told(api, call.count.is_some(), id).await)
    }

    async fn catch_up(&self, min_seq: Option<u64>) -> Result<(), Problem> {
        let Some(seq) = min_seq.map(Seq) else { return Ok(()) };
        if self.verifier.applied() >= seq || self.verifier.wait_applied(seq, MIN_SEQ_WAIT).await {
            return Ok(());
        }
        Err(Problem::new(Code::Unavailable, format!("this node doesn't know of change {seq} yet")))
    }

    /// The api named, the only one, or the one whose key it is.
    fn api_of(&self, call: &VerifyKey<'_>) -> Result<&Arc<Api>, Problem> {
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
            Ok(None) => {
                let may_be =
                    |api: &&Arc<Api>| self.verifier.may_be_foreign(api.profile(), call.key.as_bytes());
                let api = self.apis.iter().find(may_be);
                api.ok_or_else(|| unknown("name the api asked: this is no key of any"))
            }
            Err(indeterminate) => Err(Problem::new(Code::Unavailable, indeterminate.to_string())),
        }
    }
}

impl VerifyKey<'_> {
    /// Refuses what can be no attempt; `place` is the pointer to it.
    fn check(&self, place: &str) -> Result<(), Fault> {
        // A path is what stood in a request line; anything else would be kept and shown as the endpoint last used.
        let sendable = |path: &str| path.starts_with('/') && !path.bytes().any(|b| b <= b' ' || b == 0x7f);
        if self.path.as_deref().is_some_and(|path| !sendable(path)) {
            let told = "must begin with / and have no spaces or control characters";
            return Err(Fault::new(&format!("{place}/path"), told));
        }
        if self.count.is_some_and(|count| !(1..=COUNT_MAX).contains(&count)) {
            return Err(Fault::new(&format!("{place}/count"), format!("from 1 to {COUNT_MAX}")));
        }
        Ok(())
    }
}

/// A text that is borrowed where it can be, which serde does of itself only where it isn't optional.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(Option::deserialize(from)?.map(|Text(text)| text))
}

fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}
