//! Zhaoxin processors for whose banks nothing is published: the architecture only.
//!
//! Linux, arch/x86/events/zhaoxin/core.c, names the generations; rasdaemon, mce-zhaoxin.c, decodes all of them alike.

use mcekit::Vendor;
use mcekit::table::{Cpu, Model};

/// Zhaoxin, architectural decoding.
pub(crate) static MODEL: Model = Model::architectural(
    "zhaoxin",
    "Zhaoxin",
    &[
        "centaur", "via", "zx_c", "zx_d", "zx_e", "kx_5000", "kx_6000", "kh_20000", "kh_30000",
        "kx_7000", "kx_8000",
    ],
    Vendor::ZHAOXIN,
    &[
        Cpu::models(0x06, 0x00, 0xff, "VIA Nano, ZhangJiang (ZX-C)"),
        Cpu::models(0x07, 0x00, 0x1a, "Zhaoxin family 7"),
        Cpu::new(0x07, 0x1b, "WuDaoKou (ZX-D)"),
        Cpu::models(0x07, 0x1c, 0x3a, "Zhaoxin family 7"),
        Cpu::new(0x07, 0x3b, "LuJiaZui (ZX-E)"),
        Cpu::models(0x07, 0x3c, 0x5a, "Zhaoxin family 7"),
        Cpu::models(0x07, 0x5c, 0x6a, "Zhaoxin family 7"),
        Cpu::new(0x07, 0x6b, "ShiJiDaDao (KX-7000)"),
        Cpu::models(0x07, 0x6c, 0x7a, "Zhaoxin family 7"),
        Cpu::models(0x07, 0x7c, 0x8a, "Zhaoxin family 7"),
        Cpu::new(0x07, 0x8b, "KX-8000"),
        Cpu::models(0x07, 0x8c, 0xff, "Zhaoxin family 7"),
    ],
);
