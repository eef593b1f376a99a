//! Diamond Rapids (family 19 model 1).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `13_01H`": CBB Punit (MC4), IMH Punit (MC11), UPI (MC18), memory controller channels (MC19 to MC26). The names of the
//! other banks: the Linux driver of their bit-fix filters.
//!
//! A package has two integrated memory and I/O hubs (IMH); bit 2 of the APIC id of the processor that reports says which
//! one a bank of theirs belongs to.

use mcekit::table::Register::{Misc, Status};
use mcekit::table::{
    Bank, Class, Cpu, Field, Group, Location, Model, Place, Role, Slot, Slots, Unit, When, bit,
    bits, code,
};
use mcekit::{Record, Vendor};

use super::haswell::{DCU, DTLB, MLC};

static CBB_PUNIT: Unit = Unit::new("CBB Punit", "power management unit of a compute die", &[])
    .groups(&[
    Group::new(
        &[When::Is(Status, bits(15, 0), 0x040b)],
        &[&Field::codes(
            "MCACOD",
            Status,
            bits(15, 0),
            &[code(0x040b, "scan-at-field error").class(Class::Internal)],
        )],
    ),
    Group::new(
        &[When::Not(Status, bits(15, 0), 0x040b)],
        &[&Field::codes(
            "mscod",
            Status,
            bits(31, 16),
            &[
                code(
                    0x0001,
                    "CR4_MCE_CLEAR: machine check while CR4.MCE was clear",
                )
                .class(Class::Firmware),
                code(0x0002, "MCE_MCIP_SET: machine check while MCIP was set")
                    .class(Class::Firmware),
                code(0x0003, "MCE_UNDER_WFS: machine check under WPS").class(Class::Firmware),
                code(
                    0x0004,
                    "MCE_LT_HANDSHAKE: security flow met an error that it cannot recover from",
                )
                .class(Class::Security),
                code(0x0005, "TRIPLE_FAULT: triple fault of software").class(Class::Firmware),
                code(0x0006, "VMX_ABORT: consistency checks of a VM exit failed")
                    .class(Class::Firmware),
                code(
                    0x0007,
                    "RSM_CONSISTENCY_FAIL: consistency checks of RSM failed",
                )
                .class(Class::Firmware),
                code(
                    0x0008,
                    "SMM_PROTECTED_ENTRY_FAIL: invalid conditions entering SMM from protected mode",
                )
                .class(Class::Firmware),
                code(
                    0x0009,
                    "UCODE_PATCH_LOAD_FAIL: security flow met an error that it cannot recover from",
                )
                .class(Class::Firmware),
                code(0x0816, "MCA_DVFS_COUNTER_EXPIRED").class(Class::Timeout),
                code(0x0823, "MCA_UNSUPP_RESP").class(Class::Protocol),
                code(0x0825, "MCA_FUSA_MBIST").class(Class::Internal),
                code(0x0826, "MCA_SA_PLL_LOCKED").class(Class::Internal),
                code(0x0827, "MCA_XTAL_FREQ_MON_ERROR").class(Class::Internal),
                code(0x0828, "MCA_PMSB_FUSE_PULLER_ERROR").class(Class::Firmware),
                code(0x0829, "MCA_GPSB_FUSE_PULLER_ERROR").class(Class::Firmware),
                code(0x0830, "MCA_PCODE_WATCHDOG").class(Class::Timeout),
                code(0x0831, "MCA_BGR_FUSA_ERR").class(Class::Internal),
                code(0x0832, "MCA_CORE_FIVR_ERR").class(Class::Power),
                code(0x0833, "MCA_D2D_FIVR_ERR").class(Class::Power),
                code(0x0834, "MCA_MLC_FIVR_ERR").class(Class::Power),
                code(0x0835, "MCA_RING_FIVR_ERR").class(Class::Power),
                code(0x0836, "MCA_D2D_MONF_PLL_FUSA_0").class(Class::Internal),
                code(0x0837, "MCA_D2D_MONF_PLL_FUSA_1").class(Class::Internal),
                code(0x0838, "MCA_TOP0_FUSA_PLL_ERR").class(Class::Internal),
                code(0x0839, "MCA_BASE_FUSA_PLL_ERR").class(Class::Internal),
                code(0x0840, "MCA_UCIE_RESET_BUS_STOP_ON_ERROR").class(Class::LinkFailure),
                code(0x0841, "MCA_RSRC_ADAPT_0_ERR").class(Class::Internal),
                code(0x0842, "MCA_RSC_ADAPT_1_ERR").class(Class::Internal),
                code(0x0845, "MCA_TOP1_FUSA_PLL_ERR").class(Class::Internal),
                code(0x0846, "MCA_TOP2_FUSA_PLL_ERR").class(Class::Internal),
                code(0x0847, "MCA_TOP3_FUSA_PLL_ERR").class(Class::Internal),
                code(0x0848, "UC_PATCH_LOAD_ACK_ERROR").class(Class::Firmware),
                code(0x0c01, "MCA_UC_IRAM_DOUBLE_ERROR").class(Class::Data),
                code(0x0c02, "MCA_UC_DOUBLE_EXCEPTION_ERROR").class(Class::Firmware),
                code(0x0c03, "MCA_UC_TELEM_SRAM_ERROR").class(Class::Data),
                code(0x0c04, "MCA_UC_DRAM_DOUBLE_ERROR").class(Class::Data),
                code(0x0c05, "MCA_UC_TPMI_SRAM_ERROR").class(Class::Data),
                code(0x1401, "MCA_FIVR_HI_YELLOW").class(Class::Power),
                code(0x1402, "MCA_FIVR_HI_RED").class(Class::Power),
            ],
        )],
    ),
]);

