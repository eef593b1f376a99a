//! Transfer request blocks of xHCI (`drivers/usb/host/xhci.h`; the xHCI specification, section 6.4).

use core::fmt::{self, Write};

use super::Argument;
use super::bytes::{bit, field, name, number};

const TYPES: &[&str] = &[
    "UNKNOWN",
    "Normal",
    "Setup Stage",
    "Data Stage",
    "Status Stage",
    "Isoch",
    "Link",
    "Event Data",
    "No-Op",
    "Enable Slot Command",
    "Disable Slot Command",
    "Address Device Command",
    "Configure Endpoint Command",
    "Evaluate Context Command",
    "Reset Endpoint Command",
    "Stop Ring Command",
    "Set TR Dequeue Pointer Command",
    "Reset Device Command",
    "Force Event Command",
    "Negotiate Bandwidth Command",
    "Set Latency Tolerance Value Command",
    "Get Port Bandwidth Command",
    "Force Header Command",
    "No-Op Command",
];

/// From 32 on.
const EVENTS: &[&str] = &[
    "Transfer Event",
    "Command Completion Event",
    "Port Status Change Event",
    "Bandwidth Request Event",
    "Doorbell Event",
    "Host Controller Event",
    "Device Notification Event",
    "MFINDEX Wrap Event",
];

const COMPLETIONS: &[&str] = &[
    "Invalid",
    "Success",
    "Data Buffer Error",
    "Babble Detected",
    "USB Transaction Error",
    "TRB Error",
    "Stall Error",
    "Resource Error",
    "Bandwidth Error",
    "No Slots Available Error",
    "Invalid Stream Type Error",
    "Slot Not Enabled Error",
    "Endpoint Not Enabled Error",
    "Short Packet",
    "Ring Underrun",
    "Ring Overrun",
    "VF Event Ring Full Error",
    "Parameter Error",
    "Bandwidth Overrun Error",
    "Context State Error",
    "No Ping Response Error",
    "Event Ring Full Error",
    "Incompatible Device Error",
    "Missed Service Error",
    "Command Ring Stopped",
    "Command Aborted",
    "Stopped",
    "Stopped - Length Invalid",
    "Stopped - Short Packet",
    "Max Exit Latency Too Large Error",
    UNKNOWN_COMPLETION,
    "Isoch Buffer Overrun",
    "Event Lost Error",
    "Undefined Error",
    "Invalid Stream ID Error",
    "Secondary Bandwidth Error",
    "Split Transaction Error",
];

const UNKNOWN_COMPLETION: &str = "Unknown!!";

fn type_name(number: u64) -> &'static str {
    match number {
        32.. => match number {
            48 => "NEC Command Completion Event",
            // So in the kernel.
            49 => "NET Get Firmware Revision Command",
            _ => name(EVENTS, number - 32, "UNKNOWN"),
        },
        _ => name(TYPES, number, "UNKNOWN"),
    }
}

/// A letter per bit, upper case if it is set: `C:t:c`.
fn flags(out: &mut dyn Write, value: u64, letters: &[(u32, char)]) -> fmt::Result {
    out.write_str(" flags ")?;
    for (nth, &(at, letter)) in letters.iter().enumerate() {
        if nth > 0 {
            out.write_char(':')?;
        }
        out.write_char(if bit(value, at) {
            letter
        } else {
            letter.to_ascii_lowercase()
        })?;
    }
    Ok(())
}

const CYCLE: (u32, char) = (0, 'C');
const EVALUATE_NEXT: (u32, char) = (1, 'E');
const SHORT_PACKET: (u32, char) = (2, 'I');
const NO_SNOOP: (u32, char) = (3, 'S');
const CHAIN: (u32, char) = (4, 'C');
const ON_COMPLETION: (u32, char) = (5, 'I');
const IMMEDIATE: (u32, char) = (6, 'I');
const BLOCK_EVENT: (u32, char) = (9, 'B');

