//! What the process says of itself in metrics: its build, its listeners, its certificate, its memory and files.

use std::{
    fmt, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use claviger_api::ProcessFigures;
use claviger_model::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet},
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::{Registry, Unit},
};
use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

use super::{
    certificate::Shown,
    listener::{CLASSES, Counts, Timed},
    traces::Traces,
};

/// What is told of the process.
pub(super) struct Figures {
    pub(super) listeners: Vec<Arc<Counts>>,
    /// What TLS is spoken with, if it is.
    pub(super) certificate: Option<Arc<Shown>>,
    /// Whether files that were read again could not be used.
    pub(super) reload_failed: Arc<AtomicBool>,
    pub(super) traces: Traces,
    pub(super) started_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfListener {
    listener: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStatus {
    listener: &'static str,
    status: &'static str,
}

/// How long the answers of each listener took.
#[derive(Debug)]
struct Answers(Vec<(OfListener, Timed)>);

impl Collector for Answers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        const HELP: &str = "How long answers took to begin, of one request in 64";
        let (name, unit) = ("http_request_duration", Some(&Unit::Seconds));
        let mut family = encoder.encode_descriptor(name, HELP, unit, MetricType::Histogram)?;
        self.0.iter().try_for_each(|(listener, Timed { sum, buckets })| {
            let count = buckets.iter().map(|(_, count)| count).sum();
            family.encode_family(listener)?.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
        })
    }
}

impl ProcessFigures for Figures {
    fn describe(&self, registry: &mut Registry) {
        let build = Family::<[(&str, &str); 1], Gauge>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("build_info", "Always 1: which version this is", build);
        let (requests, refused) =
            (Family::<OfStatus, Counter>::default(), Family::<OfListener, Counter>::default());
        let (open, most) = (Family::<OfListener, Gauge>::default(), Family::<OfListener, Gauge>::default());
        for counts in &self.listeners {
            let listener = counts.listener;
            for (status, count) in CLASSES.into_iter().zip(counts.requests()) {
                requests.get_or_create(&OfStatus { listener, status }).inc_by(count);
            }
            refused.get_or_create(&OfListener { listener }).inc_by(counts.refused());
            let (connected, places) = counts.connections();
            open.get_or_create(&OfListener { listener }).set(signed(connected as u64));
            most.get_or_create(&OfListener { listener }).set(signed(places as u64));
        }
        registry.register("http_requests", "Requests answered, by the class of the status", requests);
        let times =
            self.listeners.iter().map(|counts| (OfListener { listener: counts.listener }, counts.times()));
        registry.register_collector(Box::new(Answers(times.collect())));
        let failed = ConstGauge::new(i64::from(self.reload_failed.load(Ordering::Relaxed)));
        registry.register("reload_failed", "Whether files that were read again could not be used", failed);
        self.traces.describe(registry);
        registry.register("connections", "Open connections", open);
        registry.register("connections_max", "Connections there is room for", most);
        registry.register("connections_refused", "Connections turned away: too many of one address", refused);
        if let Some(until) = self.certificate.as_ref().and_then(|shown| shown.until()) {
            let help = "Until when the certificate of TLS is valid";
            registry.register_with_unit("certificate_expiry_timestamp", help, Unit::Seconds, date(until));
        }
    }

    fn describe_process(&self, registry: &mut Registry) {
        let help = "When the process started, since 1970";
        registry.register_with_unit("process_start_time", help, Unit::Seconds, date(self.started_at));
        if let Some(stat) = Stat::read() {
            let cpu = ConstCounter::new(stat.cpu_seconds);
            registry.register_with_unit("process_cpu", "Processor time, user and system", Unit::Seconds, cpu);
            let help = "Memory that is in use";
            registry.register_with_unit("process_resident_memory", help, Unit::Bytes, whole(stat.resident));
            let help = "Addresses that are in use";
            registry.register_with_unit(
                "process_virtual_memory",
                help,
                Unit::Bytes,
                whole(stat.virtual_memory),
            );
        }
        // The directory that is being read is one of them.
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            registry.register(
                "process_open_fds",
                "Open files",
                whole((open.count() as u64).saturating_sub(1)),
            );
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            registry.register("process_max_fds", "Files that may be open", whole(most));
        }
    }
}

/// What the system says of this process.
struct Stat {
    cpu_seconds: f64,
    resident: u64,
    virtual_memory: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// The line of `proc_pid_stat(5)`. The name of the program stands in brackets and may hold any of them.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        // The first of these is the third of the line.
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |place: usize| fields.get(place - 3)?.parse::<u64>().ok();
        let cpu_seconds = seconds(number(14)? + number(15)?);
        Some(Self { cpu_seconds, virtual_memory: number(23)?, resident: number(24)? * page_size() as u64 })
    }
}

#[expect(clippy::cast_precision_loss, reason = "processor time is shown, and far below 2^52 ticks")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / clock_ticks_per_second() as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a date are far below 2^52")]
fn date(at: Timestamp) -> ConstGauge<f64> {
    ConstGauge::new(at.as_millis() as f64 / 1e3)
}

fn whole(number: u64) -> ConstGauge<i64> {
    ConstGauge::new(signed(number))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_any_name() {
        let line = "7 (a) b ( c) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 100 8192 3 0 0";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.virtual_memory, stat.resident), (8192, 3 * page_size() as u64));
        assert!((stat.cpu_seconds - seconds(200)).abs() < 1e-9);
        assert!(Stat::parse("7 (a) S 1").is_none());
    }

    #[test]
    fn this_process_is_told_of() {
        let stat = Stat::read().unwrap();
        assert!(stat.resident > 0 && stat.virtual_memory >= stat.resident);
    }
}
