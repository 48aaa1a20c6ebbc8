//! The stylesheet, the script and whatever else browsers keep: embedded, and named by their content.

use std::sync::LazyLock;

use axum::response::IntoResponse as _;
use bytes::Bytes;
use claviger_model::Digest;
use http::{HeaderValue, Response, header};

use crate::{Body, answer::Stop};

const STYLE: &[u8] = include_bytes!("../assets/style.css");
const SCRIPT: &[u8] = include_bytes!("../assets/main.js");
const ICON: &[u8] = include_bytes!("../assets/icon.svg");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| named("/assets/style", STYLE, "css"));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| named("/assets/main", SCRIPT, "js"));

static ICON_PATH: LazyLock<String> = LazyLock::new(|| named("/assets/icon", ICON, "svg"));

/// Where the picture for the browser's tab is.
pub(crate) fn icon() -> &'static str {
    &ICON_PATH
}

/// Where the stylesheet is.
pub(crate) fn style() -> &'static str {
    &STYLE_PATH
}

/// Where the script is.
pub(crate) fn script() -> &'static str {
    &SCRIPT_PATH
}

/// A path that changes with its content.
pub(crate) fn named(stem: &str, content: &[u8], extension: &str) -> String {
    format!("{stem}-{}.{extension}", &Digest::of(content).to_hex()[..12])
}

/// What is at `path`, for as long as anybody wants to keep it.
pub(crate) fn serve(path: &str) -> Response<Body> {
    match path {
        _ if path == style() => kept("text/css; charset=utf-8", Bytes::from_static(STYLE)),
        _ if path == script() => kept("text/javascript; charset=utf-8", Bytes::from_static(SCRIPT)),
        _ if path == icon() => kept("image/svg+xml", Bytes::from_static(ICON)),
        _ => Stop::not_found().into_response(),
    }
}

/// An answer that never changes.
pub(crate) fn kept(media_type: &'static str, content: Bytes) -> Response<Body> {
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(media_type)), (header::CACHE_CONTROL, FOR_EVER)];
    (headers, content).into_response()
}
