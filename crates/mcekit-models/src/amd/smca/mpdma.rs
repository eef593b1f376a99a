//! Microprocessor for DMA: HWID 0x01, McaType 3.
//!
//! Source: AMD's list in rasdaemon ("Update SMCA bank error descriptions", 2023 and 2024). Linux 6.1 has an older order
//! from code 43 on, with the completion FIFOs and the SDP watchdog at 48 to 53; AMD then put the watchdog at 43 and dropped
//! those FIFOs, and Linux has since dropped its lists altogether. Codes 50 to 53 are undocumented here.
//!
//! Three groups of caches carry the same names in AMD's list; here they are numbered in its order.

use mcekit::table::Class::{Data, Tag, Timeout};
use mcekit::table::{Field, Unit, code};

static MPDMA_CODES: Field = super::codes(&[
    code(0x00, "main SRAM, bits 31:0: ECC or parity").class(Data),
    code(0x01, "main SRAM, bits 63:32: ECC or parity").class(Data),
    code(0x02, "main SRAM, bits 95:64: ECC or parity").class(Data),
    code(0x03, "main SRAM, bits 127:96: ECC or parity").class(Data),
    code(0x04, "group 0, data cache, bank A: ECC or parity").class(Data),
    code(0x05, "group 0, data cache, bank B: ECC or parity").class(Data),
    code(0x06, "group 0, data tag cache, bank A: ECC or parity").class(Tag),
    code(0x07, "group 0, data tag cache, bank B: ECC or parity").class(Tag),
    code(0x08, "group 0, instruction cache, bank A: ECC or parity").class(Data),
    code(0x09, "group 0, instruction cache, bank B: ECC or parity").class(Data),
    code(
        0x0a,
        "group 0, instruction tag cache, bank A: ECC or parity",
    )
    .class(Tag),
    code(
        0x0b,
        "group 0, instruction tag cache, bank B: ECC or parity",
    )
    .class(Tag),
    code(0x0c, "group 1, data cache, bank A: ECC or parity").class(Data),
    code(0x0d, "group 1, data cache, bank B: ECC or parity").class(Data),
    code(0x0e, "group 1, data tag cache, bank A: ECC or parity").class(Tag),
    code(0x0f, "group 1, data tag cache, bank B: ECC or parity").class(Tag),
    code(0x10, "group 1, instruction cache, bank A: ECC or parity").class(Data),
    code(0x11, "group 1, instruction cache, bank B: ECC or parity").class(Data),
    code(
        0x12,
        "group 1, instruction tag cache, bank A: ECC or parity",
    )
    .class(Tag),
    code(
        0x13,
        "group 1, instruction tag cache, bank B: ECC or parity",
    )
    .class(Tag),
    code(0x14, "group 2, data cache, bank A: ECC or parity").class(Data),
    code(0x15, "group 2, data cache, bank B: ECC or parity").class(Data),
    code(0x16, "group 2, data tag cache, bank A: ECC or parity").class(Tag),
    code(0x17, "group 2, data tag cache, bank B: ECC or parity").class(Tag),
    code(0x18, "group 2, instruction cache, bank A: ECC or parity").class(Data),
    code(0x19, "group 2, instruction cache, bank B: ECC or parity").class(Data),
    code(
        0x1a,
        "group 2, instruction tag cache, bank A: ECC or parity",
    )
    .class(Tag),
    code(
        0x1b,
        "group 2, instruction tag cache, bank B: ECC or parity",
    )
    .class(Tag),
    code(0x1c, "system hub read buffer: ECC or parity").class(Data),
    code(0x1d, "TVF DVSEC memory: ECC or parity").class(Data),
    code(0x1e, "TVF MMIO mailbox 0: ECC or parity").class(Data),
    code(0x1f, "TVF MMIO mailbox 1: ECC or parity").class(Data),
    code(0x20, "TVF doorbell memory: ECC or parity").class(Data),
    code(0x21, "TVF SDP slave memory 0: ECC or parity").class(Data),
    code(0x22, "TVF SDP slave memory 1: ECC or parity").class(Data),
    code(0x23, "TVF SDP slave memory 2: ECC or parity").class(Data),
    code(0x24, "TVF SDP master memory 0: ECC or parity").class(Data),
    code(0x25, "TVF SDP master memory 1: ECC or parity").class(Data),
    code(0x26, "TVF SDP master memory 2: ECC or parity").class(Data),
    code(0x27, "TVF SDP master memory 3: ECC or parity").class(Data),
    code(0x28, "TVF SDP master memory 4: ECC or parity").class(Data),
    code(0x29, "TVF SDP master memory 5: ECC or parity").class(Data),
    code(0x2a, "TVF SDP master memory 6: ECC or parity").class(Data),
    code(0x2b, "scalable data port (SDP) watchdog timed out").class(Timeout),
    code(0x2c, "PTE command FIFO: ECC or parity").class(Data),
    code(0x2d, "PTE hub data FIFO: ECC or parity").class(Data),
    code(0x2e, "PTE internal data FIFO: ECC or parity").class(Data),
    code(0x2f, "PTE command memory, DMA: ECC or parity").class(Data),
    code(0x30, "PTE command memory, internal: ECC or parity").class(Data),
    code(0x31, "TVF SDP master memory 7: ECC or parity").class(Data),
]);
/// MPDMA Unit.
pub(super) static MPDMA: Unit = Unit::new("MPDMA", "MPDMA Unit", &[&MPDMA_CODES]);
