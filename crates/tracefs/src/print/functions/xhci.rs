//! USB host controllers (`drivers/usb/host/xhci.h`; the xHCI specification, chapter 6).

use core::fmt::{self, Write};

use super::Argument;
use super::bytes::{bit, field, name};

/// A buffer is the kernel's first argument; the values follow it.
fn values<const N: usize>(args: &[Argument<'_>]) -> Result<[u64; N], fmt::Error> {
    let mut values = [0; N];
    for (at, value) in values.iter_mut().enumerate() {
        *value = args
            .get(at + 1)
            .and_then(|arg| arg.number())
            .ok_or(fmt::Error)?;
    }
    Ok(values)
}

const fn direction(endpoint: u32) -> &'static str {
    if endpoint % 2 == 1 { "in" } else { "out" }
}

fn endpoints(out: &mut dyn Write, bits: u64) -> fmt::Result {
    for at in (0..32).filter(|&at| bit(bits, at)) {
        write!(out, " {}{}", at / 2, direction(at))?;
    }
    Ok(())
}

/// Input control context: which contexts to drop and to add.
pub(super) fn control_context(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let [drop, add] = values(args)?;
    if drop != 0 {
        out.write_str("Drop:")?;
        endpoints(out, drop)?;
        out.write_str(", ")?;
    }
    if add != 0 {
        out.write_str("Add:")?;
        if bit(add, 0) {
            out.write_str(" slot")?;
        }
        if bit(add, 1) {
            out.write_str(" ep0")?;
        }
        endpoints(out, add & !3)?;
    }
    Ok(())
}

const SPEEDS: &[&str] = &[
    "UNKNOWN speed",
    "full-speed",
    "low-speed",
    "high-speed",
    "super-speed",
    "super-speed plus",
];

const SLOT_STATES: &[&str] = &["enabled/disabled", "default", "addressed", "configured"];

/// Slot context, section 6.2.2.
pub(super) fn slot_context(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let [info, info2, tt, state] = values(args)?;
    write!(
        out,
        "RS {:05x} {}{}{} Ctx Entries {} MEL {} us Port# {}/{}",
        field(info, 0, 20),
        name(SPEEDS, field(info, 20, 4), "UNKNOWN speed"),
        if bit(info, 25) { " multi-TT" } else { "" },
        if bit(info, 26) { " Hub" } else { "" },
        field(info, 27, 5),
        field(info2, 0, 16),
        field(info2, 16, 8),
        field(info2, 24, 8),
    )?;
    write!(
        out,
        " [TT Slot {} Port# {} TTT {} Intr {}] Addr {} State {}",
        field(tt, 0, 8),
        field(tt, 8, 8),
        field(tt, 16, 2),
        field(tt, 22, 10),
        field(state, 0, 8),
        name(SLOT_STATES, field(state, 27, 5), "reserved"),
    )
}

const ENDPOINT_STATES: &[&str] = &["disabled", "running", "halted", "stopped", "error"];

const ENDPOINT_TYPES: &[&str] = &[
    "INVALID", "Isoc OUT", "Bulk OUT", "Int OUT", "Ctrl", "Isoc IN", "Bulk IN", "Int IN",
];

/// Endpoint context, section 6.2.3.
pub(super) fn endpoint_context(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let [info, info2, dequeue, tx] = values(args)?;
    let interval = field(info, 16, 8) as u32;
    write!(
        out,
        "State {} mult {} max P. Streams {} {}",
        name(ENDPOINT_STATES, field(info, 0, 3), "INVALID"),
        field(info, 8, 2) + 1,
        field(info, 10, 5),
        if bit(info, 15) { "LSA " } else { "" },
    )?;
    write!(
        out,
        "interval {} us max ESIT payload {} CErr {} ",
        1i32.wrapping_shl(interval).wrapping_mul(125),
        field(info, 24, 8) << 16 | field(tx, 16, 16),
        field(info2, 1, 2),
    )?;
    write!(
        out,
        "Type {} {}burst {} maxp {} deq {dequeue:016x} avg trb len {}",
        name(ENDPOINT_TYPES, field(info2, 3, 3), "INVALID"),
        if bit(info2, 7) { "HID" } else { "" },
        field(info2, 8, 8),
        field(info2, 16, 16),
        field(tx, 0, 16),
    )
}

const LINK_STATES: &[&str] = &[
    "U0",
    "U1",
    "U2",
    "U3",
    "Disabled",
    "RxDetect",
    "Inactive",
    "Polling",
    "Recovery",
    "Hot Reset",
    "Compliance mode",
    "Test mode",
    "Unknown",
    "Unknown",
    "Unknown",
    "Resume",
];

const PORT_STATUS: &[(u32, &str)] = &[(3, "OverCurrent "), (4, "In-Reset ")];
const PORT_CHANGES: &[(u32, &str)] = &[
    (17, "CSC "),
    (18, "PEC "),
    (19, "WRC "),
    (20, "OCC "),
    (21, "PRC "),
    (22, "PLC "),
    (23, "CEC "),
    (24, "CAS "),
];
const PORT_WAKES: &[(u32, &str)] = &[(25, "WCE "), (26, "WDE "), (27, "WOE ")];

fn words(out: &mut dyn Write, value: u64, words: &[(u32, &str)]) -> fmt::Result {
    words
        .iter()
        .filter(|(at, _)| bit(value, *at))
        .try_for_each(|(_, word)| out.write_str(word))
}

/// Port status and control register, section 5.4.8.
pub(super) fn port_status(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let [port] = values(args)?;
    let either = |at, yes, no| if bit(port, at) { yes } else { no };
    write!(
        out,
        "{} {} {} Link:{} PortSpeed:{} ",
        either(9, "Powered", "Powered-off"),
        either(0, "Connected", "Not-connected"),
        either(1, "Enabled", "Disabled"),
        name(LINK_STATES, field(port, 5, 4), "Unknown"),
        field(port, 10, 4),
    )?;
    words(out, port, PORT_STATUS)?;
    out.write_str("Change: ")?;
    words(out, port, PORT_CHANGES)?;
    out.write_str("Wake: ")?;
    words(out, port, PORT_WAKES)
}

/// Doorbell register, section 5.6. (With a stream the kernel writes that over its own text; the
/// stand-in for the call is clearer than either.)
pub(super) fn doorbell(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let [slot, doorbell] = values(args)?;
    if slot == 0 {
        return write!(out, "Command Ring {}", doorbell as i32);
    }
    let endpoint = field(doorbell, 0, 8) as u32;
    if field(doorbell, 16, 16) != 0 {
        return Err(fmt::Error);
    }
    write!(out, "Slot {} ", slot as i32)?;
    match endpoint {
        1..32 => write!(out, "ep{}{}", endpoint / 2, direction(endpoint)),
        0 | 32..248 => write!(out, "Reserved {endpoint}"),
        _ => write!(out, "Vendor Defined {endpoint}"),
    }
}
