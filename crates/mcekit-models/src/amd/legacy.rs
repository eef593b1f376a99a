//! What the generations before scalable MCA share: banks by number, 0 to 6, each with its own reading of the extended error
//! code and of the error code's parts.
//!
//! BKDG of each family, "MCi_STATUS"; Linux, drivers/edac/mce_amd.c (`decode_mc0_mce` to `decode_mc6_mce`); for K8 also
//! mcelog, k8.c. A bank shows its extended error code as a number always, and what it means where the family says so.

use mcekit::arch::ErrorClass;
use mcekit::table::Class::{
    CommandAddressParity, Data, Firmware, Internal, LinkCrc, LinkFailure, MemoryRead, Protocol,
    Security, Tag, Timeout,
};
use mcekit::table::{Bits, Code, Field, Register, Unit, When, bit, bits, code};

// The classes of error codes: masks, or what is left.
pub(super) const TLB: When = When::Masked(Register::Status, 0xfff0, 0x0010);
pub(super) const MEMORY: When = When::Masked(Register::Status, 0xff00, 0x0100);
pub(super) const BUS: When = When::Masked(Register::Status, 0xf800, 0x0800);
// Bit 11 makes it a bus error, whatever bits 10:8 say.
pub(super) const INTERNAL: When = When::Masked(Register::Status, 0xfcff, 0x0400);
const UNKNOWN: When = When::Class(ErrorClass::Unknown);

/// A part of the error code for which a bank's table has no reading.
const fn undocumented(name: &'static str, part: Bits, when: &'static [When]) -> Field {
    codes(name, part, &[], when).every()
}
pub(super) static UNKNOWN_CODE: Field = undocumented("error code", bits(15, 0), &[UNKNOWN]);
pub(super) static UNKNOWN_INTERNAL: Field = undocumented("internal error", bits(9, 8), &[INTERNAL]);
pub(super) static UNKNOWN_BUS: Field = undocumented("bus request", REQUEST, &[BUS]);
pub(super) static UNKNOWN_TLB: Field = undocumented(
    "TLB transaction",
    KIND,
    &[TLB, When::Not(Register::Status, KIND, 1)],
);
pub(super) static UNKNOWN_TLB_LEVEL: Field = undocumented("TLB level", LEVEL, &[TLB]);
pub(super) static UNKNOWN_LEVEL_0: Field =
    undocumented("cache request, level 0", REQUEST, &[MEMORY, level(0)]);
pub(super) static UNKNOWN_LEVEL_3: Field =
    undocumented("cache request, level 3", REQUEST, &[MEMORY, level(3)]);

/// RRRR of the error code: the request.
pub(super) const REQUEST: Bits = bits(7, 4);
/// TT or II of the error code: the transaction, or memory or I/O.
const KIND: Bits = bits(3, 2);
/// LL of the error code: the level.
const LEVEL: Bits = bits(1, 0);

pub(super) const fn level(n: u64) -> When {
    When::Is(Register::Status, LEVEL, n)
}

pub(super) const fn kind(n: u64) -> When {
    When::Is(Register::Status, KIND, n)
}

/// The extended error code, four bits: families 0fh to 14h.
pub(super) const XEC4: Bits = bits(19, 16);
/// The extended error code, five bits: families 15h and 16h, and bank 4 of all.
pub(super) const XEC5: Bits = bits(20, 16);
/// The extended error code, six bits: family 15h from model 60h on.
pub(super) const XEC6: Bits = bits(21, 16);

pub(super) const fn number(part: Bits) -> Field {
    Field::decimal("extended error code", Register::Status, part)
}

pub(super) const fn codes(
    name: &'static str,
    part: Bits,
    rows: &'static [Code],
    when: &'static [When],
) -> Field {
    Field::codes(name, Register::Status, part, rows).when(when)
}

pub(super) const fn xec(part: Bits, n: u64) -> When {
    When::Is(Register::Status, part, n)
}

pub(super) static NUMBER4: Field = number(XEC4);
pub(super) static NUMBER5: Field = number(XEC5);
pub(super) static NUMBER6: Field = number(XEC6);

// Bank 0.

