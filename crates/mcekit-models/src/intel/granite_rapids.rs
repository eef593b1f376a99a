//! Granite Rapids (family 6 models 0xad, 0xae), Sierra Forest (0xaf), Clearwater Forest (0xdd) and Grand Ridge (0xb6).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_ADH`, `06_AEH`, `06_AFH`": UPI (MC5), Punit (MC6), B2CMI (MC12), memory controller channels (MC13 to MC24).
//! What the chip select consists of, and that MCi_MISC of Grand Ridge has the same layout: Linux 7.3,
//! drivers/edac/i10nm_base.c (`i10nm_mc_decode`, `i10nm_cpuids`).

use mcekit::arch::ErrorCode;
use mcekit::table::Register::{Misc, Status};
use mcekit::table::{
    Bank, Class, Cpu, Field, Group, Location, Model, Place, Role, Slot, Slots, Unit, When, bit,
    bits, code,
};
use mcekit::{Record, Vendor};

use super::MEMORY_ERROR;

static UPI: Unit = Unit::new(
    "UPI",
    "Ultra Path interconnect",
    &[&Field::codes(
        "mscod",
        Status,
        bits(31, 16),
        &[
            code(0x00, "uncorrected: physical layer initialization failed").class(Class::LinkFailure),
            code(0x01, "uncorrected: physical layer drift buffer alarm").class(Class::LinkFailure),
            code(0x02, "uncorrected: physical layer latency buffer rolled over").class(Class::LinkFailure),
            code(0x10, "uncorrected: CRC error received, link layer retry failed and was aborted").class(Class::LinkCrc),
            code(0x11, "uncorrected: unsupported or undefined packet received").class(Class::Protocol),
            code(0x12, "uncorrected: control error of the link or physical layer").class(Class::Protocol),
            code(0x13, "uncorrected: exception in the exchange of parameters").class(Class::Protocol),
            code(0x14, "uncorrected: TDX failure of the link layer").class(Class::Security),
            code(0x15, "uncorrected: SGX failure of the link layer").class(Class::Security),
            code(0x16, "uncorrected: SDC parity error sending").class(Class::LinkCrc),
            code(0x17, "uncorrected: SDC parity error receiving").class(Class::LinkCrc),
            code(0x18, "uncorrected: FLE failure of the link layer").class(Class::Protocol),
            code(0x1f, "uncorrected: control error that the link layer detected").class(Class::Protocol),
            code(0x20, "corrected: physical layer initialization aborted").class(Class::LinkFailure),
            code(0x21, "corrected: physical layer in-band reset").class(Class::LinkFailure),
            code(0x22, "corrected: lane failed, recovered at half width (x8)").class(Class::LinkFailure),
            code(0x23, "corrected: L0c error, without physical layer reset").class(Class::LinkFailure),
            code(0x24, "corrected: L0c error, with physical layer reset").class(Class::LinkFailure),
            code(0x25, "corrected: error leaving L0p, with reset").class(Class::LinkFailure),
            code(0x30, "corrected: CRC error received, link layer retry succeeded").class(Class::LinkCrc),
            code(0x31, "corrected: CRC error received, link layer retry succeeded after the physical layer was initialized again").class(Class::LinkCrc),
        ],
    )],
);

