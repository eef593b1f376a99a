//! MCi_STATUS.

use super::{bits, register};

register! {
    /// MCi_STATUS: what a bank latched.
    ///
    /// Intel SDM vol. 3B "IA32_MCi_STATUS MSRs"; AMD APM vol. 2 "MCi_STATUS" and, for scalable MCA, the
    /// PPR's `MCA_STATUS`. Bits 63 to 57 mean the same everywhere. Below that Intel and AMD differ: each
    /// method says whose bit it reads, and [`Decoding`](crate::Decoding) asks only for those that the
    /// record's vendor has.
    Status {
        /// The register holds an error (bit 63).
        val VAL = 63;
        /// At least one further error was lost while this one was held (bit 62).
        over OVER = 62;
        /// The hardware did not correct the error (bit 61).
        uc UC = 61;
        /// Reporting of the error was enabled (bit 60).
        en EN = 60;
        /// MCi_MISC holds valid information (bit 59).
        miscv MISCV = 59;
        /// MCi_ADDR holds an address (bit 58).
        addrv ADDRV = 58;
        /// The state of the processor may be corrupted (bit 57).
        pcc PCC = 57;
        /// Intel: the error was signaled by a machine-check exception (bit 56, needs MCG_CAP.SER_P).
        s S = 56;
        /// AMD: `ErrCoreIdVal`, the core number in bits 37:32 is valid (bit 56).
        err_core_id_val ERR_CORE_ID_VAL = 56;
        /// Intel: software must act before the thread goes on (bit 55, needs MCG_CAP.SER_P).
        ar AR = 55;
        /// AMD: the context of the interrupted thread is corrupt (bit 55).
        tcc TCC = 55;
        /// AMD: MCi_ADDR is a system physical address (bit 54, `PADDRV`, newer scalable MCA).
        paddrv PADDRV = 54;
        /// AMD: MCA_SYND holds valid information (bit 53, scalable MCA).
        syndv SYNDV = 53;
        /// AMD: the error was corrected by ECC (bit 46, `CECC`).
        cecc CECC = 46;
        /// AMD: an uncorrectable ECC error (bit 45, `UECC`).
        uecc UECC = 45;
        /// AMD: the error is deferred: not consumed yet, poison may follow (bit 44).
        deferred DEFERRED = 44;
        /// AMD: poisoned data was consumed (bit 43).
        poison POISON = 43;
        /// AMD: found by a scrubber (bit 40).
        scrub SCRUB = 40;
        /// Intel: firmware changed the register before handing it on (bit 37).
        firmware_updated FIRMWARE_UPDATED = 37;
        /// Intel: the correction report filter is on; not every corrected error is reported (bit 12).
        filter FILTER = 12;
    }
}

impl Status {
    /// The error code as hardware wrote it: MCACOD (Intel) or `ErrorCode` (AMD), bits 15:0.
    #[must_use]
    #[doc(alias = "MCACOD")]
    pub const fn error_code(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// Intel: the model-specific error code, bits 31:16.
    #[must_use]
    #[doc(alias = "MSCOD")]
    pub const fn mscod(self) -> u16 {
        bits(self.0, 31, 16) as u16
    }

    /// AMD scalable MCA: the extended error code of the bank's unit, bits 21:16.
    #[must_use]
    #[doc(alias = "XEC")]
    pub const fn extended_error_code(self) -> u8 {
        bits(self.0, 21, 16) as u8
    }

    /// AMD before scalable MCA: the extended error code, bits 20:16.
    #[must_use]
    pub const fn extended_error_code_legacy(self) -> u8 {
        bits(self.0, 20, 16) as u8
    }

    /// Intel: corrected errors counted since the bank was cleared, bits 52:38 (needs MCG_CAP.CMCI_P).
    #[must_use]
    pub const fn corrected_count(self) -> u16 {
        bits(self.0, 52, 38) as u16
    }

    /// Intel: threshold-based error status, bits 54:53 (needs MCG_CAP.TES_P).
    #[must_use]
    pub const fn threshold(self) -> Threshold {
        match bits(self.0, 54, 53) {
            0 => Threshold::NotTracked,
            1 => Threshold::Green,
            2 => Threshold::Yellow,
            _ => Threshold::Reserved,
        }
    }

    /// AMD: the core that reported, bits 37:32, when `ErrCoreIdVal` is set.
    #[must_use]
    pub const fn err_core_id(self) -> Option<u8> {
        if self.err_core_id_val() {
            Some(bits(self.0, 37, 32) as u8)
        } else {
            None
        }
    }

    /// Whether this is a pattern that firmware writes where it read nothing (`0xdeadbeefdeadbeef`, all
    /// ones): the valid bit is set and nothing happened.
    #[must_use]
    pub const fn not_captured(self) -> bool {
        matches!(self.0, 0xdead_beef_dead_beef | 0xdead_beef | u64::MAX)
    }
}

/// Threshold-based error status of a cache or memory bank (Intel SDM vol. 3B, bits 54:53 of MCi_STATUS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Threshold {
    /// No tracking: the bank has no threshold hardware for this error.
    NotTracked,
    /// The number of corrected errors is within the expected range.
    Green,
    /// The number of corrected errors passed the threshold: replace the part at the next occasion.
    Yellow,
    /// A value that the architecture reserves.
    Reserved,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_leak_into_each_other() {
        let all = Status(u64::MAX);
        assert_eq!(all.corrected_count(), 0x7fff);
        assert_eq!(all.extended_error_code(), 0x3f);
        assert_eq!(all.err_core_id(), Some(0x3f));
        assert_eq!(Status(0x7fff << 38).threshold(), Threshold::NotTracked);
        assert_eq!(Status(1 << 54).threshold(), Threshold::Yellow);
        assert_eq!(Status(0xffff << 16).error_code(), 0);
    }

    #[test]
    fn only_fillers_are_not_captured() {
        assert!(Status(0xdead_beef_dead_beef).not_captured());
        assert!(!Status(0xbe00_0000_0080_0400).not_captured());
    }
}
