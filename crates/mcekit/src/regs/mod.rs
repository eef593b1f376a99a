//! The registers of a machine check, as newtypes over the value that hardware wrote.
//!
//! Each is `Copy`, shows its value in hex, and names its bits as methods; the integer is always `.0`.

mod amd;
mod cpu;
mod global;
mod misc;
mod status;

pub use amd::{FruText, HwId, Ipid, McaConfig, Synd, Synd1, Synd2, fru_text};
pub use cpu::{CpuSignature, Ppin, Vendor};
pub use global::{McgCap, McgStatus};
pub use misc::{Addr, AddressMode, IoMca, Misc};
pub use status::{Status, Threshold};

/// Bits `hi..=lo` of a value, shifted down.
pub(crate) const fn bits(value: u64, hi: u32, lo: u32) -> u64 {
    (value >> lo) & (u64::MAX >> (63 - (hi - lo)))
}

/// Declares a 64-bit register: the newtype, its hex formatting, and one constant and method for each
/// single bit.
macro_rules! register {
    ($(#[$doc:meta])* $name:ident { $($(#[$bit_doc:meta])* $bit:ident $const:ident = $n:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl $name {
            $($(#[$bit_doc])* pub const $const: u64 = 1 << $n;)*

            /// The single-bit flags by name, from the highest to the lowest.
            pub const FLAGS: &'static [(&'static str, u64)] = &[$((stringify!($const), Self::$const),)*];

            $($(#[$bit_doc])*
            #[must_use]
            pub const fn $bit(self) -> bool {
                self.0 & Self::$const != 0
            })*
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($name), "({:#018x})"), self.0)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{:#018x}", self.0)
            }
        }

        impl core::fmt::LowerHex for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::LowerHex::fmt(&self.0, f)
            }
        }

        impl From<u64> for $name {
            fn from(value: u64) -> Self {
                Self(value)
            }
        }

        impl From<$name> for u64 {
            fn from(register: $name) -> Self {
                register.0
            }
        }
    };
}
pub(crate) use register;
