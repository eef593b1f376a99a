//! Functions of the kernel that print fmts call, as tables.

mod bytes;
mod drivers;
mod hardware;
mod mce;
mod nvme;
mod ras;
mod scsi;
mod trb;
mod usb;
mod xhci;

use core::fmt;

use crate::Abi;
use crate::record::read_number;

/// An argument of a kernel function, evaluated for one record.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Argument<'r> {
    /// An integer, or a pointer into the kernel's memory; carried to 64 bits by its sign.
    Number(u64),
    /// A pointer into the record: what stands from there on, as far as its field or the record
    /// reaches.
    Bytes(&'r [u8], Abi),
    /// A string literal.
    Text(&'r [u8]),
    /// Something that could not be evaluated.
    Unknown,
}

impl Argument<'_> {
    /// The number, if it is one.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Number(value) => Some(value),
            _ => None,
        }
    }

    /// The integer of `size` bytes at `offset` from the pointer.
    #[must_use]
    pub fn load(self, offset: usize, size: usize) -> Option<u64> {
        match self {
            Self::Bytes(bytes, abi) => read_number(
                bytes.get(offset..)?.get(..size)?,
                abi.endian != crate::Endian::NATIVE,
            ),
            _ => None,
        }
    }
}

/// Computes a number; `None` if it cannot.
pub type NumberFn = for<'r> fn(&[Argument<'r>]) -> Option<u64>;

/// Writes a text; an error, before anything was written, if it cannot.
pub type TextFn = for<'r> fn(&[Argument<'r>], &mut dyn fmt::Write) -> fmt::Result;

/// A function of the kernel.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Function {
    /// One that gives an integer.
    Number {
        /// What computes it.
        call: NumberFn,
        /// Bytes of its type: 1, 2, 4 or 8.
        size: u8,
        /// Whether its type is signed.
        signed: bool,
    },
    /// One that gives a string.
    Text(TextFn),
}

const fn number(call: NumberFn, size: u8) -> Function {
    Function::Number {
        call,
        size,
        signed: false,
    }
}

const fn int(call: NumberFn) -> Function {
    Function::Number {
        call,
        size: 4,
        signed: true,
    }
}

