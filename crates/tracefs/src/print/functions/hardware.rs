//! Hardware and hypervisor structures of other drivers.

use core::fmt::{self, Write};

use super::Argument;
use super::bytes::{big, bit, bytes, field, name, number};
use crate::Endian;

// drivers/thunderbolt/trace.h, drivers/thunderbolt/tb_msgs.h

/// `show_data(p, type, data, length)`: a control packet, its words in the machine's order.
pub(super) fn thunderbolt_packet(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let (kind, count) = (number(args, 1)?, number(args, 3)? as u32 as usize);
    let data = *args.get(2).ok_or(fmt::Error)?;
    let word = |at: usize| data.load(at.saturating_mul(4), 4).ok_or(fmt::Error);
    let route = field(word(0)?, 0, 22) << 32 | word(1)?;
    let header = match kind {
        1 | 2 | 3 | 5 => word(2)?,
        _ => 0,
    };
    if count > 0 {
        word(count - 1)?;
    }
    write!(out, "route={route:x}, ")?;
    match kind {
        // Read and write.
        1 | 2 => write!(
            out,
            "offset={}, len={}, port={}, config={}, seq={}, ",
            Prefixed(field(header, 0, 13)),
            field(header, 13, 6),
            field(header, 19, 6),
            Prefixed(field(header, 25, 2)),
            field(header, 27, 2),
        )?,
        // Error.
        3 => write!(
            out,
            "error={}, port={}, plug={}, ",
            Prefixed(field(header, 0, 4)),
            field(header, 8, 6),
            Prefixed(field(header, 30, 2)),
        )?,
        // Event.
        5 => {
            let (port, unplug) = (field(header, 0, 6), Prefixed(field(header, 31, 1)));
            write!(out, "port={port}, unplug={unplug}, ")?;
        }
        _ => {}
    }
    out.write_str("data=[")?;
    for at in 0..count {
        let comma = if at == 0 { "" } else { ", " };
        write!(out, "{comma}0x{:08x}", word(at)?)?;
    }
    out.write_str("]")
}

/// `%#x`: C writes no prefix before 0.
struct Prefixed(u64);

impl fmt::Display for Prefixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0");
        }
        write!(f, "{:#x}", self.0)
    }
}

// drivers/infiniband/hw/hfi1/trace.c, drivers/infiniband/hw/hfi1/sdma.h

/// `parse_sdma_flags(p, desc0, desc1)`.
pub(super) fn sdma_flags(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let (first, second) = (number(args, 1)?, number(args, 2)?);
    let letters = [
        (second, 1, 'I'),
        (second, 0, 'H'),
        (first, 63, 'F'),
        (first, 62, 'L'),
    ];
    for (word, at, letter) in letters {
        out.write_char(if bit(word, at) { letter } else { '-' })?;
    }
    if bit(first, 63) {
        write!(
            out,
            " amode:{} aidx:{} alen:{}",
            field(second, 13, 3),
            field(second, 8, 5),
            field(second, 4, 4),
        )?;
    }
    Ok(())
}

/// `print_u32_array(p, array, len)`.
pub(super) fn words(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let array = *args.get(1).ok_or(fmt::Error)?;
    let count = usize::try_from(number(args, 2)? as i32).unwrap_or(0);
    let word = |at: usize| array.load(at.saturating_mul(4), 4).ok_or(fmt::Error);
    if count > 0 {
        word(count - 1)?;
    }
    for at in 0..count {
        let space = if at == 0 { "" } else { " " };
        write!(out, "{space}{}", Prefixed(word(at)?))?;
    }
    Ok(())
}

// drivers/iommu/intel/iommu.h; the VT-d specification, section 7.4.1.1

/// `decode_prq_descriptor(buf, size, dw0, dw1, dw2, dw3)`.
pub(super) fn page_request(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let [first, second] = [number(args, 2)?, number(args, 3)?];
    let private = [number(args, 4)?, number(args, 5)?];
    write!(
        out,
        "rid={:#x} addr={:#x} ",
        field(first, 16, 16),
        second >> 12,
    )?;
    let letters = [
        (second, 0, 'r'),
        (second, 1, 'w'),
        (first, 52, 'x'),
        (first, 53, 'p'),
        (second, 2, 'l'),
    ];
    for (word, at, letter) in letters {
        out.write_char(if bit(word, at) { letter } else { '-' })?;
    }
    let (process, index) = (field(first, 32, 20), field(second, 3, 9));
    write!(out, " pasid={process:#x} index={index:#x}")?;
    if bit(first, 9) {
        let [low, high] = private;
        writeln!(out, " private={low:#x}/{high:#x}")?;
    }
    Ok(())
}

