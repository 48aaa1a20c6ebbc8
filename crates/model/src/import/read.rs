//! Reading a row: a closed set of fields, each of one type.
//!
//! Whatever is wrong is told without the value: keys stand in wrong columns.

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{EarlierSecret, Row, RowRefusal, Secret};
use crate::{Digest, PlainKey, foreign::ForeignSecret};

/// The fields of a row.
pub const FIELDS: [&str; 21] = [
    "account",
    "account_name",
    "account_metadata",
    "account_state",
    "key",
    "digest",
    "hash",
    "lookup",
    "hint",
    "earlier_secrets",
    "name",
    "external_id",
    "metadata",
    "environment",
    "scopes",
    "restrictions",
    "state",
    "created_at",
    "expires_at",
    "revoked_at",
    "last_used_at",
];

/// The fields of an earlier secret.
const EARLIER_FIELDS: [&str; 8] =
    ["key", "digest", "hash", "lookup", "hint", "created_at", "ends_at", "last_used_at"];

/// Most earlier secrets of a row.
pub const EARLIER_MAX: usize = 100;
/// Longest id, in bytes.
const ID_MAX: usize = 255;
/// Longest name, in characters.
const NAME_MAX: usize = 200;
/// Most bytes of metadata as JSON.
const METADATA_MAX: usize = 16 << 10;
/// Longest hint, in characters: what it shows of a key must leave the rest unknown.
pub const HINT_MAX: usize = 24;

/// Both alphabets, padded or not: whoever wrote the other system chose one.
const FORGIVING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, FORGIVING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, FORGIVING);

/// What a column of text says for a field, where it says something: JSON for objects, `all` or names with spaces between
/// them for scopes, and the text itself for everything else.
pub fn value_of_text(field: &'static str, text: &str) -> Result<Option<Value>, RowRefusal> {
    if text.is_empty() {
        return Ok(None);
    }
    let value = match field {
        "account_metadata" | "metadata" | "restrictions" | "earlier_secrets" => json(field, text)?,
        "scopes" if text.starts_with('[') => json(field, text)?,
        "scopes" if text != "all" => text.split_ascii_whitespace().collect(),
        _ => Value::from(text),
    };
    Ok(Some(value))
}

fn json(field: &'static str, text: &str) -> Result<Value, RowRefusal> {
    serde_json::from_str(text).ok().ok_or_else(|| RowRefusal::malformed(field, "must be JSON"))
}

impl Row {
    /// Reads a row from its members; `null` says nothing.
    pub fn read(members: Map<String, Value>) -> Result<Self, RowRefusal> {
        let mut members = Members(members);
        let row = Self {
            account: members
                .id("account")?
                .ok_or_else(|| RowRefusal::malformed("account", "is missing: whose key is it?"))?,
            account_name: members.text("account_name", NAME_MAX)?,
            account_metadata: members.object("account_metadata")?,
            account_state: members.word("account_state", "must be active or suspended")?,
            secret: members.secret()?,
            hint: members.text("hint", HINT_MAX)?,
            earlier_secrets: members.earlier_secrets()?,
            name: members.text("name", NAME_MAX)?,
            external_id: members.id("external_id")?,
            metadata: members.object("metadata")?,
            environment: members.word("environment", "must be live or test")?,
            scopes: members.parsed("scopes")?,
            restrictions: members.restrictions()?,
            state: members.word("state", "must be active, disabled or revoked")?,
            created_at: members.parsed("created_at")?,
            expires_at: members.parsed("expires_at")?,
            revoked_at: members.parsed("revoked_at")?,
            last_used_at: members.parsed("last_used_at")?,
        };
        members.all_taken(&FIELDS)?;
        row.must_have_each_secret_once()?;
        Ok(row)
    }

