//! What a channel says of itself.

use bitflags::bitflags;

bitflags! {
    /// What a channel guarantees, as measured (docs/sources.md).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Guarantees: u32 {
        /// It has errors from before the first process.
        const FROM_BOOT = 1;
        /// It records while nobody reads.
        const WITHOUT_READER = 1 << 1;
        /// What it has outlives its reader.
        const SURVIVES_EXIT = 1 << 2;
        /// What it has outlives a reboot that keeps memory, or that goes through the firmware's store.
        const SURVIVES_REBOOT = 1 << 3;
        /// What it has outlives a panic.
        const SURVIVES_PANIC = 1 << 4;
        /// Several readers each get everything.
        const MANY_READERS = 1 << 5;
        /// Every reader is woken, not one of them.
        const WAKES_ALL = 1 << 6;
        /// The kernel can sort out what nobody wants.
        const KERNEL_FILTER = 1 << 7;
        /// A record that was taken and not committed is given again to the next process.
        const REPEATS = 1 << 8;
        /// Taking a record destroys it in the channel, before it is safe anywhere else.
        const READING_DESTROYS = 1 << 9;
        /// Its records are machine checks with all registers, not text or other events.
        const REGISTERS = 1 << 10;
    }
}

/// What a channel does when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Keeps {
    /// The oldest records stay, later ones are dropped.
    Oldest,
    /// The newest records stay, older ones are overwritten.
    Newest,
    /// It does not fill up.
    All,
}

/// How well a channel knows what it lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum LossKnown {
    /// Nothing can be said.
    Unknown,
    /// That there was a loss, not of how many.
    Flag,
    /// The number.
    Exact,
    /// Nothing is lost.
    None,
}

/// What a source guarantees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caps {
    /// What holds.
    pub guarantees: Guarantees,
    /// What stays when it is full.
    pub keeps: Keeps,
    /// What is known of a loss.
    pub loss: LossKnown,
}

impl Caps {
    /// Whether all of these hold.
    #[must_use]
    pub const fn has(&self, guarantees: Guarantees) -> bool {
        self.guarantees.contains(guarantees)
    }
}
