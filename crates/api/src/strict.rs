//! JSON read strictly: what two parsers could read differently is refused.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_path_to_error::{Path, Segment};

/// Why a text is not the JSON that was wanted.
#[derive(Debug)]
pub(crate) enum JsonFault {
    /// Not JSON at all, or JSON with a member named twice.
    Malformed(String),
    /// JSON, but not of the wanted shape: a field unknown, missing or of another type.
    Unfit {
        /// The member that doesn't fit, as a JSON Pointer (RFC 6901).
        pointer: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// Reads one JSON object of a shape that names all its members, at every depth. Serde refuses what such a shape has twice, so
/// that a text that fits is read once; what doesn't is read again, to say why.
pub(crate) fn from_flat_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonFault> {
    match serde_json::from_slice(bytes) {
        Ok(read) if is_object(bytes) => Ok(read),
        _ => from_slice(bytes),
    }
}

/// Reads one JSON object of the wanted shape. Nesting is bounded at 128 by the parser.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, JsonFault> {
    only_once(bytes).map_err(|error| JsonFault::Malformed(error.to_string()))?;
    if !is_object(bytes) {
        return Err(JsonFault::Unfit { pointer: String::new(), detail: "must be an object".to_owned() });
    }
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut parser).map_err(|error| JsonFault::Unfit {
        pointer: pointer(error.path()),
        detail: without_place(&error.into_inner().to_string()).to_owned(),
    })
}

/// A list would be taken for an object's fields in the order they are declared in.
fn is_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

fn pointer(path: &Path) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Seq { index } => format!("/{index}"),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}

/// The pointer says where better than a line and a column do.
fn without_place(message: &str) -> &str {
    message.split_once(" at line ").map_or(message, |(message, _)| message)
}

/// Refuses a text that is not JSON, and one that has a member twice: which of the two counts differs by parser.
fn only_once(bytes: &[u8]) -> Result<(), serde_json::Error> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    Once.deserialize(&mut parser)?;
    parser.end()
}

#[derive(Clone, Copy)]
struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if seen.contains(&name) {
                return Err(de::Error::custom(format_args!("the member {name:?} is there twice")));
            }
            map.next_value_seed(self)?;
            seen.insert(name);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<serde_json::Value, JsonFault> {
        from_slice(text)
    }

    #[test]
    fn plain_json_is_read() {
        assert_eq!(read(br#"{"a":[1,-1,1.5,true,null,"x",{"a":{}}]}"#).unwrap()["a"][0], 1);
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        let deep = "[".repeat(10_000);
        for text in [
            "",
            "{",
            "{\"a\":1",
            "{\"a\":1,\"a\":2}",
            "{\"x\":{\"a\":1,\"\\u0061\":2}}",
            "{} {}",
            "NaN",
            "[1,]",
            "\u{feff}{}",
            "\"\\ud800\"",
            "\"\n\"",
            &deep,
        ] {
            assert!(matches!(read(text.as_bytes()), Err(JsonFault::Malformed(_))), "{text:.20}");
        }
        assert!(matches!(read(b"\"\xff\""), Err(JsonFault::Malformed(_))));
    }

    #[test]
    fn what_does_not_fit_is_pointed_at() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wanted {
            #[expect(dead_code, reason = "only its type is asked for")]
            lists: std::collections::HashMap<String, Vec<u8>>,
        }
        for (text, expected) in [
            (r#"{"lists":{"a/b":[1,"x"]}}"#, "/lists/a~1b/1"),
            (r#"{"lists":{},"more":1}"#, "/more"),
            ("{}", ""),
            ("[]", ""),
        ] {
            match from_slice::<Wanted>(text.as_bytes()) {
                Err(JsonFault::Unfit { pointer, detail }) => {
                    assert_eq!(pointer, expected, "{text}");
                    assert!(!detail.contains(" line "), "{detail}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
