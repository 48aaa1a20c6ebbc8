//! Wording and place of the page, as the company's documents describe it.

use serde::{Deserialize, Deserializer, de::Error as _};

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
    /// Origins that a session's way back may lead to, such as the company's own web app.
    #[serde(deserialize_with = "origins")]
    pub return_to: Vec<String>,
    /// Logo, as the name of a file beside the profile.
    #[serde(deserialize_with = "file_name")]
    pub logo: Option<String>,
    /// Accent colour, `#rrggbb`.
    #[serde(deserialize_with = "colour")]
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
            return_to: Vec::new(),
            logo: None,
            colour: None,
        }
    }
}

/// A name that stays in the profile's folder wherever it is used.
fn file_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let is_picture = |(_, extension)| ["svg", "png", "webp", "jpg", "jpeg"].contains(&extension);
    if !name.starts_with('.') && name.bytes().all(plain) && name.rsplit_once('.').is_some_and(is_picture) {
        Ok(Some(name))
    } else {
        let wanted =
            "logo: the name of an .svg, .png, .webp or .jpg beside the profile: letters, digits, - . _";
        Err(D::Error::custom(wanted))
    }
}

fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let origins = texts.iter().map(|text| super::origin(text));
    origins.collect::<Result<_, _>>().map_err(|error| D::Error::custom(format!("return_to: {error}")))
}

fn colour<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let colour = String::deserialize(deserializer)?;
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6);
    if digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit())) {
        Ok(Some(colour))
    } else {
        Err(D::Error::custom("colour: must be #rrggbb"))
    }
}
