//! Why a provider's word doesn't let anybody in, and what the visitor reads of it.

use http::StatusCode;

use crate::answer::Stop;

/// Most characters that are shown of a text from the provider.
const MAX_SHOWN: usize = 200;

/// Why nobody is signed in. What it carries is for whoever runs this, but for the words of [`Refused`](Self::Refused).
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The provider can't be asked, or its answer is none: nobody knows who the visitor is.
    #[error("the provider can't be asked: {0}")]
    Unavailable(String),
    /// The provider speaks, but what it says doesn't hold.
    #[error("the provider's word does not hold: {0}")]
    Untrusted(&'static str),
    /// The provider said no.
    #[error("the provider refused: {:?}", bounded(code))]
    Refused {
        /// Its code (RFC 6749 §4.1.2.1).
        code: String,
        /// Its explanation.
        description: String,
    },
    /// The answer doesn't belong to an attempt of this browser.
    #[error("the answer belongs to no attempt of this browser")]
    NotBegun,
}

impl Trouble {
    pub(super) fn unavailable(reason: impl std::fmt::Display) -> Self {
        Self::Unavailable(reason.to_string())
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        tracing::warn!(%trouble, "nobody is signed in by OpenID Connect");
        match trouble {
            Trouble::Unavailable(_) => unavailable(),
            Trouble::Untrusted(_) => Self::new(StatusCode::FORBIDDEN, "This sign-in can't be accepted").saying(
                "What the sign-in service answered doesn't hold. Start again; if it happens twice, ask for help.",
            ),
            Trouble::Refused { code, description } => refused(&code, &description),
            Trouble::NotBegun => Self::new(StatusCode::BAD_REQUEST, "This sign-in was not begun here").saying(
                "It took longer than ten minutes, was finished already, or was begun in another browser or at another \
                 address. Start again from the first page.",
            ),
        }
    }
}

fn unavailable() -> Stop {
    let stop = Stop::new(StatusCode::SERVICE_UNAVAILABLE, "Not possible right now")
        .saying("The sign-in service doesn't answer as it should. Try again in a minute.");
    Stop { retry_after: Some(60), ..stop }
}

fn refused(code: &str, description: &str) -> Stop {
    match code {
        "access_denied" => Stop::new(StatusCode::FORBIDDEN, "You are not signed in")
            .saying(with_words("The sign-in was cancelled, or you were not let in.", description)),
        "temporarily_unavailable" | "server_error" => unavailable(),
        "invalid_grant" => Stop::new(StatusCode::BAD_REQUEST, "This sign-in doesn't work any more")
            .saying("It took too long, or was finished already. Start again from the first page."),
        _ => Stop::new(StatusCode::FORBIDDEN, "The sign-in service refused")
            .saying(with_words(&format!("It said “{}”.", bounded(code)), description)),
    }
}

fn with_words(sentence: &str, description: &str) -> String {
    match bounded(description) {
        words if words.is_empty() => sentence.to_owned(),
        words => format!("{sentence} The service’s words: “{words}”"),
    }
}

/// A text from outside, in one line and not too long.
pub(super) fn bounded(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN + 1).collect();
    if plain.chars().count() <= MAX_SHOWN {
        return plain.trim().to_owned();
    }
    let cut: String = plain.chars().take(MAX_SHOWN).collect();
    format!("{}…", cut.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_provider_are_bounded() {
        assert_eq!(bounded(" a\nb\u{7} "), "ab");
        assert_eq!(bounded(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(bounded(&"ü".repeat(201)), format!("{}…", "ü".repeat(200)));
        let stop = refused("interaction_required", "");
        assert_eq!(stop.text, "It said “interaction_required”.");
    }
}
