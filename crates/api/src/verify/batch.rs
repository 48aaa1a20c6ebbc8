//! `POST /v1/keys/verify-batch`: many attempts in one call.

use std::fmt;

use bytes::Bytes;
use claviger_manage::Fault;
use claviger_model::RequestId;
use http::Request;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use utoipa::ToSchema;

use super::{VerifyCall, VerifyKey, verdict::Verdict};
use crate::{json::read_flat, problem::Problem};

/// Most attempts of a call, those that a `count` stands for included.
const ATTEMPTS_MAX: u32 = 1_000;
/// Largest body of a call, in bytes: a thousand attempts with long paths.
const BODY_MAX: usize = 1 << 20;

/// Attempts to judge, 1 to 1,000.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyBatch<'a> {
    #[serde(borrow, deserialize_with = "not_many_more")]
    attempts: Vec<VerifyKey<'a>>,
}

/// Keeps one attempt more than there may be: what comes after that would take memory only to be refused.
fn not_many_more<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<VerifyKey<'de>>, D::Error> {
    deserializer.deserialize_seq(Attempts)
}

struct Attempts;

impl<'de> Visitor<'de> for Attempts {
    type Value = Vec<VerifyKey<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of attempts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Self::Value, A::Error> {
        let mut attempts = Vec::new();
        while let Some(attempt) = list.next_element()? {
            attempts.push(attempt);
            if attempts.len() > ATTEMPTS_MAX as usize {
                while list.next_element::<IgnoredAny>()?.is_some() {}
            }
        }
        Ok(attempts)
    }
}

/// What was decided, in the order of the attempts.
#[derive(Serialize, ToSchema)]
struct Verdicts<'a> {
    results: Vec<Result<'a>>,
}

/// A verdict, or why there is none.
#[derive(Serialize, ToSchema)]
#[schema(as = VerifyResult)]
#[serde(untagged)]
#[expect(
    dead_code,
    clippy::large_enum_variant,
    reason = "documents the answer, which is put together from its parts"
)]
enum Result<'a> {
    Verdict(Verdict<'a>),
    NoVerdict(NoVerdict),
}

/// No decision could be reached about this attempt: it is not allowed, and not refused either.
#[derive(Serialize, ToSchema)]
struct NoVerdict {
    problem: Problem,
}

/// Judges attempts with keys, one after the other. Each is judged and counted as by a call of its own; about one that can't
/// be decided a problem is told in its place, and the others are decided.
#[utoipa::path(post, path = "/v1/keys/verify-batch", tag = "keys", request_body = VerifyBatch<'static>,
    responses((status = 200, description = "Done", body = Verdicts<'static>), (status = 503, description = "No decision can be reached", body = Problem, content_type = "application/problem+json"), (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json")))]
#[expect(dead_code, reason = "documents the call, which is routed by hand")]
pub(crate) const fn verify_batch() {}

impl VerifyCall {
    /// Decides a call of many attempts, each under an id of its own: the verdicts as JSON.
    pub(crate) async fn many<B>(
        &self,
        request: Request<B>,
        ids: impl Fn() -> RequestId,
    ) -> std::result::Result<Vec<u8>, Problem>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = self.body(request, BODY_MAX).await?;
        let VerifyBatch { attempts } = read_flat(&body)?;
        // All of it is looked at before any of it is judged and counted.
        check(&attempts).map_err(|fault| Problem::invalid(vec![fault]))?;
        self.catch_up(attempts.iter().filter_map(|attempt| attempt.min_seq).max()).await?;
        let mut told = b"{\"results\":[".to_vec();
        for (number, attempt) in attempts.iter().enumerate() {
            if number > 0 {
                told.push(b',');
            }
            match self.judge(attempt, ids()).await {
                Ok(verdict) => told.extend(verdict),
                Err(problem) => {
                    let none = serde_json::to_vec(&NoVerdict { problem });
                    told.extend(none.expect("a problem is plain JSON"));
                }
            }
        }
        told.extend(b"]}");
        Ok(told)
    }
}

fn check(attempts: &[VerifyKey<'_>]) -> std::result::Result<(), Fault> {
    for (number, attempt) in attempts.iter().enumerate() {
        attempt.check(&format!("/attempts/{number}"))?;
    }
    let all = attempts.iter().map(|attempt| attempt.count.unwrap_or(1)).fold(0, u32::saturating_add);
    if (1..=ATTEMPTS_MAX).contains(&all) {
        return Ok(());
    }
    Err(Fault::new("/attempts", format!("from 1 to {ATTEMPTS_MAX} in all")))
}
