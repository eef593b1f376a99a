//! Coherent station (once "coherent slave"): HWID 0x2e, McaType 0 (Zen) and 2 (from Zen 2 on).
//!
//! Register: `MCA_STATUS_CS` in the PPR of each family. Codes: Linux 6.1 (drivers/edac/mce_amd.c)
//! and rasdaemon 0.8.5 (mce-amd-smca.c); for the reassigned codes the revision guide of family 19h
//! models 10h-1fh, erratum 1384, which also holds for models 60h-7bh and a0h-afh and for family 1ah models 40h-4fh
//! (rasdaemon, `fixup_hwid`).

use mcekit::table::Class::{Data, Internal, Protocol, Security, Tag};
use mcekit::table::{Field, Unit, code};

static CS_CODES: Field = super::codes(&[
    code(0x00, "request that is not allowed").class(Protocol),
    code(0x01, "address outside of what the request may touch").class(Protocol),
    code(0x02, "access that security refused").class(Security),
    code(0x03, "response that is not allowed").class(Protocol),
    code(0x04, "response that nobody waited for").class(Protocol),
    code(0x05, "parity of a request or of probe response data").class(Data),
    code(0x06, "parity of read response data").class(Data),
    code(0x07, "parity of an atomic request").class(Data),
    code(0x08, "probe filter ECC").class(Tag),
]);
/// Coherent Slave.
pub(super) static CS: Unit = Unit::new("CS", "Coherent Slave", &[&CS_CODES]);

static CS_V2_CODES: Field = super::codes(&[
    code(0x00, "request that is not allowed").class(Protocol),
    code(0x01, "address outside of what the request may touch").class(Protocol),
    code(0x02, "access that security refused").class(Security),
    code(0x03, "response that is not allowed").class(Protocol),
    code(0x04, "response that nobody waited for").class(Protocol),
    code(0x05, "parity of a request or of probe response data").class(Data),
    code(0x06, "parity of read response data").class(Data),
    code(0x07, "parity of an atomic request").class(Data),
    code(
        0x08,
        "read response on the scalable data port (SDP) that matches no entry of the queue",
    )
    .class(Protocol),
    code(0x09, "probe filter protocol").class(Protocol),
    code(0x0a, "probe filter ECC").class(Tag),
    code(
        0x0b,
        "read response on the scalable data port (SDP) with a RETRY that was not expected",
    )
    .class(Protocol),
    code(0x0c, "counter overflow").class(Internal),
    code(0x0d, "counter underflow").class(Internal),
    code(
        0x0e,
        "request that is not allowed on the channel without data",
    )
    .class(Protocol),
    code(
        0x0f,
        "address outside of what the request may touch, on the channel without data",
    )
    .class(Protocol),
    code(
        0x10,
        "access that security refused on the channel without data",
    )
    .class(Security),
    code(0x11, "hardware assertion").class(Internal),
    code(0x12, "shadow tag array protocol").class(Protocol),
    code(0x13, "shadow tag ECC").class(Tag),
    code(0x14, "shadow tag transaction").class(Protocol),
]);
/// Coherent Slave.
pub(super) static CS_V2: Unit = Unit::new("CS", "Coherent Slave", &[&CS_V2_CODES]);

static CS_V2_ERRATUM_1384_CODES: Field = super::codes(&[
    code(0x00, "request that is not allowed").class(Protocol),
    code(0x01, "address outside of what the request may touch").class(Protocol),
    code(0x02, "access that security refused").class(Security),
    code(0x03, "response that is not allowed").class(Protocol),
    code(0x04, "response that nobody waited for").class(Protocol),
    code(0x05, "parity of a request or of probe response data").class(Data),
    code(0x06, "parity of read response data").class(Data),
    code(0x07, "parity of an atomic request").class(Data),
    code(
        0x08,
        "read response on the scalable data port (SDP) that matches no entry of the queue",
    )
    .class(Protocol),
    code(
        0x09,
        "read response on the scalable data port (SDP) with a RETRY that was not expected",
    )
    .class(Protocol),
    code(0x0a, "counter overflow").class(Internal),
    code(0x0b, "counter underflow").class(Internal),
    code(0x0c, "probe filter protocol").class(Protocol),
    code(0x0d, "probe filter ECC").class(Tag),
    code(
        0x0e,
        "request that is not allowed on the channel without data",
    )
    .class(Protocol),
    code(
        0x0f,
        "address outside of what the request may touch, on the channel without data",
    )
    .class(Protocol),
    code(
        0x10,
        "access that security refused on the channel without data",
    )
    .class(Security),
    code(0x11, "hardware assertion").class(Internal),
]);
/// Coherent Slave.
pub(crate) static CS_V2_ERRATUM_1384: Unit =
    Unit::new("CS", "Coherent Slave", &[&CS_V2_ERRATUM_1384_CODES]);
