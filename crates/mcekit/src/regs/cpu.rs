//! Which processor: vendor, CPUID signature, protected inventory number.

use core::fmt;

use super::register;

register! {
    /// PPIN: the protected processor inventory number, one per package.
    Ppin {}
}

/// The processor's vendor by the kernel's numbers (`X86_VENDOR_*`, arch/x86/include/asm/processor.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vendor(pub u8);

impl Vendor {
    /// Intel.
    pub const INTEL: Self = Self(0);
    /// Cyrix.
    pub const CYRIX: Self = Self(1);
    /// AMD.
    pub const AMD: Self = Self(2);
    /// UMC.
    pub const UMC: Self = Self(3);
    /// Centaur (VIA).
    pub const CENTAUR: Self = Self(5);
    /// Transmeta.
    pub const TRANSMETA: Self = Self(7);
    /// National Semiconductor.
    pub const NSC: Self = Self(8);
    /// Hygon.
    pub const HYGON: Self = Self(9);
    /// Zhaoxin.
    pub const ZHAOXIN: Self = Self(10);
    /// Vortex86.
    pub const VORTEX: Self = Self(11);
    /// The kernel did not know the vendor.
    pub const UNKNOWN: Self = Self(0xff);

    const NAMES: &'static [(Self, &'static str, &'static str)] = &[
        (Self::INTEL, "Intel", "GenuineIntel"),
        (Self::CYRIX, "Cyrix", "CyrixInstead"),
        (Self::AMD, "AMD", "AuthenticAMD"),
        (Self::UMC, "UMC", "UMC UMC UMC "),
        (Self::CENTAUR, "Centaur", "CentaurHauls"),
        (Self::TRANSMETA, "Transmeta", "GenuineTMx86"),
        (Self::NSC, "NSC", "Geode by NSC"),
        (Self::HYGON, "Hygon", "HygonGenuine"),
        (Self::ZHAOXIN, "Zhaoxin", "  Shanghai  "),
        (Self::VORTEX, "Vortex86", "Vortex86 SoC"),
        (Self::UNKNOWN, "unknown", ""),
    ];

    /// The vendor's name; numbers that the kernel does not define have none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES
            .iter()
            .find(|row| row.0 == self)
            .map(|row| row.1)
    }

    /// The vendor by name (`intel`, `AMD`) or by the string that CPUID returns (`GenuineIntel`).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        Self::NAMES
            .iter()
            .find(|row| {
                row.1.eq_ignore_ascii_case(name)
                    || (!row.2.is_empty() && row.2.trim().eq_ignore_ascii_case(name))
            })
            .map(|row| row.0)
    }

    /// Whether MCi_STATUS follows AMD's layout: AMD and Hygon.
    #[must_use]
    pub const fn is_amd_like(self) -> bool {
        matches!(self, Self::AMD | Self::HYGON)
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "vendor {}", self.0),
        }
    }
}

/// CPUID(1).EAX: family, model and stepping of the processor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuSignature(pub u32);

impl CpuSignature {
    /// The signature of a family, model and stepping as people write them (extended parts added in).
    ///
    /// Values beyond what CPUID can hold (family 270, model 255, stepping 15) are cut off.
    #[must_use]
    pub const fn new(family: u16, model: u8, stepping: u8) -> Self {
        let (base, extended) = if family < 15 {
            (family as u32, 0)
        } else {
            (15, (family - 15) as u32 & 0xff)
        };
        let model = model as u32;
        Self(
            extended << 20
                | (model >> 4) << 16
                | base << 8
                | (model & 15) << 4
                | stepping as u32 & 15,
        )
    }

    /// The family, with the extended family added where the base is 15.
    #[must_use]
    pub const fn family(self) -> u16 {
        let base = (self.0 >> 8 & 15) as u16;
        if base == 15 {
            base + (self.0 >> 20 & 0xff) as u16
        } else {
            base
        }
    }

    /// The model, extended bits included, as the kernel reckons it (families 6 and up have them).
    #[must_use]
    pub const fn model(self) -> u8 {
        let low = (self.0 >> 4 & 15) as u8;
        if self.family() >= 6 {
            low | (self.0 >> 12 & 0xf0) as u8
        } else {
            low
        }
    }

    /// The stepping, 0 to 15.
    #[must_use]
    pub const fn stepping(self) -> u8 {
        (self.0 & 15) as u8
    }
}

impl fmt::Debug for CpuSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuSignature({:#x})", self.0)
    }
}

impl fmt::Display for CpuSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "family {:#x} model {:#x} stepping {}",
            self.family(),
            self.model(),
            self.stepping()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_of_real_processors() {
        for (raw, family, model, stepping) in [
            (0x50654, 6, 85, 4),
            (0x830f10, 0x17, 0x31, 0),
            (0xa00f11, 0x19, 1, 1),
            (0x633, 6, 3, 3),
            (0xf12, 15, 1, 2),
        ] {
            let signature = CpuSignature(raw);
            assert_eq!(
                (signature.family(), signature.model(), signature.stepping()),
                (family, model, stepping),
                "{raw:#x}"
            );
            assert_eq!(CpuSignature::new(family, model, stepping), signature);
        }
    }

    #[test]
    fn vendors_by_either_name() {
        assert_eq!(Vendor::from_name("authenticamd"), Some(Vendor::AMD));
        assert_eq!(Vendor::from_name("  Shanghai  "), Some(Vendor::ZHAOXIN));
        assert_eq!(Vendor::from_name("intel"), Some(Vendor::INTEL));
        assert_eq!(Vendor::from_name(""), None);
    }
}
