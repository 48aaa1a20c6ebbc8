//! `claviger client`

use clap::{Args, Subcommand};
use claviger_model::oauth::{RedirectError, RedirectUri};
use serde_json::{Value, json};

use super::{
    Ending,
    client::segment,
    key::{duration, scopes},
    paging::{Paging, note_more},
    receipt::note_incomplete,
    remote::Remote,
    table, wrong_usage,
};
use crate::out;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register an application; its secret is printed this once
    Create(Create),
    /// List applications
    List(List),
    /// Show an application, never its secret
    Show(One),
    /// Change how an application is known, where members are sent back to, and what it may ask for
    Set(Box<Set>),
    /// Give an application a new secret; the old one works until the overlap ends
    Rotate(Rotate),
    /// End an application for good, with everything it was granted
    Revoke(One),
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Args, Debug)]
pub(super) struct Create {
    /// The name members read
    name: String,
    /// The api it is for; may be left out where there is one only
    #[arg(long)]
    api: Option<String>,
    /// Where members are sent back to; may be given several times
    #[arg(long = "redirect-uri", value_name = "URI", value_parser = redirect_uri)]
    redirect_uris: Vec<String>,
    /// It can't keep a secret, as in a browser or on somebody's device
    #[arg(long, conflicts_with_all = ["account", "introspects"])]
    public: bool,
    /// What it may ask for; may be given several times; everything where left out
    #[arg(long = "scope", alias = "scopes", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Nothing that needs a scope
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
    /// The account that it acts for by itself
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// It is known whose it is
    #[arg(long)]
    verified: bool,
    /// It may ask what tokens and keys of the api are
    #[arg(long)]
    introspects: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Only those for this api
    #[arg(long)]
    api: Option<String>,
    /// Revoked ones too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct One {
    /// The application's id
    id: String,
    #[command(flatten)]
    remote: Remote,
}

/// What is not named stays as it is; what is named replaces all of its kind.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Args, Debug)]
pub(super) struct Set {
    /// The application's id
    id: String,
    /// The name members read
    #[arg(long)]
    name: Option<String>,
    /// Where members are sent back to; may be given several times
    #[arg(long = "redirect-uri", value_name = "URI", value_parser = redirect_uri)]
    redirect_uris: Vec<String>,
    /// Nowhere: it acts for an account of its own, or introspects
    #[arg(long, conflicts_with = "redirect_uris")]
    no_redirect_uris: bool,
    /// What it may ask for; may be given several times; `all` for everything
    #[arg(long = "scope", alias = "scopes", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Nothing that needs a scope
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
    /// It is known whose it is
    #[arg(long)]
    verified: bool,
    /// It isn't known whose it is
    #[arg(long, conflicts_with = "verified")]
    not_verified: bool,
    /// It may ask what tokens and keys of the api are
    #[arg(long)]
    introspects: bool,
    /// It may not
    #[arg(long, conflicts_with = "introspects")]
    no_introspection: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Rotate {
    /// The application's id
    id: String,
    /// How long the old secret stays valid, such as 24h; 0 for a compromise; the profile says where left out
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    overlap: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

impl Command {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(list) => list.run().await,
            Self::Show(one) => one.show().await,
            Self::Set(set) => set.run().await,
            Self::Rotate(rotate) => rotate.run().await,
            Self::Revoke(one) => one.revoke().await,
        }
    }
}

/// An address as the API reads it.
fn redirect_uri(text: &str) -> Result<String, RedirectError> {
    RedirectUri::register(text).map(|uri| uri.as_str().to_owned())
}

fn path(id: &str) -> anyhow::Result<String> {
    Ok(format!("/v1/oauth-clients/{}", segment(id)?))
}

impl Create {
    async fn run(self) -> anyhow::Result<Ending> {
        let issued = self.remote.client()?.post("/v1/oauth-clients", Some(&self.order())).await?;
        show_issued(self.remote.json, &issued)
    }

    fn order(&self) -> Value {
        let mut order = json!({"name": self.name});
        for (field, value) in [("api", &self.api), ("account_id", &self.account)] {
            if let Some(value) = value {
                order[field] = json!(value);
            }
        }
        if self.public {
            order["kind"] = json!("public");
        }
        if !self.redirect_uris.is_empty() {
            order["redirect_uris"] = json!(self.redirect_uris);
        }
        if let Some(scopes) = scopes(&self.scopes, self.no_scopes) {
            order["scopes"] = scopes;
        }
        for (field, said) in [("verified", self.verified), ("introspects", self.introspects)] {
            if said {
                order[field] = json!(true);
            }
        }
        order
    }
}

impl List {
    async fn run(self) -> anyhow::Result<Ending> {
        let api = self.api.as_deref().map(|api| ("api", api));
        let all = self.all.then_some(("include_revoked", "true"));
        let query: Vec<_> = api.into_iter().chain(all).collect();
        let clients = self.paging.fetch(&self.remote.client()?, "/v1/oauth-clients", &query).await?;
        if self.remote.json {
            out::json(&clients)?;
        } else {
            let columns =
                ["id", "api", "name", "kind", "hint", "scopes", "verified", "created_at", "revoked_at"];
            out::data(&table::columns(&clients["items"], &columns))?;
            note_more(&clients);
        }
        Ok(Ending::Done)
    }
}

