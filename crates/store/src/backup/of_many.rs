//! What the event of an import says of each key, as events of their own.

use serde_json::{Map, Value, json};

use crate::AuditEvent;

/// The events to do again in place of this one, in their order. What an import made stays behind in its own.
pub(super) fn parts(mut event: AuditEvent) -> Vec<AuditEvent> {
    if event.action != "key.import" {
        return vec![event];
    }
    let told = event.detail.get_mut("changed").map(Value::take);
    let Some(Value::Array(changed)) = told else { return vec![event] };
    let mut parts = Vec::new();
    let mut is_all = ["created", "accounts"].iter().all(|made| is_empty(&event.detail[*made]));
    for key in changed {
        let Value::Object(mut key) = key else { continue };
        let Some(Value::String(subject)) = key.remove("key") else { continue };
        let mut part = |action: &str, detail: Value| {
            let (action, subject) = (action.to_owned(), Some(subject.clone()));
            parts.push(AuditEvent { action, subject, detail, ..event.clone() });
        };
        let restricted = ["scopes", "restrictions", "expires_at"];
        let restricted = restricted.iter().filter_map(|name| key.remove_entry(*name));
        let restricted: Map<_, _> = restricted.collect();
        if !restricted.is_empty() {
            part("key.restrict", Value::Object(restricted));
        }
        match key.remove("state").as_ref().and_then(Value::as_str) {
            Some("revoked") => part("key.revoke", json!({})),
            Some("disabled") => part("key.disable", json!({})),
            _ => {}
        }
        is_all &= key.is_empty();
    }
    if !is_all {
        parts.push(event);
    }
    parts
}

fn is_empty(list: &Value) -> bool {
    list.as_array().is_none_or(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use claviger_model::{EventId, Timestamp};

    use super::*;

    fn parts_of(detail: Value) -> Vec<(String, Option<String>, Value)> {
        let event = AuditEvent {
            number: 7,
            id: EventId::from_bytes([7; 16]),
            at: Timestamp::from_millis(7),
            actor: "operator:tests".to_owned(),
            action: "key.import".to_owned(),
            account: None,
            subject: None,
            request: None,
            detail,
            hash: [7; 32],
        };
        let told = |part: AuditEvent| (part.action, part.subject, part.detail);
        parts(event).into_iter().map(told).collect()
    }

    #[test]
    fn what_an_import_took_away_is_told_of_each_key_before_what_it_made() {
        let narrowed = json!({"scopes": ["a"], "expires_at": null});
        let told = parts_of(json!({
            "api": "default",
            "accounts": [],
            "created": ["key_3"],
            "changed": [
                {"key": "key_1", "scopes": ["a"], "expires_at": null, "state": "revoked"},
                {"key": "key_2", "state": "disabled", "name": "new"},
                {"state": "revoked"},
                "nonsense",
            ],
        }));
        let of = |action: &str, key: &str, detail| (action.to_owned(), Some(key.to_owned()), detail);
        let [restrict, revoke, disable, (action, None, _)] = &told[..] else { panic!("{told:?}") };
        assert_eq!(*restrict, of("key.restrict", "key_1", narrowed));
        assert_eq!(*revoke, of("key.revoke", "key_1", json!({})));
        assert_eq!(*disable, of("key.disable", "key_2", json!({})));
        assert_eq!(action, "key.import");
    }

    #[test]
    fn an_import_that_made_nothing_leaves_nothing_behind() {
        let revoked =
            json!({"accounts": [], "created": [], "changed": [{"key": "key_1", "state": "revoked"}]});
        assert!(matches!(&parts_of(revoked)[..], [(action, _, _)] if action == "key.revoke"));
        for described in [json!({"name": "new"}), json!({"rotated": true}), json!({"hash": true})] {
            let mut key = described;
            key["key"] = json!("key_1");
            let told = parts_of(json!({"accounts": [], "created": [], "changed": [key]}));
            assert!(matches!(&told[..], [(action, _, _)] if action == "key.import"), "{told:?}");
        }
        assert_eq!(parts_of(json!({})).len(), 1);
    }
}
