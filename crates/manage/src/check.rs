//! Whether texts and times that callers choose can be taken.

use claviger_model::{Restrictions, Scopes, Timestamp, profile::Profile};

use crate::{Fault, Refusal};

const MAX_EXTERNAL_ID: usize = 255;
const MAX_METADATA_BYTES: usize = 16 << 10;
const MAX_ACCOUNT_NAME: usize = 200;

/// The faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(Fault::new(pointer, detail));
    }

    /// Nothing, or the refusal that lists them.
    pub(crate) fn settle(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.0)) }
    }

    pub(crate) fn external_id(&mut self, id: Option<&str>) {
        let fits = |id: &str| (1..=MAX_EXTERNAL_ID).contains(&id.len()) && !id.chars().any(char::is_control);
        if !id.is_none_or(fits) {
            self.add(
                "/external_id",
                format!("must be 1 to {MAX_EXTERNAL_ID} bytes without control characters"),
            );
        }
    }

    pub(crate) fn metadata(&mut self, metadata: &serde_json::Value) {
        if !metadata.is_object() {
            self.add("/metadata", "must be a JSON object");
        } else if metadata.to_string().len() > MAX_METADATA_BYTES {
            self.add("/metadata", format!("must be at most {MAX_METADATA_BYTES} bytes as JSON"));
        }
    }

    pub(crate) fn expiry(&mut self, expires_at: Option<Timestamp>, now: Timestamp) {
        if expires_at.is_some_and(|at| at <= now) {
            self.add("/expires_at", "must be in the future");
        }
    }

    /// What is told by name must have a name of its own.
    pub(crate) fn limits(&mut self, restrictions: &Restrictions) {
        if let Some(name) = restrictions.shared_limit_name() {
            self.add("/restrictions/quotas", format!("\"{name}\" is the name of a rate too"));
        }
    }

    pub(crate) fn scopes(&mut self, scopes: &Scopes, profile: &Profile) {
        let Scopes::Listed(scopes) = scopes else { return };
        for scope in scopes.iter().filter(|scope| !profile.scopes.iter().any(|(known, _)| known == *scope)) {
            let known = profile.scope_names();
            let known = if known.is_empty() { "this api has no scopes".to_owned() } else { known.join(", ") };
            self.add("/scopes", format!("\"{scope}\" is not a scope of this api ({known})"));
        }
    }

    pub(crate) fn account_name(&mut self, name: &str) {
        let fits = (1..=MAX_ACCOUNT_NAME).contains(&name.chars().count());
        if !fits || name.trim().is_empty() || name.chars().any(char::is_control) {
            self.add(
                "/name",
                format!("must be 1 to {MAX_ACCOUNT_NAME} characters without control characters"),
            );
        }
    }
}

/// A key's name, as its profile wants it.
pub(crate) fn key_name(name: Option<&str>, profile: &Profile) -> Result<(), Refusal> {
    let fault = |detail: &str| Err(Refusal::Invalid(vec![Fault::new("/name", detail)]));
    match name {
        None if profile.keys.name_required => fault("a key needs a name: say what it is for"),
        Some(name) if name.trim().is_empty() => fault("can't be empty"),
        Some(name) if name.chars().any(char::is_control) => fault("can't have control characters"),
        Some(name) if name.chars().count() > profile.keys.name_max => {
            Err(Refusal::NameTooLong { max: profile.keys.name_max })
        }
        None | Some(_) => Ok(()),
    }
}
