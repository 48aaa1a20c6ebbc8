//! Where the management API is, and by which operator key it is asked.

use std::{env, fs, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::{client::Client, wrong_usage};

const OPERATOR_KEY: &str = "CLAVIGER_OPERATOR_KEY";

/// Flags of every command that asks the management API.
#[derive(Args, Debug)]
pub(super) struct Remote {
    /// The control listener
    #[arg(
        long,
        value_name = "URL",
        env = "CLAVIGER_URL",
        default_value = "http://127.0.0.1:8082",
        global = true
    )]
    url: String,
    /// A file with the authorities that may have made an `https://` listener's certificate, PEM; otherwise those that
    /// browsers trust
    #[arg(long, value_name = "FILE", env = "CLAVIGER_CA_FILE", global = true)]
    ca_file: Option<PathBuf>,
    /// A file with the operator key; otherwise it is taken from `CLAVIGER_OPERATOR_KEY`
    #[arg(long, value_name = "FILE", env = "CLAVIGER_OPERATOR_KEY_FILE", global = true)]
    operator_key_file: Option<PathBuf>,
    /// Print one JSON value with the field names of the API
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Remote {
    /// A client for the listener. The key is never a flag: other users of the machine can read those.
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        let key = match &self.operator_key_file {
            Some(path) => {
                let read = fs::read_to_string(path);
                read.with_context(|| format!("the operator key file {} can't be read", path.display()))?
            }
            None => env::var(OPERATOR_KEY).unwrap_or_default(),
        };
        if key.trim().is_empty() {
            return Err(wrong_usage(format!(
                "no operator key: set {OPERATOR_KEY}, or name a file with --operator-key-file; \
                 `claviger init` and the first start of `claviger serve` make one"
            )));
        }
        Client::new(&self.url, Some(key.trim()), self.ca_file.as_deref())
    }
}
