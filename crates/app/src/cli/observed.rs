//! `claviger observed`

use clap::Args;

use super::{Ending, client::with_query, remote::Remote, table};
use crate::out;

#[derive(Args, Debug)]
pub(super) struct Observed {
    /// Of this api only
    #[arg(long, value_name = "NAME")]
    api: Option<String>,
    /// Of this key only
    #[arg(long = "key-id", value_name = "ID")]
    of_key: Option<String>,
    /// The last so many days, today included
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: u32,
    #[command(flatten)]
    remote: Remote,
}

impl Observed {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let days = self.days.to_string();
        let mut asked = vec![("days", &*days)];
        asked.extend(self.api.as_deref().map(|api| ("api", api)));
        asked.extend(self.of_key.as_deref().map(|id| ("key_id", id)));
        let found = self.remote.client()?.get(&with_query("/v1/observed", asked)).await?;
        if self.remote.json {
            out::json(&found)?;
        } else {
            let columns = ["code", "key_id", "count", "first_day", "last_day"];
            out::data(&table::columns(&found["items"], &columns))?;
        }
        Ok(Ending::Done)
    }
}
