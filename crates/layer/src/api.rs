//! An api, ready to judge requests and to answer them.

use std::{fmt, net::IpAddr, sync::Arc};

use bytes::Bytes;
use claviger_model::{RequestId, Slot, profile::Profile};
use claviger_verify::{Decision, Indeterminate, Permit, Verifier};
use http::{Response, StatusCode, request::Parts};
use http_body_util::Full;

use crate::{
    Host, UnsendableHeader, address::caller_address, answers::Answers, attempt::attempt_of, credential,
};

/// A profile with its answers made ready.
pub struct Api {
    profile: Arc<Profile>,
    answers: Answers,
}

/// Who asks, and where.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The host the request is for.
    pub host: &'a Host,
    /// The address of the connection's other end, if it has one.
    pub peer: Option<IpAddr>,
}

impl Api {
    /// Makes the profile's answers ready.
    pub fn new(profile: Arc<Profile>) -> Result<Self, UnsendableHeader> {
        let answers = Answers::prepare(&profile)?;
        Ok(Self { profile, answers })
    }

    /// The profile itself.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// What the api answers for one cause to the request `request`.
    pub fn answer(&self, slot: Slot, request: RequestId) -> Response<Full<Bytes>> {
        self.answers.render(slot, None, request)
    }

    /// The same where HTTP has a more exact status for the cause.
    pub fn answer_with(&self, slot: Slot, status: StatusCode, request: RequestId) -> Response<Full<Bytes>> {
        self.answers.render(slot, Some(status), request)
    }

    /// Finds the credential of a request and judges it: a permit, or the cause to answer for.
    pub fn judge(
        &self,
        verifier: &Verifier,
        head: &Parts,
        caller: Caller<'_>,
        request: RequestId,
    ) -> Result<Permit, Slot> {
        let profile = &*self.profile;
        let environment = profile.host_rule(&caller.host.name).and_then(|rule| rule.environment);
        let address = caller_address(profile, caller.peer, &head.headers);
        let attempt = attempt_of(head, environment, address);
        let found = credential::find(&head.headers, &profile.credentials);
        let presented = found.as_deref().map_err(Clone::clone);
        match verifier.verify(profile, presented, &attempt, request) {
            Ok(Decision::Allow(permit)) => Ok(permit),
            Ok(Decision::Deny(denial)) => Err(denial.slot()),
            Err(Indeterminate::NotReady | Indeterminate::LeaseLost | Indeterminate::Clock) => {
                Err(Slot::Unavailable)
            }
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Api").field(&self.profile.name).finish()
    }
}
