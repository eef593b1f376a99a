//! Skylake, Cascade Lake and Cooper Lake servers (family 6 model 0x55).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_55H`": "Internal Machine Check Errors" (MC4), "Interconnect Machine Check Errors" (MC5, MC12, MC19), "Integrated Memory
//! Controller Machine Check Errors" (MC13 to MC18), "M2M Machine Check Errors" (MC7, MC8), "Home Agent Machine Check Errors"
//! (MISC of MC7 and MC8).

use mcekit::arch::ErrorCode;
use mcekit::table::Register::{Misc, Status};
use mcekit::table::{
    Bank, Class, Code, Cpu, Field, Group, Model, Place, Role, Slot, Slots, Unit, When, bit, bits,
    code,
};
use mcekit::{Record, Vendor};

use super::MEMORY_ERROR;
use super::haswell::{DCU, DTLB, IFU, IIO, INTERNAL, MLC, PCU_INTERNAL};
use super::sandy_bridge as snb;

/// Bits 31:24: errors that the PCU's firmware reports.
static PCU_FIRMWARE: &[Code] = &[
    code(0x00, "no error"),
    code(0x0d, "MCA_DMI_TRAINING_TIMEOUT").class(Class::Timeout),
    code(0x0f, "MCA_DMI_CPU_RESET_ACK_TIMEOUT").class(Class::Timeout),
    code(0x10, "MCA_MORE_THAN_ONE_LT_AGENT").class(Class::Firmware),
    code(0x1e, "MCA_BIOS_RST_CPL_INVALID_SEQ").class(Class::Firmware),
    code(0x1f, "MCA_BIOS_INVALID_PKG_STATE_CONFIG").class(Class::Firmware),
    code(0x25, "MCA_MESSAGE_CHANNEL_TIMEOUT").class(Class::Timeout),
    code(0x27, "MCA_MSGCH_PMREQ_CMP_TIMEOUT").class(Class::Timeout),
    code(0x30, "MCA_PKGC_DIRECT_WAKE_RING_TIMEOUT").class(Class::Timeout),
    code(0x31, "MCA_PKGC_INVALID_RSP_PCH").class(Class::Protocol),
    code(0x33, "MCA_PKGC_WATCHDOG_HANG_CBZ_DOWN").class(Class::Timeout),
    code(0x34, "MCA_PKGC_WATCHDOG_HANG_CBZ_UP").class(Class::Timeout),
    code(0x38, "MCA_PKGC_WATCHDOG_HANG_C3_UP_SF").class(Class::Timeout),
    code(0x40, "MCA_SVID_VCCIN_VR_ICC_MAX_FAILURE").class(Class::Power),
    code(0x41, "MCA_SVID_COMMAND_TIMEOUT").class(Class::Timeout),
    code(0x42, "MCA_SVID_VCCIN_VR_VOUT_FAILURE").class(Class::Power),
    code(0x43, "MCA_SVID_CPU_VR_CAPABILITY_ERROR").class(Class::Power),
    code(0x44, "MCA_SVID_CRITICAL_VR_FAILED").class(Class::Power),
    code(0x45, "MCA_SVID_SA_ITD_ERROR").class(Class::Power),
    code(0x46, "MCA_SVID_READ_REG_FAILED").class(Class::Power),
    code(0x47, "MCA_SVID_WRITE_REG_FAILED").class(Class::Power),
    code(0x48, "MCA_SVID_PKGC_INIT_FAILED").class(Class::Power),
    code(0x49, "MCA_SVID_PKGC_CONFIG_FAILED").class(Class::Power),
    code(0x4a, "MCA_SVID_PKGC_REQUEST_FAILED").class(Class::Power),
    code(0x4b, "MCA_SVID_IMON_REQUEST_FAILED").class(Class::Power),
    code(0x4c, "MCA_SVID_ALERT_REQUEST_FAILED").class(Class::Power),
    code(0x4d, "MCA_SVID_MCP_VR_ABSENT_OR_RAMP_ERROR").class(Class::Power),
    code(0x4e, "MCA_SVID_UNEXPECTED_MCP_VR_DETECTED").class(Class::Power),
    code(0x51, "MCA_FIVR_CATAS_OVERVOL_FAULT").class(Class::Power),
    code(0x52, "MCA_FIVR_CATAS_OVERCUR_FAULT").class(Class::Power),
    code(0x58, "MCA_WATCHDOG_TIMEOUT_PKGC_SECONDARY").class(Class::Timeout),
    code(0x59, "MCA_WATCHDOG_TIMEOUT_PKGC_MAIN").class(Class::Timeout),
    code(0x5a, "MCA_WATCHDOG_TIMEOUT_PKGS_MAIN").class(Class::Timeout),
    code(0x61, "MCA_PKGS_CPD_UNCPD_TIMEOUT").class(Class::Timeout),
    code(0x63, "MCA_PKGS_INVALID_REQ_PCH").class(Class::Protocol),
    code(0x64, "MCA_PKGS_INVALID_REQ_INTERNAL").class(Class::Protocol),
    code(0x65, "MCA_PKGS_INVALID_RSP_INTERNAL").class(Class::Protocol),
    code(0x6b, "MCA_PKGS_SMBUS_VPP_PAUSE_TIMEOUT").class(Class::Timeout),
    code(0x81, "MCA_RECOVERABLE_DIE_THERMAL_TOO_HOT").class(Class::Thermal),
];

