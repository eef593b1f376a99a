//! Ultra short reach links between dies: data plane (HWID 0x170) and control plane (HWID 0x180), McaType 0 (MI300).
//!
//! Source: rasdaemon 0.8, `smca_usrdp_mce_desc`, `smca_usrcp_mce_desc`.

use mcekit::table::Class::{Data, Internal, LinkCrc, LinkFailure, Protocol, Security, Timeout};
use mcekit::table::{Field, Unit, code};

static USR_DP_CODES: Field = super::codes(&[
    code(0x00, "master: command").class(Protocol),
    code(0x01, "master: receive FIFO").class(LinkFailure),
    code(0x02, "master: deskew").class(LinkFailure),
    code(0x03, "master: detection timed out").class(Timeout),
    code(0x04, "master: flow control").class(Protocol),
    code(0x05, "master: data valid FIFO").class(LinkFailure),
    code(0x06, "MAC: link state").class(LinkFailure),
    code(0x07, "deskew").class(LinkFailure),
    code(0x08, "initialization timed out").class(Timeout),
    code(0x09, "initialization: too many attempts").class(LinkFailure),
    code(0x0a, "recovery timed out").class(Timeout),
    code(0x0b, "recovery: too many attempts").class(LinkFailure),
    code(0x0c, "eye training timed out").class(Timeout),
    code(0x0d, "data startup limit").class(LinkFailure),
    code(0x0e, "leaving LS0").class(LinkFailure),
    code(0x0f, "PLL power state update timed out").class(Timeout),
    code(0x10, "receive FIFO").class(LinkFailure),
    code(0x11, "LCU").class(Internal),
    code(0x12, "conversion: corrected ECC").class(Data),
    code(0x13, "conversion: uncorrected ECC").class(Data),
    code(0x15, "received data lost").class(LinkFailure),
    code(0x16, "replay: corrected ECC").class(Data),
    code(0x17, "replay: uncorrected ECC").class(Data),
    code(0x18, "CRC").class(LinkCrc),
    code(0x19, "bit error rate exceeded").class(LinkFailure),
    code(0x1a, "flow control initialization timed out").class(Timeout),
    code(0x1b, "flow control initialization: too many attempts").class(LinkFailure),
    code(0x1c, "replay timed out").class(Timeout),
    code(0x1d, "replay: too many attempts").class(LinkFailure),
    code(0x1e, "replay underflow").class(LinkFailure),
    code(0x1f, "replay overflow").class(LinkFailure),
]);
/// Ultra Short Reach Data Plane Controller.
pub(super) static USR_DP: Unit = Unit::new(
    "USR_DP",
    "Ultra Short Reach Data Plane Controller",
    &[&USR_DP_CODES],
);

static USR_CP_CODES: Field = super::codes(&[
    code(0x00, "packet type").class(Protocol),
    code(0x01, "receive FIFO").class(LinkFailure),
    code(0x02, "deskew").class(LinkFailure),
    code(0x03, "receiver detection timed out").class(Timeout),
    code(0x04, "data parity").class(Data),
    code(0x05, "data lost").class(LinkFailure),
    code(0x06, "LCU").class(Internal),
    code(0x07, "HB1 handshake timed out").class(Timeout),
    code(0x08, "HB2 handshake timed out").class(Timeout),
    code(0x09, "response to clock sleep timed out").class(Timeout),
    code(0x0a, "response to clock wake timed out").class(Timeout),
    code(0x0b, "reset attack").class(Security),
    code(0x0c, "fatal error of the remote link").class(LinkFailure),
]);
/// Ultra Short Reach Control Plane Controller.
pub(super) static USR_CP: Unit = Unit::new(
    "USR_CP",
    "Ultra Short Reach Control Plane Controller",
    &[&USR_CP_CODES],
);
