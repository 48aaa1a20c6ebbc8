//! Reading files again while everything goes on: the profiles with the files they name, and the certificate.
//!
//! What can't be used is told, and changes nothing. The settings are not read again.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
};

use anyhow::{Context as _, bail};
use claviger_model::profile::Storage;

use super::{
    certificate::Shown,
    node,
    profiles::{self, Served},
    services::{Base, InForce, Services},
    signals::HangUps,
};
use crate::config::Settings;

/// What reads again, and what it puts in force.
pub(super) struct Reload<'a> {
    pub(super) settings: &'a Settings,
    pub(super) base: &'a Base,
    pub(super) in_force: InForce,
    pub(super) certificate: Option<Arc<Shown>>,
}

impl Reload<'_> {
    /// Reads everything again at every signal.
    pub(super) async fn at_each(&self, mut signals: HangUps) -> Infallible {
        loop {
            signals.next().await;
            let (certificate, profiles) = (self.certificate(), self.profiles().await);
            self.base.reload_failed.store(!(certificate && profiles), Ordering::Relaxed);
        }
    }

    /// Whether the certificate could be used, if there is one.
    fn certificate(&self) -> bool {
        let (Some(shown), Some(tls)) = (&self.certificate, &self.settings.tls) else { return true };
        match shown.read_again(tls, self.base.clock.now()) {
            Ok(is_another) => {
                tracing::info!(file = %tls.cert_file.display(), is_another, "the certificate was read again");
                true
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::error!("the certificate can't be used, and the one of before is shown: {error:#}");
                false
            }
        }
    }

    /// Whether the profiles could be used.
    async fn profiles(&self) -> bool {
        match self.take_profiles().await {
            Ok(changed) if changed.is_empty() => {
                tracing::info!("the profiles were read again: none has changed");
            }
            Ok(changed) => tracing::info!(changed = changed.join(", "), "the profiles were read again"),
            Err(error) => {
                tracing::error!("the profiles can't be used, and those of before are served: {error:#}");
                return false;
            }
        }
        true
    }

    /// Serves what is in the files now, and returns the apis whose profiles changed.
    async fn take_profiles(&self) -> anyhow::Result<Vec<String>> {
        let served = Served::read(self.settings)?;
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