static IMH_PUNIT: Unit = Unit::new("IMH Punit", "power management unit of a memory and I/O hub", &[]).groups(&[
    Group::new(
        &[When::Is(Status, bits(31, 24), 0x00)],
        &[&Field::codes(
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
                code(0x0c, "RAM address error of the microcontroller").class(Class::AddressParity),
                code(0x0d, "RAM access error of the microcontroller").class(Class::Data),
                code(0x10, "watchdog of the firmware expired (MISC says 1) or double-bit ECC error of the TeleSRAM (3)").class(Class::Internal),
                code(0x20, "a power management agent signaled an error").class(Class::Power),
                code(0x30, "error of the microcontroller").class(Class::Internal),
                code(0xa0, "double-bit ECC error of the HPMSRAM").class(Class::Data),
                code(0xb0, "double-bit ECC error of the TPMISRAM").class(Class::Data),
            ],
        )],
    ),
    Group::new(
        &[When::Not(Status, bits(31, 24), 0x00)],
        &[&Field::codes(
            "firmware",
            Status,
            bits(31, 24),
            &[
                code(0x09, "MCA_TSC_DOWNLOAD_TIMEOUT").class(Class::Timeout),
                code(0x0a, "MCA_INVALID_XTALFREQ_RANGE").class(Class::Firmware),
                code(0x0b, "MCA_GPSB_TIMEOUT").class(Class::Timeout),
                code(0x0c, "MCA_PMSB_TIMEOUT").class(Class::Timeout),
                code(0x0d, "MCA_CFG_ACK_TIMEOUT").class(Class::Timeout),
                code(0x23, "MCA_PCU_SVID_ERROR").class(Class::Power),
                code(0x35, "MCA_SVID_LOADLINE_INVALID").class(Class::Power),
                code(0x36, "MCA_SVID_ICCMAX_INVALID").class(Class::Power),
                code(0x4a, "MCA_FIVR_PD_HARDERR").class(Class::Power),
                code(0x4c, "MCA_HPM_DOUBLE_BIT_ERROR_DETECTED").class(Class::Data),
                code(0x58, "MCA_INVALID_MEMORY_FREQUENCY").class(Class::Firmware),
                code(0x63, "MCA_SVID_VCCIN_PROTOCOL_ERROR").class(Class::Power),
                code(0x6a, "MCA_SPPR_TIMEOUT").class(Class::Timeout),
                code(0x6f, "MCA_INVALID_SID_ERROR").class(Class::Firmware),
                code(0x70, "MCA_INVALID_REMOTE_LEGACY_AGENT_ERROR").class(Class::Firmware),
                code(0x71, "MCA_INVALID_REMOTE_LT_AGENT_ERROR").class(Class::Firmware),
                code(0x7b, "MCA_THERMAL_SENSOR_INVALID").class(Class::Thermal),
                code(0x7c, "MCA_CXL_DEVICE_NO_CREDIT").class(Class::Protocol),
                code(0x7e, "MCA_RECOVERABLE_DIE_THERMAL_TOO_HOT").class(Class::Thermal),
                code(0x83, "MCA_PKGS_RECOVERABLE_RESET_PREP_ACK_TIMEOUT").class(Class::Timeout),
            ],
        )],
    ),
]);

