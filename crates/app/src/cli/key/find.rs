//! `claviger key find`

use clap::Args;
use serde_json::json;

use super::stdin;
use crate::cli::{Ending, remote::Remote, table};

#[derive(Args, Debug)]
pub(in crate::cli) struct Find {
    #[command(flatten)]
    remote: Remote,
}

impl Find {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let client = self.remote.client()?;
        let key = client.post("/v1/keys/find", Some(&json!({"key": stdin::read_key()?}))).await?;
        table::show(self.remote.json, &key, &key)?;
        Ok(Ending::Done)
    }
}
