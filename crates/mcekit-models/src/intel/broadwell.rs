//! Broadwell-EP and -EX (family 6 model 0x4f); the clients (0x3d, 0x47) have architectural decoding.
//!
//! Intel SDM vol. 3B, "Incremental Decoding Information: Processor Family with `CPUID` `DisplayFamily_DisplayModel`
//! `06_4FH`": "Integrated Memory Controller Machine Check Errors" (MC9 to MC16) and "Home Agent Machine Check Errors" (MC7, MC8);
//! internal and QPI errors are those of Haswell-EP.

use mcekit::Vendor;
use mcekit::table::Register::{Misc, Status};
use mcekit::table::{Bank, Class, Cpu, Field, Model, Role, Unit, When, bit, bits, code};

use super::haswell::{self as hsw, CBO, DCU, DTLB, IFU, IIO, MLC, PCU, QPI};
use super::ivy_bridge as ivb;
use super::sandy_bridge as snb;

static HA: Unit = Unit::new(
    "HA",
    "home agent",
    &[
        // Bit 41 is the channel failover, bit 42 the mirror that corrected; the failover says more.
        &Field::codes(
            "corrected by",
            Misc,
            bits(42, 41),
            &[
                code(0b01, "mirroring with channel failover").class(Class::Mirror),
                code(0b10, "mirroring. Primary channel scrubbed successfully").class(Class::Mirror),
                code(0b11, "mirroring with channel failover").class(Class::Mirror),
            ],
        )
        .when(&[When::Is(Status, bit(61), 0)])
        .role(Role::CorrectedBy),
        &Field::codes("mscod", Status, bits(31, 16), &[]),
    ],
);

static IMC: Unit = Unit::new(
    "iMC",
    "integrated memory controller",
    &[
        &hsw::DDR3_ADDRESS_PARITY,
        &hsw::WRITE_DATA,
        &hsw::WRITE_ENABLE,
        &snb::SCRUB_CORRECTED,
        &snb::SCRUB_UNCORRECTED,
        &snb::SPARE_CORRECTED,
        &snb::SPARE_UNCORRECTED,
        &Field::codes("reserved bit 23", Status, bit(23), &[]),
        &ivb::WDB_PARITY,
        &hsw::DDR4_COMMAND_PARITY,
        &hsw::RESERVED_31_26,
    ],
)
.groups(snb::DEVICES);

/// Broadwell-EP and -EX.
pub(crate) static BROADWELL_EP: Model = Model::architectural(
    "broadwell_ep",
    "Broadwell-EP/EX (Xeon v4)",
    &["broadwell-ex", "xeon-v4", "broadwell-server"],
    Vendor::INTEL,
    &[Cpu::new(6, 0x4f, "Broadwell-X")],
)
.with_banks(&[
    Bank::new(0, &IFU),
    Bank::new(1, &DCU),
    Bank::new(2, &DTLB),
    Bank::new(3, &MLC),
    Bank::new(4, &PCU),
    Bank::new(5, &QPI).port(0),
    Bank::new(6, &IIO),
    Bank::new(7, &HA).imc(0),
    Bank::new(8, &HA).imc(1),
    Bank::new(9, &IMC).imc(0).channel(0),
    Bank::new(10, &IMC).imc(0).channel(1),
    Bank::new(11, &IMC).imc(0).channel(2),
    Bank::new(12, &IMC).imc(0).channel(3),
    Bank::new(13, &IMC).imc(1).channel(0),
    Bank::new(14, &IMC).imc(1).channel(1),
    Bank::new(15, &IMC).imc(1).channel(2),
    Bank::new(16, &IMC).imc(1).channel(3),
    Bank::range(17, 19, &CBO),
    Bank::new(20, &QPI).port(1),
    Bank::new(21, &QPI).port(2),
])
.with_slots(hsw::slots);

/// Broadwell.
pub(crate) static BROADWELL: Model = Model::architectural(
    "broadwell",
    "Broadwell",
    &[],
    Vendor::INTEL,
    &[
        Cpu::new(6, 0x3d, "Broadwell client"),
        Cpu::new(6, 0x47, "Broadwell-G"),
    ],
);