static PCU: Unit = Unit::new(
    "PCU",
    "power control unit",
    &[
        &INTERNAL,
        &PCU_INTERNAL,
        &snb::RESERVED_23_20,
        &Field::codes("PCU firmware", Status, bits(31, 24), PCU_FIRMWARE),
    ],
);

/// Bits 31:22 of a control error; the servers after this one have the same.
pub(super) static UPI_CONTROL: &[&Field] = &[
    &Field::flag(
        Status,
        22,
        &[code(1, "physical layer control error").class(Class::LinkFailure)],
    ),
    &Field::flag(
        Status,
        23,
        &[code(1, "Retry.Ack flit that nobody expected").class(Class::Protocol)],
    ),
    &Field::flag(
        Status,
        24,
        &[code(1, "Retry.Req flit that nobody expected").class(Class::Protocol)],
    ),
    &Field::flag(
        Status,
        25,
        &[code(1, "parity error of the register file").class(Class::Internal)],
    ),
    &Field::flag(
        Status,
        26,
        &[code(1, "error of the routeback table").class(Class::Internal)],
    ),
    &Field::flag(
        Status,
        27,
        &[code(
            1,
            "protocol flit to send that nobody expected (end of packet, header or data)",
        )
        .class(Class::Protocol)],
    ),
    &Field::flag(
        Status,
        28,
        &[code(
            1,
            "BGF credit overflow or underflow of received headers or credits",
        )
        .class(Class::Protocol)],
    ),
    &Field::flag(
        Status,
        29,
        &[code(
            1,
            "link layer reset was still going on when the physical layer entered L0",
        )
        .class(Class::Protocol)],
    ),
    &Field::flag(
        Status,
        30,
        &[code(
            1,
            "link layer reset began while protocol traffic was not idle",
        )
        .class(Class::Protocol)],
    ),
    &Field::flag(
        Status,
        31,
        &[code(1, "parity error of the link layer's transmitter").class(Class::LinkCrc)],
    ),
];

