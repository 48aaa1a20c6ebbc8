//! The decision for services in the process that holds the replica: what [`ClavigerLayer`] wraps them with.
//!
//! It puts a [`Permit`] into the request's extensions and never forwards anything; what
//! belongs to a proxy alone (hop-by-hop fields, `X-Forwarded-*`) is the gateway's.
//!
//! [`ClavigerLayer`]: claviger_layer::ClavigerLayer

use std::{fmt, sync::Arc};

use claviger_layer::{Allowed, Decide, Decision, Indeterminate, Peer};
use claviger_model::{Clock, Entropy, RequestId, Scope, Scopes, Slot};
use claviger_verify::{Permit, Verifier};
use http::request::Parts;

use crate::{Api, Caller, Host, NoPermit, Pass, address::caller_address, credential, request_id};

/// Judges by an api's profile, from the replica of this process.
pub struct InProcess {
    api: Arc<Api>,
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl InProcess {
    /// Judges by `api`'s profile.
    pub fn new(
        api: Arc<Api>,
        verifier: Arc<Verifier>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { api, verifier, clock, entropy }
    }

    /// Judges a request and makes its head what the service behind may see.
    async fn admit(&self, head: &mut Parts, id: RequestId) -> Result<Allowed<Permit>, NoPermit> {
        let host = Host::of(&head.uri, &head.headers).or(Err(Slot::BadRequest))?;
        let peer = head.extensions.get::<Peer>().map(|peer| peer.0);
        let address = caller_address(self.api.profile(), peer, &head.headers);
        let permit = match self.api.judge(&self.verifier, head, Caller { host: &host, address }, id).await? {
            Pass::Permitted(permit) => permit,
            // The service behind is promised a permit.
            Pass::Observed(objection) => return Err(objection.into()),
        };
        let credentials = &self.api.profile().credentials;
        if !credentials.forward {
            credential::withdraw(&mut head.headers, credentials);
        }
        request_id::set(&mut head.headers, id);
        let mut told = self.api.limit_fields(Some(&permit));
        request_id::set(&mut told, id);
        let scopes = match permit.scopes() {
            Scopes::All => claviger_layer::Scopes::all(),
            Scopes::Listed(scopes) => claviger_layer::Scopes::listed(scopes.iter().map(Scope::as_str)),
        };
        Ok(Allowed { permit, scopes, told })
    }
}

impl Decide for InProcess {
    type Permit = Permit;

    async fn decide(&self, head: &mut Parts) -> Result<Decision<Permit>, Indeterminate> {
        let id = RequestId::mint(self.clock.now(), &*self.entropy);
        match self.admit(head, id).await {
            Ok(allowed) => Ok(Decision::Allow(allowed)),
            Err(no_permit) => {
                let answer = self.api.refuse(&no_permit, id);
                match no_permit.slot() {
                    Slot::Unavailable => {
                        Err(Indeterminate::new("the replica can't decide now").in_the_words_of(answer))
                    }
                    _ => Ok(Decision::Deny(answer)),
                }
            }
        }
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InProcess").field(&self.api).finish()
    }
}
