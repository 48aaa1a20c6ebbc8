//! That a request may pass: by a permit, or because its api only observes.

use claviger_model::Environment;
use claviger_verify::{Objection, Permit};

/// By what a request passes.
#[derive(Clone, Debug)]
pub enum Pass {
    /// It is allowed.
    Permitted(Permit),
    /// It isn't, and the api only observes: nothing is proved of who asks.
    Observed(Objection),
}

impl Pass {
    /// The permit, if there is one.
    pub const fn permit(&self) -> Option<&Permit> {
        match self {
            Self::Permitted(permit) => Some(permit),
            Self::Observed(_) => None,
        }
    }

    /// The code of what would have refused it, were everything enforced.
    pub fn observed(&self) -> Option<&'static str> {
        match self {
            Self::Permitted(permit) => permit.observed().map(|denial| denial.code().as_str()),
            Self::Observed(objection) => Some(objection.code()),
        }
    }

    /// The environment of its key, or live where there is no key that says otherwise.
    pub fn environment(&self) -> Environment {
        self.permit().map_or(Environment::Live, Permit::environment)
    }
}
