//! NVMe commands, from dword 10 on (`drivers/nvme/host/trace.c`, `drivers/nvme/target/trace.c`).

use core::fmt::{self, Write};

use super::Argument;
use super::bytes::{bytes, little, number};

/// How one value is printed.
#[derive(Clone, Copy)]
enum Look {
    Decimal,
    Hex,
    /// Two digits, no prefix.
    Byte,
}

use Look::{Byte, Decimal, Hex};

/// A value of a command: its name, where it stands and in how many bytes, how far to shift it, and
/// the bits to leave.
struct Value(&'static str, usize, usize, u32, u64, Look);

/// All bits of `size` bytes.
const fn whole(name: &'static str, at: usize, size: usize, look: Look) -> Value {
    Value(name, at, size, 0, u64::MAX, look)
}

const READ_WRITE: &[Value] = &[
    whole("slba", 0, 8, Decimal),
    whole("len", 8, 2, Decimal),
    whole("ctrl", 10, 2, Hex),
    whole("dsmgmt", 12, 4, Decimal),
    whole("reftag", 16, 4, Decimal),
];
const DATASET: &[Value] = &[
    whole("nr", 0, 4, Decimal),
    whole("attributes", 4, 4, Decimal),
];
const ZONE_SEND: &[Value] = &[
    whole("slba", 0, 8, Decimal),
    whole("zsa", 12, 1, Decimal),
    whole("all", 13, 1, Decimal),
];
const ZONE_RECEIVE: &[Value] = &[
    whole("slba", 0, 8, Decimal),
    whole("numd", 8, 4, Decimal),
    whole("zra", 12, 1, Decimal),
    whole("zrasf", 13, 1, Decimal),
    whole("pr", 14, 1, Decimal),
];
const DELETE_SQ: &[Value] = &[whole("sqid", 0, 2, Decimal)];
const CREATE_SQ: &[Value] = &[
    whole("sqid", 0, 2, Decimal),
    whole("qsize", 2, 2, Decimal),
    whole("sq_flags", 4, 2, Hex),
    whole("cqid", 6, 2, Decimal),
];
const DELETE_CQ: &[Value] = &[whole("cqid", 0, 2, Decimal)];
const CREATE_CQ: &[Value] = &[
    whole("cqid", 0, 2, Decimal),
    whole("qsize", 2, 2, Decimal),
    whole("cq_flags", 4, 2, Hex),
    whole("irq_vector", 6, 2, Decimal),
];
const IDENTIFY: &[Value] = &[whole("cns", 0, 1, Decimal), whole("ctrlid", 2, 2, Decimal)];
/// The kernel takes bit 3 of the last byte for the save bit, and leaves it in its place.
const SET_FEATURES: &[Value] = &[
    whole("fid", 0, 1, Hex),
    Value("sv", 3, 1, 0, 8, Hex),
    whole("cdw11", 4, 4, Hex),
];
const GET_FEATURES: &[Value] = &[
    whole("fid", 0, 1, Hex),
    Value("sel", 1, 1, 0, 7, Hex),
    whole("cdw11", 4, 4, Hex),
];
const LBA_STATUS: &[Value] = &[
    whole("slba", 0, 8, Hex),
    whole("mndw", 8, 4, Hex),
    whole("rl", 12, 2, Hex),
    whole("atype", 15, 1, Decimal),
];
const FORMAT: &[Value] = &[
    Value("lbaf", 0, 1, 0, 15, Decimal),
    Value("mset", 0, 1, 4, 1, Decimal),
    Value("pi", 0, 1, 5, 7, Decimal),
    Value("pil", 1, 1, 0, 1, Decimal),
    Value("ses", 1, 1, 1, 7, Decimal),
];
const PROPERTY_SET: &[Value] = &[
    whole("attrib", 0, 1, Decimal),
    whole("ofst", 4, 4, Hex),
    whole("value", 8, 8, Hex),
];
const PROPERTY_GET: &[Value] = &[whole("attrib", 0, 1, Decimal), whole("ofst", 4, 4, Hex)];
const CONNECT: &[Value] = &[
    whole("recfmt", 0, 2, Decimal),
    whole("qid", 2, 2, Decimal),
    whole("sqsize", 4, 2, Decimal),
    whole("cattr", 6, 1, Decimal),
    whole("kato", 8, 4, Decimal),
];
const AUTH_SEND: &[Value] = &[
    whole("spsp0", 1, 1, Byte),
    whole("spsp1", 2, 1, Byte),
    whole("secp", 3, 1, Byte),
    whole("tl", 4, 4, Decimal),
];
const AUTH_RECEIVE: &[Value] = &[
    whole("spsp0", 1, 1, Byte),
    whole("spsp1", 2, 1, Byte),
    whole("secp", 3, 1, Byte),
    whole("al", 4, 4, Decimal),
];

/// Commands by opcode.
type Commands = &'static [(u64, &'static [Value])];

