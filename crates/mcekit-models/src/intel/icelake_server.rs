//! Ice Lake servers (family 6 models 0x6a and 0x6c) and Snow Ridge (0x86).
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_6AH`, `06_6CH`" and "… `06_86H`": "Internal Machine Check Errors" (MC4), "Interconnect Machine Check Errors" (MC5, MC7,
//! MC8), "Integrated Memory Controller Machine Check Errors" (MC13 to MC27), "M2M Machine Check Errors" (MC12, MC16, MC20, MC24).
//!
//! MISC of the memory controllers: drivers/edac/i10nm_base.c and the same section of the manual.

use mcekit::arch::ErrorCode;
use mcekit::table::Register::{Misc, Status};
use mcekit::table::{
    Bank, Class, Code, Cpu, Field, Group, Location, Model, Place, Role, Slot, Slots, Unit, When,
    bit, bits, code,
};
use mcekit::{Record, Vendor};

use super::haswell::{DCU, DTLB, IFU, IIO, MLC};
use super::skylake_server::{CHA, CORRECTED_BY, UPI_CONTROL};

/// Bits 31:24: errors that the PCU's firmware reports. Sapphire Rapids has these and one more.
pub(super) static PCU_FIRMWARE: &[Code] = &[
    code(0x0d, "MCA_LLC_BIST_ACTIVE_TIMEOUT").class(Class::Timeout),
    code(0x0e, "MCA_DMI_TRAINING_TIMEOUT").class(Class::Timeout),
    code(0x0f, "MCA_DMI_STRAP_SET_ARRIVAL_TIMEOUT").class(Class::Timeout),
    code(0x10, "MCA_DMI_CPU_RESET_ACK_TIMEOUT").class(Class::Timeout),
    code(0x11, "MCA_MORE_THAN_ONE_LT_AGENT").class(Class::Firmware),
    code(0x14, "MCA_INCOMPATIBLE_PCH_TYPE").class(Class::Firmware),
    code(0x1e, "MCA_BIOS_RST_CPL_INVALID_SEQ").class(Class::Firmware),
    code(0x1f, "MCA_BIOS_INVALID_PKG_STATE_CONFIG").class(Class::Firmware),
    code(0x2d, "MCA_PCU_PMAX_CALIB_ERROR").class(Class::Power),
    code(0x2e, "MCA_TSC100_SYNC_TIMEOUT").class(Class::Timeout),
    code(0x3a, "MCA_GPSB_TIMEOUT").class(Class::Timeout),
    code(0x3b, "MCA_PMSB_TIMEOUT").class(Class::Timeout),
    code(0x3e, "MCA_IOSFSB_PMREQ_CMP_TIMEOUT").class(Class::Timeout),
    code(0x40, "MCA_SVID_VCCIN_VR_ICC_MAX_FAILURE").class(Class::Power),
    code(0x42, "MCA_SVID_VCCIN_VR_VOUT_FAILURE").class(Class::Power),
    code(0x43, "MCA_SVID_CPU_VR_CAPABILITY_ERROR").class(Class::Power),
    code(0x44, "MCA_SVID_CRITICAL_VR_FAILED").class(Class::Power),
    code(0x45, "MCA_SVID_SA_ITD_ERROR").class(Class::Power),
    code(0x46, "MCA_SVID_READ_REG_FAILED").class(Class::Power),
    code(0x47, "MCA_SVID_WRITE_REG_FAILED").class(Class::Power),
    code(0x4a, "MCA_SVID_PKGC_REQUEST_FAILED").class(Class::Power),
    code(0x4b, "MCA_SVID_IMON_REQUEST_FAILED").class(Class::Power),
    code(0x4c, "MCA_SVID_ALERT_REQUEST_FAILED").class(Class::Power),
    code(0x4d, "MCA_SVID_MCP_VR_RAMP_ERROR").class(Class::Power),
    code(0x56, "MCA_FIVR_PD_HARDERR").class(Class::Power),
    code(0x58, "MCA_WATCHDOG_TIMEOUT_PKGC_SECONDARY").class(Class::Timeout),
    code(0x59, "MCA_WATCHDOG_TIMEOUT_PKGC_MAIN").class(Class::Timeout),
    code(0x5a, "MCA_WATCHDOG_TIMEOUT_PKGS_MAIN").class(Class::Timeout),
    code(0x5b, "MCA_WATCHDOG_TIMEOUT_MSG_CH_FSM").class(Class::Timeout),
    code(0x5c, "MCA_WATCHDOG_TIMEOUT_BULK_CR_FSM").class(Class::Timeout),
    code(0x5d, "MCA_WATCHDOG_TIMEOUT_IOSFSB_FSM").class(Class::Timeout),
    code(0x60, "MCA_PKGS_SAFE_WP_TIMEOUT").class(Class::Timeout),
    code(0x61, "MCA_PKGS_CPD_UNCPD_TIMEOUT").class(Class::Timeout),
    code(0x62, "MCA_PKGS_INVALID_REQ_PCH").class(Class::Protocol),
    code(0x63, "MCA_PKGS_INVALID_REQ_INTERNAL").class(Class::Protocol),
    code(0x64, "MCA_PKGS_INVALID_RSP_INTERNAL").class(Class::Protocol),
    code(0x65, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x66, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x67, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x68, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x69, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x6a, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x6b, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x6c, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x6d, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x6e, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x6f, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x70, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x71, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x72, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x73, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x74, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x75, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x76, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x77, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x78, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x79, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x7a, "MCA_PKGS_RESET_PREP_TIMEOUT").class(Class::Timeout),
    code(0x7b, "MCA_PKGS_SMBUS_VPP_PAUSE_TIMEOUT").class(Class::Timeout),
    code(0x7c, "MCA_PKGS_SMBUS_MCP_PAUSE_TIMEOUT").class(Class::Timeout),
    code(0x7d, "MCA_PKGS_SMBUS_SPD_PAUSE_TIMEOUT").class(Class::Timeout),
    code(0x80, "MCA_PKGC_DISP_BUSY_TIMEOUT").class(Class::Timeout),
    code(0x81, "MCA_PKGC_INVALID_RSP_PCH").class(Class::Protocol),
    code(0x83, "MCA_PKGC_WATCHDOG_HANG_CBZ_DOWN").class(Class::Timeout),
    code(0x84, "MCA_PKGC_WATCHDOG_HANG_CBZ_UP").class(Class::Timeout),
    code(0x87, "MCA_PKGC_WATCHDOG_HANG_C2_BLKMASTER").class(Class::Timeout),
    code(0x88, "MCA_PKGC_WATCHDOG_HANG_C2_PSLIMIT").class(Class::Timeout),
    code(0x89, "MCA_PKGC_WATCHDOG_HANG_SETDISP").class(Class::Timeout),
    code(0x8b, "MCA_PKGC_ALLOW_L1_ERROR").class(Class::Power),
    code(0x90, "MCA_RECOVERABLE_DIE_THERMAL_TOO_HOT").class(Class::Thermal),
    code(0xa0, "MCA_ADR_SIGNAL_TIMEOUT").class(Class::Timeout),
    code(0xa1, "MCA_BCLK_FREQ_OC_ABOVE_THRESHOLD").class(Class::Power),
    code(0xb0, "MCA_DISPATCHER_RUN_BUSY_TIMEOUT").class(Class::Timeout),
];

/// Bits 23:20: errors that the PCU's hardware reports.
pub(super) static PCU_HARDWARE: Field = Field::codes(
    "PCU hardware",
    Status,
    bits(23, 20),
    &[
        code(0x4, "clock or power IP did not answer in time").class(Class::Timeout),
        code(0x5, "SMBus controller raised an SMI").class(Class::Internal),
        code(
            0x9,
            "power management controller received an invalid transaction",
        )
        .class(Class::Protocol),
    ],
);

/// Bits 19:16: errors of the PCU's own processor.
pub(super) static PCU_CORE: &[Code] = &[
    code(0x1, "instruction address out of the valid space").class(Class::Firmware),
    code(0x2, "double-bit RAM error of an instruction fetch").class(Class::Data),
    code(0x3, "invalid opcode").class(Class::Firmware),
    code(0x4, "stack underflow").class(Class::Firmware),
    code(0x5, "stack overflow").class(Class::Firmware),
    code(0x6, "data address out of the valid space").class(Class::Firmware),
    code(0x7, "double-bit RAM error of a data fetch").class(Class::Data),
];

static PCU: Unit = Unit::new(
    "PCU",
    "power control unit",
    &[
        &Field::codes("PCU processor", Status, bits(19, 16), PCU_CORE),
        &PCU_HARDWARE,
        &Field::codes("PCU firmware", Status, bits(31, 24), PCU_FIRMWARE),
    ],
);

/// Bits 21:16 of a link; Sapphire Rapids has all of these.
pub(super) static UPI_CODES: &[Code] = &[
    code(0x00, "physical layer initialization failed").class(Class::LinkFailure),
    code(0x01, "physical layer drift buffer alarm").class(Class::LinkFailure),
    code(0x02, "physical layer latency buffer rolled over").class(Class::LinkFailure),
    code(0x10, "CRC error received, link layer retry failed and was aborted").class(Class::LinkCrc),
    code(0x11, "unsupported or undefined packet received").class(Class::Protocol),
    code(0x12, "control error of the link or physical layer").class(Class::Protocol),
    code(0x13, "exception in the exchange of parameters").class(Class::Protocol),
    code(0x1f, "control error that the link layer detected").class(Class::Protocol),
    code(0x20, "physical layer initialization aborted").class(Class::LinkFailure),
    code(0x21, "physical layer in-band reset").class(Class::LinkFailure),
    code(0x22, "lane failed, recovered at half width (x8)").class(Class::LinkFailure),
    code(0x23, "L0c error corrected without physical layer reset").class(Class::LinkFailure),
    code(0x24, "L0c error that made the physical layer reset").class(Class::LinkFailure),
    code(0x25, "error leaving L0p, corrected with reset").class(Class::LinkFailure),
    code(0x30, "CRC error received, link layer retry succeeded").class(Class::LinkCrc),
    code(0x31, "CRC error received, link layer retry succeeded after the physical layer was initialized again").class(Class::LinkCrc),
];

static UPI: Unit = Unit::new(
    "UPI",
    "Ultra Path interconnect",
    &[&Field::codes(
        "mscod",
        Status,
        bits(21, 16),
        &[code(0x32, "the transmitter received a link layer retry").class(Class::LinkCrc)],
    )
    .or_else(UPI_CODES)],
)
.groups(&[Group::new(&[], UPI_CONTROL)]);

static M2M_ERRORS: &[&Field] = &[
    &Field::flag(
        Status,
        16,
        &[code(1, "read data error of the memory controller").class(Class::MemoryRead)],
    ),
    &Field::codes("reserved bit 17", Status, bit(17), &[]),
    &Field::flag(
        Status,
        18,
        &[code(1, "partial write data error of the memory controller").class(Class::MemoryWrite)],
    ),
    &Field::flag(
        Status,
        19,
        &[code(1, "full write data error").class(Class::MemoryWrite)],
    ),
    &Field::flag(
        Status,
        20,
        &[code(1, "error of the buffer between clock domains (BGF)").class(Class::Internal)],
    ),
    &Field::flag(Status, 21, &[code(1, "M2M time-out").class(Class::Timeout)]),
    &Field::flag(
        Status,
        22,
        &[code(1, "parity error of the M2M tracker").class(Class::Internal)],
    ),
    &Field::flag(
        Status,
        23,
        &[code(1, "fatal bucket-1 error").class(Class::Internal)],
    ),
    &Field::hex("DDR type", Status, bits(25, 24)),
    &Field::hex("miscellaneous errors", Status, bits(31, 26)),
];

static M2M: Unit =
    Unit::new("M2M", "mesh to memory", &[&CORRECTED_BY]).groups(&[Group::new(&[], M2M_ERRORS)]);
static M2M_NO_MIRROR: Unit = Unit::new("M2M", "mesh to memory", M2M_ERRORS);

/// Model-specific codes of a memory controller that Sapphire Rapids has, too.
pub(super) static IMC_CODES: &[Code] = &[
    code(0x0001, "address parity error").class(Class::AddressParity),
    code(0x0002, "data parity error").class(Class::Data),
    code(0x0003, "data ECC error").class(Class::Data),
    code(0x0004, "parity error of the data's byte enables").class(Class::MemoryWrite),
    code(0x0007, "parity error of the transaction id").class(Class::Internal),
    code(0x0008, "corrected patrol scrub error").class(Class::PatrolScrub),
    code(0x0010, "uncorrected patrol scrub error").class(Class::PatrolScrubUncorrected),
    code(0x0020, "corrected spare error").class(Class::Spare),
    code(0x0040, "uncorrected spare error").class(Class::Spare),
    code(0x0080, "corrected read error").class(Class::MemoryRead),
    code(0x00a0, "uncorrected read error").class(Class::MemoryRead),
    code(0x00c0, "uncorrected metadata").class(Class::MemoryRead),
    code(0x0100, "parity error reading the write data buffer").class(Class::MemoryWrite),
    code(0x0108, "DDR link failed").class(Class::LinkFailure),
    code(0x0400, "parity error of the read pending queue (primary)").class(Class::Internal),
    code(0x0800, "bad DDR-T request").class(Class::Protocol),
    code(0x0801, "DDR data response for an invalid entry").class(Class::Protocol),
    code(
        0x0802,
        "DDR data response for an entry that expects no data",
    )
    .class(Class::Protocol),
    code(0x0803, "DDR completion for an invalid entry").class(Class::Protocol),
    code(0x0804, "DDR-T completion for an invalid entry").class(Class::Protocol),
    code(0x0805, "DDR data or completion FIFO overflow").class(Class::Internal),
    code(0x0806, "DDR-T: correctable parity error of the ERID").class(Class::Internal),
    code(0x0807, "DDR-T: uncorrectable error of the ERID").class(Class::Internal),
    code(
        0x0808,
        "DDR-T: interrupt received while another was not acknowledged",
    )
    .class(Class::Protocol),
    code(0x0809, "ERID FIFO overflow").class(Class::Internal),
    code(0x080a, "DDR-T: error of the write credits").class(Class::Protocol),
    code(0x080b, "DDR-T: error of the read credits").class(Class::Protocol),
    code(0x080c, "DDR-T: scheduler error").class(Class::Internal),
    code(0x080d, "DDR-T: error event").class(Class::Internal),
    code(0x080e, "DDR-T: thermal event").class(Class::Thermal),
    code(0x080f, "CMI packet while idle").class(Class::Protocol),
    code(0x0810, "DDR_T_RPQ_REQ_PARITY_ERR").class(Class::Internal),
    code(0x0811, "DDR_T_WPQ_REQ_PARITY_ERR").class(Class::Internal),
    code(0x0812, "2LM_NMFILLWR_CAM_ERR").class(Class::Internal),
    code(0x0813, "CMI_CREDIT_OVERSUB_ERR").class(Class::Protocol),
    code(0x0814, "CMI_CREDIT_TOTAL_ERR").class(Class::Protocol),
    code(0x0815, "CMI_CREDIT_RSVD_POOL_ERR").class(Class::Protocol),
    code(0x0816, "DDR_T_RD_ERROR").class(Class::MemoryRead),
    code(0x0817, "WDB_FIFO_ERR").class(Class::Internal),
    code(0x0818, "CMI_REQ_FIFO_OVERFLOW").class(Class::Internal),
    code(0x0819, "CMI_REQ_FIFO_UNDERFLOW").class(Class::Internal),
    code(0x081a, "CMI_RSP_FIFO_OVERFLOW").class(Class::Internal),
    code(0x081b, "CMI_RSP_FIFO_UNDERFLOW").class(Class::Internal),
    code(0x081c, "CMI_MISC_MC_CRDT_ERRORS").class(Class::Protocol),
    code(0x081d, "CMI_MISC_MC_ARB_ERRORS").class(Class::Internal),
    code(0x081e, "DDR_T_WR_CMPL_FIFO_OVERFLOW").class(Class::Internal),
    code(0x081f, "DDR_T_WR_CMPL_FIFO_UNDERFLOW").class(Class::Internal),
    code(0x0820, "CMI_RD_CPL_FIFO_OVERFLOW").class(Class::Internal),
    code(0x0821, "CMI_RD_CPL_FIFO_UNDERFLOW").class(Class::Internal),
    code(0x0822, "TME_KEY_PAR_ERR").class(Class::Internal),
    code(0x0823, "TME_CMI_MISC_ERR").class(Class::Internal),
    code(0x0824, "TME_CMI_OVFL_ERR").class(Class::Internal),
    code(0x0825, "TME_CMI_UFL_ERR").class(Class::Internal),
    code(0x0826, "TME_TEM_SECURE_ERR").class(Class::Security),
    code(0x0827, "TME_UFILL_PAR_ERR").class(Class::Internal),
    code(0x0829, "INTERNAL_ERR").class(Class::Internal),
    code(0x082a, "TME_INTEGRITY_ERR").class(Class::Security),
    code(0x082b, "TME_TDX_ERR").class(Class::Security),
    code(0x082c, "TME_UFILL_TEM_SECURE_ERR").class(Class::Security),
    code(0x082d, "TME_KEY_POISON_ERR").class(Class::Poison),
    code(0x082e, "TME_SECURITY_ENGINE_ERR").class(Class::Security),
    code(0x1008, "CORR_PATSCRUB_MIRR2ND_ERR").class(Class::PatrolScrub),
    code(0x1010, "UC_PATSCRUB_MIRR2ND_ERR").class(Class::PatrolScrubUncorrected),
    code(0x1020, "COR_SPARE_MIRR2ND_ERR").class(Class::Spare),
    code(0x1040, "UC_SPARE_MIRR2ND_ERR").class(Class::Spare),
    code(0x1080, "HA_RD_MIRR2ND_ERR").class(Class::MemoryRead),
    code(0x10a0, "HA_UNCORR_RD_MIRR2ND_ERR").class(Class::MemoryRead),
];

/// MISC while MISCV is set; the device that failed only where one did and is known.
pub(super) const DEVICE_KNOWN: &[When] =
    &[When::Is(Misc, bit(63), 0), When::Is(Status, bit(61), 0)];

static IMC: Unit = Unit::new(
    "iMC",
    "integrated memory controller",
    &[
        &Field::codes(
            "mscod",
            Status,
            bits(31, 16),
            &[
                code(0x0103, "RPA parity error").class(Class::Internal),
                code(0x0106, "DDR_T_DPPP byte enable error").class(Class::MemoryWrite),
                code(0x0107, "DDR_T_DPPP data error").class(Class::MemoryWrite),
                code(0x0111, "PCLS CAM error").class(Class::Internal),
                code(0x0112, "PCLS data error").class(Class::Internal),
                code(0x0200, "DDR4 command or address parity error")
                    .class(Class::CommandAddressParity),
                code(0x0220, "HBM command or address parity error")
                    .class(Class::CommandAddressParity),
                code(0x0221, "HBM data parity error").class(Class::Data),
            ],
        )
        .or_else(IMC_CODES),
        &Field::hex("column", Misc, bits(18, 9))
            .shifted(2)
            .at(Place::Column),
        &Field::hex("row", Misc, bits(39, 19)).at(Place::Row),
        &Field::hex("bank", Misc, bits(43, 42)).at(Place::Bank),
        &Field::hex("bank group", Misc, bit(44))
            .then(bits(41, 40))
            .at(Place::BankGroup),
        &Field::hex("failed device", Misc, bits(51, 46))
            .at(Place::Chip)
            .when(DEVICE_KNOWN),
        &Field::hex("sub-rank", Misc, bits(55, 52)).at(Place::SubRank),
        &Field::hex("rank", Misc, bits(58, 56)).at(Place::Rank),
        &Field::hex("DIMM", Misc, bit(58)).at(Place::Dimm),
        &Field::codes(
            "ECC mode",
            Misc,
            bits(62, 59),
            &[
                code(0x0, "SDDC memory mode"),
                code(0x1, "SDDC"),
                code(0x4, "ADDDC memory mode"),
                code(0x5, "ADDDC"),
                code(0x8, "DDRT read"),
            ],
        )
        .every()
        .role(Role::EccMode("unknown")),
        &Field::flag(Misc, 63, &[code(1, "transient error")]).role(Role::Transient),
    ],
);

/// The number of the rank is that of the channel, four to a DIMM (Linux, drivers/edac/i10nm_base.c, `i10nm_mc_decode`).
fn locate(_: &Record, location: &mut Location) {
    if let Some(rank) = location.get(Place::Rank) {
        location.set(Place::Rank, rank & 3);
    }
}

/// Three channels to a controller; each has a bank for its mesh-to-memory unit and one for each channel.
fn slots(record: &Record) -> Slots {
    let channel = ErrorCode::of(record)
        .channel()
        .map(|channel| match record.bank() {
            Some(bank @ 12..=27) => (bank - 12) / 4 * 3 + channel,
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

/// Ice Lake-SP.
pub(crate) static ICELAKE_SERVER: Model = Model::architectural(
    "icelake_server",
    "Ice Lake server",
    &["icelake-sp", "icelake-x", "icx"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x6a, "Icelake-X")],
)
.with_banks(&[
    Bank::new(0, &IFU),
    Bank::new(1, &DCU),
    Bank::new(2, &DTLB),
    Bank::new(3, &MLC),
    Bank::new(4, &PCU),
    Bank::new(5, &UPI).port(0),
    Bank::new(6, &IIO),
    Bank::new(7, &UPI).port(1),
    Bank::new(8, &UPI).port(2),
    Bank::range(9, 11, &CHA),
    Bank::new(12, &M2M).imc(0),
    Bank::new(13, &IMC).imc(0).channel(0),
    Bank::new(14, &IMC).imc(0).channel(1),
    Bank::new(15, &IMC).imc(0).channel(2),
    Bank::new(16, &M2M).imc(1),
    Bank::new(17, &IMC).imc(1).channel(0),
    Bank::new(18, &IMC).imc(1).channel(1),
    Bank::new(19, &IMC).imc(1).channel(2),
    Bank::new(20, &M2M).imc(2),
    Bank::new(21, &IMC).imc(2).channel(0),
    Bank::new(22, &IMC).imc(2).channel(1),
    Bank::new(23, &IMC).imc(2).channel(2),
    Bank::new(24, &M2M).imc(3),
    Bank::new(25, &IMC).imc(3).channel(0),
    Bank::new(26, &IMC).imc(3).channel(1),
    Bank::new(27, &IMC).imc(3).channel(2),
])
.with_locate(locate)
.with_slots(slots);

/// Ice Lake-D.
pub(crate) static ICELAKE_DE: Model = Model::architectural(
    "icelake_de",
    "Ice Lake-D (Xeon D)",
    &["icelake-d"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x6c, "Icelake-D server")],
)
.with_banks(&[
    Bank::new(0, &IFU),
    Bank::new(1, &DCU),
    Bank::new(2, &DTLB),
    Bank::new(3, &MLC),
    Bank::new(4, &PCU),
    Bank::new(12, &M2M_NO_MIRROR).imc(0),
    Bank::new(13, &IMC).imc(0).channel(0),
    Bank::new(14, &IMC).imc(0).channel(1),
    Bank::new(15, &IMC).imc(0).channel(2),
    Bank::new(16, &M2M_NO_MIRROR).imc(1),
    Bank::new(17, &IMC).imc(1).channel(0),
    Bank::new(18, &IMC).imc(1).channel(1),
    Bank::new(19, &IMC).imc(1).channel(2),
])
.with_locate(locate)
.with_slots(slots);

/// Snow Ridge and Jacobsville.
pub(crate) static SNOW_RIDGE: Model = Model::architectural(
    "snow_ridge",
    "Snow Ridge (Atom P5900)",
    &["jacobsville", "tremont_d"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x86, "Atom Tremont-D")],
)
.with_banks(&[
    Bank::new(4, &PCU),
    Bank::new(12, &M2M_NO_MIRROR).imc(0),
    Bank::new(13, &IMC).imc(0).channel(0),
    Bank::new(14, &IMC).imc(0).channel(1),
    Bank::new(15, &IMC).imc(0).channel(2),
])
.with_locate(locate)
.with_slots(slots);
