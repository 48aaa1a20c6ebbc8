//! The ready file: where the listeners are, written once everything answers.

use std::{io, path::Path};

use serde::Serialize;

use super::{Listeners, listener::Listener, whole_file};

/// The listeners' addresses as URLs that can be used on this machine.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Addresses {
    pub(super) gateway: String,
    pub(super) portal: String,
    pub(super) control: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ext_authz: Option<String>,
    pid: u32,
}

impl Addresses {
    pub(super) fn of(listeners: &Listeners) -> Self {
        Self {
            gateway: listeners.gateway.url(),
            portal: listeners.portal.url(),
            control: listeners.control.url(),
            ext_authz: listeners.ext_authz.as_ref().map(Listener::url),
            pid: std::process::id(),
        }
    }
}

/// Writes the file in one step: who sees it sees all of it.
pub(super) fn write(path: &Path, addresses: &Addresses) -> io::Result<()> {
    whole_file::write_readable(path, &format!("{}\n", serde_json::json!(addresses)))
}
