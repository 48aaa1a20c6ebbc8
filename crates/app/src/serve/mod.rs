//! `claviger serve`: everything wired together, from the first look at the settings to the last flush.

pub(crate) mod certificate;
mod control;
pub(crate) mod data;
mod engine;
mod figures;
mod first_start;
mod listener;
mod lookout;
pub(crate) mod master;
pub(crate) mod node;
pub(crate) mod noted;
mod own_keys;
pub(crate) mod pages;
pub(crate) mod peppers;
mod process;
pub(crate) mod profiles;
mod ready;
mod reload;
mod services;
pub(crate) mod signals;
#[cfg_attr(not(feature = "otel"), path = "untraced.rs")]
mod traces;
mod whole_file;

use std::sync::{Arc, atomic::AtomicBool};

use anyhow::Context as _;
use claviger_counters::{RedisAddress, RedisLimits};
use claviger_gateway::limits;
use claviger_manage::{Manager, ManagerParts, PeopleSettings};
use claviger_model::{Clock, Entropy, Timestamp, profile::Profile};
use claviger_verify::limits::SharedLimits;
use tokio::sync::watch::{self, Receiver};
use tokio_rustls::TlsAcceptor;

use self::{
    certificate::Shown,
    engine::Engine,
    figures::Figures,
    listener::{Listener, Rules, Serving},
    noted::Noted,
    profiles::Served,
    ready::Addresses,
    reload::Reload,
    services::{Base, ByTls, InForce, Services},
    signals::{HangUps, Signals},
    traces::Traces,
};
use crate::{
    config::{ListenerName, ServeFlags, Settings},
    demo::Demo,
    log,
    system::{FetchedEntropy, SystemClock, SystemEntropy},
};

/// The largest head of a request to the portal or the control listener, but for the questions of proxies.
const SMALL_HEAD: usize = 16 << 10;
/// How long what is left may take to end once everything is flushed, and taking leave before anything began.
const LAST_TASKS: std::time::Duration = std::time::Duration::from_secs(1);

/// Serves until asked to end.
pub(crate) fn run(flags: ServeFlags) -> anyhow::Result<()> {
    let mut settings = Settings::gather(flags)?;
    log::begin(settings.log, settings.log_format);
    process::hide_memory();
    let listeners = 3 + u64::from(settings.ext_authz.is_some());
    settings.connections = process::connections(settings.connections, listeners);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(settings));
    runtime.shutdown_timeout(LAST_TASKS);
    served
}

/// The listeners, bound and not answering yet.
struct Listeners {
    certificate: Option<Arc<Shown>>,
    gateway: Listener,
    portal: Listener,
    control: Listener,
    ext_authz: Option<Listener>,
}

impl Listeners {
    fn bind(settings: &Settings, now: Timestamp, noted: &mut Noted) -> anyhow::Result<Self> {
        let certificate = settings.tls.as_ref().map(|tls| Shown::of(tls, now, noted)).transpose()?;
        let offer = certificate.clone().map(certificate::offer).transpose()?;
        let tls = |listener| {
            let offer = offer.clone().filter(|_| settings.speaks_tls(listener));
            offer.map(TlsAcceptor::from)
        };
        let gateway = Listener::bind("gateway", settings.gateway, tls(ListenerName::Gateway))?;
        let portal = Listener::bind("portal", settings.portal, tls(ListenerName::Portal))?;
        let control = Listener::bind("control", settings.control, tls(ListenerName::Control))?;
        let ext_authz = match settings.ext_authz {
            Some(address) => Some(Listener::bind("ext-authz", address, tls(ListenerName::ExtAuthz))?),
            None => None,
        };
        Ok(Self { certificate, gateway, portal, control, ext_authz })
    }

    /// What is told of them in metrics.
    fn figures(&self, reload_failed: Arc<AtomicBool>, traces: Traces, started_at: Timestamp) -> Figures {
        let listeners = [&self.gateway, &self.portal, &self.control].into_iter().chain(&self.ext_authz);
        let listeners = listeners.map(Listener::counts).collect();
        Figures { listeners, certificate: self.certificate.clone(), reload_failed, traces, started_at }
    }