// include/xen/interface/xen.h

const HYPERCALLS: &[&str] = &[
    "(set_trap_table)",
    "(mmu_update)",
    "(set_gdt)",
    "(stack_switch)",
    "(set_callbacks)",
    "(fpu_taskswitch)",
    "(sched_op_compat)",
    "(platform_op)",
    "(set_debugreg)",
    "(get_debugreg)",
    "(update_descriptor)",
    "",
    "(memory_op)",
    "(multicall)",
    "(update_va_mapping)",
    "(set_timer_op)",
    "(event_channel_op_compat)",
    "(xen_version)",
    "(console_io)",
    "(physdev_op_compat)",
    "(grant_table_op)",
    "(vm_assist)",
    "(update_va_mapping_otherdomain)",
    "(iret)",
    "(vcpu_op)",
    "(set_segment_base)",
    "(mmuext_op)",
    "(xsm_op)",
    "(nmi_op)",
    "(sched_op)",
    "(callback_op)",
    "(xenoprof_op)",
    "(event_channel_op)",
    "(physdev_op)",
    "(hvm_op)",
    "(sysctl)",
    "(domctl)",
    "(kexec_op)",
    "(tmem_op)",
    "(xc_reserved_op)",
    "(xenpmu_op)",
    "(dm_op)",
    "",
    "",
    "",
    "",
    "",
    "",
    // The first one of an architecture's own is x86's machine checks.
    "(mca)",
    "(arch_1)",
    "(arch_2)",
    "(arch_3)",
    "(arch_4)",
    "(arch_5)",
    "(arch_6)",
    "(arch_7)",
];

pub(super) fn hypercall(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    out.write_str(name(HYPERCALLS, number(args, 0)?, ""))
}

// include/sound/pcm.h

pub(super) fn sound_direction(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    out.write_str(match number(args, 0)? {
        0 => "Playback",
        _ => "Capture",
    })
}

// drivers/net/ethernet/mellanox/mlx5/core/diag/fs_tracepoint.c, include/linux/mlx5/mlx5_ifc.h

#[derive(Clone, Copy)]
enum Look {
    Decimal,
    Hex,
    /// As many digits at least.
    Padded(usize),
}

use Look::{Decimal, Hex, Padded};

