//! An api, ready to judge requests and to answer them.

use std::{fmt, net::IpAddr, sync::Arc};

use bytes::Bytes;
use claviger_layer::only_referrer;
use claviger_model::{Environment, RequestId, Slot, profile::Profile};
use claviger_verify::{Decision, Indeterminate, Permit, Verifier};
use http::{HeaderMap, Response, StatusCode, request::Parts};
use http_body_util::Full;

use crate::{
    Asked, Host, NoPermit, Pass, UnsendableHeader, Witness, answers::Answers, attempt, credential, limits,
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
    /// The address that the request came from, if it is known.
    pub address: Option<IpAddr>,
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

    /// What the api answers where there is no permit.
    pub fn refuse(&self, no_permit: &NoPermit, request: RequestId) -> Response<Full<Bytes>> {
        let mut response = self.answer(no_permit.slot(), request);
        if let Some(exceeded) = no_permit.exceeded() {
            response.headers_mut().extend(limits::fields_of_refusal(&self.profile.limits.headers, exceeded));
        }
        response
    }

    /// The fields by which the answer to an allowed request tells where its key stands; none where it has no limits.
    /// They take the place of fields of the same name.
    pub fn limit_fields(&self, permit: Option<&Permit>) -> HeaderMap {
        let told = |standings| limits::fields(&self.profile.limits.headers, standings);
        permit.and_then(Permit::standings).map(told).unwrap_or_default()
    }

    /// What a request asks, and from where: for [`may_go_on`](Self::may_go_on).
    pub fn asked(&self, head: &Parts, caller: Caller<'_>) -> Asked {
        Asked::new(head, self.environment_at(caller.host), caller.address)
    }

    /// The only environment whose keys are taken there.
    fn environment_at(&self, host: &Host) -> Option<Environment> {
        self.profile.host_rule(&host.name).and_then(|rule| rule.environment)
    }

    /// Finds the credential of a request and judges it. A [`Witness`] among its extensions is told.
    pub async fn judge(
        &self,
        verifier: &Verifier,
        head: &Parts,
        caller: Caller<'_>,
        request: RequestId,
    ) -> Result<Pass, NoPermit> {
        let profile = &*self.profile;
        let environment = self.environment_at(caller.host);
        let referrer = only_referrer(&head.headers);
        let attempt = attempt::of(&head.method, &head.uri, referrer, environment, caller.address);
        let found = credential::find(&head.headers, &profile.credentials);
        let presented = found.as_deref().map_err(Clone::clone);
        let decided = verifier.verify(profile, presented, &attempt, request).await;
        if let Some(witness) = head.extensions.get::<Witness>() {
            witness.see(&profile.name, &decided);
        }
        match decided {
            Ok(Decision::Allow(permit)) => Ok(Pass::Permitted(permit)),
            Ok(Decision::Observe(objection)) => Ok(Pass::Observed(objection)),
            Ok(Decision::Deny(denial)) => Err(denial.into()),
            Err(indeterminate) => Err(indeterminate.into()),
        }
    }

    /// Whether a request that was let in and hasn't ended would be let in now: nothing is counted. While that can't be
    /// known it may go on, until the lease is over that it was found good under.
    pub fn may_go_on(&self, verifier: &Verifier, pass: &Pass, asked: &Asked) -> Result<(), NoPermit> {
        let Pass::Permitted(permit) = pass else { return Ok(()) };
        match verifier.still_holds(&self.profile, permit, &asked.attempt()) {
            Ok(Ok(()))
            | Err(
                Indeterminate::NotReady
                | Indeterminate::Clock
                | Indeterminate::QuotaUnknown
                | Indeterminate::FirstUse,
            ) => Ok(()),
            Ok(Err(denial)) => Err(denial.into()),
            Err(Indeterminate::LeaseLost) => Err(Slot::Unavailable.into()),
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Api").field(&self.profile.name).finish()
    }
}