pub(super) static DATA_TLB_ROWS: &[Code] = &[
    code(0, "parity").class(Tag),
    code(
        1,
        "more than one entry matched, or parity of the virtual array",
    )
    .class(Tag),
    code(2, "miss of a locked entry").class(Tag),
];
/// A TLB error of a data transaction.
pub(super) const DATA_TLB_WHEN: &[When] = &[TLB, kind(1)];
pub(super) static DATA_TLB: Field = codes("data TLB", XEC4, DATA_TLB_ROWS, DATA_TLB_WHEN);
pub(super) static DC_FILL: Field = codes(
    "data cache",
    LEVEL,
    &[code(2, "while a line was filled from L2").class(Data)],
    &[MEMORY, level(2)],
);
/// Families 0fh, 10h and 11h.
pub(super) static DC_SCRUB: Field = codes(
    "data cache",
    REQUEST,
    &[code(0, "found by the data scrubber").class(Data)],
    &[MEMORY, level(1), When::Is(Register::Status, REQUEST, 0)],
);
static DC_ACCESS_ROWS: &[Code] = &[
    code(1, "read").class(Data),
    code(2, "write").class(Data),
    code(3, "data read").class(Data),
    code(4, "data write").class(Data),
    code(5, "instruction fetch").class(Data),
    code(6, "prefetch").class(Data),
    code(7, "eviction").class(Data),
    code(8, "snoop").class(Tag),
];
pub(super) static DC_ACCESS: Field = codes(
    "data cache, data or tag",
    REQUEST,
    DC_ACCESS_ROWS,
    &[MEMORY, level(1)],
);
/// Family 12h, which has no data scrubber.
pub(super) static DC_ACCESS_OR_GENERIC: Field = codes(
    "data cache, data or tag",
    REQUEST,
    &[code(0, "generic").class(Data)],
    &[MEMORY, level(1)],
)
.or_else(DC_ACCESS_ROWS);
/// Families 0fh and 11h.
pub(super) static DC_SYSTEM_FILL: Field = codes(
    "data cache",
    bit(11),
    &[code(1, "while a line was filled from the system").class(MemoryRead)],
    &[BUS],
);
/// K8: the syndrome of a data cache ECC error, where there is one.
pub(super) static DC_SYNDROME_CORRECTED: Field = Field::hex(
    "data cache ECC syndrome",
    Register::Status,
    bits(54, 47),
)
.when(&[When::Is(Register::Status, bit(46), 1)]);
pub(super) static DC_SYNDROME_UNCORRECTED: Field =
    Field::hex("data cache ECC syndrome", Register::Status, bits(54, 47)).when(&[
        When::Is(Register::Status, bit(46), 0),
        When::Is(Register::Status, bit(45), 1),
    ]);

/// Families 14h and 16h.
pub(super) static CAT_DC: Field = codes(
    "data cache",
    REQUEST,
    &[
        code(
            3,
            "data or tag parity on a load or a prefetch of the hardware",
        )
        .class(Data),
        code(4, "data or tag parity on a store").class(Data),
        code(7, "copyback parity on a tag miss").class(Data),
        code(8, "tag parity on a snoop").class(Tag),
    ],
    &[MEMORY, kind(1), level(1)],
)
.every();
static CAT_DC_BUS_ROWS: &[Code] = &[
    code(1, "TLB reload").class(MemoryRead),
    code(3, "load").class(MemoryRead),
    code(4, "store").class(MemoryRead),
];
pub(super) static CAT_DC_MEMORY: Field = codes(
    "system read data error",
    REQUEST,
    CAT_DC_BUS_ROWS,
    &[BUS, kind(0), level(3)],
)
.every();
pub(super) static CAT_DC_IO: Field = codes(
    "system read data error",
    REQUEST,
    CAT_DC_BUS_ROWS,
    &[BUS, kind(2), level(3)],
)
.every();

pub(super) static CAT_DC_OTHER_KIND: Field = undocumented(
    "cache transaction",
    KIND,
    &[MEMORY, When::Not(Register::Status, KIND, 1)],
);
pub(super) static CAT_DC_OTHER_LEVEL: Field = undocumented(
    "cache level",
    LEVEL,
    &[MEMORY, kind(1), When::Not(Register::Status, LEVEL, 1)],
);
pub(super) static CAT_DC_OTHER_BUS: Field = undocumented(
    "bus kind",
    KIND,
    &[BUS, When::Masked(Register::Status, 1 << 2, 1 << 2)],
);
pub(super) static CAT_DC_OTHER_BUS_LEVEL: Field = undocumented(
    "bus level",
    LEVEL,
    &[
        BUS,
        When::Masked(Register::Status, 1 << 2, 0),
        When::Not(Register::Status, LEVEL, 3),
    ],
);

