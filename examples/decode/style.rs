//! Colour, where it is wanted.

use std::io::stdout;

use anstream::{AutoStream, ColorChoice};
use mcekit::Severity;

use crate::args::Color;
use crate::out::Out;

/// The label of a further line: as wide as every label.
pub(crate) const MORE: &str = "              ";

/// The escape sequences of a run: all empty where no colour is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) fatal: &'static str,
    pub(crate) error: &'static str,
    pub(crate) warning: &'static str,
    pub(crate) good: &'static str,
    pub(crate) label: &'static str,
    pub(crate) off: &'static str,
}

pub(crate) const PLAIN: Style = Style {
    fatal: "",
    error: "",
    warning: "",
    good: "",
    label: "",
    off: "",
};

const COLOURED: Style = Style {
    fatal: "\x1b[1;97;41m",
    error: "\x1b[1;31m",
    warning: "\x1b[1;33m",
    good: "\x1b[1;32m",
    label: "\x1b[2m",
    off: "\x1b[0m",
};

impl Style {
    /// The style for standard output: on a terminal that knows colour, unless NO_COLOR forbids it.
    pub(crate) fn of(color: Color) -> Self {
        let wanted = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => AutoStream::choice(&stdout()) != ColorChoice::Never,
        };
        if wanted { COLOURED } else { PLAIN }
    }

    /// Writes a label, which is as wide as [`MORE`].
    #[inline(always)]
    pub(crate) fn write_label(&self, label: &'static str, out: &mut Out) {
        if self.label.is_empty() {
            out.str(label);
        } else {
            out.str(self.label).str(label).str(self.off);
        }
    }

    /// The colour of a grade.
    pub(crate) const fn grade(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Panic => self.fatal,
            Severity::ActionRequired | Severity::Uncorrected => self.error,
            Severity::ActionOptional | Severity::Deferred | Severity::Some => self.warning,
            Severity::Keep | Severity::No => self.good,
        }
    }
}
