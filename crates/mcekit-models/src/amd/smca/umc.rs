//! Unified memory controller: HWID 0x96, McaType 0 (memory of processors) and 1 (HBM of accelerators).
//!
//! Register: `MCA_STATUS_UMC` in the PPR of each family. Codes: rasdaemon 0.8.5 (mce-amd-smca.c), which holds AMD's lists of
//! 2023 and 2024; family 19h models 90h-9fh (MI300) have reassigned codes.
//!
//! Where it is: the channel stands in MCA_IPID, the chip select in MCA_SYND of a DRAM ECC error (drivers/edac/amd64_edac.c of
//! Linux 7.3, `umc_get_err_info`, `gpu_get_err_info`): a channel has four chip selects, two to a DIMM
//! (`umc_addr_mask_to_cs_size`). Older kernels took a third bit for one of the chip select. On DDR4 controllers MCA_SYND also names the rank of a stacked DIMM and
//! the symbol (PPR for family 17h, `MCA_SYND_UMC`). On MI300 MCA_ADDR of a DRAM ECC error is an address of the
//! DRAM itself (drivers/ras/amd/atl/umc.c): bank and pseudo-channel are as the controller saw them, hashed where
//! hashing is on.

use mcekit::table::Class::{
    CommandAddressParity, Data, Firmware, Internal, MemoryRead, MemoryWrite, Poison, Thermal,
};
use mcekit::table::{Field, Place, Register, Unit, When, bit, bits, code};

/// The code of a DRAM ECC error.
const DRAM_ECC: When = When::Is(Register::Status, super::XEC, 0);

static UMC_CODES: Field = super::codes(&[
    code(0x00, "DRAM ECC").class(Data),
    code(0x01, "poisoned data in DRAM").class(Poison),
    code(0x02, "scalable data port (SDP) parity").class(Data),
    code(0x03, "advanced peripheral bus (APB) error").class(Internal),
    code(0x04, "command or address parity").class(CommandAddressParity),
    code(0x05, "write data CRC").class(MemoryWrite),
    code(0x06, "command queue (DCQ) SRAM ECC").class(Internal),
    code(0x07, "encryption (AES) SRAM ECC").class(Internal),
    code(
        0x08,
        "error check and scrub (ECS) of the DRAM: row with errors",
    )
    .class(Data),
    code(0x09, "error check and scrub (ECS) of the DRAM: errors").class(Data),
    code(0x0a, "throttled").class(Thermal),
    code(0x0b, "read data CRC").class(MemoryRead),
    code(0x10, "refresh management (RFM) SRAM ECC").class(Internal),
]);
static CHANNEL: Field = Field::decimal("channel", Register::Ipid, bits(31, 20)).at(Place::Channel);
static CHIP_SELECT: Field = Field::decimal("chip select", Register::Synd, bits(1, 0))
    .when(&[DRAM_ECC])
    .at(Place::ChipSelect);
static DIMM: Field = Field::decimal("DIMM", Register::Synd, bit(1))
    .when(&[DRAM_ECC])
    .at(Place::Dimm);
/// Unified Memory Controller.
pub(super) static UMC: Unit = Unit::new(
    "UMC",
    "Unified Memory Controller",
    &[&UMC_CODES, &CHANNEL, &CHIP_SELECT, &DIMM],
);

static CID: Field = Field::decimal("rank of the stack (CID)", Register::Synd, bits(6, 4))
    .when(&[DRAM_ECC])
    .at(Place::SubRank);
static SYMBOL: Field = Field::decimal("symbol", Register::Synd, bits(13, 8)).when(&[
    DRAM_ECC,
    When::Masked(Register::Status, 1 << 46 | 1 << 45, 1 << 46),
]);
static HISTORY: Field = Field::flag(
    Register::Synd,
    14,
    &[code(1, "hardware remembers an error of this symbol")],
)
.when(&[DRAM_ECC]);
static BAD_SYMBOL: Field = Field::flag(
    Register::Synd,
    15,
    &[code(1, "symbol that software declared bad")],
)
.when(&[DRAM_ECC]);
/// Unified Memory Controller for DDR4 (Zen to Zen 3).
pub(crate) static UMC_DDR4: Unit = Unit::new(
    "UMC",
    "Unified Memory Controller",
    &[
        &UMC_CODES,
        &CHANNEL,
        &CHIP_SELECT,
        &DIMM,
        &CID,
        &SYMBOL,
        &HISTORY,
        &BAD_SYMBOL,
    ],
);

