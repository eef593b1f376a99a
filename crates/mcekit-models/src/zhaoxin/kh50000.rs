//! KH-50000 (family 7 model 7bh), banks 0 to 31.
//!
//! rasdaemon, mce-zhaoxin-kh50000.c (by Zhaoxin, 2026). Where that file says "unknown error" for a code, the code is
//! undocumented here.

use mcekit::Vendor;
use mcekit::arch::ErrorClass;
use mcekit::table::Class::{
    CommandAddressParity, Data, Firmware, Internal, LinkCrc, LinkFailure, MemoryRead, MemoryWrite,
    PatrolScrub, Poison, Power, Protocol, Security, Thermal, Timeout,
};
use mcekit::table::{Bank, Code, Cpu, Field, Model, Place, Register, Unit, When, bits, code};

static CORE: Field = Field::decimal("core", Register::Status, bits(18, 16));
static CCD: Field = Field::decimal("CCD", Register::Status, bits(22, 19));
static SIOD: Field = Field::decimal("SIOD", Register::Status, bits(24, 23));

static CPU_CODES: Field = Field::codes(
    "core error",
    Register::Status,
    bits(29, 25),
    &[
        code(2, "the machine hangs").class(Timeout),
        code(3, "microcode address that is not defined").class(Firmware),
    ],
)
.every();
static CPU: Unit = Unit::new("CPU", "CPU Error Bank", &[&CPU_CODES, &SIOD, &CCD, &CORE]);

static CACHE_ROWS: &[Code] = &[
    code(1, "single-bit ECC, data, again in the same line").class(Data),
    code(2, "single-bit ECC, in another line").class(Data),
    code(3, "multi-bit ECC, data").class(Data),
];
static PL2_CODES: Field =
    Field::codes("PL2 cache", Register::Status, bits(25, 24), CACHE_ROWS).every();
static PL2: Unit = Unit::new("PL2", "PL2 Cache Error Bank", &[&PL2_CODES]);
static LLC_CODES: Field = Field::codes(
    "last-level cache",
    Register::Status,
    bits(26, 25),
    CACHE_ROWS,
)
.every();
static LLC: Unit = Unit::new(
    "LLC",
    "LLC Cache Error Bank",
    &[&LLC_CODES, &SIOD, &CCD, &CORE],
);

static PCIE_CODES: Field = Field::codes(
    "PCIe error",
    Register::Status,
    bits(23, 16),
    &[
        code(0, "fatal").class(Protocol),
        code(1, "non-fatal").class(Protocol),
        code(2, "correctable").class(Protocol),
    ],
);
pub(super) static SEGMENT: Field = Field::hex("PCI segment", Register::Misc, bits(39, 32));
pub(super) static BUS: Field = Field::hex("PCI bus", Register::Misc, bits(31, 24));
pub(super) static DEVICE: Field = Field::hex("PCI device", Register::Misc, bits(23, 19));
pub(super) static FUNCTION: Field = Field::hex("PCI function", Register::Misc, bits(18, 16));
static CRMCA0_PCIE: Unit = Unit::new(
    "CRMCA0_PCIE",
    "CRMCA0 PCIE Error Bank",
    &[&PCIE_CODES, &SEGMENT, &BUS, &DEVICE, &FUNCTION],
);
static CRMCA1_PCIE: Unit = Unit::new(
    "CRMCA1_PCIE",
    "CRMCA1 PCIE Error Bank",
    &[&PCIE_CODES, &SEGMENT, &BUS, &DEVICE, &FUNCTION],
);

