//! The apis a gateway serves, each with its upstreams, and which of them a request is for.

use std::{collections::HashMap, sync::Arc};

use claviger_judge::{Api, Host};
use claviger_model::{
    Environment,
    profile::{OriginError, Profile},
};

use crate::{InProcess, Upstream};

/// An api and where its allowed requests go.
#[derive(Clone, Debug)]
pub struct Backend {
    /// The api.
    pub api: Arc<Api>,
    /// Where requests with live keys go.
    pub live: Upstream,
    /// Where requests with test keys go.
    pub test: Upstream,
}

impl Backend {
    /// The upstreams that the profile names; `otherwise` where it names none.
    pub fn of_profile(api: Arc<Api>, otherwise: &Arc<dyn InProcess>) -> Result<Self, OriginError> {
        let live = upstream_of(api.profile(), Environment::Live, otherwise)?;
        let test = upstream_of(api.profile(), Environment::Test, otherwise)?;
        Ok(Self { api, live, test })
    }

    pub(crate) fn upstream(&self, environment: Environment) -> &Upstream {
        match environment {
            Environment::Live => &self.live,
            Environment::Test => &self.test,
        }
    }
}

fn upstream_of(
    profile: &Profile,
    environment: Environment,
    otherwise: &Arc<dyn InProcess>,
) -> Result<Upstream, OriginError> {
    match profile.upstream_for(environment) {
        Some(origin) => Ok(Upstream::Http(origin.parse()?)),
        None => Ok(Upstream::InProcess(Arc::clone(otherwise))),
    }
}

/// The apis a gateway serves.
#[derive(Debug)]
pub struct Backends {
    all: Vec<Backend>,
    by_host: HashMap<String, usize>,
}

/// Why a set of apis can't be served by one gateway.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendsError {
    /// No api at all.
    #[error("a gateway needs at least one api")]
    None,
    /// Two apis under one host.
    #[error("the apis \"{first}\" and \"{second}\" both claim the host {host}")]
    SameHost {
        /// The host.
        host: String,
        /// The api that has it.
        first: String,
        /// The api that wants it too.
        second: String,
    },
}

impl Backends {
    /// Serves these apis.
    pub fn new(all: Vec<Backend>) -> Result<Self, BackendsError> {
        if all.is_empty() {
            return Err(BackendsError::None);
        }
        let mut by_host = HashMap::new();
        for (place, backend) in all.iter().enumerate() {
            let profile = backend.api.profile();
            for rule in &profile.hosts {
                if let Some(earlier) = by_host.insert(rule.host.clone(), place) {
                    let first = all[earlier].api.profile().name.to_string();
                    return Err(BackendsError::SameHost {
                        host: rule.host.clone(),
                        first,
                        second: profile.name.to_string(),
                    });
                }
            }
        }
        Ok(Self { all, by_host })
    }

    /// The api that `host` belongs to; the only one, if there is only one.
    pub(crate) fn choose(&self, host: &Host) -> Option<&Backend> {
        self.only().or_else(|| Some(&self.all[*self.by_host.get(&host.name)?]))
    }

    /// The api, where there is one only.
    pub(crate) fn only(&self) -> Option<&Backend> {
        if let [only] = &*self.all { Some(only) } else { None }
    }
}
