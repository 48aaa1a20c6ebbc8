//! How much memory a server has, by what Linux tells of it.

use claviger_testkit::Server;

/// What it has now, in bytes.
pub(super) fn resident(server: &Server) -> u64 {
    told(server, "VmRSS:")
}

/// The most that it ever had at once, in bytes.
pub(super) fn peak(server: &Server) -> u64 {
    told(server, "VmHWM:")
}

fn told(server: &Server, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("Linux tells it");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("it is a number");
    kibibytes << 10
}