static LINK_CODES: Field = Field::codes(
    "link error",
    Register::Status,
    bits(31, 16),
    &[
        code(0x01, "transaction layer: receiver overflow").class(LinkFailure),
        code(0x02, "transaction layer: flow control protocol").class(Protocol),
        code(0x03, "the link went down by surprise").class(LinkFailure),
        code(0x04, "data link layer: protocol").class(Protocol),
        code(0x05, "data link layer: replay timer timed out").class(Timeout),
        code(0x06, "data link layer: replay number rolled over").class(LinkFailure),
        code(0x07, "data link layer: bad data link packet").class(LinkCrc),
        code(0x08, "data link layer: bad transaction packet").class(LinkCrc),
        code(0x09, "physical layer: receiver").class(LinkFailure),
        code(0x0a, "physical layer: training").class(LinkFailure),
        code(0x0b, "width was reduced, the link is unreliable").class(LinkFailure),
        code(0x0e, "speed was reduced, the link is unreliable").class(LinkFailure),
        code(0x10, "width was reduced, X32 or X24 is unreliable").class(LinkFailure),
        code(0x11, "width was reduced, X16 or X12 is unreliable").class(LinkFailure),
        code(0x12, "width was reduced, X8 is unreliable").class(LinkFailure),
        code(0x13, "width was reduced, X4 is unreliable").class(LinkFailure),
        code(0x14, "width was reduced, X2 is unreliable").class(LinkFailure),
        code(0x15, "speed was reduced, GEN4 is unreliable").class(LinkFailure),
        code(0x16, "speed was reduced, GEN3 is unreliable").class(LinkFailure),
        code(0x17, "speed was reduced, GEN2 is unreliable").class(LinkFailure),
    ],
)
.every();
static LINK_0: Field = Field::flag(Register::Misc, 25, &[code(1, "link 0")]);
static LINK_1: Field = Field::flag(Register::Misc, 26, &[code(1, "link 1")]);
static LINK_2: Field = Field::flag(Register::Misc, 27, &[code(1, "link 2")]);
static LINK_3: Field = Field::flag(Register::Misc, 28, &[code(1, "link 3")]);
static LINK_4: Field = Field::flag(Register::Misc, 29, &[code(1, "link 4")]);
static LINK_5: Field = Field::flag(Register::Misc, 30, &[code(1, "link 5")]);
const IOD_ZDI: &[&Field] = &[
    &LINK_CODES,
    &LINK_0,
    &LINK_1,
    &LINK_2,
    &LINK_3,
    &LINK_4,
    &LINK_5,
];
static CRMCA0_IOD_ZDI: Unit = Unit::new("CRMCA0_IOD_ZDI", "CRMCA0 IOD ZDI Error Bank", IOD_ZDI);
static CRMCA1_IOD_ZDI: Unit = Unit::new("CRMCA1_IOD_ZDI", "CRMCA1 IOD ZDI Error Bank", IOD_ZDI);
static ZPI: Unit = Unit::new(
    "ZPI",
    "ZPI Error Bank",
    &[&LINK_CODES, &LINK_0, &LINK_1, &LINK_2],
);

static CCD_ZDI_CODES: Field = Field::codes(
    "link error",
    Register::Status,
    bits(29, 25),
    &[
        code(0x01, "receiver overflow").class(LinkFailure),
        code(0x02, "physical layer: training").class(LinkFailure),
        code(0x03, "flow control protocol").class(Protocol),
        code(0x04, "the link went down by surprise").class(LinkFailure),
        code(0x05, "data link layer: protocol").class(Protocol),
        code(0x06, "data link layer: replay timed out").class(Timeout),
        code(0x07, "data link layer: replay number rolled over").class(LinkFailure),
        code(0x08, "bad data link packet").class(LinkCrc),
        code(0x09, "bad transaction packet").class(LinkCrc),
        code(0x0a, "GEN2 is unreliable").class(LinkFailure),
        code(0x0b, "GEN3 is unreliable").class(LinkFailure),
        code(0x0c, "GEN4 is unreliable").class(LinkFailure),
        code(0x0d, "X2 is unreliable").class(LinkFailure),
        code(0x0e, "X4 is unreliable").class(LinkFailure),
        code(0x0f, "X8 is unreliable").class(LinkFailure),
        code(0x10, "X16 or X12 is unreliable").class(LinkFailure),
        code(0x11, "X32 or X24 is unreliable").class(LinkFailure),
    ],
)
.every();
static CCD_ZDI: Unit = Unit::new(
    "CCD_ZDI",
    "CCD ZDI Error Bank",
    &[&CCD_ZDI_CODES, &SIOD, &CCD, &CORE],
);