impl One {
    async fn show(self) -> anyhow::Result<Ending> {
        let shown = self.remote.client()?.get(&path(&self.id)?).await?;
        table::show(self.remote.json, &shown, &shown)?;
        Ok(Ending::Done)
    }

    async fn revoke(self) -> anyhow::Result<Ending> {
        let revoked = self.remote.client()?.post(&format!("{}/revoke", path(&self.id)?), None).await?;
        note_incomplete(&revoked["receipt"]);
        table::show(self.remote.json, &revoked, &revoked["client"])?;
        Ok(Ending::Done)
    }
}

impl Set {
    async fn run(self) -> anyhow::Result<Ending> {
        let patch = self.patch();
        if patch == json!({}) {
            return Err(wrong_usage(
                "nothing to change: name a name, a redirect URI, a scope, or whether it is verified or introspects",
            ));
        }
        let changed = self.remote.client()?.patch(&path(&self.id)?, &patch).await?;
        note_incomplete(&changed["receipt"]);
        table::show(self.remote.json, &changed, &changed["client"])?;
        Ok(Ending::Done)
    }

    fn patch(&self) -> Value {
        let mut patch = json!({});
        if let Some(name) = &self.name {
            patch["name"] = json!(name);
        }
        if self.no_redirect_uris || !self.redirect_uris.is_empty() {
            patch["redirect_uris"] = json!(self.redirect_uris);
        }
        if let Some(scopes) = scopes(&self.scopes, self.no_scopes) {
            patch["scopes"] = scopes;
        }
        for (field, yes, no) in [
            ("verified", self.verified, self.not_verified),
            ("introspects", self.introspects, self.no_introspection),
        ] {
            if yes || no {
                patch[field] = json!(yes);
            }
        }
        patch
    }
}

impl Rotate {
    async fn run(self) -> anyhow::Result<Ending> {
        let order = self.overlap.map_or_else(|| json!({}), |overlap| json!({"overlap": overlap}));
        let path = format!("{}/rotate", path(&self.id)?);
        let rotated = self.remote.client()?.post(&path, Some(&order)).await?;
        show_issued(self.remote.json, &rotated)
    }
}

/// An application with its secret, where it has one.
fn show_issued(as_json: bool, issued: &Value) -> anyhow::Result<Ending> {
    note_incomplete(&issued["receipt"]);
    let mut of_interest = issued.clone();
    of_interest["receipt"].take();
    table::show_once(as_json, issued, &of_interest)?;
    if issued["client_secret"].is_string() {
        out::note("Store the client secret now: it is shown this once.");
    }
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command as Asked};

    fn asked(words: &[&str]) -> Command {
        let line = ["claviger", "client"].iter().chain(words);
        match Cli::try_parse_from(line).unwrap().command {
            Asked::Client(command) => command,
            other => panic!("{other:?}"),
        }
    }

    fn order(flags: &[&str]) -> Value {
        match asked(&[&["create", "Acme"], flags].concat()) {
            Command::Create(create) => create.order(),
            other => panic!("{other:?}"),
        }
    }

    fn patch(flags: &[&str]) -> Value {
        match asked(&[&["set", "app_1"], flags].concat()) {
            Command::Set(set) => set.patch(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_no_flag_asks_for_is_left_to_the_api() {
        assert_eq!(order(&[]), json!({"name": "Acme"}));
        assert_eq!(
            order(&["--public", "--redirect-uri", "com.acme.app:/cb", "--no-scopes", "--verified"]),
            json!({"name": "Acme", "kind": "public", "redirect_uris": ["com.acme.app:/cb"], "scopes": [], "verified": true})
        );
        assert_eq!(
            order(&["--account", "acc_1", "--api", "a", "--introspects", "--scope", "x", "--scope", "y"]),
            json!({"name": "Acme", "api": "a", "account_id": "acc_1", "scopes": ["x", "y"], "introspects": true})
        );
    }

    #[test]
    fn what_is_not_named_stays() {
        assert_eq!(patch(&[]), json!({}));
        assert_eq!(patch(&["--not-verified", "--scope", "all"]), json!({"verified": false, "scopes": "all"}));
        assert_eq!(
            patch(&["--no-redirect-uris", "--introspects"]),
            json!({"redirect_uris": [], "introspects": true})
        );
    }

    #[test]
    fn what_contradicts_itself_is_wrong_usage() {
        for words in [
            &["create", "Acme", "--public", "--account", "acc_1"][..],
            &["create", "Acme", "--public", "--introspects"],
            &["create", "Acme", "--redirect-uri", "http://example.com/cb"],
            &["set", "app_1", "--verified", "--not-verified"],
            &["set", "app_1", "--introspects", "--no-introspection"],
            &["set", "app_1", "--no-redirect-uris", "--redirect-uri", "https://a.example/cb"],
        ] {
            let line = ["claviger", "client"].iter().chain(words);
            assert!(Cli::try_parse_from(line).is_err(), "{words:?}");
        }
    }
}
