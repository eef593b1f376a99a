//! The kinds of parts whose errors are counted.

use serde::{Deserialize, Serialize};

use super::values::Argv;
use super::{Config, Threshold, Thresholds};

/// A kind of parts, each with a threshold and a trigger of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PartKind {
    Dimm,
    Page,
    Socket,
    Cache,
    /// A bus or an interconnect.
    Bus,
    /// A PCI root port that reports through a machine check.
    Iomca,
    /// What no other kind takes.
    Unknown,
}

impl PartKind {
    /// All of them, in the order of the configuration.
    pub(crate) const ALL: [Self; 7] = [
        Self::Dimm,
        Self::Page,
        Self::Socket,
        Self::Cache,
        Self::Bus,
        Self::Iomca,
        Self::Unknown,
    ];

    /// As the configuration and the metrics name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dimm => "dimm",
            Self::Page => "page",
            Self::Socket => "socket",
            Self::Cache => "cache",
            Self::Bus => "bus",
            Self::Iomca => "iomca",
            Self::Unknown => "unknown",
        }
    }
}

impl Thresholds {
    /// The threshold of a kind.
    pub(crate) const fn of(&self, kind: PartKind) -> &Threshold {
        match kind {
            PartKind::Dimm => &self.dimm,
            PartKind::Page => &self.page,
            PartKind::Socket => &self.socket,
            PartKind::Cache => &self.cache,
            PartKind::Bus => &self.bus,
            PartKind::Iomca => &self.iomca,
            PartKind::Unknown => &self.unknown,
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Threshold> {
        PartKind::ALL.into_iter().map(|kind| self.of(kind))
    }
}

impl Config {
    /// The program that is run for a kind of parts.
    pub(crate) const fn trigger(&self, kind: PartKind) -> Option<&Argv> {
        self.thresholds.of(kind).trigger.as_ref()
    }

    /// Whether any program is run at all.
    pub(crate) fn has_triggers(&self) -> bool {
        self.thresholds
            .all()
            .any(|threshold| threshold.trigger.is_some())
    }
}