/// `xhci_decode_trb(buf, size, field0, field1, field2, field3)`.
pub(super) fn request_block(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let word = |at| Ok::<u64, fmt::Error>(number(args, at)? & 0xffff_ffff);
    let words = [word(2)?, word(3)?, word(4)?, word(5)?];
    let [low, high, status, control] = words;
    let number = field(control, 10, 6);
    let kind = type_name(number);
    let (slot, endpoint) = (field(control, 24, 8), field(control, 16, 5));
    match number {
        // The commands: their name and what they carry.
        9 | 23 => write!(out, "{kind}:")?,
        10 | 17 | 19 => write!(out, "{kind}: slot {slot}")?,
        11..=13 => write!(out, "{kind}: ctx {high:08x}{low:08x} slot {slot}")?,
        14 => write!(
            out,
            "{kind}: ctx {high:08x}{low:08x} slot {slot} ep {endpoint}"
        )?,
        15 => {
            let suspend = field(control, 23, 1);
            write!(out, "{kind}: slot {slot} sp {suspend} ep {endpoint}")?;
        }
        16 => {
            let stream = field(status, 16, 16);
            write!(
                out,
                "{kind}: deq {high:08x}{low:08x} stream {stream} slot {slot} ep {endpoint}"
            )?;
        }
        18 => {
            let (target, function) = (field(status, 22, 10), field(control, 16, 8));
            write!(
                out,
                "{kind}: event {high:08x}{low:08x} vf intr {target} vf id {function}"
            )?;
        }
        20 => write!(out, "{kind}: belt {}", field(control, 16, 12))?,
        21 => {
            let speed = field(control, 16, 4);
            write!(
                out,
                "{kind}: ctx {high:08x}{low:08x} slot {slot} speed {speed}"
            )?;
        }
        22 => {
            let (info, packet) = (low & 0xffff_ffe0, field(low, 0, 5));
            write!(
                out,
                "{kind}: info {status:08x}{high:08x}{info:08x} pkt type {packet} roothub port {slot}"
            )?;
        }
        1..=5 | 7 | 8 => transfer(out, words, number, kind)?,
        6 => {
            let target = field(status, 22, 10);
            write!(out, "LINK {high:08x}{low:08x} intr {target} type '{kind}'")?;
        }
        32..=39 => {
            let completion = name(COMPLETIONS, field(status, 24, 8), UNKNOWN_COMPLETION);
            let length = field(status, 0, 24);
            write!(
                out,
                "TRB {high:08x}{low:08x} status '{completion}' len {length} slot {slot} ep {endpoint} type '{kind}'"
            )?;
        }
        _ => {
            return write!(
                out,
                "type '{kind}' -> raw {low:08x} {high:08x} {status:08x} {control:08x}"
            );
        }
    }
    flags(out, control, letters(number))
}

/// What a transfer moves.
fn transfer(
    out: &mut dyn Write,
    [low, high, status, _]: [u64; 4],
    number: u64,
    kind: &str,
) -> fmt::Result {
    if number == 2 {
        write!(
            out,
            "bRequestType {:02x} bRequest {:02x} wValue {:02x}{:02x} wIndex {:02x}{:02x} wLength {}",
            field(low, 0, 8),
            field(low, 8, 8),
            field(low, 24, 8),
            field(low, 16, 8),
            field(high, 8, 8),
            field(high, 0, 8),
            field(high, 16, 16),
        )?;
    } else {
        write!(out, "Buffer {high:08x}{low:08x}")?;
    }
    write!(
        out,
        " length {} TD size {} intr {} type '{kind}'",
        field(status, 0, 17),
        field(status, 17, 5),
        field(status, 22, 10),
    )
}

/// The flags that a type has, as they are printed.
fn letters(number: u64) -> &'static [(u32, char)] {
    match number {
        2 => &[IMMEDIATE, ON_COMPLETION, CYCLE],
        3 => &[
            IMMEDIATE,
            ON_COMPLETION,
            CHAIN,
            NO_SNOOP,
            SHORT_PACKET,
            EVALUATE_NEXT,
            CYCLE,
        ],
        4 => &[ON_COMPLETION, CHAIN, EVALUATE_NEXT, CYCLE],
        1 | 5 | 7 | 8 => &[
            BLOCK_EVENT,
            IMMEDIATE,
            ON_COMPLETION,
            CHAIN,
            NO_SNOOP,
            SHORT_PACKET,
            EVALUATE_NEXT,
            CYCLE,
        ],
        // Toggle cycle.
        6 => &[ON_COMPLETION, CHAIN, (1, 'T'), CYCLE],
        // Block set address, deconfigure, transfer state preserve.
        11 => &[(9, 'B'), CYCLE],
        12 => &[(9, 'D'), CYCLE],
        14 => &[(9, 'T'), CYCLE],
        // Event data.
        32..=39 => &[(2, 'E'), CYCLE],
        _ => &[CYCLE],
    }
}
