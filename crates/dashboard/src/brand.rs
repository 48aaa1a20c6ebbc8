//! A company's own colour and logo.

use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::{HeaderValue, Response, header};

use crate::{ApiPages, Body, answer::Stop, assets};

/// A logo and what it is.
#[derive(Clone, Debug)]
pub struct Logo {
    /// The file.
    pub bytes: Bytes,
    /// Its name, by which its kind is known: `.svg`, `.png`, `.webp` or `.jpg`.
    pub name: String,
}

/// How an api's pages look.
#[derive(Debug, Default)]
pub(crate) struct Brand {
    css: Option<Kept>,
    logo: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    path: String,
    media_type: &'static str,
    content: Bytes,
}

impl Brand {
    pub(crate) fn of(api: &ApiPages) -> Self {
        let stem = format!("/brand/{}", api.profile.name);
        let css = api.profile.dashboard.colour.as_deref().and_then(Colour::read).map(|colour| {
            let content = colour.css();
            let path = assets::named(&stem, content.as_bytes(), "css");
            Kept { path, media_type: "text/css; charset=utf-8", content: Bytes::from(content) }
        });
        let logo = api.logo.as_ref().and_then(|logo| {
            let (extension, media_type) = kind(&logo.name)?;
            let path = assets::named(&stem, &logo.bytes, extension);
            Some(Kept { path, media_type, content: logo.bytes.clone() })
        });
        Self { css, logo }
    }

    pub(crate) fn css_path(&self) -> Option<String> {
        self.css.as_ref().map(|css| css.path.clone())
    }

    pub(crate) fn logo_path(&self) -> Option<String> {
        self.logo.as_ref().map(|logo| logo.path.clone())
    }

    fn find(&self, path: &str) -> Option<&Kept> {
        [&self.css, &self.logo].into_iter().flatten().find(|kept| kept.path == path)
    }
}

/// The colour or logo at `path`.
pub(crate) fn serve<'a>(brands: impl IntoIterator<Item = &'a Brand>, path: &str) -> Response<Body> {
    let Some(kept) = brands.into_iter().find_map(|brand| brand.find(path)) else {
        return Stop::not_found().into_response();
    };
    let mut response = assets::kept(kept.media_type, kept.content.clone());
    // Opened by itself, a drawing must not run as a page of ours.
    let alone = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
    );
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, alone);
    response
}

/// The kinds of pictures that are served, by the end of their name.
fn kind(name: &str) -> Option<(&'static str, &'static str)> {
    match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "svg" => Some(("svg", "image/svg+xml")),
        "png" => Some(("png", "image/png")),
        "webp" => Some(("webp", "image/webp")),
        "jpg" | "jpeg" => Some(("jpg", "image/jpeg")),
        _ => None,
    }
}

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Colour([u8; 3]);

impl Colour {
    fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// Black or white, whichever reads better on it: one of them always has a contrast of 4.5 and more.
    fn text_on_it(self) -> &'static str {
        let luminance = self.luminance();
        if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 { "#ffffff" } else { "#000000" }
    }

    fn css(self) -> String {
        let [red, green, blue] = self.0;
        format!(":root{{--accent:#{red:02x}{green:02x}{blue:02x};--on-accent:{}}}\n", self.text_on_it())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_on_any_colour_can_be_read() {
        for (colour, text) in
            [("#000000", "#ffffff"), ("#ffffff", "#000000"), ("#ffd400", "#000000"), ("#1f4fd8", "#ffffff")]
        {
            let colour = Colour::read(colour).unwrap();
            assert_eq!(colour.text_on_it(), text);
        }
    }

    #[test]
    fn only_pictures_are_logos() {
        assert_eq!(kind("logo.SVG").map(|kind| kind.1), Some("image/svg+xml"));
        assert_eq!(kind("logo.html"), None);
        assert_eq!(kind("logo"), None);
    }
}