/// A part of a match: its name, its 32-bit word, its shift and bits in it.
struct Part(&'static str, usize, u32, u32, Look);

const ETHERTYPE: Part = Part("ethertype", 1, 0, 16, Padded(4));

const HEADERS: &[Part] = &[
    Part("ip_protocol", 4, 24, 8, Padded(2)),
    Part("tcp_flags", 4, 0, 9, Hex),
    Part("tcp_sport", 5, 16, 16, Decimal),
    Part("tcp_dport", 5, 0, 16, Decimal),
    Part("udp_sport", 7, 16, 16, Decimal),
    Part("udp_dport", 7, 0, 16, Decimal),
    Part("first_vid", 3, 0, 12, Padded(4)),
    Part("first_prio", 3, 13, 3, Hex),
    Part("first_cfi", 3, 12, 1, Decimal),
    Part("ip_dscp", 4, 18, 6, Padded(2)),
    Part("ip_ecn", 4, 16, 2, Hex),
    Part("cvlan_tag", 4, 15, 1, Decimal),
    Part("svlan_tag", 4, 14, 1, Decimal),
    Part("frag", 4, 13, 1, Decimal),
];

const MISCELLANEOUS: &[Part] = &[
    Part("gre_key", 4, 0, 32, Decimal),
    Part("source_sqn", 0, 0, 24, Decimal),
    Part("source_port", 1, 0, 16, Decimal),
    Part("outer_second_prio", 2, 29, 3, Decimal),
    Part("outer_second_cfi", 2, 28, 1, Decimal),
    Part("outer_second_vid", 2, 16, 12, Decimal),
    Part("inner_second_prio", 2, 13, 3, Decimal),
    Part("inner_second_cfi", 2, 12, 1, Decimal),
    Part("inner_second_vid", 2, 0, 12, Decimal),
    Part("outer_second_cvlan_tag", 3, 31, 1, Decimal),
    Part("inner_second_cvlan_tag", 3, 30, 1, Decimal),
    Part("outer_second_svlan_tag", 3, 29, 1, Decimal),
    Part("inner_second_svlan_tag", 3, 28, 1, Decimal),
    // Of 16 bits the kernel keeps 8.
    Part("gre_protocol", 3, 0, 8, Decimal),
    Part("vxlan_vni", 5, 8, 24, Decimal),
    Part("outer_ipv6_flow_label", 7, 0, 20, Hex),
    Part("inner_ipv6_flow_label", 8, 0, 20, Hex),
];

const MATCH_SIZE: usize = 64;

/// `parse_fs_hdrs(p, enabled, outer, misc, inner masks, outer, misc, inner values)`.
pub(super) fn flow_match(args: &[Argument<'_>], out: &mut dyn Write) -> fmt::Result {
    let enabled = number(args, 1)?;
    let sides = [(0, "[outer] "), (1, "[misc] "), (2, "[inner] ")];
    let get = |at: usize| bytes(args, at)?.get(..MATCH_SIZE).ok_or(fmt::Error);
    for (at, _) in sides {
        get(2 + at)?;
        get(5 + at)?;
    }
    for (at, title) in sides {
        if !bit(enabled, at as u32) {
            continue;
        }
        out.write_str(title)?;
        let (mask, value) = (get(2 + at)?, get(5 + at)?);
        if at == 1 {
            parts(out, mask, value, MISCELLANEOUS)?;
            continue;
        }
        let endian = match args.get(2 + at) {
            Some(Argument::Bytes(_, abi)) => abi.endian,
            _ => Endian::NATIVE,
        };
        ethernet(out, mask, value, endian)?;
        parts(out, mask, value, HEADERS)?;
    }
    Ok(())
}

fn ethernet(out: &mut dyn Write, mask: &[u8], value: &[u8], endian: Endian) -> fmt::Result {
    for (word, name) in [(0, "smac"), (2, "dmac")] {
        // The kernel shifts 32 bits by 16, and prints the first bytes of a 64-bit number.
        let address = |bytes: &[u8]| {
            let (high, low) = (big(bytes, word * 4, 4)?, big(bytes, word * 4 + 4, 2)?);
            Ok::<u64, fmt::Error>((high << 16 | low) & 0xffff_ffff)
        };
        if address(mask)? == 0 {
            continue;
        }
        let address = match endian {
            Endian::Little => address(value)?.to_le_bytes(),
            Endian::Big => address(value)?.to_be_bytes(),
        };
        let [a, b, c, d, e, f, ..] = address;
        write!(
            out,
            "{name}={a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x} "
        )?;
    }
    parts(out, mask, value, &[ETHERTYPE])?;
    if big(mask, 6, 2)? != 0xffff {
        return Ok(());
    }
    for (at, name) in [(32, "src"), (48, "dst")] {
        match big(value, 6, 2)? {
            0x0800 if big(mask, at + 12, 4)? != 0 => {
                let [a, b, c, d] = (big(value, at + 12, 4)? as u32).to_be_bytes();
                write!(out, "{name}_ipv4={a}.{b}.{c}.{d} ")?;
            }
            0x86dd if big(mask, at, 8)? & big(mask, at + 8, 8)? == u64::MAX => {
                write!(out, "{name}_ipv6=")?;
                for group in 0..8 {
                    let colon = if group == 0 { "" } else { ":" };
                    write!(out, "{colon}{:04x}", big(value, at + group * 2, 2)?)?;
                }
                out.write_str(" ")?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Only what is matched is printed.
fn parts(out: &mut dyn Write, mask: &[u8], value: &[u8], parts: &[Part]) -> fmt::Result {
    for &Part(name, word, shift, bits, look) in parts {
        if field(big(mask, word * 4, 4)?, shift, bits) == 0 {
            continue;
        }
        let value = field(big(value, word * 4, 4)?, shift, bits);
        match look {
            Decimal => write!(out, "{name}={value} ")?,
            Hex => write!(out, "{name}={value:x} ")?,
            Padded(digits) => write!(out, "{name}={value:0digits$x} ")?,
        }
    }
    Ok(())
}
