//! USB control requests (`drivers/usb/common/debug.c`), the DesignWare controller
//! (`drivers/usb/dwc3/debug.h`) and USB-C (`drivers/usb/typec/ucsi/trace.c`).

use core::fmt::{self, Write};

use super::Argument;
use super::bytes::{bit, field, keyed, name, number};

const FEATURES: &[(u64, &str)] = &[
    (0, "Self Powered"),
    (1, "Remote Wakeup"),
    (TEST_MODE, "Test Mode"),
    (48, "U1 Enable"),
    (49, "U2 Enable"),
    (50, "LTM Enable"),
];

const TEST_MODE: u64 = 2;

const TESTS: &[(u64, &str)] = &[
    (1, ": TEST_J"),
    (2, ": TEST_K"),
    (3, ": TEST_SE0_NAK"),
    (4, ": TEST_PACKET"),
    (5, ": TEST_FORCE_EN"),
];

const DESCRIPTORS: &[(u64, &str)] = &[
    (0x01, "Device"),
    (0x02, "Configuration"),
    (0x03, "String"),
    (0x04, "Interface"),
    (0x05, "Endpoint"),
    (0x06, "Device Qualifier"),
    (0x07, "Other Speed Config"),
    (0x08, "Interface Power"),
    (0x09, "OTG"),
    (0x0a, "Debug"),
    (0x0b, "Interface Association"),
    (0x0f, "BOS"),
    (0x10, "Device Capability"),
    (0x24, "Pipe Usage"),
    (0x30, "SS Endpoint Companion"),
    (0x31, "SSP Isochronous Endpoint Companion"),
];

const fn direction(endpoint: u64, bit: u64) -> &'static str {
    if endpoint & bit != 0 { "in" } else { "out" }
}

/// `usb_decode_ctrl(buf, size, bRequestType, bRequest, wValue, wIndex, wLength)`.
pub(super) fn control_request(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let (kind, request) = (number(args, 2)? & 0xff, number(args, 3)? & 0xff);
    let word = |at| Ok::<u64, fmt::Error>(number(args, at)? & 0xffff);
    let (value, index, length) = (word(4)?, word(5)?, word(6)?);
    let recipient = field(kind, 0, 5);
    match request {
        0x00 => match recipient {
            0 => write!(out, "Get Device Status(Length = {length})"),
            1 => write!(
                out,
                "Get Interface Status(Intf = {index}, Length = {length})"
            ),
            2 => write!(
                out,
                "Get Endpoint Status(ep{}{})",
                index & !0x80,
                direction(index, 0x80)
            ),
            // The kernel leaves its buffer as it was.
            _ => Err(fmt::Error),
        },
        0x01 | 0x03 => {
            let verb = if request == 1 { "Clear" } else { "Set" };
            feature(out, recipient, verb, value, index)
        }
        0x05 => write!(out, "Set Address(Addr = {value:02x})"),
        0x06 | 0x07 => write!(
            out,
            "{} {} Descriptor(Index = {}, Length = {length})",
            if request == 6 { "Get" } else { "Set" },
            keyed(DESCRIPTORS, value >> 8).unwrap_or("UNKNOWN"),
            value & 0xff,
        ),
        0x08 => write!(out, "Get Configuration(Length = {length})"),
        0x09 => write!(out, "Set Configuration(Config = {})", value & 0xff),
        0x0a => write!(out, "Get Interface(Intf = {index}, Length = {length})"),
        0x0b => write!(
            out,
            "Set Interface(Intf = {index}, Alt.Setting = {})",
            value & 0xff
        ),
        0x0c => write!(out, "Synch Frame(Endpoint = {index}, Length = {length})"),
        0x30 => write!(out, "Set SEL(Length = {length})"),
        0x31 => write!(out, "Set Isochronous Delay(Delay = {} ns)", value & 0xff),
        _ => {
            write!(out, "{kind:02x} {request:02x}")?;
            [value, index, length]
                .iter()
                .try_for_each(|word| write!(out, " {:02x} {:02x}", word & 0xff, word >> 8))
        }
    }
}

