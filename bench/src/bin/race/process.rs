//! What the kernel says of processes: the time they took on a processor.

use std::fs;

use anyhow::Context as _;

/// Seconds of processor time that a process and all below it took so far, in user and in system mode; those that ended
/// and were waited for included.
pub fn cpu_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("the server has ended")?;
    let ticks = ticks(&stat).context("/proc/…/stat has 52 fields")?;
    let own = f64::from(ticks) / f64::from(u32::try_from(rustix::param::clock_ticks_per_second())?);
    let mut all = own;
    for child in children(process)? {
        // One that ended meanwhile has been counted by its parent.
        all += cpu_seconds(child).unwrap_or_default();
    }
    Ok(all)
}

fn children(process: u32) -> anyhow::Result<Vec<u32>> {
    let mut all = Vec::new();
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let listed = fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        all.extend(listed.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    Ok(all)
}

/// The fields `utime`, `stime`, `cutime` and `cstime`, added up. The second field is the program's name, which may have
/// anything in it.
fn ticks(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let times: Vec<u32> = fields.split(' ').skip(11).take(4).map_while(|ticks| ticks.parse().ok()).collect();
    (times.len() == 4).then(|| times.iter().sum())
}

#[cfg(test)]
mod tests {
    use claviger_bench::resident_bytes;
    use claviger_testkit::Stopwatch;

    use super::*;

    #[test]
    fn the_times_are_found_whatever_the_program_is_called() {
        let stat = "7 (a) 9 (b) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 300 4000 20 0 1 0 5 6";
        assert_eq!(ticks(stat), Some(4330));
    }

    #[test]
    fn this_process_takes_time_and_memory() {
        let own = std::process::id();
        let begun = Stopwatch::start();
        let before = cpu_seconds(own).unwrap();
        while cpu_seconds(own).unwrap() <= before {
            assert!(begun.now().as_secs() < 10, "looking takes time");
        }
        assert!(resident_bytes(own).unwrap() > 0);
    }
}
