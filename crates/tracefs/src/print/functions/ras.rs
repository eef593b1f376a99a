//! UEFI error records (`drivers/firmware/efi/cper.c`; UEFI Specification, appendix N.2.5).

use core::fmt;

use super::{Argument, row};

/// UEFI, table N.1: error severity.
const SEVERITIES: &[&str] = &["recoverable", "fatal", "corrected", "info"];

/// UEFI, memory error section: memory error type.
const MEMORY_ERROR_TYPES: &[&str] = &[
    "unknown",
    "no error",
    "single-bit ECC",
    "multi-bit ECC",
    "single-symbol chipkill ECC",
    "multi-symbol chipkill ECC",
    "master abort",
    "target abort",
    "parity error",
    "watchdog timeout",
    "invalid address",
    "mirror Broken",
    "memory sparing",
    "scrub corrected error",
    "scrub uncorrected error",
    "physical memory map-out event",
];

/// `cper_severity_str()`.
pub(super) fn severity(args: &[Argument<'_>], out: &mut dyn fmt::Write) -> fmt::Result {
    row(args, out, SEVERITIES, "unknown")
}

/// `cper_mem_err_type_str()`.
pub(super) fn memory_error_type(args: &[Argument<'_>], out: &mut dyn fmt::Write) -> fmt::Result {
    row(args, out, MEMORY_ERROR_TYPES, "unknown")
}

/// A part of `struct cper_mem_err_compact` (55 bytes, packed): the bits of `validation_bits` that
/// announce it, its name, where it is, and how it is printed.
struct Part {
    valid: u64,
    name: &'static str,
    offset: usize,
    size: usize,
    shape: Shape,
}

enum Shape {
    Decimal,
    /// The upper part of a number.
    Shifted(u32),
    /// The lower 8 bits.
    Low,
    /// With two more bits from `extended` where `ROW_EXT` is set.
    Row,
    Hex,
}

const ROW_EXT: u64 = 1 << 18;
const MODULE_HANDLE: u64 = 1 << 17;
const MODULE_HANDLE_OFFSET: usize = 52;
const EXTENDED_OFFSET: usize = 54;

const fn part(valid: u64, name: &'static str, offset: usize, size: usize, shape: Shape) -> Part {
    Part {
        valid,
        name,
        offset,
        size,
        shape,
    }
}

/// In the order in which the kernel prints them.
const PARTS: &[Part] = &[
    part(1 << 3, "node", 8, 2, Shape::Decimal),
    part(1 << 4, "card", 10, 2, Shape::Decimal),
    part(1 << 5, "module", 12, 2, Shape::Decimal),
    part(1 << 15, "rank", 48, 2, Shape::Decimal),
    part(1 << 6, "bank", 14, 2, Shape::Decimal),
    part(1 << 19, "bank_group", 14, 2, Shape::Shifted(8)),
    part(1 << 20, "bank_address", 14, 2, Shape::Low),
    part(1 << 7, "device", 16, 2, Shape::Decimal),
    part(1 << 8 | ROW_EXT, "row", 18, 2, Shape::Row),
    part(1 << 9, "column", 20, 2, Shape::Decimal),
    part(1 << 10, "bit_position", 22, 2, Shape::Decimal),
    part(1 << 11, "requestor_id", 24, 8, Shape::Hex),
    part(1 << 12, "responder_id", 32, 8, Shape::Hex),
    part(1 << 13, "target_id", 40, 8, Shape::Hex),
    part(1 << 21, "chip_id", EXTENDED_OFFSET, 1, Shape::Shifted(5)),
];

/// `cper_mem_err_unpack()`. The kernel asks its DMI table for the module's name; here the handle
/// is all there is.
pub(super) fn memory_error(args: &[Argument<'_>], out: &mut dyn fmt::Write) -> fmt::Result {
    let record = args.first().ok_or(fmt::Error)?;
    let load = |offset, size| record.load(offset, size).ok_or(fmt::Error);
    let valid = load(0, 8)?;
    let extended = load(EXTENDED_OFFSET, 1)?;
    for part in PARTS.iter().filter(|part| valid & part.valid != 0) {
        let value = load(part.offset, part.size)?;
        let name = part.name;
        match part.shape {
            Shape::Decimal => write!(out, "{name}:{value} ")?,
            Shape::Shifted(bits) => write!(out, "{name}:{} ", value >> bits)?,
            Shape::Low => write!(out, "{name}:{} ", value & 0xff)?,
            Shape::Row if valid & ROW_EXT != 0 => {
                write!(out, "{name}:{} ", value | (extended & 3) << 16)?;
            }
            Shape::Row => write!(out, "{name}:{value} ")?,
            Shape::Hex => write!(out, "{name}:0x{value:016x} ")?,
        }
    }
    if valid & MODULE_HANDLE != 0 {
        let handle = load(MODULE_HANDLE_OFFSET, 2)?;
        write!(out, "DIMM location: DMI handle: 0x{handle:04x} ")?;
    }
    Ok(())
}
