//! Links between packages and dies, physical coding sublayer: xGMI (HWID 0x50) and GMI (HWID 0x241), McaType 0.
//!
//! Source: rasdaemon 0.8 and Linux 6.1, `smca_xgmipcs_mce_desc`, `smca_gmipcs_mce_desc`.

use mcekit::table::Class::{Data, LinkCrc, LinkFailure, Protocol, Timeout};
use mcekit::table::{Field, Unit, code};

static XGMI_PCS_CODES: Field = super::codes(&[
    code(0x00, "data loss").class(LinkFailure),
    code(0x01, "training").class(LinkFailure),
    code(0x02, "flow control acknowledge").class(Protocol),
    code(0x03, "receive FIFO underflow").class(LinkFailure),
    code(0x04, "receive FIFO overflow").class(LinkFailure),
    code(0x05, "CRC").class(LinkCrc),
    code(0x06, "bit error rate exceeded").class(LinkFailure),
    code(0x07, "transmit virtual channel id or data").class(Data),
    code(0x08, "replay buffer parity").class(Data),
    code(0x09, "data parity").class(Data),
    code(0x0a, "replay FIFO overflow").class(LinkFailure),
    code(0x0b, "replay FIFO underflow").class(LinkFailure),
    code(0x0c, "elastic FIFO overflow").class(LinkFailure),
    code(0x0d, "deskew").class(LinkFailure),
    code(0x0e, "flow control CRC").class(LinkCrc),
    code(0x0f, "data startup limit").class(LinkFailure),
    code(0x10, "flow control initialization timed out").class(Timeout),
    code(0x11, "recovery timed out").class(Timeout),
    code(0x12, "ready, serial: timed out").class(Timeout),
    code(0x13, "ready, serial: too many attempts").class(LinkFailure),
    code(0x14, "recovery: too many attempts").class(LinkFailure),
    code(0x15, "recovery relock: too many attempts").class(LinkFailure),
    code(0x16, "replay: too many attempts").class(LinkFailure),
    code(0x17, "sync header").class(LinkFailure),
    code(0x18, "transmit replay timed out").class(Timeout),
    code(0x19, "receive replay timed out").class(Timeout),
    code(0x1a, "sub-link, transmit: timed out").class(Timeout),
    code(0x1b, "sub-link, receive: timed out").class(Timeout),
    code(0x1c, "received command packet").class(Protocol),
]);
/// Ext Global Memory Interconnect PCS Unit.
pub(super) static XGMI_PCS: Unit = Unit::new(
    "XGMI_PCS",
    "Ext Global Memory Interconnect PCS Unit",
    &[&XGMI_PCS_CODES],
);

static GMI_PCS_CODES: Field = super::codes(&[
    code(0x00, "data loss").class(LinkFailure),
    code(0x01, "training").class(LinkFailure),
    code(0x02, "replay parity").class(Data),
    code(0x03, "receive FIFO underflow").class(LinkFailure),
    code(0x04, "receive FIFO overflow").class(LinkFailure),
    code(0x05, "CRC").class(LinkCrc),
    code(0x06, "bit error rate exceeded").class(LinkFailure),
    code(0x07, "transmit FIFO underflow").class(LinkFailure),
    code(0x08, "replay buffer parity").class(Data),
    code(0x09, "transmit overflow").class(LinkFailure),
    code(0x0a, "replay FIFO overflow").class(LinkFailure),
    code(0x0b, "replay FIFO underflow").class(LinkFailure),
    code(0x0c, "elastic FIFO overflow").class(LinkFailure),
    code(0x0d, "deskew").class(LinkFailure),
    code(0x0e, "offline").class(LinkFailure),
    code(0x0f, "data startup limit").class(LinkFailure),
    code(0x10, "flow control initialization timed out").class(Timeout),
    code(0x11, "recovery timed out").class(Timeout),
    code(0x12, "ready, serial: timed out").class(Timeout),
    code(0x13, "ready, serial: too many attempts").class(LinkFailure),
    code(0x14, "recovery: too many attempts").class(LinkFailure),
    code(0x15, "recovery relock: too many attempts").class(LinkFailure),
    code(0x16, "deskew aborted").class(LinkFailure),
    code(0x17, "receive buffer").class(LinkFailure),
    code(0x18, "receive LFDS FIFO overflow").class(LinkFailure),
    code(0x19, "receive LFDS FIFO underflow").class(LinkFailure),
    code(0x1a, "sub-link, transmit: timed out").class(Timeout),
    code(0x1b, "sub-link, receive: timed out").class(Timeout),
    code(0x1c, "received command packet").class(Protocol),
    code(0x1d, "LFDS training timed out").class(Timeout),
    code(0x1e, "LFDS flow control initialization timed out").class(Timeout),
    code(0x1f, "data loss, second report").class(LinkFailure),
]);
/// Global Memory Interconnect PCS Unit.
pub(super) static GMI_PCS: Unit = Unit::new(
    "GMI_PCS",
    "Global Memory Interconnect PCS Unit",
    &[&GMI_PCS_CODES],
);
