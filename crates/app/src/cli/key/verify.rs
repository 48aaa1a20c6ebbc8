//! `claviger key verify`

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{Ending, remote::Remote, table, wrong_usage},
    out,
};

/// More than any key; what is longer is cut and refused all the same.
const KEY_MAX: u64 = 64 << 10;

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
        let mut attempt = json!({"key": read_key()?});
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
            out::data(&format!("allowed\n{}", table::fields(&verdict["permit"])))?;
        } else {
            out::data(&format!("denied\n{}", table::fields(&verdict["denial"])))?;
        }
        Ok(if allowed { Ending::Done } else { Ending::No })
    }
}

/// The key on stdin: its first line at a terminal, otherwise all there is but a line break at its end.
fn read_key() -> anyhow::Result<String> {
    let stdin = io::stdin();
    let mut key = String::new();
    if stdin.is_terminal() {
        out::note("The key, then Enter:");
        stdin.lock().read_line(&mut key).context("the key can't be read")?;
    } else {
        stdin
            .lock()
            .take(KEY_MAX)
            .read_to_string(&mut key)
            .context("the key on stdin can't be read as text")?;
    }
    let key = key.strip_suffix('\n').map_or(&*key, |line| line.strip_suffix('\r').unwrap_or(line));
    if key.is_empty() {
        return Err(wrong_usage("no key on stdin: send it there, for example from a file with `< FILE`"));
    }
    Ok(key.to_owned())
}