static UPI: Unit = Unit::new(
    "UPI",
    "Ultra Path interconnect",
    &[&Field::codes(
        "mscod",
        Status,
        bits(21, 16),
        &[
            code(0x00, "uncorrected: physical layer initialization failed").class(Class::LinkFailure),
            code(0x01, "uncorrected: physical layer drift buffer alarm").class(Class::LinkFailure),
            code(0x02, "uncorrected: physical layer latency buffer rolled over").class(Class::LinkFailure),
            code(0x10, "uncorrected: CRC error received, link layer retry failed and was aborted").class(Class::LinkCrc),
            code(0x11, "uncorrected: unsupported or undefined packet received").class(Class::Protocol),
            code(0x12, "uncorrected: control error of the link or physical layer").class(Class::Protocol),
            code(0x13, "uncorrected: exception in the exchange of parameters").class(Class::Protocol),
            code(0x1f, "uncorrected: control error from the interface between link and mesh").class(Class::Protocol),
            code(0x20, "corrected: physical layer initialization aborted").class(Class::LinkFailure),
            code(0x21, "corrected: physical layer reset").class(Class::LinkFailure),
            code(0x22, "corrected: lane failed, recovered at half width (x8)").class(Class::LinkFailure),
            code(0x23, "corrected: L0c error, without physical layer reset").class(Class::LinkFailure),
            code(0x24, "corrected: L0c error, with physical layer reset").class(Class::LinkFailure),
            code(0x25, "corrected: error leaving L0p, with physical layer reset").class(Class::LinkFailure),
            code(0x30, "corrected: CRC error received, link layer retry succeeded").class(Class::LinkCrc),
            code(0x31, "corrected: CRC error received, link layer retry succeeded after the physical layer was initialized again").class(Class::LinkCrc),
        ],
    )],
)
.groups(&[
    Group::new(&[When::Is(Status, bits(21, 16), 0x12)], UPI_CONTROL),
    Group::new(
        &[When::Not(Status, bits(21, 16), 0x12)],
        &[&Field::codes("reserved bits 31:22", Status, bits(31, 22), &[])],
    ),
]);

/// MISC of the banks that see mirrors: bit 63 is the channel failover, bit 62 the mirror that corrected. Ice Lake has
/// the same.
pub(super) static CORRECTED_BY: Field = Field::codes(
    "corrected by",
    Misc,
    bits(63, 62),
    &[
        code(0b01, "mirroring. Primary channel scrubbed successfully").class(Class::Mirror),
        code(0b10, "mirroring with channel failover").class(Class::Mirror),
        code(0b11, "mirroring with channel failover").class(Class::Mirror),
    ],
)
.when(&[When::Is(Status, bit(61), 0)])
.role(Role::CorrectedBy);

static M2M: Unit = Unit::new(
    "M2M",
    "mesh to memory",
    &[
        &CORRECTED_BY,
        &Field::flag(
            Status,
            16,
            &[code(1, "MscodDataRdErr").class(Class::MemoryRead)],
        ),
        &Field::codes("reserved bit 17", Status, bit(17), &[]),
        &Field::flag(
            Status,
            18,
            &[code(1, "MscodPtlWrErr").class(Class::MemoryWrite)],
        ),
        &Field::flag(
            Status,
            19,
            &[code(1, "MscodFullWrErr").class(Class::MemoryWrite)],
        ),
        &Field::flag(Status, 20, &[code(1, "MscodBgfErr").class(Class::Internal)]),
        &Field::flag(Status, 21, &[code(1, "MscodTimeout").class(Class::Timeout)]),
        &Field::flag(Status, 22, &[code(1, "MscodParErr").class(Class::Internal)]),
        &Field::flag(
            Status,
            23,
            &[code(1, "MscodBucket1Err").class(Class::Internal)],
        ),
        &Field::codes("reserved bits 31:24", Status, bits(31, 24), &[]),
    ],
);