fn feature(out: &mut dyn Write, recipient: u64, verb: &str, value: u64, index: u64) -> fmt::Result {
    match recipient {
        0 => {
            let test = match value {
                TEST_MODE => keyed(TESTS, index).unwrap_or(": UNKNOWN"),
                _ => "",
            };
            let what = keyed(FEATURES, value).unwrap_or("UNKNOWN");
            write!(out, "{verb} Device Feature({what}{test})")
        }
        1 => {
            let what = name(&["Function Suspend"], value, "UNKNOWN");
            write!(out, "{verb} Interface Feature({what})")
        }
        2 => {
            let what = name(&["Halt"], value, "UNKNOWN");
            let (endpoint, direction) = (index & !0x80, direction(index, 0x80));
            write!(
                out,
                "{verb} Endpoint Feature({what} ep{endpoint}{direction})"
            )
        }
        _ => Err(fmt::Error),
    }
}

const LINK_STATES: &[&str] = &[
    "U0",
    "U1",
    "U2",
    "U3",
    "SS.Disabled",
    "RX.Detect",
    "SS.Inactive",
    "Polling",
    "Recovery",
    "Hot Reset",
    "Compliance",
    "Loopback",
    UNKNOWN_STATE,
    UNKNOWN_STATE,
    "Reset",
    "Resume",
];

const UNKNOWN_STATE: &str = "UNKNOWN link state";

const DEVICE_EVENTS: &[(u64, &str)] = &[
    (0, "Disconnect:"),
    (1, "Reset"),
    (2, "Connection Done"),
    (3, "Link Change"),
    (4, "WakeUp"),
    (6, "Suspend"),
    (7, "Start-Of-Frame"),
    (9, "Erratic Error"),
    (10, "Command Complete"),
    (11, "Overflow"),
];

const CONTROL_STATES: &[&str] = &["Unconnected", "Setup Phase", "Data Phase", "Status Phase"];

/// `dwc3_decode_event(buf, size, event, ep0state)`.
pub(super) fn dwc3_event(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let (event, state) = (number(args, 2)?, number(args, 3)?);
    if bit(event, 0) {
        let link = name(LINK_STATES, field(event, 16, 4), UNKNOWN_STATE);
        return match keyed(DEVICE_EVENTS, field(event, 8, 4)) {
            Some(what) => write!(out, "{what} [{link}]"),
            None => out.write_str("UNKNOWN"),
        };
    }
    let (endpoint, status) = (field(event, 1, 5), field(event, 12, 4));
    let parameters = field(event, 16, 16);
    let flag = |at, yes, no| if bit(status, at) { yes } else { no };
    let (short, done) = (flag(1, 'S', 's'), flag(2, 'I', 'i'));
    write!(out, "ep{}{}: ", endpoint >> 1, direction(endpoint, 1))?;
    match field(event, 6, 4) {
        1 => {
            let last = flag(3, 'L', 'l');
            write!(out, "Transfer Complete ({short}{done}{last})")?;
            if endpoint <= 1 {
                write!(out, " [{}]", name(CONTROL_STATES, state, "UNKNOWN"))?;
            }
            Ok(())
        }
        2 => {
            let missed = flag(3, 'M', 'm');
            write!(
                out,
                "Transfer In Progress [{parameters:08x}] ({short}{done}{missed})"
            )
        }
        3 => {
            let active = if bit(status, 3) {
                "Active"
            } else {
                "Not Active"
            };
            write!(out, "Transfer Not Ready [{parameters:08x}] ({active})")?;
            match field(status, 0, 2) {
                1 if endpoint <= 1 => out.write_str(" [Data Phase]"),
                2 if endpoint <= 1 => out.write_str(" [Status Phase]"),
                _ => Ok(()),
            }
        }
        4 => out.write_str("FIFO"),
        6 if status == 1 => write!(out, " Stream {parameters} Found"),
        6 => out.write_str(" Stream Not Found"),
        7 => out.write_str("Endpoint Command Complete"),
        _ => out.write_str("UNKNOWN"),
    }
}