static MI300_CODES: Field = super::codes(&[
    code(0x00, "on-die ECC of the DRAM").class(Data),
    code(0x01, "poisoned data").class(Poison),
    code(0x02, "scalable data port (SDP) parity").class(Data),
    code(0x04, "address or command parity").class(CommandAddressParity),
    code(0x05, "HBM write data parity").class(MemoryWrite),
    code(0x06, "consolidated SRAM ECC").class(Internal),
    code(0x09, "read data buffer (Rdb) SRAM ECC").class(Internal),
    code(0x0a, "throttled by temperature").class(Thermal),
    code(0x0b, "HBM read data parity").class(MemoryRead),
    code(0x0d, "firmware of the controller").class(Firmware),
    code(0x0e, "SRAM parity").class(Internal),
    code(0x0f, "HBM CRC").class(Data),
]);
/// InstanceIdHi counts in steps of four: the die (AID) of the package.
static MI300_DIE: Field = Field::decimal("die", Register::Ipid, bits(47, 46));
/// PADDRV says that firmware or hardware has translated the address already.
const DRAM_ADDRESS: &[When] = &[DRAM_ECC, When::Is(Register::Status, bit(54), 0)];
static MI300_STACK: Field = Field::decimal("stack", Register::Addr, bits(27, 26))
    .when(DRAM_ADDRESS)
    .at(Place::SubRank);
static MI300_PSEUDO_CHANNEL: Field = Field::decimal("pseudo-channel", Register::Addr, bit(25))
    .when(DRAM_ADDRESS)
    .at(Place::SubChannel);
static MI300_ROW: Field = Field::hex("row", Register::Addr, bits(24, 10))
    .when(DRAM_ADDRESS)
    .at(Place::Row);
static MI300_BANK: Field = Field::decimal("bank", Register::Addr, bits(9, 6))
    .when(DRAM_ADDRESS)
    .at(Place::Bank);
static MI300_COLUMN: Field = Field::hex("column", Register::Addr, bits(5, 1))
    .when(DRAM_ADDRESS)
    .at(Place::Column);
/// Unified Memory Controller of MI300.
pub(crate) static UMC_MI300: Unit = Unit::new(
    "UMC",
    "Unified Memory Controller",
    &[
        &MI300_CODES,
        &MI300_DIE,
        &MI300_STACK,
        &MI300_PSEUDO_CHANNEL,
        &MI300_ROW,
        &MI300_BANK,
        &MI300_COLUMN,
    ],
);

static UMC_V2_CODES: Field = super::codes(&[
    code(0x00, "DRAM ECC").class(Data),
    code(0x01, "poisoned data").class(Poison),
    code(0x02, "scalable data port (SDP) parity").class(Data),
    code(0x04, "address or command parity").class(CommandAddressParity),
    code(0x05, "write data parity").class(MemoryWrite),
    code(0x06, "command queue (DCQ) SRAM ECC").class(Internal),
    code(0x08, "read data parity").class(MemoryRead),
    code(0x09, "read data buffer (Rdb) SRAM ECC").class(Internal),
    code(0x0a, "read response buffer (RdRsp) SRAM ECC").class(Internal),
    code(0x0b, "microprocessor (LM32) of the controller").class(Firmware),
]);
/// Eight channels a controller; two instances a controller, of four channels each.
static V2_CONTROLLER: Field =
    Field::decimal("memory controller", Register::Ipid, bits(31, 21)).at(Place::Imc);
static V2_CHANNEL: Field = Field::decimal("channel", Register::Ipid, bit(20))
    .then(bits(13, 12))
    .when(&[When::Is(Register::Ipid, bits(15, 14), 0)])
    .at(Place::Channel);
/// Unified Memory Controller V2.
pub(super) static UMC_V2: Unit = Unit::new(
    "UMC_V2",
    "Unified Memory Controller V2",
    &[&UMC_V2_CODES, &V2_CONTROLLER, &V2_CHANNEL],
);
