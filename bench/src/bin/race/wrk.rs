//! The one who asks: `wrk`, with requests made beforehand.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

const SCRIPT: &str = include_str!("wrk.lua");
/// Connections that are open at a time.
pub const CONNECTIONS: usize = 32;

/// Asks.
pub struct Wrk {
    directory: TempDir,
}

/// What came of it.
#[derive(Debug)]
pub struct Asked {
    pub requests: u64,
    pub bytes: u64,
    /// Answers of 400 and above.
    pub refused: u64,
    /// Connections that broke and answers that never came.
    pub broken: u64,
    /// Half of the answers took no longer than so many microseconds.
    pub p50: f64,
    /// All but one in a hundred.
    pub p99: f64,
}

impl Wrk {
    pub fn new() -> anyhow::Result<Self> {
        let directory = TempDir::new()?;
        fs::write(directory.path().join("wrk.lua"), SCRIPT)?;
        Ok(Self { directory })
    }

    /// Asks `address` for so many seconds, with the requests in the file `requests`.
    pub fn ask(&self, address: SocketAddr, requests: &Path, seconds: u32) -> anyhow::Result<Asked> {
        let done = Command::new("wrk")
            .args(["--threads=1", &format!("--connections={CONNECTIONS}"), &format!("--duration={seconds}s")])
            .arg("--script")
            .arg(self.directory.path().join("wrk.lua"))
            .arg(format!("http://{address}"))
            .arg("--")
            .arg(requests)
            .output()
            .context("wrk can't be started")?;
        let said = String::from_utf8_lossy(&done.stdout);
        let complaint = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "wrk failed: {said}{complaint}");
        read(&said).with_context(|| format!("wrk said: {said}{complaint}"))
    }
}

fn read(said: &str) -> Option<Asked> {
    let line = said.lines().find_map(|line| line.strip_prefix("race "))?;
    let mut numbers = line.split(' ').map_while(|number| number.parse::<u64>().ok());
    let mut next = || numbers.next();
    let (requests, bytes, refused, broken) = (next()?, next()?, next()?, next()?);
    let mut micros = || next().and_then(|micros| u32::try_from(micros).ok()).map(f64::from);
    Some(Asked { requests, bytes, refused, broken, p50: micros()?, p99: micros()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_among_what_wrk_says_by_itself() {
        let asked = read("Running 1s test\nrace 10 2000 1 2 300 4000\n").unwrap();
        assert_eq!((asked.requests, asked.bytes, asked.refused, asked.broken), (10, 2000, 1, 2));
        assert!(asked.p50 < asked.p99);
        assert!(read("race 10 2000").is_none());
    }
}
