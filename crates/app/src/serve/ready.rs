//! Saying that everything answers: to systemd, and in the ready file with where the listeners are.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    path::Path,
    time::Duration,
};

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

/// How long the service manager may leave what it is told unread.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// Tells the service manager that started the process, if one waits for it (`Type=notify`, `sd_notify(3)`).
pub(super) fn tell_service_manager() -> io::Result<()> {
    env::var_os("NOTIFY_SOCKET").map_or(Ok(()), |socket| tell(&socket))
}

fn tell(socket: &OsStr) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let ours = UnixDatagram::unbound()?;
    ours.set_write_timeout(Some(TOLD_WITHIN))?;
    ours.send_to_addr(b"READY=1", &address).map(drop)
}
