//! What whoever answers proxies has at hand: the apis, who may ask about them, and the one way to judge what is asked.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use claviger_judge::{Api, Caller, Host, Pass};
use claviger_model::{Clock, Entropy, RequestId, restriction::Networks};
use claviger_verify::Verifier;
use http::request::Parts;

use crate::refusal::Refusal;

/// Answers for these apis, and `callers` alone: whoever may ask is believed what a request is and who sent it.
pub struct Desk {
    /// The apis.
    pub apis: Vec<Arc<Api>>,
    /// The networks of the proxies that may ask.
    pub callers: Networks,
    /// Decisions.
    pub verifier: Arc<Verifier>,
    /// The engine's clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for the ids of requests.
    pub entropy: Arc<dyn Entropy>,
}

/// Somebody asks who may not.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this address may not ask: name it in `forward_auth_callers`")]
pub(crate) struct MayNotAsk;

impl Desk {
    pub(crate) fn admit(&self, peer: SocketAddr) -> Result<(), MayNotAsk> {
        if self.callers.contain(peer.ip()) { Ok(()) } else { Err(MayNotAsk) }
    }

    pub(crate) fn api(&self, name: &str) -> Option<&Arc<Api>> {
        self.apis.iter().find(|api| *api.profile().name == *name)
    }

    pub(crate) fn mint(&self) -> RequestId {
        RequestId::mint(self.clock.now(), &*self.entropy)
    }

    /// Judges the request that a proxy holds, whose head was checked and whose caller is at `address` if that is known.
    pub(crate) async fn judge(
        &self,
        api: &Api,
        head: &Parts,
        host: &Host,
        address: Option<IpAddr>,
        id: RequestId,
    ) -> Result<Pass, Refusal> {
        Ok(api.judge(&self.verifier, head, Caller { host, address }, id).await?)
    }
}
