//! Skylake, Cascade Lake and Cooper Lake servers (family 6 model 0x55).
//!
//! Intel SDM vol. 3B, "Incremental error codes: … DisplayFamily_DisplayModel 06_55H".

use mcekit::Vendor;
use mcekit::table::{Bank, Class, Cpu, Field, Model, Register, Unit, bits, code};

static IMC_ERRORS: Field = Field::codes(
    "mscod",
    Register::Status,
    bits(31, 16),
    &[
        code(0x0001, "address parity error").class(Class::AddressParity),
        code(0x0008, "corrected patrol scrub error").class(Class::PatrolScrub),
    ],
);

static IMC: Unit = Unit::new("iMC", "integrated memory controller", &[&IMC_ERRORS]);

/// Skylake, Cascade Lake and Cooper Lake servers.
pub(crate) static MODEL: Model = Model::architectural(
    "skylake_server",
    "Skylake server",
    &["skylake-sp", "skx", "cascadelake_server"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x55, "Skylake-X")],
)
.with_banks(&[Bank::range(13, 18, &IMC)]);