/// Sorted by name.
pub(super) const FUNCTIONS: &[(&str, Function)] = &[
    ("__builtin_bswap16", number(swap16, 2)),
    ("__builtin_bswap32", number(swap32, 4)),
    ("__builtin_bswap64", number(swap64, 8)),
    (
        "__builtin_clz",
        int(|a| Some(u64::from((first(a)? as u32).leading_zeros()))),
    ),
    (
        "__builtin_clzl",
        int(|a| Some(u64::from(first(a)?.leading_zeros()))),
    ),
    (
        "__builtin_clzll",
        int(|a| Some(u64::from(first(a)?.leading_zeros()))),
    ),
    (
        "__builtin_ctz",
        int(|a| Some(u64::from((first(a)? as u32).trailing_zeros()))),
    ),
    (
        "__builtin_ctzl",
        int(|a| Some(u64::from(first(a)?.trailing_zeros()))),
    ),
    (
        "__builtin_ctzll",
        int(|a| Some(u64::from(first(a)?.trailing_zeros()))),
    ),
    (
        "__builtin_ffs",
        int(|a| Some(find_first_set(u64::from(first(a)? as u32)))),
    ),
    ("__builtin_ffsll", int(|a| Some(find_first_set(first(a)?)))),
    (
        "__builtin_popcount",
        int(|a| Some(u64::from((first(a)? as u32).count_ones()))),
    ),
    (
        "__builtin_popcountll",
        int(|a| Some(u64::from(first(a)?.count_ones()))),
    ),
    ("__fswab16", number(swap16, 2)),
    ("__fswab32", number(swap32, 4)),
    ("__fswab64", number(swap64, 8)),
    ("__le16_to_cpup", number(|a| little(a, 2), 2)),
    ("__le32_to_cpup", number(|a| little(a, 4), 4)),
    ("__le64_to_cpup", number(|a| little(a, 8), 8)),
    ("blk_op_str", Function::Text(drivers::block_operation)),
    ("blk_zone_cond_str", Function::Text(drivers::zone_condition)),
    (
        "cper_mem_err_type_str",
        Function::Text(ras::memory_error_type),
    ),
    ("cper_mem_err_unpack", Function::Text(ras::memory_error)),
    ("cper_severity_str", Function::Text(ras::severity)),
    (
        "decode_prq_descriptor",
        Function::Text(hardware::page_request),
    ),
    ("drm_rect_height", int(|a| rect(a, 12, 4))),
    ("drm_rect_width", int(|a| rect(a, 8, 0))),
    ("dwc3_decode_event", Function::Text(usb::dwc3_event)),
    (
        "dwc3_ep_cmd_status_string",
        Function::Text(usb::dwc3_endpoint_status),
    ),
    (
        "dwc3_gadget_ep_cmd_string",
        Function::Text(usb::dwc3_endpoint_command),
    ),
    (
        "dwc3_gadget_generic_cmd_status_string",
        Function::Text(usb::dwc3_generic_status),
    ),
    (
        "dwc3_gadget_generic_cmd_string",
        Function::Text(usb::dwc3_generic_command),
    ),
    (
        "dwc3_trb_type_string",
        Function::Text(drivers::dwc3_trb_type),
    ),
    (
        "libata_trace_parse_eh_action",
        Function::Text(drivers::ata_eh_action),
    ),
    (
        "libata_trace_parse_eh_err_mask",
        Function::Text(drivers::ata_eh_err_mask),
    ),
    (
        "libata_trace_parse_host_stat",
        Function::Text(drivers::ata_host_stat),
    ),
    (
        "libata_trace_parse_qc_flags",
        Function::Text(drivers::ata_qc_flags),
    ),
    (
        "libata_trace_parse_status",
        Function::Text(drivers::ata_status),
    ),
    (
        "libata_trace_parse_subcmd",
        Function::Text(drivers::ata_subcommand),
    ),
    (
        "libata_trace_parse_tf_flags",
        Function::Text(drivers::ata_tf_flags),
    ),
    ("mc_event_error_type", Function::Text(mce::error_type)),
    ("native_make_p4d", number(first, 8)),
    ("native_make_pgd", number(first, 8)),
    ("native_make_pmd", number(first, 8)),
    ("native_make_pte", number(first, 8)),
    ("native_make_pud", number(first, 8)),
    ("nullb_trace_disk_name", Function::Text(drivers::disk_name)),
    ("nvme_trace_disk_name", Function::Text(drivers::disk_name)),
    ("nvme_trace_parse_admin_cmd", Function::Text(nvme::admin)),
    (
        "nvme_trace_parse_fabrics_cmd",
        Function::Text(nvme::fabrics),
    ),
    ("nvme_trace_parse_nvm_cmd", Function::Text(nvme::io)),
    (
        "nvmet_trace_ctrl_id",
        Function::Text(drivers::nvmet_controller),
    ),
    ("nvmet_trace_disk_name", Function::Text(drivers::disk_name)),
    (
        "nvmet_trace_parse_admin_cmd",
        Function::Text(nvme::target_admin),
    ),
    (
        "nvmet_trace_parse_fabrics_cmd",
        Function::Text(nvme::target_fabrics),
    ),
    ("nvmet_trace_parse_nvm_cmd", Function::Text(nvme::target_io)),
    ("p4d_val", number(first, 8)),
    ("parse_cm_event_type", Function::Text(drivers::cm_event)),
    ("parse_cm_state", Function::Text(drivers::cm_state)),
    ("parse_fs_hdrs", Function::Text(hardware::flow_match)),
    ("parse_iw_event_type", Function::Text(drivers::iw_event)),
    ("parse_sdma_flags", Function::Text(hardware::sdma_flags)),
    ("pgd_val", number(first, 8)),
    ("pmd_val", number(first, 8)),
    ("print_ip_addr", Function::Text(drivers::ip_address)),
    ("print_u32_array", Function::Text(hardware::words)),
    ("pte_val", number(first, 8)),
    ("pud_val", number(first, 8)),
    ("scsi_trace_parse_cdb", Function::Text(scsi::command)),
    ("show_data", Function::Text(hardware::thunderbolt_packet)),
    (
        "snd_pcm_direction_name",
        Function::Text(hardware::sound_direction),
    ),
    (
        "str_enable_disable",
        Function::Text(|a, w| choice(a, w, "enable", "disable")),
    ),
    (
        "str_enabled_disabled",
        Function::Text(|a, w| choice(a, w, "enabled", "disabled")),
    ),
    (
        "str_on_off",
        Function::Text(|a, w| choice(a, w, "on", "off")),
    ),
    (
        "str_read_write",
        Function::Text(|a, w| choice(a, w, "read", "write")),
    ),
    (
        "str_true_false",
        Function::Text(|a, w| choice(a, w, "true", "false")),
    ),
    (
        "str_up_down",
        Function::Text(|a, w| choice(a, w, "up", "down")),
    ),
    (
        "str_yes_no",
        Function::Text(|a, w| choice(a, w, "yes", "no")),
    ),
    ("ucsi_cmd_str", Function::Text(usb::ucsi_command)),
    ("ucsi_recipient_str", Function::Text(usb::ucsi_recipient)),
    ("usb_decode_ctrl", Function::Text(usb::control_request)),
    ("xen_hypercall_name", Function::Text(hardware::hypercall)),
    (
        "xhci_decode_ctrl_ctx",
        Function::Text(xhci::control_context),
    ),
    ("xhci_decode_doorbell", Function::Text(xhci::doorbell)),
    (
        "xhci_decode_ep_context",
        Function::Text(xhci::endpoint_context),
    ),
    ("xhci_decode_portsc", Function::Text(xhci::port_status)),
    (
        "xhci_decode_slot_context",
        Function::Text(xhci::slot_context),
    ),
    ("xhci_decode_trb", Function::Text(trb::request_block)),
    (
        "xhci_ring_type_string",
        Function::Text(drivers::xhci_ring_type),
    ),
];

