//! A collector, Rotel, and what comes out of it: `collect.py` reads that by OpenTelemetry's own messages. `install` puts both
//! into `target/otlp`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use claviger_testkit::{Rotel, eventually, repository};
use serde_json::Value;

/// A running collector.
pub(super) struct Collector {
    rotel: Rotel,
    child: Child,
    exports: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    #[track_caller]
    pub(super) fn start() -> Self {
        let programs = repository().join("target/otlp/python/bin");
        let (python, rotel) = (programs.join("python"), programs.join("rotel-agent"));
        assert!(rotel.exists(), "run crates/app/tests/it/traces/install, as ./test does");
        let mut command = Command::new(python);
        command.arg(repository().join("crates/app/tests/it/traces/collect.py"));
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the interpreter is there");
        let mut lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let port = lines.next().expect("it says its port").expect("it is text");
        let exports = Arc::<Mutex<Vec<Value>>>::default();
        let kept = Arc::clone(&exports);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let export = serde_json::from_str(&line).expect("it prints JSON");
                kept.lock().expect("nobody panics with the lock").push(export);
            }
        });
        let rotel = Rotel::handing_on_to(&rotel, &format!("http://127.0.0.1:{port}"));
        Self { rotel, child, exports }
    }

    /// As the value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.rotel.address())
    }

    /// The first so many spans of this listener, once they are there, in the order in which they ended.
    #[track_caller]
    pub(super) fn spans(&self, listener: &str, count: usize) -> Vec<Value> {
        eventually(|| {
            let exports = self.exports.lock().expect("nobody panics with the lock");
            let spans = exports.iter().flat_map(|export| export["spans"].as_array().into_iter().flatten());
            let of_listener = spans.filter(|span| span["attributes"]["claviger.listener"] == listener);
            let spans: Vec<_> = of_listener.take(count).cloned().collect();
            (spans.len() == count).then_some(spans)
        })
    }

    /// Everything that came, as text.
    pub(super) fn everything(&self) -> String {
        let exports = self.exports.lock().expect("nobody panics with the lock");
        exports.iter().map(ToString::to_string).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Both fail only for one that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
