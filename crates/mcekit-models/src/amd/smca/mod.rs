//! Scalable MCA, family 17h and later: banks say in MCA_IPID which unit they are, and units are the same wherever they
//! appear, apart from the few that a generation lists as its own.
//!
//! Registers: AMD PPR, "Machine Check Architecture", `MCA_STATUS`, `MCA_IPID`, `MCA_SYND`, `MCA_MISC0`. Hardware ids:
//! Linux, arch/x86/kernel/cpu/mce/amd.c, `smca_hwid_mcatypes`, as of 7.3.

mod cs;
mod de;
mod ex;
mod fp;
mod if_;
mod l2;
mod l3;
mod ls;
mod ma_llc;
mod mp5;
mod mpdma;
mod named;
mod nbif;
mod nbio;
mod pb;
mod pcie;
mod phy;
mod pie;
mod psp;
mod sata;
mod smu;
mod umc;
mod usb;
mod usr;
mod xgmi;

use mcekit::table::{Code, Field, Register, SmcaBank, When, bit, bits, code};

pub(crate) use cs::CS_V2_ERRATUM_1384;
pub(crate) use umc::{UMC_DDR4, UMC_MI300};

/// The bits of the extended error code.
const XEC: mcekit::table::Bits = bits(21, 16);

/// The extended error code with a unit's list of it.
const fn codes(rows: &'static [Code]) -> Field {
    Field::codes("extended error code", Register::Status, XEC, rows)
}

/// The extended error code of a unit whose list AMD has not published.
static CODE: Field = Field::decimal("extended error code", Register::Status, XEC);

/// The units that all generations share.
pub(crate) static UNITS: &[SmcaBank] = &[
    SmcaBank::new(0x00, 0x00, &named::RESERVED),
    SmcaBank::new(0x01, 0x00, &smu::SMU),
    SmcaBank::new(0x01, 0x01, &smu::SMU_V2),
    SmcaBank::new(0x01, 0x02, &mp5::MP5),
    SmcaBank::new(0x01, 0x03, &mpdma::MPDMA),
    SmcaBank::new(0x05, 0x00, &pb::PB),
    SmcaBank::new(0x12, 0x00, &named::MPRAS),
    SmcaBank::new(0x18, 0x00, &nbio::NBIO),
    SmcaBank::new(0x2e, 0x00, &cs::CS),
    SmcaBank::new(0x2e, 0x01, &pie::PIE),
    SmcaBank::new(0x2e, 0x02, &cs::CS_V2),
    SmcaBank::new(0x2e, 0x04, &ma_llc::MA_LLC),
    SmcaBank::new(0x46, 0x00, &pcie::PCIE),
    SmcaBank::new(0x46, 0x01, &pcie::PCIE_V2),
    SmcaBank::new(0x50, 0x00, &xgmi::XGMI_PCS),
    SmcaBank::new(0x5c, 0x00, &named::SSBDCI),
    SmcaBank::new(0x6c, 0x00, &nbif::NBIF),
    SmcaBank::new(0x80, 0x00, &nbif::SHUB),
    SmcaBank::new(0x96, 0x00, &umc::UMC),
    SmcaBank::new(0x96, 0x01, &umc::UMC_V2),
    SmcaBank::new(0xa8, 0x00, &sata::SATA),
    SmcaBank::new(0xaa, 0x00, &usb::USB),
    SmcaBank::new(0xb0, 0x00, &ls::LS),
    SmcaBank::new(0xb0, 0x01, &if_::IF),
    SmcaBank::new(0xb0, 0x02, &l2::L2),
    SmcaBank::new(0xb0, 0x03, &de::DE),
    SmcaBank::new(0xb0, 0x05, &ex::EX),
    SmcaBank::new(0xb0, 0x06, &fp::FP),
    SmcaBank::new(0xb0, 0x07, &l3::L3),
    SmcaBank::new(0xb0, 0x10, &ls::LS_V2),
    SmcaBank::new(0xbe, 0x00, &named::MPDACC),
    SmcaBank::new(0xf9, 0x00, &named::MPM),
    SmcaBank::new(0xfd, 0x00, &named::MPASP),
    SmcaBank::new(0xfd, 0x01, &named::MPASP),
    SmcaBank::new(0xff, 0x00, &psp::PSP),
    SmcaBank::new(0xff, 0x01, &psp::PSP_V2),
    SmcaBank::new(0xff, 0x02, &named::MPART),
    SmcaBank::new(0x157, 0x00, &named::DACC_FE),
    SmcaBank::new(0x164, 0x00, &named::DACC_BE),
    SmcaBank::new(0x170, 0x00, &usr::USR_DP),
    SmcaBank::new(0x180, 0x00, &usr::USR_CP),
    SmcaBank::new(0x1e0, 0x00, &named::EDDR5CMN),
    SmcaBank::new(0x1e1, 0x00, &named::PCIE_PL),
    SmcaBank::new(0x241, 0x00, &xgmi::GMI_PCS),
    SmcaBank::new(0x259, 0x00, &phy::XGMI_PHY),
    SmcaBank::new(0x267, 0x00, &phy::WAFL_PHY),
    SmcaBank::new(0x269, 0x00, &phy::GMI_PHY),
];

/// The core within the package that the error belongs to, where the bank says so (`ErrCoreIdVal`).
static CORE: Field = Field::decimal("core", Register::Status, bits(37, 32)).when(&[When::Is(
    Register::Status,
    bit(56),
    1,
)]);
/// Accelerators that share the fabric with the processors count from 8 on.
static INSTANCE_HIGH: Field =
    Field::decimal("node of the instance", Register::Ipid, bits(47, 44)).nonzero();
static PRIORITY: Field = Field::codes(
    "error priority",
    Register::Synd,
    bits(26, 24),
    &[
        code(2, "corrected"),
        code(3, "deferred"),
        code(4, "uncorrected"),
        code(5, "fatal"),
    ],
);
static INFORMATION: Field = Field::hex("error information", Register::Synd, bits(17, 0)).nonzero();
/// As many low bits of it as the length says.
static SYNDROME: Field = Field::hex("syndrome", Register::Synd, bits(63, 32)).nonzero();
static SYND1: Field = Field::hex("MCA_SYND1", Register::Synd1, bits(63, 0)).nonzero();
static SYND2: Field = Field::hex("MCA_SYND2", Register::Synd2, bits(63, 0)).nonzero();

/// Fields that every bank has.
pub(crate) static COMMON: &[&Field] = &[
    &CORE,
    &INSTANCE_HIGH,
    &PRIORITY,
    &INFORMATION,
    &SYNDROME,
    &SYND1,
    &SYND2,
    &super::threshold::COUNT,
    &super::threshold::OVERFLOW,
    &super::threshold::LOCKED,
];
