//! The log: one line an event on stderr, for people or as JSON.
//!
//! Only Claviger's own events are wanted at the chosen level. What libraries say below a warning stays out: at finer
//! levels they would show requests, and with them keys.

use std::io::{self, IsTerminal as _, Write};

use clap::ValueEnum;
use serde::Deserialize;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// What needs somebody.
    Error,
    /// What may soon.
    Warn,
    /// What is noteworthy.
    Info,
    /// What helps to find a fault.
    Debug,
    /// Everything.
    Trace,
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

impl Level {
    const fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// Begins to log. Once a process.
pub(crate) fn begin(level: Level, format: Format) {
    let ours = level.filter();
    let wanted = Targets::new().with_target("claviger", ours).with_default(ours.min(LevelFilter::WARN));
    let lines = fmt::layer().with_writer(|| OneLine(io::stderr()));
    let layer = match format {
        Format::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(wanted)).init();
}

/// Writes each event as one line, whatever a request put into it. Terminal sequences in values are escaped by the
/// formatter already; line breaks are not.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = event.strip_suffix(b"\n").unwrap_or(event);
        if line.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            let escaped = line.iter().flat_map(|byte| match byte {
                b'\n' => b"\\n",
                b'\r' => b"\\r",
                other => std::slice::from_ref(other),
            });
            let mut escaped: Vec<u8> = escaped.copied().collect();
            escaped.push(b'\n');
            self.0.write_all(&escaped)?;
        } else {
            self.0.write_all(event)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stays_on_one_line() {
        let mut log = OneLine(Vec::new());
        log.write_all(b"INFO name=a\r\nERROR forged\n").unwrap();
        log.write_all(b"INFO plain\n").unwrap();
        assert_eq!(String::from_utf8(log.0).unwrap(), "INFO name=a\\r\\nERROR forged\nINFO plain\n");
    }
}
