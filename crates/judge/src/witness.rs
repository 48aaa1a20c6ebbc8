//! What was decided about a request, for whoever watches it from outside and has no part in it.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use claviger_verify::{Decision, Indeterminate};

/// Put into a request's extensions, it is told the decision.
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<OnceLock<Seen>>);

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The api's name.
    pub api: Arc<str>,
    /// As metrics spell it: `allowed`, the code of the denial, or that behind `observed_`; and where no decision could be
    /// reached, the reason.
    pub outcome: Cow<'static, str>,
}

impl Witness {
    /// What was decided, if anything was yet.
    pub fn seen(&self) -> Option<&Seen> {
        self.0.get()
    }

    pub(crate) fn see(&self, api: &Arc<str>, decided: &Result<Decision, Indeterminate>) {
        let observed = |code: &str| Cow::Owned(format!("observed_{code}"));
        let outcome = match decided {
            Ok(Decision::Allow(permit)) => match permit.observed() {
                Some(denial) => observed(denial.code().as_str()),
                None => "allowed".into(),
            },
            Ok(Decision::Observe(objection)) => observed(objection.code()),
            Ok(Decision::Deny(denial)) => denial.code().as_str().into(),
            Err(indeterminate) => indeterminate.as_str().into(),
        };
        self.0.get_or_init(|| Seen { api: Arc::clone(api), outcome });
    }
}
