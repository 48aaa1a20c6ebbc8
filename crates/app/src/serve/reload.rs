//! Reading files again while everything goes on: the profiles with the files they name, and the certificate.
//!
//! What can't be used is told, and changes nothing. The settings are not read again.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail};
use claviger_model::profile::Storage;
use rustls::sign::CertifiedKey;

use super::{
    certificate::{self, Shown},
    lookout::Lookout,
    node,
    noted::Noted,
    profiles::{self, Served},
    services::{Base, InForce, Services},
    signals::HangUps,
};
use crate::config::Settings;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After so many looks what can't be used is tried once more: what was in its way may not have been in the files.
const LOOKS_TO_RETRY: u32 = 60;

/// What reads again, and what it puts in force.
pub(super) struct Reload<'a> {
    pub(super) settings: &'a Settings,
    pub(super) base: &'a Base,
    pub(super) in_force: InForce,
    pub(super) certificate: Option<Arc<Shown>>,
}

/// What is in the files, and how they were.
struct Reading {
    served: anyhow::Result<Served>,
    /// Where TLS is spoken.
    certified: Option<Result<CertifiedKey, certificate::Unusable>>,
    noted: Noted,
}

impl Reading {
    fn of(settings: &Settings) -> Self {
        let mut noted = Noted::default();
        let certified = settings.tls.as_ref().map(|tls| certificate::certified(tls, &mut noted));
        Self { served: Served::read(settings, &mut noted), certified, noted }
    }
}

impl Reload<'_> {
    /// Reads everything again at every signal, and where the settings say so once files that were read as `noted` have
    /// changed and rest.
    pub(super) async fn go_on(&self, mut signals: HangUps, noted: Noted) -> Infallible {
        let (mut lookout, mut faults, mut looks) = (Lookout::of(noted), Vec::new(), 0);
        loop {
            let is_asked = tokio::select! {
                () = signals.next() => true,
                () = tokio::time::sleep(LOOK_EVERY), if self.settings.watch_files => false,
            };
            looks += 1;
            let is_retried = !faults.is_empty() && looks % LOOKS_TO_RETRY == 0;
            if !is_asked && !is_retried && !look(&mut lookout).await {
                continue;
            }
            let reading = self.read().await;
            let is_known = !is_asked && lookout.uses(&reading.noted);
            if is_asked {
                lookout = Lookout::of(reading.noted.clone());
            } else if !is_known && !lookout.takes(&reading.noted) {
                continue;
            }
            let found = self.put_in_force(reading, is_known).await;
            self.base.reload_failed.store(!found.is_empty(), Ordering::Relaxed);
            for fault in found.iter().filter(|fault| !is_known || !faults.contains(*fault)) {
                tracing::error!("{fault}");
            }
            faults = found;
        }
    }

    async fn read(&self) -> Reading {
        let settings = self.settings.clone();
        aside(move || Reading::of(&settings)).await
    }

    /// Has what can be used count from here on, and returns what is wrong with the rest. Where the files `are_known`, it
    /// isn't told that they were read.
    async fn put_in_force(&self, reading: Reading, are_known: bool) -> Vec<String> {
        let mut faults = Vec::new();
        if let (Some(certified), Some(shown), Some(tls)) =
            (reading.certified, &self.certificate, &self.settings.tls)
        {
            match certified {
                Ok(certified) => {
                    let is_another = shown.become_this(certified, tls, self.base.clock.now());
                    if is_another || !are_known {
                        tracing::info!(file = %tls.cert_file.display(), is_another, "the certificate was read again");
                    }
                }
                Err(error) => {
                    let error = anyhow::Error::from(error);
                    faults.push(format!(
                        "the certificate can't be used, and the one of before is shown: {error:#}"
                    ));
                }
            }
        }
        match self.take_profiles(reading.served).await {
            Ok(changed) if !changed.is_empty() => {
                tracing::info!(changed = changed.join(", "), "the profiles were read again");
            }
            Ok(_) if are_known => {}
            Ok(_) => tracing::info!("the profiles were read again: none has changed"),
            Err(error) => {
                faults.push(format!("the profiles can't be used, and those of before are served: {error:#}"));
            }
        }
        faults
    }

    /// Serves what was read, and returns the apis whose profiles changed.
    async fn take_profiles(&self, served: anyhow::Result<Served>) -> anyhow::Result<Vec<String>> {
        let served = served?;
        let before = self.in_force.now();
        if node::leases(self.settings, &served.profiles) != self.base.leases {
            bail!(
                "a profile's `lease` is another one, which the other nodes rely on: restart this node to change it"
            );
        }
        let sealing = served.profiles.iter().find(|profile| profile.keys.storage == Storage::Sealed);
        if let Some(sealing) = sealing.filter(|_| !self.base.manager.seals()) {
            bail!(
                "the profile {} seals its keys now, and no master key was read at the start: restart this node",
                sealing.name
            );
        }
        if before.digests.keys().any(|api| !served.digests.contains_key(api)) {
            profiles::cover(&served.profiles, &self.base.store).await?;
        }
        let changed = served.digests.iter().filter(|(api, digest)| before.digests.get(*api) != Some(digest));
        let changed = changed.map(|(api, _)| api.to_string()).collect();
        let manager = self.base.manager.serving(Arc::clone(&served.apis));
        let (digests, hashes) = (served.digests.clone(), Arc::clone(&served.hashes));
        let services = Services::of(self.base, &manager, served, Some(&before));
        self.base.verifier.compute_hashes_by(hashes);
        self.in_force.become_these(services.context("the profiles can't be served")?);
        manager.tells(digests);
        Ok(changed)
    }
}

/// Whether the files have changed and rest.
async fn look(lookout: &mut Lookout) -> bool {
    let files = lookout.files().clone();
    lookout.rest(aside(move || files.now()).await)
}

/// Where a file system that hangs holds up nothing else.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("reading files ends, and doesn't panic")
}
