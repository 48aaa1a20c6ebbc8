//! `Idempotency-Key` on creating calls (draft-ietf-httpapi-idempotency-key-header): a replay creates nothing and
//! never repeats a secret.

use std::time::Duration;

use claviger_manage::{By, Fault, Idempotency};
use claviger_model::Timestamp;
use http::{HeaderMap, Method};
use sha2::{Digest, Sha256};

use crate::problem::{Code, Problem};

const REMEMBERED: Duration = Duration::from_hours(24);
const MAX_LENGTH: usize = 255;

/// What the call says about being repeated: nothing, or a key and what the call is.
pub(crate) fn idempotency(
    headers: &HeaderMap,
    by: &By,
    method: &Method,
    path: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Option<Idempotency>, Problem> {
    let mut fields = headers.get_all("idempotency-key").iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(Problem::new(Code::MalformedRequest, "two Idempotency-Key headers: send one"));
    }
    // The draft makes it a quoted string; clients that leave the quotes out are understood too.
    let text = field.to_str().unwrap_or_default();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if key.is_empty() || key.len() > MAX_LENGTH || key.contains(['"', '\\']) {
        let detail =
            format!("Idempotency-Key: 1 to {MAX_LENGTH} characters of ASCII without quotes and backslashes");
        return Err(Problem::invalid(vec![Fault::new("", detail)]));
    }
    let digest = Sha256::new()
        .chain_update(method.as_str())
        .chain_update([0])
        .chain_update(path)
        .chain_update([0])
        .chain_update(body)
        .finalize();
    Ok(Some(Idempotency {
        principal: by.actor.label(),
        key: key.to_owned(),
        fingerprint: digest.into(),
        forget_before: now.minus(REMEMBERED),
    }))
}
