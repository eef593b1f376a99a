//! Layouts of the few structs whose members print fmts name.

/// One member.
pub(super) struct Member {
    name: &'static str,
    /// A scalar's type, or the name of another struct here.
    pub(super) ty: &'static str,
    /// Bytes from the begin; of a bit-field, bits.
    pub(super) offset: u32,
    /// Length of an array; 0 for none.
    pub(super) len: u32,
    /// Bits of a bit-field; 0 for none.
    pub(super) width: u8,
}

struct Layout {
    name: &'static str,
    size: u32,
    members: &'static [Member],
}

const fn member(name: &'static str, ty: &'static str, offset: u32) -> Member {
    array(name, ty, offset, 0)
}

const fn array(name: &'static str, ty: &'static str, offset: u32, len: u32) -> Member {
    Member {
        name,
        ty,
        offset,
        len,
        width: 0,
    }
}

const fn bits(name: &'static str, offset: u32, width: u8) -> Member {
    Member {
        name,
        ty: "u32",
        offset,
        len: 0,
        width,
    }
}

const LAYOUTS: &[Layout] = &[
    // include/drm/drm_rect.h
    Layout {
        name: "drm_rect",
        size: 16,
        members: &[
            member("x1", "int", 0),
            member("y1", "int", 4),
            member("x2", "int", 8),
            member("y2", "int", 12),
        ],
    },
    // drivers/infiniband/hw/hfi1/hfi.h
    Layout {
        name: "buffer_control",
        size: 68,
        members: &[
            member("overall_shared_limit", "__be16", 0),
            member("reserved", "__be16", 2),
            array("vl", "vl_limit", 4, 16),
        ],
    },
    Layout {
        name: "vl_limit",
        size: 4,
        members: &[
            member("dedicated", "__be16", 0),
            member("shared", "__be16", 2),
        ],
    },
    // arch/x86/include/asm/kvm_host.h
    Layout {
        name: "kvm_mmu_page_role",
        size: 4,
        members: &[
            member("word", "u32", 0),
            bits("level", 0, 4),
            bits("has_4_byte_gpte", 4, 1),
            bits("quadrant", 5, 2),
            bits("direct", 7, 1),
            bits("access", 8, 3),
            bits("invalid", 11, 1),
            bits("efer_nx", 12, 1),
            bits("cr0_wp", 13, 1),
            bits("smep_andnot_wp", 14, 1),
            bits("smap_andnot_wp", 15, 1),
            bits("ad_disabled", 16, 1),
            bits("guest_mode", 17, 1),
            bits("passthrough", 18, 1),
        ],
    },
];

/// The struct or union of that name.
pub(super) fn find(name: &str) -> Option<u16> {
    LAYOUTS
        .iter()
        .position(|layout| layout.name == name)
        .and_then(|at| u16::try_from(at).ok())
}

// A type has room for the number of so many.
const _: () = assert!(LAYOUTS.len() <= 64);

/// Its size in bytes.
pub(super) fn size(id: u16) -> u32 {
    LAYOUTS.get(usize::from(id)).map_or(0, |layout| layout.size)
}

/// One of its members.
pub(super) fn member_of(id: u16, name: &str) -> Option<&'static Member> {
    LAYOUTS
        .get(usize::from(id))?
        .members
        .iter()
        .find(|member| member.name == name)
}
