//! What is told of a source that is read.

use mcekit_source::{Caps, Channel, Guarantees, Keeps, LossKnown};
use serde::{Deserialize, Serialize};

/// A source that is read, and what it guarantees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reads {
    /// `channel:name`.
    pub(crate) source: String,
    /// It only has what is over.
    pub(crate) backlog: bool,
    /// The names of what holds, as in docs/sources.md.
    pub(crate) guarantees: Vec<String>,
    /// What stays when it is full.
    pub(crate) keeps: String,
    /// What is known of a loss.
    pub(crate) loss: String,
}

impl Reads {
    pub(crate) fn new(channel: Channel, name: &str, backlog: bool, caps: Caps) -> Self {
        Self {
            source: format!("{channel}:{name}"),
            backlog,
            guarantees: caps
                .guarantees
                .iter_names()
                .filter(|(_, one)| *one != Guarantees::REGISTERS)
                .map(|(name, _)| name.to_lowercase().replace('_', "-"))
                .collect(),
            keeps: match caps.keeps {
                Keeps::Oldest => "oldest",
                Keeps::Newest => "newest",
                Keeps::All => "all",
            }
            .into(),
            loss: match caps.loss {
                LossKnown::Unknown => "unknown",
                LossKnown::Flag => "flag",
                LossKnown::Exact => "exact",
                LossKnown::None => "none",
            }
            .into(),
        }
    }
}
