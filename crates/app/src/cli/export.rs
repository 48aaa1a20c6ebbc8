//! `claviger export`

use clap::Args;

use super::{Ending, client::with_query, remote::Remote};
use crate::out;

/// Keys of one answer.
const PAGE: &str = "1000";

#[derive(Args, Debug)]
pub(super) struct Export {
    /// The api whose keys are wanted; may be left out where there is one only
    #[arg(long)]
    api: Option<String>,
    /// Revoked ones too
    #[arg(long)]
    include_revoked: bool,
    #[command(flatten)]
    remote: Remote,
}

impl Export {
    /// Writes page after page, so that little is held.
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let client = self.remote.client()?;
        let mut cursor: Option<String> = None;
        loop {
            let revoked = self.include_revoked.then_some("true");
            let query = [
                ("api", self.api.as_deref()),
                ("include_revoked", revoked),
                ("limit", Some(PAGE)),
                ("cursor", cursor.as_deref()),
            ];
            let query = query.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let page = client.get(&with_query("/v1/keys/export", query)).await?;
            let mut lines = String::new();
            for row in page["items"].as_array().into_iter().flatten() {
                lines.push_str(&row.to_string());
                lines.push('\n');
            }
            out::shown_once(&lines)?;
            cursor = page["next_cursor"].as_str().map(ToOwned::to_owned);
            if cursor.is_none() {
                return Ok(Ending::Done);
            }
        }
    }
}
