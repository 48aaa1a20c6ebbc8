//! What those who run it see: metrics, read by a real Prometheus, and what is built on them.

mod logs;
mod metrics;
mod observe;

use claviger_testkit::{Server, ServerBuilder, exchange};

use crate::PROGRAM;

fn started(profile: &str) -> Server {
    ServerBuilder::new(PROGRAM).profile(profile).start()
}

/// The metrics of `server`, as they are told to whoever takes `accept`.
fn metrics(server: &Server, accept: &str) -> String {
    let request =
        format!("GET /metrics HTTP/1.1\r\nhost: a\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
    let answer = exchange(server.control, "GET", request.as_bytes()).expect("it is answered").expect(200);
    answer.text().to_owned()
}

/// The sum of all series of `name` whose labels hold all of `labels`.
fn value(metrics: &str, name: &str, labels: &[&str]) -> u64 {
    let series = metrics.lines().filter_map(|line| line.strip_prefix(name));
    let series = series.filter(|rest| rest.starts_with(['{', ' ']));
    let wanted = series.filter(|rest| labels.iter().all(|label| rest.contains(label)));
    wanted
        .map(|rest| {
            rest.rsplit(' ').next().and_then(|value| value.parse::<u64>().ok()).expect("a whole number")
        })
        .sum()
}
