//! SCSI command descriptor blocks (`drivers/scsi/scsi_trace.c`; SBC, SPC and ZBC).

use core::fmt::{self, Write};

use super::Argument;
use super::bytes::{big, bytes, keyed};

/// Service actions of READ CAPACITY (16) and its kin.
const SERVICE_ACTION_IN: &[(u64, &str)] = &[(0x10, "READ_CAPACITY_16"), (0x12, "GET_LBA_STATUS")];

const MAINTENANCE_IN: &[(u64, &str)] = &[
    (0x05, "REPORT_IDENTIFYING_INFORMATION"),
    (0x0a, "REPORT_TARGET_PORT_GROUPS"),
    (0x0b, "REPORT_ALIASES"),
    (0x0c, "REPORT_SUPPORTED_OPERATION_CODES"),
    (0x0d, "REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS"),
    (0x0e, "REPORT_PRIORITY"),
    (0x0f, "REPORT_TIMESTAMP"),
    (0x10, "MANAGEMENT_PROTOCOL_IN"),
];

const MAINTENANCE_OUT: &[(u64, &str)] = &[
    (0x06, "SET_IDENTIFYING_INFORMATION"),
    (0x0a, "SET_TARGET_PORT_GROUPS"),
    (0x0b, "CHANGE_ALIASES"),
    (0x0e, "SET_PRIORITY"),
    (0x0f, "SET_TIMESTAMP"),
    (0x10, "MANAGEMENT_PROTOCOL_OUT"),
];

const ZONES_IN: &[(u64, &str)] = &[(0x00, "REPORT_ZONES")];

const ZONES_OUT: &[(u64, &str)] = &[
    (0x01, "CLOSE_ZONE"),
    (0x02, "FINISH_ZONE"),
    (0x03, "OPEN_ZONE"),
    (0x04, "RESET_WRITE_POINTER"),
];

/// Of variable-length commands.
const LONG: &[(u64, &str)] = &[
    (0x09, "READ"),
    (0x0a, "VERIFY"),
    (0x0b, "WRITE"),
    (0x0d, "WRITE_SAME"),
];

const WRITE_SAME: u8 = 0x41;
const WRITE_SAME_16: u8 = 0x93;
const WRITE_SAME_32: u64 = 0x0d;

/// Where a block command has what.
struct Blocks {
    address: (usize, usize),
    length: (usize, usize),
}

const TEN: Blocks = Blocks {
    address: (2, 4),
    length: (7, 2),
};
const TWELVE: Blocks = Blocks {
    address: (2, 4),
    length: (6, 4),
};
const SIXTEEN: Blocks = Blocks {
    address: (2, 8),
    length: (10, 4),
};

/// `scsi_trace_parse_cdb(p, cdb, len)`.
pub(super) fn command(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let cdb = bytes(args, 1)?;
    let operation = *cdb.first().ok_or(fmt::Error)?;
    match operation {
        0x08 | 0x0a => {
            let (address, length) = (big(cdb, 1, 3)? & 0x1f_ffff, big(cdb, 4, 1)?);
            // SBC: no length stands for 256 blocks.
            let length = if length == 0 { 256 } else { length };
            write!(out, "lba={address} txlen={length}")
        }
        0x28 | 0x2a | 0x2f | WRITE_SAME => blocks(out, cdb, &TEN, operation == WRITE_SAME),
        0xa8 | 0xaa | 0xaf => blocks(out, cdb, &TWELVE, false),
        0x88 | 0x8a | 0x8f | WRITE_SAME_16 => {
            blocks(out, cdb, &SIXTEEN, operation == WRITE_SAME_16)
        }
        0x42 => {
            let regions = (big(cdb, 7, 2)? as u32).wrapping_sub(8) / 16;
            write!(out, "regions={regions}")
        }
        0x7f => long(out, cdb),
        0x9e => match action(cdb, SERVICE_ACTION_IN)? {
            Some(name) => {
                let (address, length) = (big(cdb, 2, 8)?, big(cdb, 10, 4)?);
                write!(out, "{name} lba={address} alloc_len={length}")
            }
            None => out.write_str("UNKNOWN"),
        },
        0xa3 => maintenance(out, cdb, MAINTENANCE_IN),
        0xa4 => maintenance(out, cdb, MAINTENANCE_OUT),
        0x95 => match action(cdb, ZONES_IN)? {
            Some(name) => {
                let (zone, length, options) = (big(cdb, 2, 8)?, big(cdb, 10, 4)?, big(cdb, 14, 1)?);
                let (partial, options) = (options >> 7, options & 0x3f);
                write!(
                    out,
                    "{name} zone={zone} alloc_len={length} options={options} partial={partial}"
                )
            }
            None => out.write_str("UNKNOWN"),
        },
        0x94 => match action(cdb, ZONES_OUT)? {
            Some(name) => {
                let (zone, all) = (big(cdb, 2, 8)?, big(cdb, 14, 1)? & 1);
                write!(out, "{name} zone={zone} all={all}")
            }
            None => out.write_str("UNKNOWN"),
        },
        _ => out.write_str("-"),
    }
}

fn action<'n>(cdb: &[u8], names: &[(u64, &'n str)]) -> Result<Option<&'n str>, fmt::Error> {
    Ok(keyed(names, big(cdb, 1, 1)? & 0x1f))
}

fn blocks(out: &mut dyn Write, cdb: &[u8], places: &Blocks, unmap: bool) -> fmt::Result {
    let address = big(cdb, places.address.0, places.address.1)?;
    let length = big(cdb, places.length.0, places.length.1)?;
    let flags = big(cdb, 1, 1)?;
    write!(out, "lba={address} txlen={length} protect={}", flags >> 5)?;
    if unmap {
        write!(out, " unmap={}", flags >> 3 & 1)?;
    }
    Ok(())
}

fn long(out: &mut dyn Write, cdb: &[u8]) -> fmt::Result {
    let action = big(cdb, 8, 2)?;
    let Some(name) = keyed(LONG, action) else {
        return out.write_str("-");
    };
    let (address, length, tag) = (big(cdb, 12, 8)?, big(cdb, 28, 4)?, big(cdb, 20, 4)?);
    let flags = big(cdb, 10, 1)?;
    let protect = flags >> 5;
    write!(
        out,
        "{name}_32 lba={address} txlen={length} protect={protect} ei_lbrt={tag}"
    )?;
    if action == WRITE_SAME_32 {
        write!(out, " unmap={}", flags >> 3 & 1)?;
    }
    Ok(())
}

fn maintenance(out: &mut dyn Write, cdb: &[u8], names: &[(u64, &str)]) -> fmt::Result {
    match action(cdb, names)? {
        Some(name) => write!(out, "{name} alloc_len={}", big(cdb, 6, 4)?),
        None => out.write_str("UNKNOWN"),
    }
}