static PUNIT: Unit = Unit::new(
    "Punit",
    "power management unit",
    &[
        &Field::codes(
            "unit",
            Status,
            bits(23, 16),
            &[
                code(0x02, "double-bit ECC error of the microcontroller").class(Class::Data),
                code(0x03, "double-bit ECC error of the microcontroller").class(Class::Data),
                code(0x08, "error of the microcontroller").class(Class::Internal),
                code(0x09, "error of the microcontroller").class(Class::Internal),
                code(0x0a, "patch load error of the microcontroller").class(Class::Firmware),
                code(0x0b, "POReqValid error of the microcontroller").class(Class::Protocol),
                code(0x10, "double-bit ECC error of the TeleSRAM").class(Class::Data),
                code(0x20, "a power management agent signaled an error").class(Class::Power),
                code(0x80, "S3M signaled an error").class(Class::Security),
                code(0xa0, "double-bit ECC error of the HPMSRAM").class(Class::Data),
                code(0xb0, "double-bit ECC error of the TPMISRAM").class(Class::Data),
            ],
        ),
        &Field::codes(
            "firmware",
            Status,
            bits(31, 24),
            &[
                code(0x09, "MCA_TSC_DOWNLOAD_TIMEOUT: TSC not downloaded in time")
                    .class(Class::Timeout),
                code(0x0b, "MCA_GPSB_TIMEOUT: GPSB did not answer in time").class(Class::Timeout),
                code(0x0c, "MCA_PMSB_TIMEOUT: PMSB did not answer in time").class(Class::Timeout),
                code(0x10, "MCA_PMAX_CALIB_ERROR: PMAX not calibrated").class(Class::Power),
                code(
                    0x1a,
                    "MCA_DISP_RUN_BUSY_TIMEOUT: dispatcher busy for too long",
                )
                .class(Class::Timeout),
                code(
                    0x1d,
                    "MCA_MORE_THAN_ONE_LT_AGENT: more than one LT agent at boot",
                )
                .class(Class::Firmware),
                code(0x23, "MCA_PCU_SVID_ERROR: error on SVID").class(Class::Power),
                code(
                    0x35,
                    "MCA_SVID_LOADLINE_INVALID: invalid loadline resistance of VCCIN",
                )
                .class(Class::Power),
                code(0x36, "MCA_SVID_ICCMAX_INVALID: invalid ICCMAX").class(Class::Power),
                code(0x40, "MCA_SVID_VIDMAX_INVALID: invalid VID_MAX").class(Class::Power),
                code(
                    0x41,
                    "MCA_SVID_VDDRAMP_INVALID: invalid ramp voltage VDD_RAMP",
                )
                .class(Class::Power),
                code(0x48, "MCA_ITD_FUSE_INVALID: invalid ITD fuses").class(Class::Power),
                code(0x49, "MCA_SVID_DC_LL_INVALID: invalid ITD fuses").class(Class::Power),
                code(
                    0x4a,
                    "MCA_FIVR_PD_HARDERR: FIVR fault issued by a power management event",
                )
                .class(Class::Power),
                code(
                    0x4c,
                    "MCA_HPM_DOUBLE_BIT_ERROR_DETECTED: double-bit error reading HPM SRAM",
                )
                .class(Class::Data),
                code(
                    0x56,
                    "SVID_ACTIVE_VID_FUSE_ERROR: invalid fuses of the active VID",
                )
                .class(Class::Power),
            ],
        ),
    ],
);

static B2CMI: Unit = Unit::new(
    "B2CMI",
    "mesh to memory",
    &[&Field::codes(
        "mscod",
        Status,
        bits(31, 16),
        &[
            code(0x01, "read ECC error").class(Class::MemoryRead),
            code(0x02, "bucket-1 error").class(Class::Internal),
            code(0x03, "parity error of the tracker").class(Class::Internal),
            code(0x04, "security mismatch").class(Class::Security),
            code(0x07, "parity error of a read completion").class(Class::Internal),
            code(0x08, "parity error of a response").class(Class::Internal),
            code(0x09, "time-out").class(Class::Timeout),
            code(0x0a, "address parity error").class(Class::AddressParity),
            code(0x0c, "CMI: more credits in use than there are").class(Class::Protocol),
            code(0x0d, "SAI mismatch").class(Class::Security),
        ],
    )],
);

/// MISC describes a DIMM: OTHER_INFO bit 1 says so, and codes 0x800 to 0x82f have another format.
const ADDRESSED: &[When] = &[
    When::Is(Status, bit(33), 1),
    When::Outside(Status, bits(31, 16), 0x800, 0x82f),
];

static COLUMN: Field = Field::hex("column", Misc, bits(18, 9))
    .shifted(2)
    .at(Place::Column);
static ROW: Field = Field::hex("row", Misc, bits(36, 19)).at(Place::Row);
static BANK: Field = Field::hex("bank", Misc, bits(38, 37)).at(Place::Bank);
static BANK_GROUP: Field = Field::hex("bank group", Misc, bits(41, 39)).at(Place::BankGroup);
static CHIP_SELECT: Field = Field::hex("chip select", Misc, bits(57, 55)).at(Place::ChipSelect);