// Bank 1.

pub(super) static INSTRUCTION_TLB_ROWS: &[Code] = &[
    code(0, "parity").class(Tag),
    code(
        1,
        "more than one entry matched, or parity of the virtual array",
    )
    .class(Tag),
];
pub(super) static INSTRUCTION_TLB: Field =
    codes("instruction TLB", XEC4, INSTRUCTION_TLB_ROWS, &[TLB]);
pub(super) static IC_BUS: Field = codes(
    "instruction cache",
    bit(11),
    &[code(1, "while data was read from the northbridge").class(MemoryRead)],
    &[BUS],
);
pub(super) static IC_FILL: Field = codes(
    "instruction cache",
    LEVEL,
    &[code(2, "while a line was filled from L2").class(Data)],
    &[MEMORY, level(2)],
);
pub(super) static IC_ACCESS: Field = codes(
    "instruction cache",
    REQUEST,
    &[
        code(5, "parity while data was loaded").class(Data),
        code(7, "copyback parity, or a victim").class(Data),
        code(8, "tag on a snoop").class(Tag),
    ],
    &[MEMORY, level(1)],
)
.every();
/// Families 14h and 16h.
pub(super) static CAT_IC_FETCH: Field = codes(
    "instruction cache",
    REQUEST,
    &[code(5, "data or tag array parity on a tag hit").class(Data)],
    &[MEMORY, kind(0), When::Is(Register::Status, REQUEST, 5)],
);
/// Families 14h and 16h.
pub(super) static CAT_IC_SNOOP: Field = codes(
    "instruction cache",
    REQUEST,
    &[code(8, "tag on a snoop or a victim").class(Tag)],
    &[MEMORY, kind(0), When::Is(Register::Status, REQUEST, 8)],
);
/// Families 14h and 16h: what the extended error code adds for requests other than fetch and snoop.
const CAT_IC_OTHER: &[When] = &[
    MEMORY,
    kind(0),
    When::Not(Register::Status, REQUEST, 5),
    When::Not(Register::Status, REQUEST, 8),
];
static CAT_IC_OTHER_ROWS: &[Code] = &[
    code(0, "tag parity on a victim that is cast out").class(Tag),
    code(2, "microcode patch RAM parity").class(Firmware),
];
/// Family 14h.
pub(super) static CAT_IC_XEC4: Field =
    codes("instruction cache", XEC4, CAT_IC_OTHER_ROWS, CAT_IC_OTHER).every();
/// Family 16h.
pub(super) static CAT_IC_XEC5: Field =
    codes("instruction cache", XEC5, CAT_IC_OTHER_ROWS, CAT_IC_OTHER).every();

pub(super) static CAT_IC_OTHER_KIND: Field = undocumented(
    "cache transaction",
    KIND,
    &[MEMORY, When::Not(Register::Status, KIND, 0)],
);

static ASSERTION_ROWS: &[Code] = &[code(2, "hardware assertion").class(Internal)];
/// The unit met what cannot happen.
pub(super) static ASSERTION: Field =
    codes("internal", bits(9, 8), ASSERTION_ROWS, &[INTERNAL]).every();
/// Banks 0 and 5 have no assertions beyond extended error code 1fh.
pub(super) static ASSERTION_5_BITS: Field = codes(
    "internal",
    bits(9, 8),
    ASSERTION_ROWS,
    &[INTERNAL, When::Is(Register::Status, bit(21), 0)],
)
.every();

// Bank 2, families 0fh to 14h.

pub(super) static BU: Field = codes(
    "bus unit",
    XEC4,
    &[
        code(1, "write data buffers").class(Data),
        code(3, "victim data buffers").class(Data),
    ],
    &[When::Masked(Register::Status, 1 << 16, 1 << 16)],
);
pub(super) static BU_TAGS: Field = codes(
    "bus unit",
    XEC4,
    &[code(2, "L2 cache tags").class(Tag)],
    &[MEMORY, xec(XEC4, 2)],
);
pub(super) static BU_PDC: Field = codes(
    "bus unit",
    XEC4,
    &[code(0, "page descriptor cache or guest TLB").class(Tag)],
    &[TLB, xec(XEC4, 0)],
);
pub(super) static BU_NB_READ: Field = codes(
    "bus unit",
    XEC4,
    &[code(0, "parity or ECC of data read from the northbridge").class(MemoryRead)],
    &[BUS, xec(XEC4, 0)],
);
pub(super) static BU_L2: Field = codes(
    "bus unit",
    REQUEST,
    &[
        code(0, "parity or ECC of data from L2").class(Data),
        code(1, "parity or ECC of data from L2, read").class(Data),
        code(7, "data copyback, eviction").class(Data),
        code(8, "data copyback, snoop").class(Data),
    ],
    &[MEMORY, xec(XEC4, 0)],
)
.every();