fn first(args: &[Argument<'_>]) -> Option<u64> {
    args.first()?.number()
}

fn swap16(args: &[Argument<'_>]) -> Option<u64> {
    Some(u64::from((first(args)? as u16).swap_bytes()))
}

fn swap32(args: &[Argument<'_>]) -> Option<u64> {
    Some(u64::from((first(args)? as u32).swap_bytes()))
}

fn swap64(args: &[Argument<'_>]) -> Option<u64> {
    Some(first(args)?.swap_bytes())
}

fn find_first_set(value: u64) -> u64 {
    if value == 0 {
        0
    } else {
        u64::from(value.trailing_zeros()) + 1
    }
}

/// A little-endian number by reference, whatever the machine.
fn little(args: &[Argument<'_>], size: usize) -> Option<u64> {
    let Argument::Bytes(bytes, _) = args.first()? else {
        return None;
    };
    let bytes = bytes.get(..size)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    )
}

/// The difference of two ints of a `struct drm_rect`.
fn rect(args: &[Argument<'_>], to: usize, from: usize) -> Option<u64> {
    let rect = args.first()?;
    let difference = (rect.load(to, 4)? as i32).wrapping_sub(rect.load(from, 4)? as i32);
    Some(i64::from(difference) as u64)
}

fn choice(args: &[Argument<'_>], out: &mut dyn fmt::Write, yes: &str, no: &str) -> fmt::Result {
    let value = first(args).ok_or(fmt::Error)?;
    out.write_str(if value != 0 { yes } else { no })
}

/// The text of a number that counts rows from 0.
fn row(
    args: &[Argument<'_>],
    out: &mut dyn fmt::Write,
    rows: &[&str],
    otherwise: &str,
) -> fmt::Result {
    let value = first(args).ok_or(fmt::Error)?;
    let text = usize::try_from(value).ok().and_then(|at| rows.get(at));
    out.write_str(text.unwrap_or(&otherwise))
}

#[cfg(test)]
mod tests;
