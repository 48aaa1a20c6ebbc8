//! The stylesheet, the script and whatever else browsers keep: embedded, and named by their content.
//!
//! These are compressed, once. Pages aren't: they hold what binds forms to a browser beside text that others chose, and
//! the length of the two compressed together would tell about the first.

use std::{io::Write as _, sync::LazyLock};

use axum::response::IntoResponse as _;
use bytes::Bytes;
use claviger_model::Digest;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Response, header};

use crate::{Body, answer::Stop};

const STYLE: &[u8] = include_bytes!("../assets/style.css");
const SCRIPT: &[u8] = include_bytes!("../assets/main.js");
const ICON: &[u8] = include_bytes!("../assets/icon.svg");
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| named("/assets/style", STYLE, "css"));
static SCRIPT_PATH: LazyLock<String> = LazyLock::new(|| named("/assets/main", SCRIPT, "js"));
static ICON_PATH: LazyLock<String> = LazyLock::new(|| named("/assets/icon", ICON, "svg"));
static SMALL_STYLE: LazyLock<Bytes> = LazyLock::new(|| compressed(STYLE));
static SMALL_SCRIPT: LazyLock<Bytes> = LazyLock::new(|| compressed(SCRIPT));

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
pub(crate) fn serve(path: &str, asked: &HeaderMap) -> Response<Body> {
    match path {
        _ if path == style() => small("text/css; charset=utf-8", STYLE, &SMALL_STYLE, asked),
        _ if path == script() => small("text/javascript; charset=utf-8", SCRIPT, &SMALL_SCRIPT, asked),
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

/// The same, compressed for whoever takes it so (RFC 9110 §12.5.3).
fn small(
    media_type: &'static str,
    content: &'static [u8],
    compressed: &Bytes,
    asked: &HeaderMap,
) -> Response<Body> {
    let takes = asked.get_all(header::ACCEPT_ENCODING).iter().any(takes_gzip);
    let content = if takes { compressed.clone() } else { Bytes::from_static(content) };
    let mut response = kept(media_type, content);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if takes {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn takes_gzip(field: &HeaderValue) -> bool {
    let names = |coding: &str| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"))
            && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    };
    field.to_str().is_ok_and(|field| field.split(',').any(names))
}

fn compressed(content: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(content).and_then(|()| encoder.finish());
    written.expect("a vector takes everything").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (field, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate, gzip ; q=1", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("x-gzipped", false),
        ] {
            assert_eq!(takes_gzip(&HeaderValue::from_static(field)), takes, "{field}");
        }
    }

    #[test]
    fn what_every_page_loads_is_small() {
        assert!(SMALL_STYLE.len() + SMALL_SCRIPT.len() + ICON.len() < 12 << 10);
    }
}
