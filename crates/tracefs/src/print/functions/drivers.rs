//! Functions of drivers whose results are rows of a table.

use core::fmt::{self, Write};

use super::{Argument, first, row};
use crate::Endian;

/// A bit, and the word printed for it.
type Bits = &'static [(u64, &'static str)];

// include/linux/libata.h, include/linux/ata.h

const QC_FLAGS: Bits = &[
    (1 << 0, "ACTIVE"),
    (1 << 1, "DMAMAP"),
    (1 << 3, "IO"),
    (1 << 4, "RESULT_TF"),
    (1 << 5, "CLEAR_EXCL"),
    (1 << 6, "QUIET"),
    (1 << 7, "RETRY"),
    (1 << 16, "FAILED"),
    (1 << 17, "SENSE_VALID"),
    (1 << 18, "EH_SCHEDULED"),
];

const STATUS: Bits = &[
    (1 << 7, "BUSY"),
    (1 << 6, "DRDY"),
    (1 << 5, "DF"),
    (1 << 4, "DSC"),
    (1 << 3, "DRQ"),
    (1 << 2, "CORR"),
    (1 << 1, "SENSE"),
    (1 << 0, "ERR"),
];

/// Either reset bit is printed as `RESET`.
const EH_ACTION: Bits = &[
    (1 << 0, "REVALIDATE"),
    (3 << 1, "RESET"),
    (1 << 3, "ENABLE_LINK"),
    (1 << 5, "PARK"),
];

const EH_ERR_MASK: Bits = &[
    (1 << 0, "DEV"),
    (1 << 1, "HSM"),
    (1 << 2, "TIMEOUT"),
    (1 << 3, "MEDIA"),
    (1 << 4, "ATA_BUS"),
    (1 << 5, "HOST_BUS"),
    (1 << 6, "SYSTEM"),
    (1 << 7, "INVALID"),
    (1 << 8, "OTHER"),
    (1 << 9, "NODEV_HINT"),
    (1 << 10, "NCQ"),
];

const TF_FLAGS: Bits = &[
    (1 << 0, "LBA48"),
    (1 << 1, "ISADDR"),
    (1 << 2, "DEVICE"),
    (1 << 3, "WRITE"),
    (1 << 4, "LBA"),
    (1 << 5, "FUA"),
    (1 << 6, "POLLING"),
];

const HOST_STAT: Bits = &[(1 << 2, "INTR"), (1 << 1, "ERR"), (1 << 0, "ACTIVE")];

/// `{ A B }`.
fn braces(value: u64, bits: Bits, out: &mut dyn Write) -> fmt::Result {
    out.write_str("{ ")?;
    for (bit, word) in bits {
        if value & bit != 0 {
            write!(out, "{word} ")?;
        }
    }
    out.write_str("}")
}