    fn must_have_each_secret_once(&self) -> Result<(), RowRefusal> {
        let mut all: Vec<_> = self.earlier_secrets.iter().map(|earlier| earlier.secret.digest()).collect();
        if all.is_empty() {
            return Ok(());
        }
        all.push(self.secret.digest());
        all.sort_unstable();
        if all.windows(2).all(|pair| pair[0] != pair[1]) {
            return Ok(());
        }
        Err(RowRefusal::malformed("earlier_secrets", "has a secret twice, or the one that the key has now"))
    }
}

impl EarlierSecret {
    fn read(members: Map<String, Value>) -> Result<Self, RowRefusal> {
        let mut members = Members(members);
        let read = Self {
            secret: members.secret()?,
            hint: members.text("hint", HINT_MAX)?,
            created_at: members.parsed("created_at")?,
            ends_at: members
                .parsed("ends_at")?
                .ok_or_else(|| RowRefusal::malformed("ends_at", "is missing: until when does it work?"))?,
            last_used_at: members.parsed("last_used_at")?,
        };
        members.all_taken(&EARLIER_FIELDS)?;
        Ok(read)
    }
}

/// The members of a row that nobody has read yet.
struct Members(Map<String, Value>);

impl Members {
    fn take(&mut self, field: &'static str) -> Option<Value> {
        self.0.remove(field).filter(|value| !value.is_null())
    }

    /// Text that can be shown, at most so long.
    fn text(&mut self, field: &'static str, most: usize) -> Result<Option<String>, RowRefusal> {
        let text = match self.take(field) {
            None => return Ok(None),
            Some(Value::String(text)) => text,
            // Databases count their customers.
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(RowRefusal::malformed(field, "must be text")),
        };
        if text.trim().is_empty() || text.chars().count() > most || text.chars().any(char::is_control) {
            let detail = format!("must be text of 1 to {most} characters without control characters");
            return Err(RowRefusal::malformed(field, detail));
        }
        Ok(Some(text))
    }

    /// Somebody else's name for a thing.
    fn id(&mut self, field: &'static str) -> Result<Option<String>, RowRefusal> {
        let id = self.text(field, ID_MAX)?;
        if id.as_ref().is_some_and(|id| id.len() > ID_MAX) {
            return Err(RowRefusal::malformed(field, format!("must be at most {ID_MAX} bytes")));
        }
        Ok(id)
    }

    fn object(&mut self, field: &'static str) -> Result<Option<Value>, RowRefusal> {
        match self.take(field) {
            None => Ok(None),
            Some(value) if !value.is_object() => Err(RowRefusal::malformed(field, "must be a JSON object")),
            Some(value) if value.to_string().len() > METADATA_MAX => {
                Err(RowRefusal::malformed(field, format!("must be at most {METADATA_MAX} bytes as JSON")))
            }
            Some(value) => Ok(Some(value)),
        }
    }

