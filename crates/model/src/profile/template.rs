//! Answer bodies with blanks: `${name}` is filled with a JSON value or, inside a JSON string, with escaped text.

use std::{fmt, str::FromStr};

/// A text with blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Blank(String),
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `${` without `}`
    #[error("\"${{\" without its \"}}\"")]
    Open,
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, from)) = rest.split_once("${") {
            let (name, after) = from.split_once('}').ok_or(TemplateError::Open)?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Blank(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }
}

impl Template {
    /// The names of its blanks.
    pub fn blanks(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Blank(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Fills the blanks `value` knows; the others stay blanks.
    #[must_use]
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Self {
        let mut pieces: Vec<Piece> = Vec::with_capacity(self.0.len());
        for piece in &self.0 {
            let filled = match piece {
                Piece::Blank(name) => value(name).map_or_else(|| piece.clone(), Piece::Text),
                Piece::Text(_) => piece.clone(),
            };
            match (pieces.last_mut(), filled) {
                (Some(Piece::Text(so_far)), Piece::Text(more)) => so_far.push_str(&more),
                (_, other) => pieces.push(other),
            }
        }
        Self(pieces)
    }

    /// The whole text, with `value` in each blank; blanks it doesn't know are left empty.
    pub fn render(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Blank(name) => text.push_str(&value(name).unwrap_or_default()),
            }
        }
        text
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(part) => f.write_str(part)?,
                Piece::Blank(name) => write!(f, "${{{name}}}")?,
            }
        }
        Ok(())
    }
}

/// `text` as it stands between the quotes of a JSON string.
pub(super) fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_filled_and_unknown_ones_stay() {
        let template: Template = r#"{"a":"${a}","b":"${b}"}"#.parse().unwrap();
        let half = template.fill(|name| (name == "a").then(|| json_escaped("say \"hi\"\n")));
        assert_eq!(half.to_string(), r#"{"a":"say \"hi\"\n","b":"${b}"}"#);
        assert_eq!(half.blanks().collect::<Vec<_>>(), ["b"]);
        assert_eq!(half.render(|_| Some("x".into())), r#"{"a":"say \"hi\"\n","b":"x"}"#);
        assert_eq!("${a".parse::<Template>(), Err(TemplateError::Open));
        assert_eq!("$5 {}".parse::<Template>().unwrap().render(|_| None), "$5 {}");
    }
}