static SVID_CODES: Field = Field::codes(
    "SVID error",
    Register::Status,
    bits(31, 24),
    &[
        code(0, "none"),
        code(1, "sending again failed").class(Power),
        code(2, "voltage regulator: over current").class(Power),
        code(3, "voltage regulator: over temperature").class(Thermal),
        code(4, "voltage regulator: parity").class(Internal),
    ],
);
pub(super) static VRM: Field = Field::decimal("voltage regulator", Register::Misc, bits(25, 24));
static SVID0: Unit = Unit::new("SVID0", "SVID0 Error Bank", &[&SVID_CODES, &VRM]);
static SVID1: Unit = Unit::new("SVID1", "SVID1 Error Bank", &[&SVID_CODES, &VRM]);
static SVID2: Unit = Unit::new("SVID2", "SVID2 Error Bank", &[&SVID_CODES, &VRM]);

pub(super) static DVAD: Field = Field::codes(
    "memory error",
    Register::Status,
    bits(15, 0),
    &[code(1, "address decoding (DVAD)").class(Internal)],
)
.when(&[When::Is(Register::Status, bits(15, 0), 1)]);
pub(super) static PARITY: Field = Field::codes(
    "memory error",
    Register::Status,
    bits(15, 0),
    &[code(5, "parity").class(Internal)],
)
.when(&[When::Is(Register::Status, bits(15, 0), 5)]);
/// The architecture reserves the last three; this controller uses them.
static MEMORY_CODES: Field = Field::codes(
    "memory error",
    Register::Status,
    bits(6, 4),
    &[
        code(0, "request that is not defined"),
        code(1, "read").class(MemoryRead),
        code(2, "write").class(MemoryWrite),
        code(3, "address or command").class(CommandAddressParity),
        code(4, "scrub").class(PatrolScrub),
        code(
            5,
            "poisoned data on a normal read, from the DRAM controller",
        )
        .class(Poison),
        code(
            6,
            "poisoned data on a patrol read, from the DRAM controller",
        )
        .class(Poison),
        code(7, "encryption key hit").class(Security),
    ],
)
.when(&[When::Class(ErrorClass::MemoryController)]);
static CHANNEL: Field = Field::codes(
    "channel",
    Register::Status,
    bits(3, 0),
    &[
        code(0x0, "A0"),
        code(0x1, "B0"),
        code(0x2, "A1"),
        code(0x3, "B1"),
        code(0x4, "C0"),
        code(0x5, "C1"),
        code(0x6, "A2"),
        code(0x7, "B2"),
        code(0x8, "C2"),
        code(0x9, "A3"),
        code(0xa, "B3"),
        code(0xb, "C3"),
    ],
)
.when(&[When::Class(ErrorClass::MemoryController)]);
static CONTROLLER_CODES: Field = Field::codes(
    "controller",
    Register::Status,
    bits(31, 16),
    &[
        code(0x01, "single-bit ECC").class(Data),
        code(0x02, "multi-bit ECC").class(Data),
        code(0x03, "command parity").class(CommandAddressParity),
        code(0x04, "CRC").class(Data),
        code(0x05, "parity, and the retry failed").class(CommandAddressParity),
        code(0x06, "CRC, and the retry failed").class(Data),
        code(
            0x07,
            "address decoding (DVAD), CPU interface, channel A0 (reserved)",
        )
        .class(Internal),
        code(
            0x08,
            "address decoding (DVAD), CPU interface, channel B0 (reserved)",
        )
        .class(Internal),
        code(
            0x09,
            "address decoding (DVAD), CPU interface, channel A1 (reserved)",
        )
        .class(Internal),
        code(
            0x0a,
            "address decoding (DVAD), CPU interface, channel B1 (reserved)",
        )
        .class(Internal),
        code(0x0b, "address decoding (DVAD), MCUTRF (reserved)").class(Internal),
        code(
            0x0c,
            "address decoding (DVAD), GMINT, channel A0 (reserved)",
        )
        .class(Internal),
        code(
            0x0d,
            "address decoding (DVAD), GMINT, channel B0 (reserved)",
        )
        .class(Internal),
        code(
            0x0e,
            "address decoding (DVAD), GMINT, channel A1 (reserved)",
        )
        .class(Internal),
        code(
            0x0f,
            "address decoding (DVAD), GMINT, channel B1 (reserved)",
        )
        .class(Internal),
        code(0x10, "encryption key not hit").class(Security),
    ],
)
.every();
pub(super) static MRP_LOG: Field =
    Field::hex("CRC and parity log (MRP)", Register::Misc, bits(63, 31));