static IMC: Unit = Unit::new("iMC", "integrated memory controller", &[]).groups(&[
    Group::new(
        &[When::Is(Status, bit(27), 0)],
        &[
            &snb::ADDRESS_PARITY,
            &snb::WRITE_DATA,
            &snb::WRITE_ENABLE,
            &snb::SCRUB_CORRECTED,
            &snb::SCRUB_UNCORRECTED,
            &snb::SPARE_CORRECTED,
            &snb::SPARE_UNCORRECTED,
            &Field::flag(
                Status,
                23,
                &[code(1, "error of a read for the home agent").class(Class::MemoryRead)],
            ),
            &Field::flag(
                Status,
                24,
                &[code(1, "parity error reading the write data buffer").class(Class::MemoryWrite)],
            ),
            &Field::flag(
                Status,
                25,
                &[code(1, "DDR4 command or address parity error")
                    .class(Class::CommandAddressParity)],
            ),
            &Field::flag(
                Status,
                26,
                &[code(1, "uncorrected address parity error").class(Class::AddressParity)],
            ),
            &Field::codes("reserved bits 31:28", Status, bits(31, 28), &[]),
        ],
    ),
    Group::new(
        &[When::Is(Status, bit(27), 1)],
        &[&Field::codes(
            "mscod",
            Status,
            bits(31, 16),
            &[
                code(0x0800, "request of a type that is not known").class(Class::Protocol),
                code(0x0801, "read response for an invalid scoreboard entry")
                    .class(Class::Protocol),
                code(0x0802, "read response that nobody expected").class(Class::Protocol),
                code(0x0803, "DDR4 completion for an invalid scoreboard entry")
                    .class(Class::Protocol),
                code(0x0804, "completion for an invalid scoreboard entry").class(Class::Protocol),
                code(0x0805, "completion FIFO overflow").class(Class::Internal),
                code(0x0806, "correctable parity error").class(Class::Internal),
                code(0x0807, "uncorrectable error").class(Class::Internal),
                code(
                    0x0808,
                    "interrupt received while another was not acknowledged",
                )
                .class(Class::Protocol),
                code(0x0809, "ERID FIFO overflow").class(Class::Internal),
                code(0x080a, "error of the write credits").class(Class::Protocol),
                code(0x080b, "error of the read credits").class(Class::Protocol),
                code(0x080c, "scheduler error").class(Class::Internal),
                code(0x080d, "error event").class(Class::Internal),
            ],
        )],
    ),
    Group::new(
        &[
            When::Is(Misc, bit(62), 1),
            When::Is(Status, bit(61), 0),
            MEMORY_ERROR,
        ],
        &[&Field::decimal("failing rank of the first device", Misc, bits(50, 46)).at(Place::Rank)],
    ),
    Group::new(
        &[
            When::Is(Misc, bits(63, 62), 3),
            When::Is(Status, bit(61), 0),
            MEMORY_ERROR,
        ],
        &[&Field::decimal(
            "failing rank of the second device",
            Misc,
            bits(55, 51),
        )],
    ),
]);

/// The home of a memory line and its snoop filter; the servers after this one have the same.
pub(super) static CHA: Unit = Unit::new("CHA", "caching and home agent", &[]);

/// Three channels to a controller.
fn slots(record: &Record) -> Slots {
    let channel = ErrorCode::of(record)
        .channel()
        .map(|channel| match record.bank() {
            Some(8) => channel + 3,
            Some(13) => 0,
            Some(14) => 1,
            Some(15) => 3,
            Some(16) => 4,
            Some(17) => 2,
            Some(18) => 5,
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

/// Skylake, Cascade Lake and Cooper Lake servers.
pub(crate) static MODEL: Model = Model::architectural(
    "skylake_server",
    "Skylake, Cascade Lake and Cooper Lake servers",
    &[
        "cascadelake_server",
        "cooperlake_server",
        "skylake-sp",
        "skylake-x",
        "cascadelake-sp",
        "cooperlake-sp",
        "skx",
        "clx",
        "cpx",
    ],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x55, "Skylake-X server").steppings(0, 4),
        Cpu::new(6, 0x55, "Cascade Lake-X").steppings(5, 9),
        Cpu::new(6, 0x55, "Cooper Lake-X").steppings(10, 15),
    ],
)
.with_banks(&[
    Bank::new(0, &IFU),
    Bank::new(1, &DCU),
    Bank::new(2, &DTLB),
    Bank::new(3, &MLC),
    Bank::new(4, &PCU),
    Bank::new(5, &UPI).port(0),
    Bank::new(6, &IIO),
    Bank::new(7, &M2M).imc(0),
    Bank::new(8, &M2M).imc(1),
    Bank::range(9, 11, &CHA),
    Bank::new(12, &UPI).port(1),
    Bank::new(13, &IMC).imc(0).channel(0),
    Bank::new(14, &IMC).imc(0).channel(1),
    Bank::new(15, &IMC).imc(1).channel(0),
    Bank::new(16, &IMC).imc(1).channel(1),
    Bank::new(17, &IMC).imc(0).channel(2),
    Bank::new(18, &IMC).imc(1).channel(2),
    Bank::new(19, &UPI).port(2),
])
.with_slots(slots);
