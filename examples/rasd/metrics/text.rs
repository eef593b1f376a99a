//! Prometheus' text format, version 0.0.4: what node_exporter's textfile collector and every scraper read.
//!
//! Written by hand: the format is three kinds of lines, and the `prometheus-client` crate writes OpenMetrics, whose `_total`
//! and `# EOF` the textfile collector takes for untyped metrics.

use std::fmt::{Display, Write as _};

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
}

/// A text in the making.
#[derive(Debug, Default)]
pub(crate) struct Text {
    text: String,
}

/// A label: its name and its value.
pub(crate) type Label<'a> = (&'a str, &'a dyn Display);

impl Text {
    /// Begins a metric.
    pub(crate) fn metric(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// Writes one value of the metric that was begun.
    pub(crate) fn value(&mut self, name: &str, labels: &[Label<'_>], value: u64) {
        self.text.push_str(name);
        for (i, (label, value)) in labels.iter().enumerate() {
            let open = if i == 0 { '{' } else { ',' };
            _ = write!(self.text, "{open}{label}=\"");
            for c in value.to_string().chars() {
                match c {
                    '"' => self.text.push_str("\\\""),
                    '\\' => self.text.push_str("\\\\"),
                    '\n' => self.text.push_str("\\n"),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        _ = writeln!(self.text, " {value}");
    }

    /// A metric of one value.
    pub(crate) fn single(&mut self, name: &str, kind: Kind, help: &str, value: u64) {
        self.metric(name, kind, help);
        self.value(name, &[], value);
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}