const ADMIN: Commands = &[
    (0x00, DELETE_SQ),
    (0x01, CREATE_SQ),
    (0x04, DELETE_CQ),
    (0x05, CREATE_CQ),
    (0x06, IDENTIFY),
    (0x09, SET_FEATURES),
    (0x0a, GET_FEATURES),
    (0x80, FORMAT),
    (0x86, LBA_STATUS),
];
const IO: Commands = &[
    (0x01, READ_WRITE),
    (0x02, READ_WRITE),
    (0x08, READ_WRITE),
    (0x09, DATASET),
    (0x79, ZONE_SEND),
    (0x7a, ZONE_RECEIVE),
    (0x7d, READ_WRITE),
];
const FABRICS: Commands = &[
    (0x00, PROPERTY_SET),
    (0x01, CONNECT),
    (0x04, PROPERTY_GET),
    (0x05, AUTH_SEND),
    (0x06, AUTH_RECEIVE),
];

/// The target knows fewer.
const TARGET_ADMIN: Commands = &[
    (0x06, IDENTIFY),
    (0x09, SET_FEATURES),
    (0x0a, GET_FEATURES),
    (0x86, LBA_STATUS),
];
const TARGET_IO: Commands = &[
    (0x01, READ_WRITE),
    (0x02, READ_WRITE),
    (0x08, READ_WRITE),
    (0x09, DATASET),
];
const TARGET_FABRICS: Commands = &[(0x00, PROPERTY_SET), (0x01, CONNECT), (0x04, PROPERTY_GET)];

/// Bytes from dword 10 to the command's end.
const REST: usize = 24;

/// `parse(p, opcode, cdw10)`; a command that is in no table is dumped.
fn command(
    args: &[Argument<'_>],
    out: &mut dyn Write,
    commands: Commands,
    otherwise: &str,
) -> fmt::Result {
    let opcode = number(args, 1)?;
    let bytes = bytes(args, 2)?.get(..REST).ok_or(fmt::Error)?;
    let Some((_, values)) = commands.iter().find(|command| command.0 == opcode) else {
        out.write_str(otherwise)?;
        for (at, byte) in bytes.iter().enumerate() {
            write!(out, "{}{byte:02x}", if at == 0 { "=" } else { " " })?;
        }
        return Ok(());
    };
    for (nth, &Value(name, at, size, shift, mask, look)) in values.iter().enumerate() {
        let value = little(bytes, at, size)? >> shift & mask;
        let comma = if nth == 0 { "" } else { ", " };
        match look {
            Decimal => write!(out, "{comma}{name}={value}")?,
            Hex => write!(out, "{comma}{name}={value:#x}")?,
            Byte => write!(out, "{comma}{name}={value:02x}")?,
        }
    }
    Ok(())
}

pub(super) fn admin(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    command(args, out, ADMIN, "cdw10")
}

pub(super) fn io(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    command(args, out, IO, "cdw10")
}

pub(super) fn fabrics(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    command(args, out, FABRICS, "specific")
}

pub(super) fn target_admin(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    command(args, out, TARGET_ADMIN, "cdw10")
}

pub(super) fn target_io(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    command(args, out, TARGET_IO, "cdw10")
}

pub(super) fn target_fabrics(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    command(args, out, TARGET_FABRICS, "specific")
}
