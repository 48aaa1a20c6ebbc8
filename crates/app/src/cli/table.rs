//! JSON objects as text for people: one as lines of fields, many as aligned columns.

use std::{fmt::Write as _, io};

use serde_json::Value;

use crate::out::{self, visible};

/// Prints an answer of the API: all of it as JSON, or `of_interest` as fields.
pub(super) fn show(as_json: bool, answer: &Value, of_interest: &Value) -> io::Result<()> {
    if as_json { out::json(answer) } else { out::data(&fields(of_interest)) }
}

/// [`show`] of what has a secret: that nobody reads it is a failure.
pub(super) fn show_once(as_json: bool, answer: &Value, of_interest: &Value) -> io::Result<()> {
    out::shown_once(&if as_json { format!("{answer}\n") } else { fields(of_interest) })
}

/// Columns of these fields, under their names in capitals.
pub(super) fn columns(items: &Value, fields: &[&str]) -> String {
    let head = fields.iter().map(|field| field.to_uppercase().replace('_', " ")).collect::<Vec<_>>();
    let rows = items.as_array().into_iter().flatten();
    let rows = rows.map(|item| fields.iter().map(|field| cell(&item[*field])).collect::<Vec<_>>());
    let lines: Vec<_> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..fields.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let padded: Vec<_> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// The fields of an object, a line each; what is `null` or empty is left out.
pub(super) fn fields(object: &Value) -> String {
    let shown: Vec<_> =
        object.as_object().into_iter().flatten().filter(|(_, value)| !is_empty(value)).collect();
    let width = shown.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        writeln!(text, "{name:<width$}  {value}").expect("a String takes everything");
    };
    for (name, value) in shown {
        match value {
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for item in items {
                    line(name, &inline(item));
                }
            }
            Value::Object(_) => line(name, &inline(value)),
            _ => line(name, &cell(value)),
        }
    }
    text
}

fn inline(object: &Value) -> String {
    let fields = object.as_object().into_iter().flatten().filter(|(_, value)| !is_empty(value));
    fields.map(|(name, value)| format!("{}={}", visible(name), cell(value))).collect::<Vec<_>>().join(" ")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_empty),
        _ => false,
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => visible(text),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        Value::Object(_) => format!("({})", inline(value)),
        other => visible(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_aligned() {
        let items = json!([{"id": "a", "last_used_at": null}, {"id": "längere", "last_used_at": "now"}]);
        assert_eq!(
            columns(&items, &["id", "last_used_at"]),
            "ID       LAST USED AT\na        -\nlängere  now\n"
        );
        assert_eq!(columns(&json!([]), &["id"]), "ID\n");
    }

    #[test]
    fn an_object_is_shown_without_what_it_lacks() {
        let object = json!({
            "id": "key_1", "name": "a\u{1b}[2J", "expires_at": null, "scopes": [], "unused": false,
            "restrictions": {"networks": ["10.0.0.0/8", "::1"], "referrers": null},
            "secrets": [{"number": 2, "ends_at": null}, {"number": 1, "ends_at": "soon"}],
        });
        assert_eq!(
            fields(&object),
            "id            key_1\nname          a\\u{1b}[2J\nscopes        none\nunused        no\n\
             restrictions  networks=10.0.0.0/8,::1\nsecrets       number=2\nsecrets       number=1 ends_at=soon\n"
        );
    }
}
