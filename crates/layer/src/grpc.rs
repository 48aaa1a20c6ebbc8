//! Says a refusal to callers that speak gRPC: an answer of trailers only, with a status of gRPC's.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING},
};
use http_body_util::Full;

use crate::Answer;

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The media type that a gRPC caller sent: `application/grpc`, alone or with what it carries (`+proto`, `-web`).
pub(crate) fn media_type(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(CONTENT_TYPE)?;
    let rest = value.as_bytes().strip_prefix(b"application/grpc")?;
    matches!(rest.first(), None | Some(b'+' | b'-' | b';')).then(|| value.clone())
}

/// The same refusal for a caller that sent this media type. Other fields stay, such as the request's id.
pub(crate) fn trailers_only(answer: Answer, media_type: HeaderValue) -> Answer {
    let (mut head, _) = answer.into_parts();
    let (status, message) = meaning(head.status);
    head.status = StatusCode::OK;
    for framing in [CONTENT_LENGTH, TRANSFER_ENCODING] {
        head.headers.remove(framing);
    }
    head.headers.insert(CONTENT_TYPE, media_type);
    head.headers.insert(STATUS, HeaderValue::from(status));
    head.headers.insert(MESSAGE, HeaderValue::from_static(message));
    Answer::from_parts(head, Full::new(Bytes::new()))
}

/// The code of gRPC and a message, which is never percent-encoded because it needs no encoding.
const fn meaning(status: StatusCode) -> (u16, &'static str) {
    match status.as_u16() {
        400 => (3, "the request could not be understood"),
        401 => (16, "the API key is missing or not valid"),
        429 => (8, "too many requests with this API key"),
        402..=499 => (7, "the API key may not be used for this"),
        _ => (14, "the API key can't be checked right now; try again"),
    }
}

#[cfg(test)]
mod tests {
    use http::header::RETRY_AFTER;

    use super::*;

    #[test]
    fn a_refusal_is_a_status_of_grpc_on_a_200_without_a_body() {
        for (status, code) in
            [(400, "3"), (401, "16"), (403, "7"), (404, "7"), (429, "8"), (500, "14"), (503, "14")]
        {
            let mut answer = Answer::new(Full::new("{}".into()));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
            let told = trailers_only(answer, HeaderValue::from_static("application/grpc+proto"));
            assert_eq!(told.status(), StatusCode::OK);
            assert_eq!(
                (&told.headers()[STATUS], &told.headers()[RETRY_AFTER]),
                (&code.parse().unwrap(), &"2".parse().unwrap())
            );
            assert_eq!(told.headers()[CONTENT_TYPE], "application/grpc+proto");
            assert!(http_body::Body::is_end_stream(told.body()));
        }
    }

    #[test]
    fn only_grpc_is_grpc() {
        let of = |text: &'static str| {
            media_type(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))])).is_some()
        };
        assert!(of("application/grpc") && of("application/grpc+proto") && of("application/grpc-web+proto"));
        assert!(!of("application/json") && !of("application/grpcx") && !of("text/application/grpc"));
        assert!(media_type(&HeaderMap::new()).is_none());
    }
}
