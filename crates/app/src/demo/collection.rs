//! The resources that the example products' documents speak of.

use serde_json::{Map, Value, json};

/// A kind of resource: a list, and items in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Collection {
    /// The list's path; an item's is one segment longer.
    pub(super) path: &'static str,
    /// The field that holds the items of a list.
    field: &'static str,
    /// What new ids begin with.
    id_prefix: &'static str,
    /// The items that are there from the beginning, as JSON.
    seed: &'static str,
}

const COLLECTIONS: [Collection; 7] = [
    Collection {
        path: "/api/v1/budgets",
        field: "budgets",
        id_prefix: "bud_",
        seed: r#"[
            {"id": "bud_1", "name": "Groceries", "currency": "EUR", "limit": 400, "spent": 215.3, "period": "month"},
            {"id": "bud_2", "name": "Cat food", "currency": "EUR", "limit": 60, "spent": 58.9, "period": "month"}
        ]"#,
    },
    Collection {
        path: "/v1/users",
        field: "data",
        id_prefix: "usr_",
        seed: r#"[
            {"id": "usr_123", "name": "Ada Lovelace", "email": "ada@example.com", "created_at": "2025-01-01T00:00:00Z"}
        ]"#,
    },
    Collection {
        path: "/v1/costs",
        field: "costs",
        id_prefix: "cost_",
        seed: r#"[
            {"id": "cost_1", "repository": "shop", "workflow": "test", "date": "2025-01-14", "minutes": 412, "usd": 3.3},
            {"id": "cost_2", "repository": "shop", "workflow": "release", "date": "2025-01-14", "minutes": 95, "usd": 0.76}
        ]"#,
    },
    Collection {
        path: "/v1/workflows",
        field: "workflows",
        id_prefix: "wf_",
        seed: r#"[
            {"id": "wf_1", "repository": "shop", "name": "test", "runs": 57, "last_run_at": "2025-01-15T10:30:00Z"},
            {"id": "wf_2", "repository": "shop", "name": "release", "runs": 4, "last_run_at": "2025-01-14T08:00:00Z"}
        ]"#,
    },
    Collection {
        path: "/v1/alerts",
        field: "alerts",
        id_prefix: "alert_",
        seed: r#"[{"id": "alert_1", "name": "Monthly budget", "threshold_usd": 100, "notify": "team@example.com"}]"#,
    },
    Collection {
        path: "/v1/webhooks",
        field: "webhooks",
        id_prefix: "wh_",
        seed: r#"[{"id": "wh_1", "url": "https://example.com/hooks/costs", "events": ["alert.fired"]}]"#,
    },
    Collection {
        path: "/companies",
        field: "results",
        id_prefix: "company-",
        seed: r#"[{
            "id": "8a210b68-6988-11ed-a1eb-0242ac120002", "name": "Toft Stores", "description": "Office supplies",
            "platform": "Xero", "created": "2025-01-01T00:00:00Z", "dataConnections": []
        }]"#,
    },
];

/// Which resource a path names.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) collection: &'static Collection,
    /// The item's id; the whole list where there is none.
    pub(super) item: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn of(path: &'a str) -> Option<Self> {
        COLLECTIONS.iter().find_map(|collection| match path.strip_prefix(collection.path)? {
            "" => Some(Self { collection, item: None }),
            rest => {
                let id = rest.strip_prefix('/').filter(|id| !id.is_empty() && !id.contains('/'))?;
                Some(Self { collection, item: Some(id) })
            }
        })
    }
}

impl Collection {
    pub(super) fn seed(&self) -> Vec<Value> {
        serde_json::from_str(self.seed).expect("the seeds are tested to be JSON")
    }

    pub(super) fn list(&self, items: Vec<Value>) -> Value {
        let mut list = json!({});
        list[self.field] = items.into();
        list
    }

    /// The item with this id. Every id is answered: one that isn't there looks like the first of the list.
    pub(super) fn item(&self, items: &[Value], id: &str) -> Value {
        let found = items.iter().find(|item| item["id"] == id).cloned();
        found.unwrap_or_else(|| {
            let mut item = self.seed().swap_remove(0);
            item["id"] = json!(id);
            item
        })
    }

    /// A new item with these fields.
    pub(super) fn new_item(&self, number: u64, fields: Option<&Map<String, Value>>) -> Value {
        let mut item = json!({"id": format!("{}{number}", self.id_prefix)});
        super::merge(&mut item, fields);
        item
    }
}

/// Puts `item` in the place of the one with this id, or at the end.
pub(super) fn replace(items: &mut Vec<Value>, id: &str, item: Value) {
    match items.iter_mut().find(|item| item["id"] == id) {
        Some(place) => *place = item,
        None => items.push(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_a_list_of_items_with_ids() {
        for collection in &COLLECTIONS {
            let seed = collection.seed();
            assert!(
                !seed.is_empty() && seed.iter().all(|item| item["id"].is_string()),
                "{}",
                collection.path
            );
        }
    }

    #[test]
    fn a_path_names_a_list_an_item_or_nothing() {
        assert_eq!(Place::of("/v1/users").unwrap().item, None);
        assert_eq!(Place::of("/v1/users/usr_1").unwrap().item, Some("usr_1"));
        for path in ["/v1/users/", "/v1/users/a/b", "/v1/usersx", "/v1", "/"] {
            assert!(Place::of(path).is_none(), "{path}");
        }
    }
}
