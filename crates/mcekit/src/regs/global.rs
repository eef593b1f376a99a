//! MCG_STATUS and MCG_CAP: one per processor, not per bank.

use super::{bits, register};

register! {
    /// MCG_STATUS: the state of the processor when the machine-check exception was taken
    /// (Intel SDM vol. 3B "IA32_MCG_STATUS MSR"; AMD APM vol. 2).
    McgStatus {
        /// Intel: a machine check broke off SEAM non-root execution (bit 12, TDX).
        seam_nr SEAM_NR = 12;
        /// Intel: only this logical processor received the exception (bit 3).
        lmce LMCE = 3;
        /// A machine check is being handled (bit 2).
        mcip MCIP = 2;
        /// The instruction pointer on the stack belongs to the error (bit 1).
        eipv EIPV = 1;
        /// The program can be restarted at the instruction pointer on the stack (bit 0).
        ripv RIPV = 0;
    }
}

register! {
    /// MCG_CAP: what the machine-check architecture of the processor can do
    /// (Intel SDM vol. 3B "IA32_MCG_CAP MSR").
    McgCap {
        /// Local machine-check exceptions are supported (bit 27).
        lmce_p LMCE_P = 27;
        /// Firmware may take errors first and log them (bit 26).
        elog_p ELOG_P = 26;
        /// Enhanced machine-check capability (bit 25).
        emc_p EMC_P = 25;
        /// Software error recovery is supported: S and AR in MCi_STATUS mean something (bit 24).
        ser_p SER_P = 24;
        /// MCG_STATUS.SEAM_NR is supported (bit 12).
        seam_nr_p SEAM_NR_P = 12;
        /// Threshold-based error status is supported (bit 11).
        tes_p TES_P = 11;
        /// Corrected errors are counted and can raise an interrupt (bit 10).
        cmci_p CMCI_P = 10;
        /// Extended machine-check state registers exist (bit 9).
        ext_p EXT_P = 9;
        /// MCG_CTL exists (bit 8).
        ctl_p CTL_P = 8;
    }
}

impl McgCap {
    /// The number of banks, bits 7:0.
    #[must_use]
    pub const fn banks(self) -> u8 {
        bits(self.0, 7, 0) as u8
    }

    /// The number of extended state registers, bits 23:16.
    #[must_use]
    pub const fn ext_count(self) -> u8 {
        bits(self.0, 23, 16) as u8
    }
}