static UPI: Unit = Unit::new(
    "UPI",
    "Ultra Path interconnect",
    &[&Field::codes(
        "mscod",
        Status,
        bits(31, 16),
        &[
            code(0x0000, "internal parity error").class(Class::Internal),
            code(0x0001, "internal parity error").class(Class::Internal),
            code(0x0002, "internal parity error").class(Class::Internal),
            code(0x0005, "internal parity error").class(Class::Internal),
            code(0x0008, "overflow of an internal queue").class(Class::Internal),
            code(0x0009, "overflow of a link layer buffer").class(Class::Internal),
            code(0x000a, "underflow of an internal queue").class(Class::Internal),
            code(0x000b, "underflow of a link layer buffer").class(Class::Internal),
            code(0x000c, "overflow of credits, internal or of the link layer")
                .class(Class::Protocol),
            code(0x0011, "overflow of an internal queue").class(Class::Internal),
            code(0x0012, "overflow of an internal queue").class(Class::Internal),
            code(0x0013, "underflow of an internal queue").class(Class::Internal),
            code(0x0014, "underflow of an internal queue").class(Class::Internal),
            code(0x0021, "error of an internal interface").class(Class::Internal),
            code(0x0023, "invalid message").class(Class::Protocol),
            code(0x0024, "UPI protocol error").class(Class::Protocol),
            code(0x0025, "UPI interleave error").class(Class::Protocol),
            code(0x0028, "error of an internal interface").class(Class::Internal),
            code(0x0029, "integrity or initialization error of the link").class(Class::LinkFailure),
            code(0x002a, "time-out of a power management transition").class(Class::Timeout),
            code(0x002b, "time-out of a power management transition").class(Class::Timeout),
            code(0x002c, "time-out of a power management transition").class(Class::Timeout),
            code(0x002d, "time-out of a power management transition").class(Class::Timeout),
            code(0x0030, "poison received while poison was disabled").class(Class::Poison),
            code(0x0031, "error of an internal interface").class(Class::Internal),
            code(0x0200, "integrity or initialization error of the link").class(Class::LinkFailure),
            code(0x0203, "link degraded").class(Class::LinkFailure),
            code(0x0204, "time-out of a power management transition").class(Class::Timeout),
            code(0x0205, "time-out of a power management transition").class(Class::Timeout),
            code(0x0206, "time-out of a power management transition").class(Class::Timeout),
            code(0x0207, "time-out of a power management transition").class(Class::Timeout),
        ],
    )],
);

/// MISC describes a DIMM: OTHER_INFO bit 1 says so, and codes from 0x800 on have another format.
const ADDRESSED: &[When] = &[
    When::Is(Status, bit(33), 1),
    When::Within(Status, bits(31, 16), 0x000, 0x7ff),
];

