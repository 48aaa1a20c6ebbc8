//! `claviger member`

use clap::{Args, Subcommand};
use claviger_model::{Role, RoleError};
use serde_json::json;

use super::{
    Ending,
    client::segment,
    link,
    paging::{Paging, note_more},
    receipt::note_incomplete,
    remote::Remote,
    table,
};
use crate::out;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List an account's members
    List(List),
    /// Invite someone; the link by which they set a password is printed this once
    Invite(Invite),
    /// Give a member another role
    Role(ChangeRole),
    /// End a membership, and sign the member out
    Remove(One),
    /// Make a link by which a member sets a new password, once; it is printed this once
    PasswordLink(One),
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Of this account
    #[arg(long, value_name = "ID")]
    account: String,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Invite {
    /// The account they will be a member of
    #[arg(long, value_name = "ID")]
    account: String,
    /// Their address, by which they will sign in
    #[arg(long)]
    email: String,
    /// Their role: administrator, developer or viewer; developer where left out
    #[arg(long, value_parser = role)]
    role: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct ChangeRole {
    /// The member's id
    id: String,
    /// The role: administrator, developer or viewer
    #[arg(value_parser = role)]
    role: String,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct One {
    /// The member's id
    id: String,
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match self {
            Self::List(list) => list.run().await,
            Self::Invite(invite) => invite.run().await,
            Self::Role(change) => change.run().await,
            Self::Remove(one) => one.remove().await,
            Self::PasswordLink(one) => one.password_link().await,
        }
    }
}

/// A role as the API reads it.
pub(super) fn role(text: &str) -> Result<String, RoleError> {
    text.parse().map(|_: Role| text.to_owned())
}

impl List {
    async fn run(self) -> anyhow::Result<Ending> {
        let query = [("account_id", self.account.as_str())];
        let members = self.paging.fetch(&self.remote.client()?, "/v1/members", &query).await?;
        if self.remote.json {
            out::json(&members)?;
        } else {
            let columns = ["id", "email", "role", "has_password", "created_at"];
            out::data(&table::columns(&members["items"], &columns))?;
            note_more(&members);
        }
        Ok(Ending::Done)
    }
}

impl Invite {
    async fn run(self) -> anyhow::Result<Ending> {
        let mut order = json!({"account_id": self.account, "email": self.email});
        if let Some(role) = self.role {
            order["role"] = role.into();
        }
        let invited = self.remote.client()?.post("/v1/members", Some(&order)).await?;
        link::show(self.remote.json, &invited, "invitation_url")
    }
}

impl ChangeRole {
    async fn run(self) -> anyhow::Result<Ending> {
        let path = format!("/v1/members/{}", segment(&self.id)?);
        let member = self.remote.client()?.patch(&path, &json!({"role": self.role})).await?;
        table::show(self.remote.json, &member, &member)?;
        Ok(Ending::Done)
    }
}

impl One {
    async fn remove(self) -> anyhow::Result<Ending> {
        let path = format!("/v1/members/{}/remove", segment(&self.id)?);
        let removed = self.remote.client()?.post(&path, None).await?;
        table::show(self.remote.json, &removed, &removed["member"])?;
        note_incomplete(&removed["receipt"]);
        Ok(Ending::Done)
    }

    async fn password_link(self) -> anyhow::Result<Ending> {
        let path = format!("/v1/members/{}/password-link", segment(&self.id)?);
        let linked = self.remote.client()?.post(&path, None).await?;
        link::show(self.remote.json, &linked, "url")
    }
}
