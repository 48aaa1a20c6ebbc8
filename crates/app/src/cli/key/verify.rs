//! `claviger key verify`

use clap::Args;
use serde_json::{Value, json};

use super::stdin;
use crate::{
    cli::{Ending, remote::Remote, table},
    out,
};

#[derive(Args, Debug)]
pub(in crate::cli) struct Verify {
    /// The api asked; may be left out where there is one only
    #[arg(long)]
    api: Option<String>,
    /// The method of the request
    #[arg(long)]
    method: Option<String>,
    /// The path of the request, as sent
    #[arg(long)]
    path: Option<String>,
    /// The address the request came from
    #[arg(long)]
    address: Option<String>,
    /// The page the request came from
    #[arg(long, value_name = "URL")]
    referrer: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Verify {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let client = self.remote.client()?;
        let mut attempt = json!({"key": stdin::read_key()?});
        let context = [
            ("api", self.api),
            ("method", self.method),
            ("path", self.path),
            ("address", self.address),
            ("referrer", self.referrer),
        ];
        for (field, value) in context {
            if let Some(value) = value {
                attempt[field] = value.into();
            }
        }
        let verdict = client.post("/v1/keys/verify", Some(&attempt)).await?;
        let allowed = verdict["allowed"] == Value::Bool(true);
        if self.remote.json {
            out::json(&verdict)?;
        } else if allowed {
            let (permit, observed) = (table::fields(&verdict["permit"]), &verdict["observed"]);
            let only = if observed.is_null() { "" } else { ", because this is only observed" };
            out::data(&format!("allowed{only}\n{permit}{}", table::fields(observed)))?;
        } else {
            out::data(&format!("denied\n{}", table::fields(&verdict["denial"])))?;
        }
        Ok(if allowed { Ending::Done } else { Ending::No })
    }
}
