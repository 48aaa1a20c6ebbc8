//! `claviger key list`

use clap::Args;

use crate::{
    cli::{
        Ending,
        client::segment,
        paging::{Paging, note_more},
        remote::Remote,
        table,
    },
    out,
};

#[derive(Args, Debug)]
pub(in crate::cli) struct List {
    /// Only keys of this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only those due for rotation
    #[arg(long)]
    due: bool,
    /// Only those not used for as long as the profile says
    #[arg(long)]
    unused: bool,
    /// Only those whose hint begins so
    #[arg(long)]
    hint: Option<String>,
    /// Only those with this id of yours
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Revoked ones too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    remote: Remote,
}

impl List {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let path = match &self.account {
            Some(account) => format!("/v1/accounts/{}/keys", segment(account)?),
            None => "/v1/keys".to_owned(),
        };
        let asked = [("due_for_rotation", self.due), ("unused", self.unused), ("include_revoked", self.all)];
        let flags = asked.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| (name, "true"));
        let texts = [("hint", self.hint.as_deref()), ("external_id", self.external_id.as_deref())];
        let query: Vec<_> =
            flags.chain(texts.into_iter().filter_map(|(name, text)| Some((name, text?)))).collect();
        let keys = self.paging.fetch(&self.remote.client()?, &path, &query).await?;
        if self.remote.json {
            out::json(&keys)?;
        } else {
            let columns =
                ["id", "name", "hint", "environment", "state", "scopes", "created_at", "last_used_at"];
            out::data(&table::columns(&keys["items"], &columns))?;
            note_more(&keys);
        }
        Ok(Ending::Done)
    }
}
