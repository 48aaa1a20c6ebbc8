//! What browsers report of pages that broke their policy: logged, within bounds.

use axum::{body::Body, extract::Request};
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};

const MAX: usize = 16 << 10;
/// Characters of a report that are logged.
const SHOWN: usize = 500;

pub(super) async fn take(request: Request) -> StatusCode {
    let reading = Limited::new(Body::from(request.into_body()), MAX).collect();
    let Ok(Ok(body)) = tokio::time::timeout(std::time::Duration::from_secs(5), reading).await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let text = String::from_utf8_lossy(&body.to_bytes()).chars().take(SHOWN).collect::<String>();
    tracing::warn!(report = ?text, "a browser reports that a page broke its policy");
    StatusCode::NO_CONTENT
}
