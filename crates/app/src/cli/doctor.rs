//! `claviger doctor`: what an operator should know before relying on an installation. It changes nothing.

use std::{
    fmt::Write as _,
    path::{self, Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use anyhow::Error;
use clap::Args;
use claviger_model::{Clock as _, Timestamp, profile::Profile};
use claviger_store::{Examined, Finding, Health, PostgresOptions, examine_directory, examine_postgres};
use rustix::fs::statvfs;
use serde_json::{Value, json};

use super::{Ending, lease};
use crate::{
    config::{ServeFlags, Settings, TlsSettings},
    out,
    serve::{
        certificate, node,
        noted::{Noted, is_denied},
        pages, peppers, profiles,
    },
    system::SystemClock,
};

/// With less room than this a disk is soon full.
const ROOM_MIN: u64 = 1 << 30;

/// How long the system may take to say how its clock is.
const SYSTEM_ANSWERS: Duration = Duration::from_secs(3);

/// A certificate that lasts no longer should have been renewed.
const RENEWED_BEFORE: Duration = Duration::from_hours(14 * 24);

/// What to do about a file that whoever runs this can't read.
const AS_THE_SERVICE: &str = "Run this as the service's user. Where that one can't read it, have it own it.";

#[derive(Args, Debug)]
pub(super) struct Doctor {
    #[command(flatten)]
    flags: ServeFlags,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let findings = examine(self.flags).await;
        let worst = findings.iter().map(|finding| finding.health).max().unwrap_or(Health::Ok);
        if self.json {
            let all: Vec<_> = findings.iter().map(as_json).collect();
            out::json(&json!({"health": worst.as_str(), "findings": all}))?;
        } else {
            out::data(&told(&findings))?;
        }
        Ok(if worst == Health::Fail { Ending::No } else { Ending::Done })
    }
}

/// Looks at everything that `serve` with the same flags would rely on, as far as it gets.
async fn examine(flags: ServeFlags) -> Vec<Finding> {
    let settings = match Settings::gather(flags) {
        Ok(settings) => settings,
        Err(error) => return vec![Finding::fail("settings", &format!("{error:#}"))],
    };
    let mut findings = vec![Finding::ok("settings", "They can be read, and fit together.")];
    let (finding, profiles) = served(&settings);
    findings.push(finding);
    findings.extend(profiles.iter().filter_map(|profile| observing(profile)));
    findings.extend(dressed(&profiles, &settings.profiles));
    findings.extend(
        peppers::named(&profiles, &settings.profiles).map(|(profile, file)| peppered(profile, &file)),
    );
    let now = SystemClock::new().now();
    findings.extend(settings.tls.as_ref().map(|tls| certified(tls, now)));
    findings.extend(examine_directory(&settings.data, settings.database_url.is_none(), now));
    findings.extend(ntp().await);
    findings.extend(disk(&settings.data));
    findings.extend(shared(&settings).await.findings);
    findings.push(leases(&settings, &profiles));
    findings
}

/// The profiles, as far as they can be read.
fn served(settings: &Settings) -> (Finding, Vec<Arc<Profile>>) {
    const ABOUT: &str = "profiles";
    let read = profiles::load(settings, &mut Noted::default()).and_then(|(profiles, _)| {
        profiles.iter().try_for_each(|profile| profiles::prepare(Arc::clone(profile)).map(drop))?;
        Ok(profiles)
    });
    match read {
        Ok(profiles) => {
            let names: Vec<_> = profiles.iter().map(|profile| &*profile.name).collect();
            (Finding::ok(ABOUT, format!("Served are {}.", names.join(", "))), profiles)
        }
        Err(error) => (Finding::fail(ABOUT, &format!("{error:#}")), Vec::new()),
    }
}

/// What an api only observes.
fn observing(profile: &Profile) -> Option<Finding> {
    const ADVICE: &str = "Look at `claviger observed`, and take `mode = \"observe\"` out of the profile.";
    let found = format!("{} only observes {}.", profile.name, profile.observed()?);
    Some(Finding::warn("observe", found, ADVICE))
}

/// The files that profiles name for their pages; `None` where none does.
fn dressed(profiles: &[Arc<Profile>], files: &[PathBuf]) -> Option<Finding> {
    const ABOUT: &str = "pages";
    match pages::of(profiles, files, &mut Noted::default()) {
        Ok(read) if read.iter().all(|api| api.logo.is_none() && api.oidc_secret.is_none()) => None,
        Ok(_) => Some(Finding::ok(ABOUT, "The files that profiles name for their pages can be read.")),
        Err(error) => {
            let advice = is_denied(&error).then(|| AS_THE_SERVICE.to_owned());
            Some(Finding { advice, ..Finding::fail(ABOUT, &format!("{error:#}")) })
        }
    }
}

/// The pepper of another system's HMACs.
fn peppered(profile: &Profile, file: &Path) -> Finding {
    const ABOUT: &str = "pepper";
    let (name, shown) = (&profile.name, file.display());
    match peppers::look(file) {
        Err(error) => Finding::fail(ABOUT, &format!("{error:#}")),
        Ok(seen) if !seen.is_read => Finding {
            advice: Some(AS_THE_SERVICE.to_owned()),
            ..Finding::fail(ABOUT, &format!("The pepper of {name} can't be read by this user: {shown}"))
        },
        Ok(seen) if seen.is_open_to_others => {
            let found = format!("The pepper of {name} can be read by other users: {shown}.");
            Finding::warn(ABOUT, found, format!("`chmod 600 {shown}`"))
        }
        Ok(_) => Finding::ok(ABOUT, format!("The pepper of {name} can be read.")),
    }
}

/// The certificate by which listeners speak TLS.
fn certified(tls: &TlsSettings, now: Timestamp) -> Finding {
    const ABOUT: &str = "tls";
    const RENEW: &str = "Renew it. `claviger serve` takes files that changed by itself, and at SIGHUP.";
    let certified = match certificate::certified(tls, &mut Noted::default()) {
        Ok(certified) => certified,
        Err(error) => return Finding::fail(ABOUT, &format!("{:#}", Error::from(error))),
    };
    let Some(validity) = certificate::validity(&certified) else {
        return Finding::ok(ABOUT, "The certificate and its key fit together.");
    };
    let (from, until) = validity.into_inner();
    if until < now {
        Finding::warn(ABOUT, format!("The certificate expired at {until}: callers refuse it."), RENEW)
    } else if now < from {
        let found = format!("The certificate is valid from {from} on: callers refuse it until then.");
        Finding::warn(ABOUT, found, "Look at this machine's clock, or wait.")
    } else if until < now.plus(RENEWED_BEFORE) {
        Finding::warn(ABOUT, format!("The certificate expires at {until}."), RENEW)
    } else {
        Finding::ok(ABOUT, format!("The certificate is valid until {until}, and its key fits."))
    }
}

/// Whether this machine's clock is set by NTP, as the kernel says by way of systemd; `None` where neither is there to ask.
async fn ntp() -> Option<Finding> {
    const ABOUT: &str = "ntp";
    let asking = tokio::task::spawn_blocking(|| {
        Command::new("timedatectl").args(["show", "--property=NTPSynchronized", "--value"]).output()
    });
    let said = tokio::time::timeout(SYSTEM_ANSWERS, asking).await.ok()?.ok()?.ok()?;
    match said.stdout.trim_ascii() {
        b"yes" => Some(Finding::ok(ABOUT, "This machine's clock is set by NTP.")),
        b"no" => Some(Finding::warn(
            ABOUT,
            "This machine's clock is not set by NTP, or not yet.",
            "let systemd-timesyncd (`timedatectl set-ntp true`) or chrony set it: keys begin and end by it.",
        )),
        _ => None,
    }
}

/// The room on the disk that the data directory is on, or will be.
fn disk(data: &Path) -> Option<Finding> {
    const ABOUT: &str = "disk";
    let data = path::absolute(data).ok()?;
    let disk = data.ancestors().find_map(|place| statvfs(place).ok())?;
    let (free, all) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
    let free_mib = free >> 20;
    let found = format!("{free_mib} MiB of {} MiB are free for {}.", all >> 20, data.display());
    Some(if free < ROOM_MIN {
        let advice =
            "Make room. On a full disk nothing can be changed, revocations included; decisions go on.";
        Finding::warn(ABOUT, found, advice)
    } else if disk.f_files > 0 && disk.f_favail == 0 {
        let found = format!("No file can be made any more where {} is.", data.display());
        Finding::warn(ABOUT, found, "Remove files: the file system has no inode left.")
    } else {
        Finding::ok(ABOUT, found)
    })
}

/// The database that nodes share, where the settings name one.
async fn shared(settings: &Settings) -> Examined {
    let Some(url) = &settings.database_url else { return Examined::default() };
    let options = PostgresOptions {
        listen_url: settings.database_listen_url.as_ref().map(|url| url.expose().to_owned()),
        migrate: settings.migrate,
        ..PostgresOptions::new(url.expose())
    };
    examine_postgres(&options, &SystemClock::new()).await
}

/// What the lease is and what it means.
fn leases(settings: &Settings, profiles: &[Arc<Profile>]) -> Finding {
    let leases = node::leases(settings, profiles);
    let text = [vec![lease::sentences(&leases)], lease::stricter(&leases)].concat();
    Finding::ok("lease", text.join(" "))
}

fn as_json(finding: &Finding) -> Value {
    let Finding { about, health, found, advice } = finding;
    json!({"about": about, "health": health.as_str(), "found": found, "advice": advice})
}

fn told(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.about.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding { about, health, found, advice } in findings {
        let found = out::visible(found);
        writeln!(text, "{:<4}  {about:<width$}  {found}", health.as_str())
            .expect("a String takes everything");
        if let Some(advice) = advice {
            writeln!(text, "{:<4}  {:<width$}  What to do: {advice}", "", "")
                .expect("a String takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_and_so_is_what_to_do() {
        let findings = [Finding::ok("lease", "Long."), Finding::warn("clock", "Slow\u{1b}.", "wind it.")];
        let expected = "ok    lease  Long.\nwarn  clock  Slow\\u{1b}.\n             What to do: wind it.\n";
        assert_eq!(told(&findings), expected);
        assert_eq!(as_json(&findings[0])["advice"], Value::Null);
    }
}
