//! Sapphire Rapids (family 6 model 0x8f), with and without high-bandwidth memory, and Emerald Rapids (0xcf).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_8FH`": "Internal Machine Check Errors" (MC4), "Interconnect Machine Check Errors" (MC5), "Integrated Memory Controller
//! Machine Check Errors" (MC13 to MC20, MC30, MC31), "M2M Machine Check Errors" (MC12), "High Bandwidth Memory Machine Check
//! Errors" (MC29 to MC31).
//!
//! MISC of the memory controllers: drivers/edac/i10nm_base.c. The row is bits 36:19 and no more: what lies above is the
//! bank group's and the bank's.

use mcekit::arch::ErrorCode;
use mcekit::table::Register::{Misc, Status};
use mcekit::table::{
    Bank, Class, Cpu, Field, Group, Location, Model, Place, Role, Slot, Slots, Unit, When, bit,
    bits, code,
};
use mcekit::{Record, Vendor};

use super::haswell::{DCU, DTLB, IFU, IIO, MLC};
use super::icelake_server::{
    DEVICE_KNOWN, IMC_CODES, PCU_CORE, PCU_FIRMWARE, PCU_HARDWARE, UPI_CODES,
};
use super::skylake_server::{CHA, UPI_CONTROL};

static PCU: Unit = Unit::new("PCU", "power control unit", &[]).groups(&[
    Group::new(
        &[When::Not(Status, bits(15, 0), 0x040c)],
        &[&Field::codes(
            "PCU processor",
            Status,
            bits(19, 16),
            PCU_CORE,
        )],
    ),
    Group::new(
        &[When::Is(Status, bits(15, 0), 0x040c)],
        &[&Field::codes(
            "shutdown",
            Status,
            bits(19, 16),
            &[
                code(0x1, "machine check while CR4.MCE was clear").class(Class::Firmware),
                code(0x2, "machine check while MCIP was set").class(Class::Firmware),
                code(0x3, "machine check under WPS").class(Class::Firmware),
                code(
                    0x4,
                    "security flow met an error that it cannot recover from",
                )
                .class(Class::Security),
                code(0x5, "triple fault of software").class(Class::Firmware),
                code(0x6, "consistency checks of a VM exit failed").class(Class::Firmware),
                code(0x7, "consistency checks of RSM failed").class(Class::Firmware),
                code(0x8, "invalid conditions entering SMM from protected mode")
                    .class(Class::Firmware),
                code(
                    0x9,
                    "security flow met an error that it cannot recover from",
                )
                .class(Class::Security),
            ],
        )],
    ),
    Group::new(
        &[],
        &[
            &PCU_HARDWARE,
            &Field::codes(
                "PCU firmware",
                Status,
                bits(31, 24),
                &[code(0xc0, "MCA_DISPATCHER_RUN_BUSY_TIMEOUT").class(Class::Timeout)],
            )
            .or_else(PCU_FIRMWARE),
        ],
    ),
]);

static UPI: Unit = Unit::new(
    "UPI",
    "Ultra Path interconnect",
    &[&Field::codes(
        "mscod",
        Status,
        bits(21, 16),
        &[code(0x15, "SGX message authentication error").class(Class::Security)],
    )
    .or_else(UPI_CODES)],
)
.groups(&[Group::new(&[], UPI_CONTROL)]);

static M2M_ERRORS: &[&Field] = &[
    &Field::codes(
        "memory type",
        Status,
        bits(25, 24),
        &[code(0x1, "high-bandwidth memory")],
    ),
    &Field::codes(
        "mscod",
        Status,
        bits(23, 16),
        &[
            code(0x01, "read ECC error").class(Class::MemoryRead),
            code(0x02, "bucket-1 error").class(Class::Internal),
            code(0x03, "parity error of the read tracker").class(Class::Internal),
            code(0x05, "prefetch on the wrong channel").class(Class::Protocol),
            code(0x07, "parity error of a read completion").class(Class::Internal),
            code(0x08, "parity error of a response").class(Class::Internal),
            code(0x09, "time-out").class(Class::Timeout),
            code(0x0a, "CMI: error of the reserved credit pool").class(Class::Protocol),
            code(0x0b, "CMI: error of the total credit count").class(Class::Protocol),
            code(0x0c, "CMI: more credits in use than there are").class(Class::Protocol),
        ],
    ),
    &Field::codes("reserved bits 31:26", Status, bits(31, 26), &[]),
];

static M2M: Unit = Unit::new("M2M", "mesh to memory", M2M_ERRORS);
static HBM_M2M: Unit = Unit::new("HBM M2M", "mesh to high-bandwidth memory", M2M_ERRORS);

static MSCOD: Field = Field::codes(
    "mscod",
    Status,
    bits(31, 16),
    &[code(0x0200, "DDR5 command or address parity error").class(Class::CommandAddressParity)],
)
.or_else(IMC_CODES);
static COLUMN: Field = Field::hex("column", Misc, bits(18, 9))
    .shifted(2)
    .at(Place::Column);