const ENDPOINT_COMMANDS: &[&str] = &[
    UNKNOWN_COMMAND,
    "Set Endpoint Configuration",
    "Set Endpoint Transfer Resource",
    "Get Endpoint State",
    "Set Stall",
    "Clear Stall",
    "Start Transfer",
    "Update Transfer",
    "End Transfer",
    "Start New Configuration",
];

const UNKNOWN_COMMAND: &str = "UNKNOWN command";

const GENERIC_COMMANDS: &[(u64, &str)] = &[
    (0x01, "Set LMP"),
    (0x02, "Set Periodic Parameters"),
    (0x03, "Transmit Function Wake Device Notification"),
    (0x04, "Set Scratchpad Buffer Array Address Lo"),
    (0x05, "Set Scratchpad Buffer Array Address Hi"),
    (0x09, "Selected FIFO Flush"),
    (0x0a, "All FIFO Flush"),
    (0x0c, "Set Endpoint NRDY"),
    (0x0d, "Set Endpoint Prime"),
    (0x10, "Run SoC Bus Loopback Test"),
];

/// The kernel's parameter is one byte wide.
pub(super) fn dwc3_endpoint_command(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let command = number(args, 0)? & 0xff;
    out.write_str(name(ENDPOINT_COMMANDS, command, UNKNOWN_COMMAND))
}

pub(super) fn dwc3_generic_command(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let command = number(args, 0)? & 0xff;
    out.write_str(keyed(GENERIC_COMMANDS, command).unwrap_or("UNKNOWN"))
}

const TIMED_OUT: i32 = -110;

pub(super) fn dwc3_endpoint_status(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    out.write_str(match number(args, 0)? as i32 {
        TIMED_OUT => "Timed Out",
        0 => "Successful",
        1 => "No Resource",
        2 => "Bus Expiry",
        _ => "UNKNOWN",
    })
}

pub(super) fn dwc3_generic_status(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    out.write_str(match number(args, 0)? as i32 {
        TIMED_OUT => "Timed Out",
        0 => "Successful",
        1 => "Error",
        _ => "UNKNOWN",
    })
}

const UCSI_COMMANDS: &[&str] = &[
    UNKNOWN_UCSI,
    "PPM_RESET",
    "CANCEL",
    "CONNECTOR_RESET",
    "ACK_CC_CI",
    "SET_NOTIFICATION_ENABLE",
    "GET_CAPABILITY",
    "GET_CONNECTOR_CAPABILITY",
    "SET_UOM",
    "SET_UOR",
    "SET_PDM",
    "SET_PDR",
    "GET_ALTERNATE_MODES",
    "GET_CAM_SUPPORTED",
    "GET_CURRENT_CAM",
    "SET_NEW_CAM",
    "GET_PDOS",
    "GET_CABLE_PROPERTY",
    "GET_CONNECTOR_STATUS",
    "GET_ERROR_STATUS",
];

const UNKNOWN_UCSI: &str = "Unknown command";

const UCSI_RECIPIENTS: &[&str] = &["port", "partner", "plug (prime)", "plug (double prime)"];

/// Of the whole command register.
pub(super) fn ucsi_command(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let command = number(args, 0)? & 0xff;
    out.write_str(name(UCSI_COMMANDS, command, UNKNOWN_UCSI))
}

/// The kernel does not look whether its table has the row.
pub(super) fn ucsi_recipient(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    match name(UCSI_RECIPIENTS, number(args, 0)?, "") {
        "" => Err(fmt::Error),
        name => out.write_str(name),
    }
}