    fn serve(
        self,
        settings: &Settings,
        services: &InForce,
        traces: &Traces,
        stopped: &Receiver<bool>,
    ) -> Vec<Serving> {
        let callers = Rules::facing(settings, limits::HEAD_MAX, services.trusted());
        let people = Rules::facing(settings, SMALL_HEAD, services.trusted());
        // Proxies ask by the head of what they hold.
        let operators = Rules::inside(settings, limits::HEAD_MAX);
        let envoys = self.ext_authz.map(|listener| {
            let handler = traces.of(&listener, services.ext_authz());
            listener.serve(handler, &operators, stopped.clone())
        });
        let gateway = traces.of(&self.gateway, services.gateway());
        let portal = traces.of(&self.portal, services.portal());
        let control = traces.of(&self.control, services.control());
        let others = [
            self.gateway.serve(gateway, &callers, stopped.clone()),
            self.portal.serve(portal, &people, stopped.clone()),
            self.control.serve(control, &operators, stopped.clone()),
        ];
        others.into_iter().chain(envoys).collect()
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let (mut signals, hang_ups) = (Signals::listen()?, HangUps::listen()?);
    let mut noted = Noted::default();
    let served = Served::read(&settings, &mut noted)?;
    let profiles = &served.profiles;
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) =
        (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
    // Before the data directory: where a port is taken, nothing is made.
    let started_at = clock.now();
    let listeners = Listeners::bind(&settings, started_at, &mut noted)?;

    let opened = data::open(&settings.data, shared(&settings), &*clock).await?;
    let store = opened.store.clone();
    if let Err(error) = profiles::cover(profiles, &store).await {
        store.close().await;
        return Err(error);
    }
    let master = master::key(&settings, profiles, &store, &*entropy).await?;
    let card = node::card(&settings, profiles, served.digests.clone(), opened.place, &*clock, &*entropy);
    let limits = shared_limits(settings.redis.clone())?;
    let traces = Traces::begin(card.id)?;
    let (id, leases) = (card.id, card.leases.clone());
    let started = tokio::select! {
        started = Engine::start(store.clone(), Arc::clone(&clock), Arc::clone(&entropy), card, limits) => started.map(Some),
        () = signals.next() => Ok(None),
    };
    let mut engine = match started {
        Ok(Some(engine)) => engine,
        unstarted => {
            // Nobody is to wait for a node that never decided.
            let _ = tokio::time::timeout(LAST_TASKS, store.feed().leave(id)).await;
            store.close().await;
            return unstarted.map(drop);
        }
    };
    let (store, verifier) = (engine.store.clone(), Arc::clone(&engine.verifier));
    let manager = Manager::new(ManagerParts {
        store: store.clone(),
        verifier: Arc::clone(&verifier),
        apis: Arc::clone(&served.apis),
        master: master.as_ref(),
        people: people(&settings, &listeners, profiles),
        clock: Arc::clone(&clock),
        entropy: Arc::clone(&entropy),
    });
    verifier.compute_hashes_by(Arc::clone(&served.hashes) as _);
    engine.look_after_nodes(manager.clone(), settings.retention);
    let reload_failed = Arc::default();
    let base = Base {
        manager,
        verifier,
        public_origin: settings.public_url.clone(),
        by_tls: ByTls { gateway: listeners.gateway.speaks_tls(), portal: listeners.portal.speaks_tls() },
        forward_auth_callers: settings.forward_auth_callers.clone(),
        figures: Arc::new(listeners.figures(Arc::clone(&reload_failed), traces.clone(), started_at)),
        demo: Arc::new(Demo::default()),
        clock,
        entropy,
        ids: Arc::new(FetchedEntropy),
        store,
        leases,
        reload_failed,
        traces: traces.clone(),
    };
    let ended = answer(&settings, (served, noted), listeners, &base, &mut engine, (signals, hang_ups)).await;
    drop(base);
    traces.end().await;
    engine.stop().await;
    drop(opened);
    tracing::info!("ended");
    ended
}

/// The database that nodes share, where the settings name one.
fn shared(settings: &Settings) -> Option<data::Shared<'_>> {
    let listen_url = settings.database_listen_url.as_ref();
    settings.database_url.as_ref().map(|url| data::Shared { url, listen_url, migrate: settings.migrate })
}