pub(super) static BU_OTHER: Field = codes(
    "bus unit",
    XEC4,
    &[],
    &[
        When::Masked(Register::Status, 1 << 16, 0),
        When::Outside(Register::Status, XEC4, 0, 2),
    ],
);
pub(super) static BU_NO_TAGS: Field = codes(
    "bus unit",
    XEC4,
    &[],
    &[xec(XEC4, 2), When::NotClass(ErrorClass::CacheHierarchy)],
);
pub(super) static BU_INTERNAL: Field =
    undocumented("internal error", bits(9, 8), &[xec(XEC4, 0), INTERNAL]);
pub(super) static BU_UNKNOWN: Field =
    undocumented("error code", bits(15, 0), &[xec(XEC4, 0), UNKNOWN]);

// Bank 3.

pub(super) static LS_BUS: Field = codes(
    "load-store unit",
    REQUEST,
    &[
        code(3, "while data was read").class(MemoryRead),
        code(4, "while data was written").class(MemoryRead),
    ],
    &[BUS, xec(XEC4, 0)],
)
.every();
static LS_CODE: Field = codes("load-store unit", XEC4, &[], &[]);
static LS_OTHER: Field = undocumented(
    "error code",
    bits(15, 0),
    &[xec(XEC4, 0), When::NotClass(ErrorClass::BusInterconnect)],
);
/// Families 0fh to 12h.
pub(super) static LOAD_STORE: Unit = Unit::new(
    "LS",
    "Load-Store Unit",
    &[&NUMBER4, &LS_BUS, &LS_CODE, &LS_OTHER],
);
/// Family 14h: the bank exists and reports nothing.
pub(super) static RESERVED4: Unit = Unit::new("MC3", "Reserved", &[&NUMBER4]);
/// Families 15h and 16h.
pub(super) static RESERVED5: Unit = Unit::new("MC3", "Reserved", &[&NUMBER5]);

// Bank 4, the northbridge.

const NB: &str = "northbridge";
static NB_ROWS: &[Code] = &[
    code(0x01, "CRC of a HyperTransport link").class(LinkCrc),
    code(0x02, "sync packets on a HyperTransport link").class(LinkFailure),
    code(0x03, "master abort on a HyperTransport link").class(Protocol),
    code(0x04, "target abort on a HyperTransport link").class(Protocol),
    code(0x05, "invalid entry met by a walk of the GART").class(Protocol),
    code(
        0x06,
        "atomic read-modify-write from an I/O link, which is not supported",
    )
    .class(Protocol),
    code(0x07, "watchdog: a request made no progress").class(Timeout),
    code(0x09, "DMA refused by the SVM device exclusion vector").class(Security),
    code(0x0a, "data error on a HyperTransport link").class(LinkFailure),
    code(0x0b, "protocol: link, L3 or probe filter").class(Protocol),
    code(0x0c, "parity of an array of the northbridge").class(Internal),
    code(0x0d, "parity of DRAM address or control signals").class(CommandAddressParity),
    code(0x0e, "transmission on an I/O link; the link retried").class(LinkFailure),
    code(0x1c, "L3 data cache ECC").class(Data),
    code(0x1d, "L3 cache tag").class(Tag),
    code(0x1e, "L3 LRU parity").class(Internal),
    code(0x1f, "probe filter directory ECC").class(Tag),
];
static DRAM_ECC_ROWS: &[Code] = &[
    code(0x00, "DRAM ECC").class(Data),
    code(0x08, "DRAM ECC, chipkill").class(Data),
];
static COMPUTE_UNIT_ROWS: &[Code] = &[
    code(0x00, "DRAM ECC").class(Data),
    code(0x08, "DRAM ECC, chipkill").class(Data),
    code(0x19, "data error of a compute unit").class(Data),
];
/// Code 0fh means one thing for TLB errors and another for the bus.
const NOT_A_WALK: &[When] = &[When::Not(Register::Status, XEC5, 0x0f)];
/// Families 0fh to 14h, but 11h.
pub(super) static NB_CODES: Field = codes(NB, XEC5, DRAM_ECC_ROWS, NOT_A_WALK).or_else(NB_ROWS);
/// Family 11h, whose memory has no ECC.
pub(super) static NB_CODES_WITHOUT_ECC: Field = codes(NB, XEC5, NB_ROWS, NOT_A_WALK).every();
/// Families 15h and 16h.
pub(super) static NB_CODES_COMPUTE_UNIT: Field =
    codes(NB, XEC5, COMPUTE_UNIT_ROWS, NOT_A_WALK).or_else(NB_ROWS);