pub(super) static RANK: Field =
    Field::decimal("rank", Register::Misc, bits(26, 25)).at(Place::Rank);
pub(super) static SYNDROME: Field =
    Field::hex("single-bit ECC syndrome", Register::Misc, bits(16, 9));
static ADDRESS_MODE: Field = Field::codes(
    "address mode",
    Register::Misc,
    bits(8, 6),
    &[code(2, "system address (SVA)")],
);
static MEMORY: Unit = Unit::new(
    "DRAM",
    "Memory Error Bank",
    &[
        &DVAD,
        &PARITY,
        &MEMORY_CODES,
        &CHANNEL,
        &CONTROLLER_CODES,
        &MRP_LOG,
        &RANK,
        &SYNDROME,
        &ADDRESS_MODE,
    ],
);

static HIF_CODES: Field = Field::codes(
    "HIF error",
    Register::Status,
    bits(23, 16),
    &[
        code(1, "address decoding (DVAD)").class(Internal),
        code(2, "SNT: multi-bit ECC").class(Data),
        code(3, "SNT: single-bit ECC").class(Data),
        code(4, "CXL: poison, uncorrected").class(Poison),
        code(5, "CXL: poison, corrected").class(Poison),
        code(6, "CXL: parity").class(Data),
    ],
)
.every();
static HIF_H0: Unit = Unit::new("HIF_H0", "HIF H0 Error Bank", &[&HIF_CODES]);
static HIF_H1: Unit = Unit::new("HIF_H1", "HIF H1 Error Bank", &[&HIF_CODES]);
static HIF_H2: Unit = Unit::new("HIF_H2", "HIF H2 Error Bank", &[&HIF_CODES]);
static HIF_H3: Unit = Unit::new("HIF_H3", "HIF H3 Error Bank", &[&HIF_CODES]);
pub(super) static RESERVED: Unit = Unit::new("RESERVED", "Reserved Error Bank", &[]);

/// Zhaoxin KH-50000.
pub(crate) static MODEL: Model = Model::architectural(
    "kh50000",
    "Zhaoxin KH-50000",
    &["zhaoxin_kh50000"],
    Vendor::ZHAOXIN,
    &[Cpu::new(0x07, 0x7b, "KH-50000")],
)
.with_banks(&[
    Bank::new(0, &CPU),
    Bank::new(1, &PL2),
    Bank::new(2, &CRMCA0_PCIE),
    Bank::new(3, &CRMCA0_IOD_ZDI),
    Bank::new(4, &SVID0),
    Bank::new(5, &CRMCA1_IOD_ZDI),
    Bank::new(6, &CRMCA1_PCIE),
    Bank::new(7, &CCD_ZDI),
    Bank::new(8, &RESERVED),
    Bank::range(9, 16, &MEMORY),
    Bank::new(17, &LLC),
    Bank::range(18, 21, &MEMORY),
    Bank::new(22, &SVID2),
    Bank::range(23, 25, &RESERVED),
    Bank::new(26, &ZPI),
    Bank::new(27, &SVID1),
    Bank::new(28, &HIF_H0),
    Bank::new(29, &HIF_H1),
    Bank::new(30, &HIF_H2),
    Bank::new(31, &HIF_H3),
]);
