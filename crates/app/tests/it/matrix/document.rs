//! The OpenAPI document describes the server that serves it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::operations::{ROWS, World};

#[test]
fn every_operation_has_its_row() {
    let world = World::start();
    let mut rows: Vec<_> = ROWS.iter().map(|row| row.operation.to_owned()).collect();
    rows.dedup();
    assert_eq!(world.operations(), rows);
    assert!(rows.contains(&"POST /v1/keys/verify".to_owned()));
}

#[test]
fn every_operation_of_the_document_is_served() {
    let world = World::start();
    for row in ROWS {
        let answer = world.call(row, Some(&world.operator));
        if row.needs_another_node() {
            assert_eq!(answer.status, 409, "{}: {}", row.name(), answer.text());
            continue;
        }
        assert!((200..300).contains(&answer.status), "{}: {}", row.name(), answer.text());
        let documented = &world.document()["paths"][row.operation.split_once(' ').expect("it has a path").1]
            [row.method().to_lowercase()]["responses"];
        assert!(
            documented.get(answer.status.to_string()).is_some(),
            "{} answers {}",
            row.name(),
            answer.status
        );
    }
}

#[test]
fn the_document_is_openapi_3_1_and_refers_to_what_it_has() {
    let world = World::start();
    let answer = world.operator.get("/v1/openapi.json").expect(200);
    assert_eq!(answer.header("content-type"), Some("application/vnd.oai.openapi+json;version=3.1"));
    let document = answer.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    assert_eq!(document["components"]["securitySchemes"]["operator_key"]["scheme"], "bearer");
    let mut ids = BTreeSet::new();
    walk(&document, &mut |name, value| match (name, value) {
        ("$ref", Value::String(place)) => {
            let pointer = place.strip_prefix('#').expect("the document is whole by itself");
            assert!(document.pointer(pointer).is_some(), "{place} is nowhere");
        }
        ("operationId", Value::String(id)) => assert!(ids.insert(id.clone()), "{id} is there twice"),
        _ => {}
    });
    assert_eq!(ids.len(), world.operations().len(), "every operation has an id");
}

/// Two schemas of one name would hide each other: the list of them with what they have is looked through.
#[test]
fn schemas_have_names_of_their_own() {
    let world = World::start();
    let document = world.document();
    let schemas = document["components"]["schemas"].as_object().expect("the document has schemas");
    let mut lines: Vec<_> =
        schemas.iter().map(|(name, schema)| format!("{name}: {}", shape(schema))).collect();
    lines.sort();
    insta::assert_snapshot!("schemas", lines.join("\n"));
}

fn shape(schema: &Value) -> String {
    let mut names = BTreeSet::new();
    walk(schema, &mut |name, value| {
        if name == "properties" {
            names.extend(value.as_object().into_iter().flat_map(|fields| fields.keys().cloned()));
        }
        if name == "enum" {
            names.extend(
                value.as_array().into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned),
            );
        }
    });
    names.into_iter().collect::<Vec<_>>().join(" ")
}

fn walk(value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                visit(name, member);
                walk(member, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

/// Whether the document promises the members that an answer has, and no others.
#[test]
fn answers_have_the_members_that_the_document_promises() {
    let world = World::start();
    let document = world.document();
    for row in ROWS {
        let answer = world.call(row, Some(&world.operator));
        let operation = &document["paths"][row.operation.split_once(' ').expect("it has a path").1]
            [row.method().to_lowercase()]["responses"][answer.status.to_string()];
        let schema = &operation["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue;
        }
        check(&document, schema, &answer.json(), &row.name());
    }
}

/// Whether `value` can be the alternative that a schema describes.
fn has_what_it_requires(document: &Value, schema: &Value, value: &Value) -> bool {
    let referred = schema["$ref"]
        .as_str()
        .map(|reference| document.pointer(&reference[1..]).expect("references were checked"));
    let mut required =
        referred.unwrap_or(schema)["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    required.all(|name| value.get(name).is_some())
}

/// Every member that is there is promised, and every member that is required is there.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    let (mut promised, mut required, mut open) = (Vec::new(), Vec::new(), false);
    let mut pending = vec![schema];
    while let Some(schema) = pending.pop() {
        if let Some(reference) = schema["$ref"].as_str() {
            pending.push(document.pointer(&reference[1..]).expect("references were checked"));
            continue;
        }
        pending.extend(schema["allOf"].as_array().into_iter().flatten());
        let alternatives = schema["oneOf"].as_array().into_iter().flatten();
        pending.extend(alternatives.filter(|alternative| has_what_it_requires(document, alternative, value)));
        if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
            for (number, item) in values.iter().enumerate() {
                check(document, items, item, &format!("{place}[{number}]"));
            }
        }
        match schema["properties"].as_object() {
            Some(properties) => promised.extend(properties.iter()),
            None => open |= schema["type"] == "object" || schema == &Value::Object(serde_json::Map::new()),
        }
        required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
    }
    let Some(members) = value.as_object() else { return };
    for (name, member) in members {
        let schema = promised.iter().find(|(known, _)| *known == name);
        assert!(open || schema.is_some(), "{place}: {name} is not promised");
        if let Some((_, schema)) = schema {
            check(document, schema, member, &format!("{place}.{name}"));
        }
    }
    for name in required {
        assert!(members.contains_key(name), "{place}: {name} is promised");
    }
}
