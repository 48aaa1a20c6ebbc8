//! The first start: an operator key, an account with a key to try, and a curl line that works as it stands.
//!
//! The secrets are shown once, on the terminal, or, where there is none, put into a file of mode 0600. They are
//! never logged.

use std::{
    env,
    fmt::Write as _,
    io::{self, IsTerminal as _},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use claviger_manage::{AccountOrder, By, IssueKey, Issued, Manager};
use claviger_model::{
    PlainKey,
    profile::{Carrier, Profile},
};
use claviger_store::Store;

use super::{Listeners, whole_file};
use crate::{demo, out};

const FILE: &str = "first-start.txt";
const CONTROL_BY_DEFAULT: &str = "http://127.0.0.1:8082";

/// What the first start made.
struct Made {
    operator_key: PlainKey,
    trial: Option<Trial>,
}

/// A key to try.
struct Trial {
    profile: Arc<Profile>,
    key: Issued,
}

/// Makes and shows what a first start makes. On an initialised database it does nothing.
pub(super) async fn greet(
    manager: &Manager,
    store: &Store,
    data: &Path,
    listeners: &Listeners,
    profiles: &[Arc<Profile>],
) -> anyhow::Result<()> {
    if store.is_initialised().await? {
        return Ok(());
    }
    let made = manager.initialise().await.context("the first operator key can't be made")?;
    let Some(operator_key) = made else { return Ok(()) };
    let trial = match profiles {
        [only] => Some(trial(manager, only).await.context("the first account can't be made")?),
        _ => None,
    };
    let text = greeting(&Made { operator_key, trial }, &listeners.gateway.url(), &listeners.control.url());
    if io::stdout().is_terminal() {
        out::data(&text)?;
    } else {
        let file = data.join(FILE);
        whole_file::write_private(&file, &text)
            .with_context(|| format!("{} can't be written", file.display()))?;
        tracing::info!(file = %file.display(), "first start: the operator key and a first API key are in this file");
    }
    Ok(())
}

async fn trial(manager: &Manager, profile: &Arc<Profile>) -> anyhow::Result<Trial> {
    let by = By::system();
    let order = AccountOrder {
        api: Some(profile.name.to_string()),
        name: "My first account".to_owned(),
        external_id: None,
        metadata: None,
    };
    let created = manager.create_account(&by, order, None).await?;
    let key = if let Some(key) = created.first_key {
        key
    } else {
        let order = IssueKey { name: Some("First key".to_owned()), ..IssueKey::default() };
        manager.issue_key(&by, created.account.id, order, None).await?
    };
    Ok(Trial { profile: Arc::clone(profile), key })
}

fn greeting(made: &Made, gateway: &str, control: &str) -> String {
    let mut text = format!(
        "\nThis is the first start. Store what follows: it is shown this once.\n\n\
         Operator key   {}\n",
        made.operator_key.expose()
    );
    if let Some(Trial { profile, key }) = &made.trial {
        let plain = key.plain.expose();
        let curl = format!("curl {} {gateway}{}", credential(profile, plain), demo::sample_path(profile));
        let account = key.key.row.account;
        write!(
            text,
            "Account        {account} (My first account)\nAPI key        {plain}\n\nTry it:\n\n    {curl}\n"
        )
        .expect("a String takes everything");
    }
    let elsewhere =
        if control == CONTROL_BY_DEFAULT { String::new() } else { format!(" CLAVIGER_URL={control}") };
    let manage = if made.trial.is_some() { "key list" } else { "account create NAME --api API" };
    let program = env::args().next().unwrap_or_else(|| "claviger".to_owned());
    write!(
        text,
        "\nManage keys:\n\n    export CLAVIGER_OPERATOR_KEY={}{elsewhere}\n    {program} {manage}\n\n",
        made.operator_key.expose()
    )
    .expect("a String takes everything");
    text
}

/// The arguments of curl that present the key as the profile wants it.
fn credential(profile: &Profile, plain: &str) -> String {
    match profile.credentials.carriers.first() {
        None | Some(Carrier::Bearer) => format!("-H \"Authorization: Bearer {plain}\""),
        Some(Carrier::Basic) => format!("-u {plain}:"),
        Some(Carrier::Header(name)) => format!("-H \"{name}: {plain}\""),
    }
}
