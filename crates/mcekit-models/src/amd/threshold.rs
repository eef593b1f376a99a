//! The error threshold register, MCi_MISC of banks that count: family 10h and later, and scalable MCA.
//!
//! BKDG "Error Threshold Register", PPR `MCA_MISC0`. Both counter bits, valid (63) and present (62), must be set.

use mcekit::table::{Field, Register, When, bits, code};

const COUNTS: When = When::Masked(Register::Misc, 3 << 62, 3 << 62);

/// The counter; an interrupt is raised when it passes 0xfff.
pub(super) static COUNT: Field =
    Field::decimal("threshold counter", Register::Misc, bits(43, 32)).when(&[COUNTS]);

/// The counter overflowed.
pub(super) static OVERFLOW: Field = Field::flag(
    Register::Misc,
    48,
    &[code(1, "threshold counter overflowed")],
)
.when(&[COUNTS]);

/// Firmware keeps the counter for itself.
pub(super) static LOCKED: Field = Field::flag(
    Register::Misc,
    61,
    &[code(1, "threshold counter locked by firmware")],
)
.when(&[COUNTS]);
