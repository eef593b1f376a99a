//! The sub-fields of compound error codes: closed sets, total over their bits.

/// Declares a closed set over the low `$bits` bits of a number, with the name of each member.
macro_rules! closed {
    ($(#[$doc:meta])* $name:ident, $bits:literal bits { $($(#[$row_doc:meta])* $variant:ident = $value:literal => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$row_doc])* $variant = $value,)*
        }

        impl $name {
            #[doc = concat!("The member that the low ", stringify!($bits), " bits spell; the others are ignored.")]
            #[must_use]
            pub const fn from_bits(bits: u16) -> Self {
                const ALL: [$name; 1 << $bits] = [$($name::$variant,)*];
                ALL[(bits & ((1 << $bits) - 1)) as usize]
            }

            /// The number that stands for it in an error code.
            #[must_use]
            pub const fn bits(self) -> u8 {
                self as u8
            }

            /// The term as text and JSON carry it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

closed! {
    /// LL: the level of the memory hierarchy, as the register counts.
    Level, 2 bits {
        /// Level 0.
        L0 = 0 => "L0",
        /// Level 1.
        L1 = 1 => "L1",
        /// Level 2.
        L2 = 2 => "L2",
        /// Any level: Intel's generic, AMD's "L3/generic".
        Generic = 3 => "generic level",
    }
}

closed! {
    /// TT: the kind of transaction.
    Transaction, 2 bits {
        /// Instruction.
        Instruction = 0 => "instruction",
        /// Data.
        Data = 1 => "data",
        /// Generic.
        Generic = 2 => "generic",
        /// A value that the architecture reserves.
        Reserved = 3 => "reserved",
    }
}

closed! {
    /// RRRR: the request that met the error.
    Request, 4 bits {
        /// Generic error.
        Generic = 0 => "generic",
        /// Generic read.
        Read = 1 => "read",
        /// Generic write.
        Write = 2 => "write",
        /// Data read.
        DataRead = 3 => "data-read",
        /// Data write.
        DataWrite = 4 => "data-write",
        /// Instruction fetch.
        InstructionFetch = 5 => "instruction-fetch",
        /// Prefetch.
        Prefetch = 6 => "prefetch",
        /// Eviction.
        Eviction = 7 => "eviction",
        /// Snoop; AMD: probe.
        Snoop = 8 => "snoop",
        /// A value that the architecture does not define.
        Unknown9 = 9 => "unknown",
        /// A value that the architecture does not define.
        Unknown10 = 10 => "unknown",
        /// A value that the architecture does not define.
        Unknown11 = 11 => "unknown",
        /// A value that the architecture does not define.
        Unknown12 = 12 => "unknown",
        /// A value that the architecture does not define.
        Unknown13 = 13 => "unknown",
        /// A value that the architecture does not define.
        Unknown14 = 14 => "unknown",
        /// A value that the architecture does not define.
        Unknown15 = 15 => "unknown",
    }
}

closed! {
    /// PP: the part that the processor took in a bus transaction.
    Participation, 2 bits {
        /// It originated the request.
        Source = 0 => "source",
        /// It responded to the request.
        Responder = 1 => "responder",
        /// It saw the error as a third party.
        Observer = 2 => "observer",
        /// Generic.
        Generic = 3 => "generic",
    }
}

closed! {
    /// II: what a bus transaction was for.
    MemoryIo, 2 bits {
        /// Memory access.
        Memory = 0 => "memory",
        /// A value that the architecture reserves.
        Reserved = 1 => "reserved",
        /// Input and output.
        Io = 2 => "io",
        /// Another transaction; AMD: generic.
        Other = 3 => "other",
    }
}

closed! {
    /// MMM: what the memory controller was doing.
    MemoryOp, 3 bits {
        /// Generic, undefined request.
        Generic = 0 => "generic",
        /// Memory read.
        Read = 1 => "read",
        /// Memory write.
        Write = 2 => "write",
        /// Address or command.
        AddressCommand = 3 => "address-command",
        /// Memory scrubbing.
        Scrub = 4 => "scrub",
        /// A value that the architecture reserves.
        Reserved5 = 5 => "reserved5",
        /// A value that the architecture reserves.
        Reserved6 = 6 => "reserved6",
        /// A value that the architecture reserves.
        Reserved7 = 7 => "reserved7",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_total_and_in_order() {
        for bits in 0..=u16::MAX {
            assert_eq!(u16::from(Level::from_bits(bits).bits()), bits & 3);
            assert_eq!(u16::from(Transaction::from_bits(bits).bits()), bits & 3);
            assert_eq!(u16::from(Request::from_bits(bits).bits()), bits & 15);
            assert_eq!(u16::from(Participation::from_bits(bits).bits()), bits & 3);
            assert_eq!(u16::from(MemoryIo::from_bits(bits).bits()), bits & 3);
            assert_eq!(u16::from(MemoryOp::from_bits(bits).bits()), bits & 7);
        }
    }
}