static MCCHAN: Unit = Unit::new(
    "MCCHAN",
    "memory controller channel",
    &[&Field::codes(
        "mscod",
        Status,
        bits(31, 16),
        &[
            code(0x0001, "CMI: request address parity error (APPP)").class(Class::AddressParity),
            code(0x0002, "CMI: write data parity error").class(Class::MemoryWrite),
            code(0x0004, "CMI: parity error of write byte enables").class(Class::MemoryWrite),
            code(0x0008, "transient or correctable error of a patrol read")
                .class(Class::PatrolScrub),
            code(0x0010, "uncorrected patrol scrub error").class(Class::PatrolScrubUncorrected),
            code(
                0x0020,
                "correctable error of a spare read, transient or not",
            )
            .class(Class::Spare),
            code(0x0040, "uncorrected spare error").class(Class::Spare),
            code(
                0x0080,
                "transient or correctable error of a demand or underfill read",
            )
            .class(Class::MemoryRead),
            code(0x00a0, "uncorrectable error of a demand or underfill read")
                .class(Class::MemoryRead),
            code(0x00b0, "poison read while poison was disabled").class(Class::Poison),
            code(
                0x00c0,
                "error of 2LM metadata read for demand, underfill, patrol or spare",
            )
            .class(Class::MemoryRead),
            code(0x0102, "ECC error reading the write data buffer").class(Class::MemoryWrite),
            code(
                0x0104,
                "byte enable parity error reading the write data buffer",
            )
            .class(Class::MemoryWrite),
            code(0x0106, "persistent ECC error reading the write data buffer")
                .class(Class::MemoryWrite),
            code(0x0108, "DDR link failed").class(Class::LinkFailure),
            code(0x0109, "illegal opcode received").class(Class::Protocol),
            code(
                0x0200,
                "DDR command and address parity error, or write CRC error",
            )
            .class(Class::CommandAddressParity),
            code(0x0240, "error of a decoder structure").class(Class::Internal),
            code(0x0400, "internal address parity error").class(Class::AddressParity),
            code(0x0813, "CMI: more credits in use than there are").class(Class::Protocol),
            code(0x0814, "CMI: error of the total credit count").class(Class::Protocol),
            code(0x0815, "CMI: error of the reserved credit pool").class(Class::Protocol),
            code(0x0832, "internal errors of the controller").class(Class::Internal),
            code(
                0x0834,
                "register file parity error of read completions in the tracker",
            )
            .class(Class::Internal),
            code(
                0x0836,
                "register file parity error of write completions in the tracker",
            )
            .class(Class::Internal),
        ],
    )],
)
.groups(&[Group::new(
    ADDRESSED,
    &[
        &Field::hex("column", Misc, bits(18, 9))
            .shifted(2)
            .at(Place::Column),
        &Field::hex("row", Misc, bits(36, 19)).at(Place::Row),
        &Field::hex("bank", Misc, bits(38, 37)).at(Place::Bank),
        &Field::hex("bank group", Misc, bits(41, 39)).at(Place::BankGroup),
        &Field::hex("failed device", Misc, bits(48, 44))
            .at(Place::Chip)
            .when(&[When::Is(Misc, bit(42), 1), When::Is(Misc, bit(63), 0)]),
        &Field::hex("sub-channel", Misc, bit(49)).at(Place::SubChannel),
        &Field::hex("sub-rank", Misc, bits(54, 51)).at(Place::SubRank),
        &Field::hex("chip select", Misc, bits(56, 55)).at(Place::ChipSelect),
        &Field::codes(
            "ECC mode",
            Misc,
            bits(61, 58),
            &[
                code(0x1, "SDDC 128b 1LM"),
                code(0x2, "SDDC 125b 1LM"),
                code(0x3, "SDDC 125b 2LM"),
                code(0x4, "ADDDC 80b 1LM"),
                code(0x5, "ADDDC 80b 2LM"),
                code(0x9, "5x8 128b 1LM"),
                code(0xa, "5x8 125b 1LM"),
                code(0xb, "5x8 125b 2LM"),
            ],
        )
        .every()
        .role(Role::EccMode("Invalid/unknown ECC mode"))
        .when(&[When::Is(Misc, bit(63), 0)]),
        &Field::flag(Misc, 63, &[code(1, "transient error")]).role(Role::Transient),
    ],
)]);

static CCF: Unit = Unit::new("CCF", "cache and coherence fabric", &[]);
static HSF: Unit = Unit::new("HSF", "home snoop filter", &[]);
static IO_CACHE: Unit = Unit::new("IOCACHE", "I/O cache", &[]);

/// The hub of the processor that reports.
fn hub(record: &Record) -> Option<u8> {
    record.apicid().map(|apicid| (apicid >> 2 & 1) as u8)
}

/// The hub, for the banks that belong to one.
fn locate(record: &Record, location: &mut Location) {
    if let (Some(11 | 13 | 17..=26), Some(hub)) = (record.bank(), hub(record)) {
        location.set(Place::Instance, hub.into());
    }
}

/// Each of the eight channels of a hub has its bank; the hub of an unknown APIC id counts as the first.
fn slots(record: &Record) -> Slots {
    let channel = match record.bank() {
        Some(bank @ 19..=26) => Some(bank - 19 + 8 * hub(record).unwrap_or(0)),
        _ => mcekit::arch::ErrorCode::of(record).channel(),
    };
    [
        Some(Slot {
            channel,
            dimm: None,
        }),
        None,
    ]
}

/// Diamond Rapids.
pub(crate) static MODEL: Model = Model::architectural(
    "diamond_rapids",
    "Diamond Rapids",
    &["diamondrapids_server", "dmr", "diamondrapids-x"],
    Vendor::INTEL,
    &[Cpu::new(19, 0x01, "Diamond Rapids-SP")],
)
.with_banks(&[
    Bank::new(1, &DCU),
    Bank::new(2, &DTLB),
    Bank::new(3, &MLC),
    Bank::new(4, &CBB_PUNIT),
    Bank::new(6, &CCF),
    Bank::new(11, &IMH_PUNIT),
    Bank::new(13, &HSF),
    Bank::new(17, &IO_CACHE),
    Bank::new(18, &UPI),
    Bank::new(19, &MCCHAN).channel(0),
    Bank::new(20, &MCCHAN).channel(1),
    Bank::new(21, &MCCHAN).channel(2),
    Bank::new(22, &MCCHAN).channel(3),
    Bank::new(23, &MCCHAN).channel(4),
    Bank::new(24, &MCCHAN).channel(5),
    Bank::new(25, &MCCHAN).channel(6),
    Bank::new(26, &MCCHAN).channel(7),
])
.with_locate(locate)
.with_slots(slots);
