//! The revocation endpoint (RFC 7009).

use claviger_manage::{ClientPermit, Manager};
use claviger_model::{oauth::Parameters, profile::Profile};
use http::StatusCode;

use crate::answer::{self, Answer, Wrong};

/// Ends what a token is of. A hint of its kind is neither needed nor believed; whatever is no token of the client is gone
/// already (RFC 7009 §2.2).
pub(crate) async fn revoke(
    manager: &Manager,
    profile: &Profile,
    client: &ClientPermit,
    parameters: &Parameters<'_>,
) -> Result<Answer, Wrong> {
    let token = parameters.get("token").ok_or_else(|| Wrong::request("token is missing"))?;
    manager.revoke_token(profile, client, token).await?;
    Ok(answer::empty(StatusCode::OK))
}
