//! The first start: an operator key, an account with a key to try and a curl line that works as it stands, and a link
//! that signs in to the portal.
//!
//! The secrets are shown once, on the terminal, or, where there is none, put into a file of mode 0600. They are
//! never logged. The operator key is shown before it counts; what there is to try is an addition, and no reason not
//! to start.

use std::{
    env,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use claviger_manage::{AccountOrder, By, IssueKey, Issued, IssuedLink, LinkOrder, Manager, Refusal};
use claviger_model::{
    AccountId, Email, PlainKey, Role,
    profile::{Carrier, Profile},
};

use super::{Listeners, whole_file};
use crate::{demo, out};

const FILE: &str = "first-start.txt";
const GREETING: &str = "\nThis is the first start. Store what follows: it is shown this once.\n\n";
const TOO_LATE: &str = "\nAnother node made the first operator key at the same moment: the one above opens nothing. Take the other.\n\n";
const KEY_NAME: &str = "First key";
const CONTROL_BY_DEFAULT: &str = "http://127.0.0.1:8082";

/// Whom the link signs in: whoever started the program, whose address is not known.
const FIRST_MEMBER: &str = "owner@localhost";

/// A key to try, and a way into the portal.
struct Trial {
    profile: Arc<Profile>,
    key: Issued,
    link: IssuedLink,
}

/// Where the secrets are shown: the terminal, or a file.
struct Screen {
    /// `None` is the terminal.
    file: Option<PathBuf>,
    shown: String,
}

impl Screen {
    fn of(data: &Path) -> Self {
        let file = (!io::stdout().is_terminal()).then(|| data.join(FILE));
        Self { file, shown: String::new() }
    }

    /// Adds to what is shown. When this returns, the text is printed, or the file is on disk with all of it.
    fn show(&mut self, text: &str) -> anyhow::Result<()> {
        let Some(file) = &self.file else {
            return out::shown_once(text).context("the terminal can't be written to");
        };
        self.shown.push_str(text);
        whole_file::write_private(file, &self.shown)
            .with_context(|| format!("{} can't be written", file.display()))
    }
}

/// Makes and shows what a first start makes. On an initialised database it does nothing.
pub(super) async fn greet(
    manager: &Manager,
    data: &Path,
    listeners: &Listeners,
    profiles: &[Arc<Profile>],
) -> anyhow::Result<()> {
    let mut screen = Screen::of(data);
    let mut export = String::new();
    let show = |key: &PlainKey| {
        export = format!("export CLAVIGER_OPERATOR_KEY={}", key.expose());
        screen.show(&format!("{GREETING}Operator key   {}\n", key.expose()))
    };
    if !manager.initialise(show).await.context("the first operator key can't be made")? {
        return if export.is_empty() { Ok(()) } else { screen.show(TOO_LATE) };
    }
    if let Some(file) = &screen.file {
        tracing::info!(file = %file.display(), "first start: what is shown this once is in this file");
    }
    let trial = match profiles {
        [only] => trial(manager, only).await.map(Some),
        _ => Ok(None),
    };
    let trial = trial.unwrap_or_else(|error| {
        tracing::warn!(%error, "first start: there is no account to try");
        None
    });
    let trial = trial.as_ref();
    let rest =
        [tried(trial, listeners), managed(trial.is_some(), &export, listeners), entered(trial)].concat();
    if let Err(error) = screen.show(&rest) {
        tracing::warn!("first start: what there is to try is not shown: {error:#}");
    }
    Ok(())
}

async fn trial(manager: &Manager, profile: &Arc<Profile>) -> Result<Trial, Refusal> {
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
        let order = IssueKey { name: Some(key_name(profile.keys.name_max)), ..IssueKey::default() };
        manager.issue_key(&by, created.account.id, order, None).await?
    };
    let link = sign_in_link(manager, &by, created.account.id).await?;
    Ok(Trial { profile: Arc::clone(profile), key, link })
}

async fn sign_in_link(manager: &Manager, by: &By, account: AccountId) -> Result<IssuedLink, Refusal> {
    let email: Email = FIRST_MEMBER.parse().expect("it is an address");
    let order = LinkOrder { account, email, role: Some(Role::Administrator), return_to: None };
    manager.sign_in_link(by, order).await
}

/// A name of at most `max` characters.
fn key_name(max: usize) -> String {
    let name = if max < KEY_NAME.len() { "key" } else { KEY_NAME };
    name.chars().take(max).collect()
}

fn tried(trial: Option<&Trial>, listeners: &Listeners) -> String {
    let Some(Trial { profile, key, link }) = trial else { return String::new() };
    let plain = key.plain.expose();
    let place = [&listeners.gateway.url(), demo::sample_path(profile)].concat();
    // The certificate is for the name that callers know, not for this machine's address.
    let program = if listeners.gateway.speaks_tls() { "curl --insecure" } else { "curl" };
    let curl = format!("{program} {} {place}", credential(profile, plain));
    let account = key.key.row.account;
    let link = link.url();
    format!(
        "Account        {account} (My first account)\nAPI key        {plain}\nSign-in link   {link}\n\n\
         Try it:\n\n    {curl}\n"
    )
}

fn managed(is_tried: bool, export: &str, listeners: &Listeners) -> String {
    let control = listeners.control.url();
    let elsewhere =
        if control == CONTROL_BY_DEFAULT { String::new() } else { format!(" CLAVIGER_URL={control}") };
    let manage = if is_tried { "key list" } else { "account create NAME --api API" };
    let program = program();
    format!("\nManage keys:\n\n    {export}{elsewhere}\n    {program} {manage}\n\n")
}

/// What the link is for, and where another one comes from.
fn entered(trial: Option<&Trial>) -> String {
    let Some(trial) = trial else { return String::new() };
    let (program, account) = (program(), trial.key.key.row.account);
    format!(
        "The sign-in link opens the portal as {FIRST_MEMBER}. It works once, within 15 minutes. Another \
         one:\n\n    {program} session link --account {account} --email {FIRST_MEMBER}\n\n"
    )
}

fn program() -> String {
    env::args().next().unwrap_or_else(|| "claviger".to_owned())
}

/// The arguments of curl that present the key as the profile wants it.
fn credential(profile: &Profile, plain: &str) -> String {
    match profile.credentials.carriers.first() {
        None | Some(Carrier::Bearer) => format!("-H \"Authorization: Bearer {plain}\""),
        Some(Carrier::Basic) => format!("-u {plain}:"),
        Some(Carrier::Scheme(name)) => format!("-H \"Authorization: {name} {plain}\""),
        Some(Carrier::Header(name)) => format!("-H \"{name}: {plain}\""),
    }
}