static GART_WALK_ROWS: &[Code] = &[code(0x0f, "data error met by a walk of the GART").class(Data)];
static DEV_WALK_ROWS: &[Code] = &[code(
    0x0f,
    "data error met by a walk of the device exclusion vector",
)
.class(Data)];
pub(super) static NB_GART_WALK: Field = codes(NB, XEC5, GART_WALK_ROWS, &[TLB, xec(XEC5, 0x0f)]);
pub(super) static NB_DEV_WALK: Field = codes(NB, XEC5, DEV_WALK_ROWS, &[BUS, xec(XEC5, 0x0f)]);
pub(super) static NB_MEMORY_WALK: Field = codes(NB, XEC5, &[], &[MEMORY, xec(XEC5, 0x0f)]);
pub(super) static NB_INTERNAL_WALK: Field = codes(NB, XEC5, &[], &[INTERNAL, xec(XEC5, 0x0f)]);
pub(super) static NB_UNKNOWN_WALK: Field = codes(NB, XEC5, &[], &[UNKNOWN, xec(XEC5, 0x0f)]);
pub(super) static NB_ECC_SYNDROME: Field =
    Field::hex("ECC syndrome", Register::Status, bits(54, 47)).when(&[xec(XEC5, 0)]);
pub(super) static NB_CHIPKILL_SYNDROME: Field =
    Field::hex("chipkill ECC syndrome", Register::Status, bits(31, 24))
        .then(bits(54, 47))
        .when(&[xec(XEC5, 8)]);
// Codes 1 to 4 and 6.
const fn link(when: &'static [When]) -> Field {
    Field::decimal("link", Register::Status, bits(39, 36)).when(when)
}
pub(super) static NB_LINK_1: Field = link(&[xec(XEC5, 1)]);
pub(super) static NB_LINK_2_3: Field = link(&[When::Masked(Register::Status, 0x1e << 16, 2 << 16)]);
pub(super) static NB_LINK_4_6: Field = link(&[When::Masked(Register::Status, 0x1d << 16, 4 << 16)]);
pub(super) static NB_SUBLINK: Field =
    Field::decimal("sub-link or DRAM channel", Register::Status, bit(41)).nonzero();
/// Family 10h.
pub(super) static NB_SUBCACHE: Field = Field::decimal(
    "L3 subcache",
    Register::Status,
    bits(43, 42),
)
.when(&[When::Within(Register::Status, XEC5, 0x1c, 0x1e)]);
/// Families before 15h: one bit for each core; 15h and 16h: its number.
pub(super) static NB_CORES: Field = Field::hex("cores", Register::Status, bits(35, 32)).nonzero();
pub(super) static NB_CORE: Field = Field::decimal("core", Register::Status, bits(35, 32))
    .when(&[When::Is(Register::Status, bit(56), 1)]);

// Bank 5.

