//! Rows of tables, and what they mean for policy.

/// What a code means for policy: code that acts on errors matches on this, never on text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Parity of an address.
    AddressParity,
    /// Parity of a command or its address on the memory bus.
    CommandAddressParity,
    /// Corrected error found by the patrol scrubber.
    PatrolScrub,
    /// Uncorrected error found by the patrol scrubber.
    PatrolScrubUncorrected,
    /// Error while a spare was being filled.
    Spare,
    /// Memory read.
    MemoryRead,
    /// Memory write, or data on its way to memory.
    MemoryWrite,
    /// ECC or parity of data.
    Data,
    /// ECC or parity of a tag, state or directory.
    Tag,
    /// CRC of a link.
    LinkCrc,
    /// A link lost width, was retrained, or failed.
    LinkFailure,
    /// A protocol that was not followed.
    Protocol,
    /// Poisoned data.
    Poison,
    /// A watchdog or time-out.
    Timeout,
    /// Parity or ECC inside a unit.
    Internal,
    /// Power or voltage.
    Power,
    /// Temperature.
    Thermal,
    /// Firmware, microcode or configuration.
    Firmware,
    /// Access that security refused.
    Security,
    /// Mirroring took part.
    Mirror,
}

impl Class {
    /// The class as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddressParity => "address-parity",
            Self::CommandAddressParity => "command-address-parity",
            Self::PatrolScrub => "patrol-scrub",
            Self::PatrolScrubUncorrected => "patrol-scrub-uncorrected",
            Self::Spare => "spare",
            Self::MemoryRead => "memory-read",
            Self::MemoryWrite => "memory-write",
            Self::Data => "data",
            Self::Tag => "tag",
            Self::LinkCrc => "link-crc",
            Self::LinkFailure => "link-failure",
            Self::Protocol => "protocol",
            Self::Poison => "poison",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
            Self::Power => "power",
            Self::Thermal => "thermal",
            Self::Firmware => "firmware",
            Self::Security => "security",
            Self::Mirror => "mirror",
        }
    }
}

/// One row of a table: one value of a field, and what the manual says that it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The value.
    pub value: u32,
    /// What it means, in our words.
    pub text: &'static str,
    /// What it means for policy.
    pub class: Option<Class>,
}

/// A row without a class.
#[must_use]
pub const fn code(value: u32, text: &'static str) -> Code {
    Code {
        value,
        text,
        class: None,
    }
}

impl Code {
    /// The row with a class.
    #[must_use]
    pub const fn class(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }
}
