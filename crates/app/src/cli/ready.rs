//! `claviger ready`

use std::path::PathBuf;

use clap::Args;

use super::{Ending, client::Client};

#[derive(Args, Debug)]
pub(super) struct Ready {
    /// The control listener
    #[arg(long, value_name = "URL", env = "CLAVIGER_URL", default_value = "http://127.0.0.1:8082")]
    url: String,
    /// A file with the authorities that may have made an `https://` listener's certificate, PEM; otherwise those that
    /// browsers trust
    #[arg(long, value_name = "FILE", env = "CLAVIGER_CA_FILE")]
    ca_file: Option<PathBuf>,
}

impl Ready {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        Client::new(&self.url, None, self.ca_file.as_deref())?.ready().await?;
        Ok(Ending::Done)
    }
}