pub(super) static EX_ROWS: &[Code] = &[
    code(0x00, "watchdog timer of the core expired").class(Timeout),
    code(0x01, "wakeup array destination tag parity").class(Internal),
    code(0x02, "AG payload array parity").class(Internal),
    code(0x03, "EX payload array parity").class(Internal),
    code(
        0x04,
        "immediate displacement register file (IDRF) array parity",
    )
    .class(Internal),
    code(0x05, "retire dispatch queue parity").class(Internal),
    code(0x06, "mapper checkpoint array parity").class(Internal),
    code(0x07, "physical register file parity, port EX0").class(Internal),
    code(0x08, "physical register file parity, port EX1").class(Internal),
    code(0x09, "physical register file parity, port AG0").class(Internal),
    code(0x0a, "physical register file parity, port AG1").class(Internal),
    code(0x0b, "flag register file parity").class(Internal),
    code(0x0c, "an error of the decoder").class(Internal),
    code(0x0d, "retire status queue parity").class(Internal),
];
const NOT_INTERNAL: When = When::NotClass(ErrorClass::Internal);
const fn execution(part: Bits) -> Field {
    codes("execution unit", part, EX_ROWS, &[NOT_INTERNAL])
}
static EX4: Field = execution(XEC4);
static EX5: Field = execution(XEC5);
static EX6: Field = execution(XEC6);
/// Families 0fh and 11h: the bank, as mcelog names it; it has no codes.
pub(super) static REORDER: Unit = Unit::new("FR", "Fixed-Issue Reorder Buffer", &[&NUMBER4]);
/// Families 10h, 12h and 14h.
pub(super) static EXECUTION4: Unit = Unit::new(
    "FR",
    "Fixed-Issue Reorder Buffer",
    &[&NUMBER4, &EX4, &ASSERTION],
);
/// Families 15h below model 60h, and 16h.
pub(super) static EXECUTION5: Unit =
    Unit::new("EX", "Execution Unit", &[&NUMBER5, &EX5, &ASSERTION]);
/// Family 15h from model 60h on.
pub(super) static EXECUTION6: Unit =
    Unit::new("EX", "Execution Unit", &[&NUMBER6, &EX6, &ASSERTION_5_BITS]);

// Bank 6.

static FP_ROWS: &[Code] = &[
    code(0, "hardware assertion").class(Internal),
    code(1, "free list parity").class(Internal),
    code(2, "physical register file parity").class(Internal),
    code(3, "retire queue parity").class(Internal),
    code(4, "scheduler table parity").class(Internal),
    code(5, "status register file parity").class(Internal),
];
const fn floating_point(part: Bits) -> Field {
    codes("floating-point unit", part, FP_ROWS, &[])
}
static FP4: Field = floating_point(XEC4);
static FP5: Field = floating_point(XEC5);
static FP6: Field = floating_point(XEC6);
/// Families 0fh to 14h, which have no such bank; Linux reads it so where one is reported.
pub(super) static FLOATING_POINT4: Unit = Unit::new("FP", "Floating-Point Unit", &[&NUMBER4, &FP4]);
/// Families 15h below model 60h, and 16h.
pub(super) static FLOATING_POINT5: Unit = Unit::new("FP", "Floating-Point Unit", &[&NUMBER5, &FP5]);
/// Family 15h from model 60h on.
pub(super) static FLOATING_POINT6: Unit = Unit::new("FP", "Floating-Point Unit", &[&NUMBER6, &FP6]);

// Units that several families share.

/// Families 10h, 11h and 12h.
pub(super) static INSTRUCTION_CACHE: Unit = Unit::new(
    "IC",
    "Instruction Cache",
    &[
        &NUMBER4,
        &INSTRUCTION_TLB,
        &IC_BUS,
        &IC_FILL,
        &IC_ACCESS,
        &ASSERTION,
        &UNKNOWN_LEVEL_0,
        &UNKNOWN_LEVEL_3,
        &UNKNOWN_CODE,
    ],
);
/// Families 0fh to 14h.
pub(super) static BUS_UNIT: Unit = Unit::new(
    "BU",
    "Bus Unit",
    &[
        &NUMBER4,
        &BU,
        &BU_TAGS,
        &BU_PDC,
        &BU_NB_READ,
        &BU_L2,
        &BU_OTHER,
        &BU_NO_TAGS,
        &BU_INTERNAL,
        &BU_UNKNOWN,
    ],
);
/// Families 12h and 14h.
pub(super) static NORTHBRIDGE: Unit = Unit::new(
    "NB",
    "Northbridge",
    &[
        &NUMBER5,
        &NB_CODES,
        &NB_GART_WALK,
        &NB_DEV_WALK,
        &NB_MEMORY_WALK,
        &NB_INTERNAL_WALK,
        &NB_UNKNOWN_WALK,
        &NB_ECC_SYNDROME,
        &NB_CHIPKILL_SYNDROME,
        &NB_LINK_1,
        &NB_LINK_2_3,
        &NB_LINK_4_6,
        &NB_SUBLINK,
        &NB_CORES,
    ],
);
