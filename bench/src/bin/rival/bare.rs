//! The HTTP server alone: whatever is asked is read to its end and answered with the same bytes.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use bytes::Bytes;
use claviger_bench::FixedAnswer;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming};

use crate::listen;

struct Fixed {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers with what is in the file `answer`.
pub async fn serve(answer: &Path) -> anyhow::Result<()> {
    let text = std::fs::read(answer).with_context(|| answer.display().to_string())?;
    let fixed = Arc::new(Fixed::read(serde_json::from_slice(&text)?)?);
    listen::serve(move |request| {
        let fixed = Arc::clone(&fixed);
        async move { fixed.answer(request).await }
    })
    .await
}

impl Fixed {
    fn read(told: FixedAnswer) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        for (name, value) in told.headers {
            // hyper writes these two itself.
            if name != "date" && name != "content-length" {
                headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
            }
        }
        Ok(Self { status: StatusCode::from_u16(told.status)?, headers, body: told.body.into() })
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        // A caller who breaks off gets no answer either way.
        let _ = request.into_body().collect().await;
        let mut answer = Response::new(Full::new(self.body.clone()));
        *answer.status_mut() = self.status;
        *answer.headers_mut() = self.headers.clone();
        answer
    }
}
