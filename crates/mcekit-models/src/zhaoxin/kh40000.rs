//! KH-40000 (YongFeng, family 7 model 5bh), banks 0 to 17.
//!
//! mcelog, zhaoxin-kh40000.c (by Zhaoxin, 2026, proposed as pull request 126). A code that this file calls unknown is
//! undocumented here. Each field of codes is as wide as mcelog reads it.

use mcekit::Vendor;
use mcekit::table::Class::{
    CommandAddressParity, Data, Firmware, Internal, LinkCrc, LinkFailure, Power, Protocol, Thermal,
    Timeout,
};
use mcekit::table::{Bank, Cpu, Field, Model, Register, Unit, When, bits, code};

use super::kh50000::{
    BUS, DEVICE, DVAD, FUNCTION, MRP_LOG, PARITY, RANK, RESERVED, SEGMENT, SYNDROME, VRM,
};

/// The core's banks and those of its caches say who met the error only where bits 31:30 are 1.
const OF_A_CORE: &[When] = &[When::Is(Register::Status, bits(31, 30), 1)];

static CORE: Field = Field::decimal("core", Register::Status, bits(17, 16)).when(OF_A_CORE);
static CLUSTER: Field = Field::decimal("cluster", Register::Status, bits(19, 18)).when(OF_A_CORE);
static SUBNODE: Field = Field::decimal("subnode", Register::Status, bits(22, 20)).when(OF_A_CORE);
static SOCKET: Field = Field::decimal("socket", Register::Status, bits(23, 23)).when(OF_A_CORE);

static CPU_CODES: Field = Field::codes(
    "core error",
    Register::Status,
    bits(25, 24),
    &[
        code(1, "thermal trip").class(Thermal),
        code(2, "the machine hangs").class(Timeout),
        code(3, "microcode address that is not defined").class(Firmware),
    ],
)
.every()
.when(OF_A_CORE);
static CPU: Unit = Unit::new(
    "CPU",
    "CPU Error Bank",
    &[&CPU_CODES, &SOCKET, &SUBNODE, &CLUSTER, &CORE],
);

static CACHE_CODES: Field = Field::codes(
    "cache error",
    Register::Status,
    bits(25, 24),
    &[
        code(1, "single-bit ECC, data, again in the same line").class(Data),
        code(2, "single-bit ECC, in another line").class(Data),
        code(3, "multi-bit ECC, data").class(Data),
    ],
)
.every()
.when(OF_A_CORE);
static PL2: Unit = Unit::new(
    "PL2",
    "PL2 Cache Error Bank",
    &[&CACHE_CODES, &SOCKET, &SUBNODE, &CLUSTER, &CORE],
);
static LLC: Unit = Unit::new(
    "LLC",
    "LLC Cache Error Bank",
    &[&CACHE_CODES, &SOCKET, &SUBNODE, &CLUSTER, &CORE],
);

static SVID_CODES: Field = Field::codes(
    "SVID error",
    Register::Status,
    bits(26, 24),
    &[
        code(0, "none"),
        code(1, "sending again failed").class(Power),
        code(2, "voltage regulator: over current").class(Power),
        code(3, "voltage regulator: over temperature").class(Thermal),
        code(4, "voltage regulator: parity").class(Internal),
    ],
);
static SVID: Unit = Unit::new("SVID", "SVID Error Bank", &[&SVID_CODES, &VRM]);

static LINK_CODES: Field = Field::codes(
    "link error",
    Register::Status,
    bits(19, 16),
    &[
        code(0x1, "receiver overflow").class(LinkFailure),
        code(0x2, "flow control protocol").class(Protocol),
        code(0x3, "the link went down by surprise").class(LinkFailure),
        code(0x4, "data link layer: protocol").class(Protocol),
        code(0x5, "replay timer timed out").class(Timeout),
        code(0x6, "replay number rolled over").class(LinkFailure),
        code(0x7, "bad data link packet").class(LinkCrc),
        code(0x8, "bad transaction packet").class(LinkCrc),
        code(0x9, "receiver").class(LinkFailure),
        code(0xa, "packet that is not supported or not defined").class(Protocol),
        code(0xb, "width was reduced, the link is unreliable").class(LinkFailure),
        code(0xc, "speed was reduced, the link is unreliable").class(LinkFailure),
    ],
)
.every();
static LINK: Field = Field::codes(
    "link",
    Register::Misc,
    bits(26, 25),
    &[
        code(0, "OPI 0"),
        code(1, "OPI 1 (reserved)"),
        code(2, "ZPI"),
    ],
);
static ZPI: Unit = Unit::new("ZPI", "ZPI Error Bank", &[&LINK_CODES, &LINK]);

static PCIE_CODES: Field = Field::codes(
    "PCIe error",
    Register::Status,
    bits(17, 16),
    &[
        code(0, "fatal").class(Protocol),
        code(1, "non-fatal").class(Protocol),
        code(2, "correctable").class(Protocol),
    ],
);
static PCIE: Unit = Unit::new(
    "PCIE",
    "PCIE Error Bank",
    &[&PCIE_CODES, &SEGMENT, &BUS, &DEVICE, &FUNCTION],
);

static CONTROLLER_CODES: Field = Field::codes(
    "controller",
    Register::Status,
    bits(19, 16),
    &[
        code(1, "single-bit ECC").class(Data),
        code(2, "multi-bit ECC").class(Data),
        code(3, "command parity").class(CommandAddressParity),
        code(4, "CRC").class(Data),
        code(5, "parity, and the retry failed").class(CommandAddressParity),
        code(6, "CRC, and the retry failed").class(Data),
        code(7, "address decoding (DVAD), CPU interface").class(Internal),
        code(8, "address decoding (DVAD), MCUTRF").class(Internal),
    ],
)
.every();
static ADDRESS_MODE: Field = Field::codes(
    "address mode",
    Register::Misc,
    bits(8, 6),
    &[
        code(2, "address of the DRAM controller (DRAMC)"),
        code(3, "DVAD"),
    ],
);
static MEMORY: Unit = Unit::new(
    "DRAM",
    "Memory Error Bank",
    &[
        &DVAD,
        &PARITY,
        &CONTROLLER_CODES,
        &MRP_LOG,
        &RANK,
        &SYNDROME,
        &ADDRESS_MODE,
    ],
);

/// Zhaoxin KH-40000.
pub(crate) static MODEL: Model = Model::architectural(
    "kh40000",
    "Zhaoxin KH-40000",
    &["zhaoxin_kh40000", "yongfeng"],
    Vendor::ZHAOXIN,
    &[Cpu::new(0x07, 0x5b, "YongFeng (KH-40000)")],
)
.with_banks(&[
    Bank::new(0, &CPU),
    Bank::new(1, &PL2),
    Bank::range(2, 3, &RESERVED),
    Bank::new(4, &SVID),
    Bank::new(5, &ZPI),
    Bank::new(6, &PCIE),
    Bank::range(7, 8, &RESERVED),
    Bank::range(9, 10, &MEMORY),
    Bank::range(11, 16, &RESERVED),
    Bank::new(17, &LLC),
]);
