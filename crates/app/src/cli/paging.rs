//! Lists that are longer than one answer of the API.

use clap::Args;
use serde_json::{Value, json};

use super::client::{Client, with_query};
use crate::out;

/// Most items of one answer of the API.
const PAGE: usize = 100;

/// How much of a list to show.
#[derive(Args, Debug)]
pub(super) struct Paging {
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    /// Go on where an earlier list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

impl Paging {
    /// The list at `path`, as one page.
    pub(super) async fn fetch(
        &self,
        client: &Client,
        path: &str,
        query: &[(&'static str, &str)],
    ) -> anyhow::Result<Value> {
        let (mut items, mut cursor) = (Vec::new(), self.cursor.clone());
        while items.len() < self.limit {
            let limit = (self.limit - items.len()).min(PAGE).to_string();
            let mut asked = query.to_vec();
            asked.push(("limit", &limit));
            asked.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let mut page = client.get(&with_query(path, asked)).await?;
            if let Value::Array(found) = page["items"].take() {
                items.extend(found);
            }
            cursor = page["next_cursor"].as_str().map(ToOwned::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        Ok(json!({"items": items, "next_cursor": cursor}))
    }
}

/// Says how to go on, where a list goes on.
pub(super) fn note_more(list: &Value) {
    if let Some(cursor) = list["next_cursor"].as_str() {
        out::note(&format!("there are more: go on with --cursor {}", out::visible(cursor)));
    }
}
