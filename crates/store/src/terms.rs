//! What many records have in common, made once for all of them.

use std::{collections::HashMap, sync::Arc};

use claviger_model::Policy;
use claviger_verify::feed::Terms;

/// The terms and names that were met so far.
#[derive(Default)]
pub(crate) struct Shared {
    terms: HashMap<Box<str>, Arc<Terms>>,
    apis: HashMap<Box<str>, Arc<str>>,
    /// Reused for every row, so that a known one costs no allocation.
    text: String,
}

impl Shared {
    /// The terms of these column texts, which are parsed the first time they are seen.
    pub(crate) fn terms(
        &mut self,
        scopes: &str,
        restrictions: &str,
        created_by: &str,
    ) -> serde_json::Result<Arc<Terms>> {
        self.text.clear();
        // JSON text holds no NUL, so where one of the three ends is never in doubt.
        for part in [scopes, "\0", restrictions, "\0", created_by] {
            self.text.push_str(part);
        }
        if let Some(known) = self.terms.get(self.text.as_str()) {
            return Ok(Arc::clone(known));
        }
        let scopes = serde_json::from_str(scopes)?;
        let restrictions = serde_json::from_str(restrictions)?;
        let policy = Policy { scopes, restrictions };
        let terms = Arc::new(Terms { policy, created_by: created_by.into() });
        self.terms.insert(self.text.as_str().into(), Arc::clone(&terms));
        Ok(terms)
    }

    /// The name of an api.
    pub(crate) fn api(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.apis.get(name) {
            return Arc::clone(known);
        }
        let api: Arc<str> = name.into();
        self.apis.insert(name.into(), Arc::clone(&api));
        api
    }
}
