//! MCi_ADDR and MCi_MISC.

use core::fmt;

use crate::hex::eight_hex_digits;

use super::{bits, register};

register! {
    /// MCi_ADDR: the address that an error is about.
    ///
    /// What kind of address it is, and how many of its low bits are valid, stands in MCi_MISC on Intel
    /// processors with MCG_CAP.SER_P ([`Misc::address_mode`], [`Misc::address_lsb`]).
    Addr {}
}

impl Addr {
    /// AMD scalable MCA before address masks moved: the number of low bits that are not valid, bits 61:56.
    #[must_use]
    pub const fn smca_lsb(self) -> u8 {
        bits(self.0, 61, 56) as u8
    }

    /// AMD scalable MCA: the address proper, bits 55:0.
    #[must_use]
    pub const fn smca_address(self) -> u64 {
        bits(self.0, 55, 0)
    }

    /// The address with its low `lsb` bits cleared: the start of the region that the error is in.
    #[must_use]
    pub const fn region(self, lsb: u8) -> u64 {
        if lsb < 64 { self.0 >> lsb << lsb } else { 0 }
    }
}

register! {
    /// MCi_MISC: what a bank adds to its error.
    ///
    /// The low nine bits are architectural on Intel processors with MCG_CAP.SER_P (SDM vol. 3B, "UCR
    /// Support in IA32_MCi_MISC"); the rest belongs to the model. On AMD it is the error threshold register.
    Misc {
        /// AMD: the threshold counter is present and valid (bit 63).
        counter_valid COUNTER_VALID = 63;
        /// AMD: the threshold counter may be used by the system (bit 62).
        counter_present COUNTER_PRESENT = 62;
        /// AMD: the counter is locked by firmware (bit 61).
        locked LOCKED = 61;
        /// AMD: the threshold interrupt uses the extended APIC vector (bit 60, `IntP`).
        interrupt_present INTERRUPT_PRESENT = 60;
        /// AMD: counting is enabled (bit 51).
        counter_enabled COUNTER_ENABLED = 51;
        /// AMD: the counter overflowed (bit 48).
        counter_overflow COUNTER_OVERFLOW = 48;
    }
}

impl Misc {
    /// Intel: the number of low bits of MCi_ADDR that are not valid, bits 5:0.
    #[must_use]
    pub const fn address_lsb(self) -> u8 {
        bits(self.0, 5, 0) as u8
    }

    /// Intel: the kind of address in MCi_ADDR, bits 8:6.
    #[must_use]
    pub const fn address_mode(self) -> AddressMode {
        match bits(self.0, 8, 6) {
            0 => AddressMode::SegmentOffset,
            1 => AddressMode::Linear,
            2 => AddressMode::Physical,
            3 => AddressMode::Memory,
            7 => AddressMode::Generic,
            n => AddressMode::Reserved(n as u8),
        }
    }

    /// Intel: the requester of an IO MCA error (MCACOD 0xe0b): PCI segment 39:32, bus 31:24, device 23:19,
    /// function 18:16.
    #[must_use]
    pub const fn io_mca(self) -> IoMca {
        IoMca {
            segment: bits(self.0, 39, 32) as u8,
            bus: bits(self.0, 31, 24) as u8,
            device: bits(self.0, 23, 19) as u8,
            function: bits(self.0, 18, 16) as u8,
        }
    }

    /// AMD: the threshold counter, bits 43:32; it overflows at 0xfff.
    #[must_use]
    pub const fn error_count(self) -> u16 {
        bits(self.0, 43, 32) as u16
    }
}

/// The kind of address that MCi_ADDR holds (Intel SDM vol. 3B, MCi_MISC bits 8:6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressMode {
    /// An offset into a segment.
    SegmentOffset,
    /// A linear address.
    Linear,
    /// A physical address.
    Physical,
    /// A memory address.
    Memory,
    /// A generic address.
    Generic,
    /// A value that the architecture reserves: 4, 5 or 6.
    Reserved(u8),
}

impl AddressMode {
    /// The mode in the field's own words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SegmentOffset => "segment-offset",
            Self::Linear => "linear",
            Self::Physical => "physical",
            Self::Memory => "memory",
            Self::Generic => "generic",
            Self::Reserved(_) => "reserved",
        }
    }
}

/// The PCI requester of an IO MCA error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IoMca {
    /// PCI segment (domain).
    pub segment: u8,
    /// Bus number.
    pub bus: u8,
    /// Device number, 0 to 31.
    pub device: u8,
    /// Function number, 0 to 7.
    pub function: u8,
}

impl fmt::Display for IoMca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = [self.segment, self.bus, self.device, self.function].map(|n| {
            let [.., high, low] = eight_hex_digits(n.into());
            [high, low]
        });
        let [[s1, s0], [b1, b0], [d1, d0], [_, function]] = digits;
        let text = [s1, s0, b':', b1, b0, b':', d1, d0, b'.', function];
        let text = text.get(usize::from(self.segment < 16)..);
        // Hex digits are ASCII; an empty string is never reached.
        f.write_str(core::str::from_utf8(text.unwrap_or_default()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn io_mca_requester() {
        assert_eq!(Misc(0x89_3d33_0000).io_mca().to_string(), "89:3d:06.3");
        assert_eq!(Misc(0x3d33_0000).io_mca().to_string(), "0:3d:06.3");
    }

    #[test]
    fn region_of_any_lsb() {
        assert_eq!(Addr(0x1234_5678).region(12), 0x1234_5000);
        assert_eq!(Addr(u64::MAX).region(63), 1 << 63);
        assert_eq!(Addr(u64::MAX).region(64), 0);
    }
}
