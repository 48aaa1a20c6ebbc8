//! The command line: what can be asked for, and who answers it.
//!
//! All but `serve`, `init`, `copy`, `backup`, `restore`, `doctor`, `migrate`, `profile`, `completions` and `man` speak HTTP
//! to the control listener and have no power of their own.

mod account;
mod application;
mod audit;
mod backup;
mod client;
mod completions;
mod copy;
mod doctor;
mod export;
mod import;
mod init;
mod key;
mod lease;
mod link;
mod man;
mod member;
mod migrate;
mod node;
mod observed;
mod operator;
mod paging;
mod profile;
mod ready;
mod receipt;
mod remote;
mod session;
mod table;
mod trust;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

use crate::{config::ServeFlags, out, serve};

/// The keeper of an API's keys
#[derive(Debug, Parser)]
#[command(name = "claviger", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway, the portal and the control listener
    Serve(Box<ServeFlags>),
    /// Make a data directory and the first operator key
    Init(init::Init),
    /// Move an installation to a database that nodes share, while its keys are in use
    Copy(copy::Copy),
    /// Write a backup of the embedded installation, which may be served meanwhile
    Backup(backup::Backup),
    /// Put a backup back into an empty data directory
    Restore(backup::Restore),
    /// Bring the database that nodes share up to this version
    Migrate(migrate::Migrate),
    /// Look at what `serve` with the same flags relies on, and say what to do; status 1 where something fails
    Doctor(Box<doctor::Doctor>),
    /// Ask a node whether it can decide; status 1 where it can't
    Ready(ready::Ready),
    /// The customers of an api
    #[command(subcommand)]
    Account(account::Command),
    /// Their keys
    #[command(subcommand)]
    Key(key::Command),
    /// Take keys over from another system, by their digests or as they are; what is here already is brought up to date
    Import(Box<import::Import>),
    /// Print all keys of an api with their digests, as JSON Lines that `import` takes
    Export(export::Export),
    /// The people who sign in for an account
    #[command(subcommand)]
    Member(member::Command),
    /// Their sign-in links, and the browsers that are signed in
    #[command(subcommand)]
    Session(session::Command),
    /// The keys of those who run Claviger
    #[command(subcommand)]
    Operator(operator::Command),
    /// The applications that ask for access by OAuth 2.0
    #[command(subcommand)]
    Client(application::Command),
    /// The nodes that share a database
    #[command(subcommand)]
    Node(node::Command),
    /// What would have been denied by what is only observed, by reason and key
    Observed(observed::Observed),
    /// What was changed, when and by whom
    #[command(subcommand)]
    Audit(audit::Command),
    /// The contracts of apis
    #[command(subcommand)]
    Profile(profile::Command),
    /// Print what a shell reads to complete commands and flags
    Completions(completions::Completions),
    /// Write the manual's pages
    Man(man::Pages),
}

/// A command that can't be carried out as it was written. Ends with status 2.
#[derive(Debug)]
struct WrongUsage(String);

impl std::fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

fn wrong_usage(what: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(WrongUsage(what.into()))
}

/// How a command that was carried out ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// As it was meant to.
    Done,
    /// With a no: the key is denied, the chain is broken, a profile has faults, something is found that fails.
    No,
}

/// Carries out what the command line asks for.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    match carry_out(cli.command) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::No) => ExitCode::from(1),
        Err(error) => {
            out::note(&format!("error: {}", out::visible_lines(&format!("{error:#}"))));
            ExitCode::from(if error.is::<WrongUsage>() { 2 } else { 1 })
        }
    }
}

fn carry_out(command: Command) -> anyhow::Result<Ending> {
    match command {
        Command::Serve(flags) => serve::run(*flags).map(|()| Ending::Done),
        Command::Init(init) => waiting(init.run()),
        Command::Copy(copy) => waiting(copy.run()),
        Command::Backup(backup) => backup.run(),
        Command::Restore(restore) => waiting(restore.run()),
        Command::Doctor(doctor) => waiting(doctor.run()),
        Command::Migrate(migrate) => waiting(migrate.run()),
        Command::Ready(ready) => waiting(ready.run()),
        Command::Account(command) => waiting(command.run()),
        Command::Key(command) => waiting(command.run()),
        Command::Import(import) => waiting_beside(import.run()),
        Command::Export(export) => waiting(export.run()),
        Command::Member(command) => waiting(command.run()),
        Command::Session(command) => waiting(command.run()),
        Command::Operator(command) => waiting(command.run()),
        Command::Client(command) => waiting(command.run()),
        Command::Node(command) => waiting(command.run()),
        Command::Observed(observed) => waiting(observed.run()),
        Command::Audit(command) => waiting(command.run()),
        Command::Profile(command) => command.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(pages) => pages.run(),
    }
}

/// Runs a command on this thread alone.
fn waiting(command: impl Future<Output = anyhow::Result<Ending>>) -> anyhow::Result<Ending> {
    Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// Runs a command whose calls go on, on a thread beside this one, while this one waits for input.
fn waiting_beside(command: impl Future<Output = anyhow::Result<Ending>>) -> anyhow::Result<Ending> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(command)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_flag_takes_a_secret() {
        fn flags(command: &clap::Command, found: &mut Vec<String>) {
            found.extend(command.get_arguments().map(|flag| flag.get_id().to_string()));
            command.get_subcommands().for_each(|below| flags(below, found));
        }
        let mut found = Vec::new();
        flags(&Cli::command(), &mut found);
        assert!(!found.iter().any(|flag| flag == "operator_key" || flag == "key"), "{found:?}");
    }
}