    /// One of the words that a type is written as.
    fn word<T: DeserializeOwned>(
        &mut self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, RowRefusal> {
        let Some(value) = self.take(field) else { return Ok(None) };
        let read = serde_json::from_value(value).ok();
        read.map(Some).ok_or_else(|| RowRefusal::malformed(field, expected))
    }

    /// A type that says what is wrong with a text.
    fn parsed<T: DeserializeOwned>(&mut self, field: &'static str) -> Result<Option<T>, RowRefusal> {
        let Some(value) = self.take(field) else { return Ok(None) };
        serde_json::from_value(value)
            .map(Some)
            .map_err(|error| RowRefusal::malformed(field, without_values(&error.to_string())))
    }

    /// A list would be taken for the members in order.
    fn restrictions(&mut self) -> Result<Option<crate::Restrictions>, RowRefusal> {
        let field = "restrictions";
        if self.0.get(field).is_some_and(|value| !value.is_object() && !value.is_null()) {
            return Err(RowRefusal::malformed(field, "must be a JSON object"));
        }
        let restrictions: Option<crate::Restrictions> = self.parsed(field)?;
        if let Some(name) = restrictions.as_ref().and_then(crate::Restrictions::shared_limit_name) {
            return Err(RowRefusal::malformed(
                field,
                format!("\"{name}\" is the name of a rate and of a quota"),
            ));
        }
        Ok(restrictions)
    }

    fn earlier_secrets(&mut self) -> Result<Vec<EarlierSecret>, RowRefusal> {
        let all = match self.take("earlier_secrets") {
            None => return Ok(Vec::new()),
            Some(Value::Array(all)) if all.len() <= EARLIER_MAX => all,
            Some(_) => {
                let detail = format!("must be a list of at most {EARLIER_MAX} secrets");
                return Err(RowRefusal::malformed("earlier_secrets", detail));
            }
        };
        let read = |one| match one {
            Value::Object(members) => EarlierSecret::read(members),
            _ => Err(RowRefusal::malformed("row", "must be a JSON object")),
        };
        (1..).zip(all).map(|(place, one)| read(one).map_err(|why| why.of_earlier(place))).collect()
    }

    fn secret(&mut self) -> Result<Secret, RowRefusal> {
        let malformed = |detail: &str| Err(RowRefusal::malformed("row", detail));
        let lookup = self.text("lookup", ID_MAX)?;
        if lookup.is_some() && self.0.get("hash").is_none_or(Value::is_null) {
            return Err(RowRefusal::malformed("lookup", "finds a hash, and the row has none"));
        }
        match (self.take("key"), self.take("digest"), self.take("hash")) {
            (Some(Value::String(key)), None, None) if !key.is_empty() => {
                Ok(Secret::Plain(PlainKey::new(key)))
            }
            (None, Some(Value::String(digest)), None) => {
                sha_256(&digest).map(Secret::Digest).ok_or(RowRefusal::UnknownHash)
            }
            (None, None, Some(Value::String(hash))) => {
                let lookup = lookup.ok_or_else(|| {
                    RowRefusal::malformed("lookup", "is missing: by which first characters is the key found?")
                })?;
                let hash = hash.parse().map_err(RowRefusal::Hash)?;
                Ok(Secret::Foreign(ForeignSecret { lookup: lookup.into(), hash }))
            }
            (None, None, None) => malformed("has neither a key nor a digest nor a hash"),
            (Some(_), None, None) => Err(RowRefusal::malformed("key", "must be text")),
            (None, Some(_), None) => Err(RowRefusal::malformed("digest", "must be text")),
            (None, None, Some(_)) => Err(RowRefusal::malformed("hash", "must be text")),
            _ => malformed("has more than one of key, digest and hash: one of them says which key it is"),
        }
    }

    /// A name in lower case is repeated, so that a slip is found.
    fn all_taken(self, fields: &[&str]) -> Result<(), RowRefusal> {
        let Some(name) = self.0.keys().find(|name| !fields.contains(&name.as_str())) else { return Ok(()) };
        let plain = name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let which = if plain { format!("has \"{name}\", which") } else { "has a member that".to_owned() };
        Err(RowRefusal::malformed("row", format!("{which} is none of {}", fields.join(", "))))
    }
}

/// A digest in hexadecimal or in Base64 of either alphabet, with or without its name before it.
fn sha_256(text: &str) -> Option<Digest> {
    let text = text.strip_prefix("sha256:").unwrap_or(text);
    let bytes = match text.len() {
        64 => hex(text)?,
        43 | 44 => STANDARD.decode(text).or_else(|_other_alphabet| URL_SAFE.decode(text)).ok()?,
        _ => return None,
    };
    bytes.try_into().ok().map(Digest::from_bytes)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// What a type says is wrong, unless it repeats the value.
fn without_values(message: &str) -> String {
    let message = message.split_once(" at line ").map_or(message, |(message, _)| message);
    let repeats = message.starts_with("invalid ") || message.contains('`');
    if repeats { "isn't as the API has it".to_owned() } else { message.to_owned() }
}