static MCCHAN: Unit = Unit::new(
    "MCCHAN",
    "memory controller channel",
    &[&Field::codes(
        "mscod",
        Status,
        bits(31, 16),
        &[
            code(0x0001, "address parity error (APPP)").class(Class::AddressParity),
            code(0x0002, "CMI: write data parity error, sub-channel 0").class(Class::MemoryWrite),
            code(0x0003, "CMI: ECC error, corrected or not, sub-channel 0")
                .class(Class::MemoryWrite),
            code(
                0x0004,
                "CMI: parity error of write byte enables, sub-channel 0",
            )
            .class(Class::MemoryWrite),
            code(0x0005, "CMI: parity error of the write MAC, sub-channel 0")
                .class(Class::MemoryWrite),
            code(0x0008, "corrected patrol scrub error").class(Class::PatrolScrub),
            code(0x0010, "uncorrected patrol scrub error").class(Class::PatrolScrubUncorrected),
            code(0x0020, "corrected spare error").class(Class::Spare),
            code(0x0040, "uncorrected spare error").class(Class::Spare),
            code(
                0x0080,
                "transient or correctable error of a demand or underfill read",
            )
            .class(Class::MemoryRead),
            code(0x00a0, "uncorrectable error of a demand or underfill read")
                .class(Class::MemoryRead),
            code(
                0x00b0,
                "poison read from memory while poison was disabled in the controller",
            )
            .class(Class::Poison),
            code(0x00c0, "error of 2LM metadata that was read").class(Class::MemoryRead),
            code(
                0x0100,
                "parity error reading the write data buffer, sub-channel 0",
            )
            .class(Class::MemoryWrite),
            code(
                0x0102,
                "ECC error, corrected or not, reading the write data buffer, sub-channel 0",
            )
            .class(Class::MemoryWrite),
            code(
                0x0104,
                "byte enable parity error reading the write data buffer, sub-channel 0",
            )
            .class(Class::MemoryWrite),
            code(
                0x0106,
                "persistent corrected ECC error reading the write data buffer, sub-channel 0",
            )
            .class(Class::MemoryWrite),
            code(0x0108, "DDR link failed").class(Class::LinkFailure),
            code(0x0109, "illegal opcode received").class(Class::Protocol),
            code(
                0x0200,
                "DDR command and address parity error, or write CRC error",
            )
            .class(Class::CommandAddressParity),
            code(0x0400, "address parity error of the scheduler").class(Class::AddressParity),
            code(0x0832, "internal errors of the controller").class(Class::Internal),
            code(0x0833, "address register file parity error of the tracker")
                .class(Class::AddressParity),
            code(0x2002, "CMI: write data parity error, sub-channel 1").class(Class::MemoryWrite),
            code(0x2003, "CMI: ECC error, corrected or not, sub-channel 1")
                .class(Class::MemoryWrite),
            code(
                0x2004,
                "CMI: parity error of write byte enables, sub-channel 1",
            )
            .class(Class::MemoryWrite),
            code(0x2005, "CMI: parity error of the write MAC, sub-channel 1")
                .class(Class::MemoryWrite),
            code(
                0x2100,
                "parity error reading the write data buffer, sub-channel 1",
            )
            .class(Class::MemoryWrite),
            code(
                0x2102,
                "ECC error, corrected or not, reading the write data buffer, sub-channel 1",
            )
            .class(Class::MemoryWrite),
            code(
                0x2104,
                "byte enable parity error reading the write data buffer, sub-channel 1",
            )
            .class(Class::MemoryWrite),
            code(
                0x2106,
                "persistent corrected ECC error reading the write data buffer, sub-channel 1",
            )
            .class(Class::MemoryWrite),
        ],
    )],
)
.groups(&[Group::new(
    ADDRESSED,
    &[
        &COLUMN,
        &ROW,
        &BANK,
        &BANK_GROUP,
        &Field::hex("failed device", Misc, bits(48, 43))
            .at(Place::Chip)
            .when(&[When::Is(Misc, bit(63), 0)]),
        &Field::hex("sub-rank", Misc, bits(54, 51)).at(Place::SubRank),
        &CHIP_SELECT,
        &Field::codes(
            "ECC mode",
            Misc,
            bits(61, 58),
            &[
                code(0x1, "SDDC 128b 1LM"),
                code(0x2, "SDDC 125b 1LM"),
                code(0x3, "SDDC 96b 1LM"),
                code(0x4, "SDDC 96b 2LM"),
                code(0x5, "ADDDC 80b 1LM"),
                code(0x6, "ADDDC 80b 2LM"),
                code(0x7, "ADDDC 64b 1LM"),
                code(0x8, "9x4 61b 1LM"),
                code(0x9, "9x4 32b 1LM"),
                code(0xa, "9x4 32b 2LM"),
            ],
        )
        .every()
        .role(Role::EccMode("Invalid/unknown ECC mode")),
        &Field::flag(Misc, 63, &[code(1, "transient error")]).role(Role::Transient),
    ],
)]);