/// What nodes share rates by, if they do.
fn shared_limits(redis: Option<RedisAddress>) -> anyhow::Result<Option<Arc<dyn SharedLimits>>> {
    let Some(address) = redis else { return Ok(None) };
    tracing::info!(redis = %address, "rates are shared by way of Redis");
    let limits = RedisLimits::at(address)?;
    limits.begin();
    Ok(Some(Arc::new(limits)))
}

/// Where links lead, and how long sessions last.
fn people(settings: &Settings, listeners: &Listeners, profiles: &[Arc<Profile>]) -> PeopleSettings {
    let public_url = settings.public_url.as_ref().filter(|_| !listeners.portal.speaks_tls());
    if let Some(url) = public_url.filter(|url| hides_addresses(url, profiles)) {
        tracing::warn!(
            public_url = %url,
            "whatever ends TLS before the portal is in no profile's `trusted_proxies`: everybody who signs in counts as one \
             address, and guessing by one of them slows all of them down"
        );
    }
    let portal = settings.public_url.clone().unwrap_or_else(|| listeners.portal.url());
    if settings.public_url.is_none() && !settings.portal.ip().is_loopback() {
        tracing::warn!(links = %portal, "the portal takes connections from elsewhere: set `public_url` to its https origin");
    }
    PeopleSettings { portal: portal.into(), idle: settings.session_idle, longest: settings.session_longest }
}

/// Whether TLS ends before the portal, at a proxy that no profile believes when it says who asks.
fn hides_addresses(public_url: &str, profiles: &[Arc<Profile>]) -> bool {
    public_url.starts_with("https://") && profiles.iter().all(|profile| profile.trusted_proxies.is_none())
}

/// Answers until a signal comes or the engine fails, and finishes what is asked until then.
async fn answer(
    settings: &Settings,
    (served, noted): (Served, Noted),
    listeners: Listeners,
    base: &Base,
    engine: &mut Engine,
    (mut signals, hang_ups): (Signals, HangUps),
) -> anyhow::Result<()> {
    first_start::greet(&base.manager, &settings.data, &listeners, &served.profiles).await?;
    let addresses = Addresses::of(&listeners);
    let (stop, stopped) = watch::channel(false);
    let in_force = InForce::begin(Services::of(base, &base.manager, served, None)?);
    let certificate = listeners.certificate.clone();
    let serving = listeners.serve(settings, &in_force, &base.traces, &stopped);
    tracing::info!(gateway = %addresses.gateway, portal = %addresses.portal, control = %addresses.control, "ready");
    if let Some(ext_authz) = &addresses.ext_authz {
        tracing::info!(%ext_authz, "Envoy may ask by gRPC");
    }
    if let Some(file) = &settings.ready_file {
        let written = ready::write(file, &addresses);
        written.with_context(|| format!("the ready file {} can't be written", file.display()))?;
    }
    if let Err(error) = ready::tell_service_manager() {
        tracing::warn!(%error, "the service manager named by NOTIFY_SOCKET can't be told that everything answers");
    }
    let reload = Reload { settings, base, in_force, certificate };
    let ended = tokio::select! {
        () = signals.next() => Ok(()),
        never = reload.go_on(hang_ups, noted) => match never {},
        failure = engine.failure() => Err(failure),
    };
    signals.end_at_next();
    tracing::info!("ending: open requests are finished first");
    stop.send_replace(true);
    Serving::drain(serving, settings.drain_timeout).await;
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_one_address_where_no_profile_trusts_what_ends_tls() {
        let text = include_str!("../../../../profiles/default.toml");
        let parse = |text: &str| Arc::new(Profile::parse("default.toml", text).unwrap());
        let (plain, trusting) = (parse(text), parse(&format!("trusted_proxies = [\"10.0.0.0/8\"]\n{text}")));
        for (url, profiles, expected) in [
            ("https://keys.example.com", vec![&plain], true),
            ("https://keys.example.com", vec![&plain, &trusting], false),
            ("http://127.0.0.1:8081", vec![&plain], false),
        ] {
            let profiles: Vec<_> = profiles.into_iter().cloned().collect();
            assert_eq!(hides_addresses(url, &profiles), expected, "{url} {}", profiles.len());
        }
    }
}
