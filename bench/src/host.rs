//! The machine's clocks and what it says of this process.

use std::{fs, io, time::Duration};

use claviger_model::{Clock, Moment, Timestamp};
use rustix::time::{ClockId, clock_gettime};

use crate::ISSUED_AT;

/// The clocks the product runs on, read as it reads them.
pub struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        let read = clock_gettime(ClockId::Realtime);
        Timestamp::from_millis(read.tv_sec * 1000 + read.tv_nsec / 1_000_000)
    }

    fn boot(&self) -> Moment {
        let read = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(read.tv_sec).expect("the machine started before now");
        let nanos = u32::try_from(read.tv_nsec).expect("less than a second");
        Moment::since_boot(Duration::new(seconds, nanos))
    }
}

/// A clock that costs nothing to read, to see what the rest costs.
pub struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        ISSUED_AT
    }

    fn boot(&self) -> Moment {
        Moment::since_boot(Duration::from_hours(1))
    }
}

/// Bytes of a process that are in memory (second field of its `statm`, in pages).
///
/// # Errors
/// Where the process has ended.
///
/// # Panics
/// Where `/proc` is not Linux's.
pub fn resident_bytes(process: u32) -> io::Result<usize> {
    let statm = fs::read_to_string(format!("/proc/{process}/statm"))?;
    let pages: usize =
        statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("the second field is a number");
    Ok(pages * rustix::param::page_size())
}