/// Grand Ridge: Intel published no codes. Linux reads MISC where there is a memory controller's code and an address, and the
/// ECC mode is not that of DDR-T memory.
static MCCHAN_GRAND_RIDGE: Unit =
    Unit::new("MCCHAN", "memory controller channel", &[]).groups(&[Group::new(
        &[
            MEMORY_ERROR,
            When::Is(Status, bit(58), 1),
            When::Not(Misc, bits(62, 59), 8),
        ],
        &[&COLUMN, &ROW, &BANK, &BANK_GROUP, &CHIP_SELECT],
    )]);

/// The chip select is the DIMM, and the rank of it.
fn locate(_: &Record, location: &mut Location) {
    if let Some(chip_select) = location.get(Place::ChipSelect) {
        location.set(Place::Dimm, chip_select >> 2);
        location.set(Place::Rank, chip_select & 3);
    }
}

/// Each of the twelve channels has its bank.
fn slots(record: &Record) -> Slots {
    let channel = ErrorCode::of(record)
        .channel()
        .map(|channel| match record.bank() {
            Some(bank @ 13..=24) => bank - 13,
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

/// Granite Rapids, Sierra Forest and Clearwater Forest.
pub(crate) static GRANITE_RAPIDS: Model = Model::architectural(
    "granite_rapids",
    "Granite Rapids, Sierra Forest and Clearwater Forest",
    &[
        "graniterapids_server",
        "sierraforest",
        "clearwaterforest",
        "gnr",
        "srf",
        "cwf",
    ],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0xad, "Granite Rapids-SP"),
        Cpu::new(6, 0xae, "Granite Rapids-D"),
        Cpu::new(6, 0xaf, "Sierra Forest server"),
        Cpu::new(6, 0xdd, "Clearwater Forest server"),
    ],
)
.with_banks(&[
    Bank::new(5, &UPI),
    Bank::new(6, &PUNIT),
    Bank::new(12, &B2CMI),
    Bank::new(13, &MCCHAN).imc(0).channel(0),
    Bank::new(14, &MCCHAN).imc(1).channel(0),
    Bank::new(15, &MCCHAN).imc(2).channel(0),
    Bank::new(16, &MCCHAN).imc(3).channel(0),
    Bank::new(17, &MCCHAN).imc(4).channel(0),
    Bank::new(18, &MCCHAN).imc(5).channel(0),
    Bank::new(19, &MCCHAN).imc(6).channel(0),
    Bank::new(20, &MCCHAN).imc(7).channel(0),
    Bank::new(21, &MCCHAN).imc(8).channel(0),
    Bank::new(22, &MCCHAN).imc(9).channel(0),
    Bank::new(23, &MCCHAN).imc(10).channel(0),
    Bank::new(24, &MCCHAN).imc(11).channel(0),
])
.with_locate(locate)
.with_slots(slots);

/// Grand Ridge.
pub(crate) static GRAND_RIDGE: Model = Model::architectural(
    "grandridge",
    "Grand Ridge",
    &["crestmont"],
    Vendor::INTEL,
    &[Cpu::new(6, 0xb6, "Atom Crestmont (Grand Ridge)")],
)
.with_banks(&[
    Bank::new(13, &MCCHAN_GRAND_RIDGE).imc(0).channel(0),
    Bank::new(14, &MCCHAN_GRAND_RIDGE).imc(1).channel(0),
    Bank::new(15, &MCCHAN_GRAND_RIDGE).imc(2).channel(0),
    Bank::new(16, &MCCHAN_GRAND_RIDGE).imc(3).channel(0),
    Bank::new(17, &MCCHAN_GRAND_RIDGE).imc(4).channel(0),
    Bank::new(18, &MCCHAN_GRAND_RIDGE).imc(5).channel(0),
    Bank::new(19, &MCCHAN_GRAND_RIDGE).imc(6).channel(0),
    Bank::new(20, &MCCHAN_GRAND_RIDGE).imc(7).channel(0),
    Bank::new(21, &MCCHAN_GRAND_RIDGE).imc(8).channel(0),
    Bank::new(22, &MCCHAN_GRAND_RIDGE).imc(9).channel(0),
    Bank::new(23, &MCCHAN_GRAND_RIDGE).imc(10).channel(0),
    Bank::new(24, &MCCHAN_GRAND_RIDGE).imc(11).channel(0),
])
.with_locate(locate);
