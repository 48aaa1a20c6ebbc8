//! Wording and place of the page, as the company's documents describe it.

use serde::Deserialize;

/// What the page says and where it stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dashboard {
    /// Where the page stands in the company's navigation, outermost first.
    pub place: Vec<String>,
    /// The button that begins a new key.
    pub create: String,
    /// The button that makes it.
    pub submit: String,
    /// What opens the choice of scopes, expiry and restrictions.
    pub advanced: String,
    /// The button that ends a key.
    pub revoke: String,
    /// Whether the list has a column with the ready-made authorization header.
    pub shows_header: bool,
    /// Logo, as the path of a file beside the profile.
    pub logo: Option<String>,
    /// Accent colour, `#rrggbb`.
    pub colour: Option<String>,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self {
            place: vec!["Settings".into(), "API keys".into()],
            create: "Create key".into(),
            submit: "Create".into(),
            advanced: "Advanced options".into(),
            revoke: "Revoke".into(),
            shows_header: false,
            logo: None,
            colour: None,
        }
    }
}