static ROW: Field = Field::hex("row", Misc, bits(36, 19)).at(Place::Row);
static BANK_GROUP: Field = Field::hex("bank group", Misc, bit(41))
    .then(bits(38, 37))
    .at(Place::BankGroup);
static BANK: Field = Field::hex("bank", Misc, bits(40, 39)).at(Place::Bank);
static SUB_RANK: Field = Field::hex("sub-rank", Misc, bits(55, 52)).at(Place::SubRank);
static RANK: Field = Field::hex("rank", Misc, bits(58, 56)).at(Place::Rank);
static TRANSIENT: Field =
    Field::flag(Misc, 63, &[code(1, "transient error")]).role(Role::Transient);

static IMC: Unit = Unit::new(
    "iMC",
    "integrated memory controller",
    &[
        &MSCOD,
        &COLUMN,
        &ROW,
        &BANK_GROUP,
        &BANK,
        &Field::hex("failed device", Misc, bits(48, 43))
            .at(Place::Chip)
            .when(DEVICE_KNOWN),
        &SUB_RANK,
        &RANK,
        &Field::hex("DIMM", Misc, bit(58)).at(Place::Dimm),
        &Field::codes(
            "ECC mode",
            Misc,
            bits(62, 59),
            &[
                code(0x0, "SDDC 2LM memory mode"),
                code(0x1, "SDDC"),
                code(0x2, "SDDC+1 2LM memory mode"),
                code(0x3, "SDDC+1"),
                code(0x4, "ADDDC 2LM memory mode"),
                code(0x5, "ADDDC"),
                code(0x6, "ADDDC+1 2LM memory mode"),
                code(0x7, "ADDDC+1"),
                code(0x8, "DDRT read"),
            ],
        )
        .every()
        .role(Role::EccMode("unknown")),
        &TRANSIENT,
    ],
);

static HBM_IMC: Unit = Unit::new(
    "HBM iMC",
    "controller of high-bandwidth memory",
    &[
        &MSCOD,
        &COLUMN,
        &ROW,
        &BANK_GROUP,
        &BANK,
        &Field::hex("failed device", Misc, bits(55, 51))
            .at(Place::Chip)
            .when(DEVICE_KNOWN),
        &Field::hex("second failed device", Misc, bits(48, 43))
            .at(Place::Chip2)
            .when(DEVICE_KNOWN),
        &SUB_RANK,
        &RANK,
        &Field::codes(
            "HBM read",
            Misc,
            bits(62, 59),
            &[code(0x1, "64B"), code(0x9, "32B")],
        )
        .role(Role::HbmRead),
        &TRANSIENT,
    ],
);

/// Of the number that MISC calls the rank, the middle bit is the rank of a DDR5 DIMM, and the high one the DIMM (Linux,
/// drivers/edac/i10nm_base.c, `i10nm_mc_decode`).
fn locate(record: &Record, location: &mut Location) {
    if let (Some(13..=20), Some(rank)) = (record.bank(), location.get(Place::Rank)) {
        location.set(Place::Rank, rank >> 1 & 1);
    }
}

/// Each of the eight DDR channels has its bank, then come two for high-bandwidth memory.
fn slots(record: &Record) -> Slots {
    let channel = ErrorCode::of(record)
        .channel()
        .map(|channel| match record.bank() {
            Some(bank @ 13..=20) => bank - 13,
            Some(bank @ 30..=31) => bank - 30 + 8,
            _ => channel,
        });
    [
        Some(Slot {
            channel,
            dimm: None,
        }),
        None,
    ]
}

/// Sapphire Rapids and Emerald Rapids.
pub(crate) static MODEL: Model = Model::architectural(
    "sapphire_rapids",
    "Sapphire Rapids and Emerald Rapids",
    &[
        "sapphirerapids_server",
        "emeraldrapids_server",
        "emeraldrapids",
        "spr",
        "emr",
        "sapphirerapids-x",
        "emeraldrapids-x",
    ],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x8f, "Sapphire Rapids-SP"),
        Cpu::new(6, 0xcf, "Emerald Rapids-SP"),
    ],
)
.with_banks(&[
    Bank::new(0, &IFU),
    Bank::new(1, &DCU),
    Bank::new(2, &DTLB),
    Bank::new(3, &MLC),
    Bank::new(4, &PCU),
    Bank::new(5, &UPI),
    Bank::new(6, &IIO),
    Bank::range(9, 11, &CHA),
    Bank::new(12, &M2M),
    Bank::new(13, &IMC).imc(0).channel(0),
    Bank::new(14, &IMC).imc(0).channel(1),
    Bank::new(15, &IMC).imc(1).channel(0),
    Bank::new(16, &IMC).imc(1).channel(1),
    Bank::new(17, &IMC).imc(2).channel(0),
    Bank::new(18, &IMC).imc(2).channel(1),
    Bank::new(19, &IMC).imc(3).channel(0),
    Bank::new(20, &IMC).imc(3).channel(1),
    Bank::new(29, &HBM_M2M),
    Bank::new(30, &HBM_IMC).instance(0),
    Bank::new(31, &HBM_IMC).instance(1),
])
.with_locate(locate)
.with_slots(slots);