/// The number, and what its bits mean if there are any.
fn hex_and_braces(args: &[Argument<'_>], bits: Bits, out: &mut dyn Write) -> fmt::Result {
    let value = first(args).ok_or(fmt::Error)? & 0xffff_ffff;
    write!(out, "{value:x}")?;
    if value == 0 {
        return Ok(());
    }
    braces(value, bits, out)
}

pub(super) fn ata_qc_flags(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    hex_and_braces(args, QC_FLAGS, out)
}

pub(super) fn ata_eh_action(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    hex_and_braces(args, EH_ACTION, out)
}

pub(super) fn ata_eh_err_mask(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    hex_and_braces(args, EH_ERR_MASK, out)
}

pub(super) fn ata_tf_flags(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    hex_and_braces(args, TF_FLAGS, out)
}

pub(super) fn ata_status(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    braces(first(args).ok_or(fmt::Error)?, STATUS, out)
}

pub(super) fn ata_host_stat(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    braces(first(args).ok_or(fmt::Error)?, HOST_STAT, out)
}

// include/linux/blkdev.h, include/uapi/linux/blkzoned.h

/// enum req_op.
const OPERATIONS: &[(u64, &str)] = &[
    (0, "READ"),
    (1, "WRITE"),
    (2, "FLUSH"),
    (3, "DISCARD"),
    (5, "SECURE_ERASE"),
    (7, "ZONE_APPEND"),
    (9, "WRITE_ZEROES"),
    (11, "ZONE_OPEN"),
    (13, "ZONE_CLOSE"),
    (15, "ZONE_FINISH"),
    (17, "ZONE_RESET"),
    (19, "ZONE_RESET_ALL"),
    (34, "DRV_IN"),
    (35, "DRV_OUT"),
];

pub(super) fn block_operation(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let op = first(args).ok_or(fmt::Error)?;
    let name = OPERATIONS.iter().find(|(value, _)| *value == op);
    out.write_str(name.map_or("UNKNOWN", |(_, name)| name))
}

const ZONE_CONDITIONS: &[&str] = &[
    "NOT_WP", "EMPTY", "IMP_OPEN", "EXP_OPEN", "CLOSED", "UNKNOWN", "UNKNOWN", "UNKNOWN",
    "UNKNOWN", "UNKNOWN", "UNKNOWN", "UNKNOWN", "UNKNOWN", "READONLY", "FULL", "OFFLINE",
];

pub(super) fn zone_condition(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    row(args, out, ZONE_CONDITIONS, "UNKNOWN")
}

// drivers/nvme/host/trace.c, drivers/nvme/target/trace.c, drivers/block/null_blk/trace.c

/// `disk=name, `, or nothing.
pub(super) fn disk_name(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let Some(Argument::Bytes(bytes, _)) = args.first() else {
        return Err(fmt::Error);
    };
    let name = crate::record::Text::until_nul(bytes);
    if name.as_bytes().is_empty() {
        return Ok(());
    }
    write!(out, "disk={name}, ")
}

/// A controller that has no number yet is an underscore.
pub(super) fn nvmet_controller(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    match first(args).ok_or(fmt::Error)? {
        0 => out.write_str("_"),
        id => write!(out, "{id}"),
    }
}

// drivers/usb/host/xhci.h: enum xhci_ring_type

const RING_TYPES: &[&str] = &["CTRL", "ISOC", "BULK", "INTR", "STREAM", "CMD", "EVENT"];

pub(super) fn xhci_ring_type(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    row(args, out, RING_TYPES, "UNKNOWN")
}

// drivers/infiniband/hw/irdma/cm.h

const CM_STATES: &[&str] = &[
    "UNKNOWN",
    "INITED",
    "LISTENING",
    "SYN_RCVD",
    "SYN_SENT",
    "ONE_SIDE_ESTABLISHED",
    "ESTABLISHED",
    "ACCEPTING",
    "MPAREQ_SENT",
    "MPAREQ_RCVD",
    "MPAREJ_RECVD",
    "OFFLOADED",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "CLOSE_WAIT",
    "TIME_WAIT",
    "LAST_ACK",
    "CLOSING",
    "LISTENER_DESTROYED",
    "CLOSED",
];

const CM_EVENTS: &[&str] = &[
    "none",
    "CmEstablished",
    "CmMPA_REQ",
    "CmMPA_CONNECT",
    "CmMPA_ACCEPT",
    "CmMPA_REJECT",
    "CmMPA_ESTABLISHED",
    "CmConnected",
    "CmReset",
    "CmAborted",
];

/// enum iw_cm_event_type counts from 1.
const IW_EVENTS: &[&str] = &[
    "Unknown",
    "IwRequest",
    "IwReply",
    "IwEstablished",
    "IwDisconnect",
    "IwClose",
];

pub(super) fn cm_state(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    row(args, out, CM_STATES, "Bad state")
}

pub(super) fn cm_event(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    row(args, out, CM_EVENTS, "Unknown")
}

pub(super) fn iw_event(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    row(args, out, IW_EVENTS, "Unknown")
}

/// `print_ip_addr()`: `%pI4:%d` of a host-order address, or `%pI6:%d`; the port is swapped by
/// `htons()`.
pub(super) fn ip_address(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let [address, port, ipv4, ..] = args else {
        return Err(fmt::Error);
    };
    let Argument::Bytes(bytes, abi) = address else {
        return Err(fmt::Error);
    };
    let port = port.number().ok_or(fmt::Error)? as u16;
    let port = match abi.endian {
        Endian::Little => port.swap_bytes(),
        Endian::Big => port,
    };
    if ipv4.number().ok_or(fmt::Error)? != 0 {
        let address = address.load(0, 4).ok_or(fmt::Error)? as u32;
        let [a, b, c, d] = address.to_be_bytes();
        return write!(out, "{a}.{b}.{c}.{d}:{port}");
    }
    let bytes = bytes.get(..16).ok_or(fmt::Error)?;
    for (at, pair) in bytes.chunks(2).enumerate() {
        if at > 0 {
            out.write_str(":")?;
        }
        pair.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
    }
    write!(out, ":{port}")
}
