//! C types as format files name them.

use crate::Word;
use crate::names::Names;
use crate::scan;

/// Size and sign of an integer type that the kernel's headers define alike on every architecture,
/// or that follows the word size; `None` for what only the format file can know.
///
/// `name` is a whole type with single spaces, without qualifiers. Plain `char` counts as unsigned,
/// as kernels since 6.2 are built; a field's own sign is in its `signed:`.
pub(crate) fn scalar(name: &str, word: Word) -> Option<(u8, bool)> {
    let (size, signed) = SCALARS.get(name)?;
    Some((
        if size == LONG {
            word.bytes() as u8
        } else {
            size
        },
        signed,
    ))
}

/// The size of what is as long as a word.
const LONG: u8 = 0;

/// Name, size and sign.
static SCALARS: Names<(u8, bool), 256> = Names::new(&[
    ("OM_uint32", (4, false)),
    ("_Bool", (1, false)),
    ("__be16", (2, false)),
    ("__be32", (4, false)),
    ("__be64", (8, false)),
    ("__kernel_long_t", (0, true)),
    ("__kernel_rwf_t", (4, true)),
    ("__kernel_size_t", (0, false)),
    ("__kernel_ssize_t", (0, true)),
    ("__kernel_ulong_t", (0, false)),
    ("__le16", (2, false)),
    ("__le32", (4, false)),
    ("__le64", (8, false)),
    ("__poll_t", (4, false)),
    ("__s16", (2, true)),
    ("__s32", (4, true)),
    ("__s64", (8, true)),
    ("__s8", (1, true)),
    ("__sum16", (2, false)),
    ("__u16", (2, false)),
    ("__u32", (4, false)),
    ("__u64", (8, false)),
    ("__u8", (1, false)),
    ("__wsum", (4, false)),
    ("blk_opf_t", (4, false)),
    ("blkcnt_t", (8, false)),
    ("bool", (1, false)),
    ("char", (1, false)),
    ("clockid_t", (4, true)),
    ("dev_t", (4, false)),
    ("dma_addr_t", (8, false)),
    ("fmode_t", (4, false)),
    ("gfp_t", (4, false)),
    ("gid_t", (4, false)),
    ("ino_t", (0, false)),
    ("int", (4, true)),
    ("int16_t", (2, true)),
    ("int32_t", (4, true)),
    ("int64_t", (8, true)),
    ("int8_t", (1, true)),
    ("intptr_t", (0, true)),
    ("key_t", (4, true)),
    ("ktime_t", (8, true)),
    ("loff_t", (8, true)),
    ("long", (0, true)),
    ("long int", (0, true)),
    ("long long", (8, true)),
    ("long long int", (8, true)),
    ("long long unsigned int", (8, false)),
    ("long unsigned int", (0, false)),
    ("mode_t", (2, false)),
    ("netdev_features_t", (8, false)),
    ("off_t", (0, true)),
    ("pgoff_t", (0, false)),
    ("phys_addr_t", (8, false)),
    ("pid_t", (4, true)),
    ("projid_t", (4, false)),
    ("pteval_t", (0, false)),
    ("ptrdiff_t", (0, true)),
    ("resource_size_t", (8, false)),
    ("rwf_t", (4, true)),
    ("s16", (2, true)),
    ("s32", (4, true)),
    ("s64", (8, true)),
    ("s8", (1, true)),
    ("sa_family_t", (2, false)),
    ("sector_t", (8, false)),
    ("short", (2, true)),
    ("short int", (2, true)),
    ("short unsigned int", (2, false)),
    ("signed", (4, true)),
    ("signed char", (1, true)),
    ("signed int", (4, true)),
    ("signed long", (0, true)),
    ("size_t", (0, false)),
    ("slab_flags_t", (4, false)),
    ("ssize_t", (0, true)),
    ("tid_t", (4, false)),
    ("time64_t", (8, true)),
    ("u16", (2, false)),
    ("u32", (4, false)),
    ("u64", (8, false)),
    ("u8", (1, false)),
    ("u_char", (1, false)),
    ("u_int", (4, false)),
    ("u_int16_t", (2, false)),
    ("u_int32_t", (4, false)),
    ("u_int8_t", (1, false)),
    ("u_long", (0, false)),
    ("u_short", (2, false)),
    ("uchar", (1, false)),
    ("uid_t", (4, false)),
    ("uint", (4, false)),
    ("uint16_t", (2, false)),
    ("uint32_t", (4, false)),
    ("uint64_t", (8, false)),
    ("uint8_t", (1, false)),
    ("uintptr_t", (0, false)),
    ("ulong", (0, false)),
    ("umode_t", (2, false)),
    ("unsigned", (4, false)),
    ("unsigned char", (1, false)),
    ("unsigned int", (4, false)),
    ("unsigned long", (0, false)),
    ("unsigned long int", (0, false)),
    ("unsigned long long", (8, false)),
    ("unsigned long long int", (8, false)),
    ("unsigned short", (2, false)),
    ("unsigned short int", (2, false)),
    ("ushort", (2, false)),
    ("vm_fault_t", (4, false)),
    ("vm_flags_t", (0, false)),
]);

/// Size of a type, pointers included.
pub(crate) fn type_size(name: &str, word: Word) -> Option<u8> {
    if name.ends_with('*') {
        return Some(word.bytes() as u8);
    }
    scalar(name, word).map(|(size, _)| size)
}

/// The type in a declaration: without location words in front, and the name, brackets and
/// attributes behind.
pub(crate) fn type_name<'f>(declaration: &'f str, name: &str) -> &'f str {
    let mut text = strip_location(declaration);
    if let Some(at) = text.rfind(name) {
        text = text.get(..at).unwrap_or(text);
    }
    let text = text.trim_end();
    // `__data_loc char[] name` has its brackets before the name.
    let text = text
        .strip_suffix(']')
        .and_then(|rest| rest.rfind('[').and_then(|at| rest.get(..at)))
        .unwrap_or(text);
    text.trim()
}

/// Without the words that say where the data is.
pub(crate) fn strip_location(declaration: &str) -> &str {
    let text = declaration.trim_start();
    for word in ["__data_loc", "__rel_loc"] {
        if let Some(rest) = text.strip_prefix(word)
            && rest.starts_with([' ', '\t'])
        {
            return rest.trim_start();
        }
    }
    text
}

/// Without the qualifiers and address spaces in front that do not change a type's size.
pub(crate) fn strip_qualifiers(mut text: &str) -> &str {
    if scan::ident(text.as_bytes()) == text.len() {
        return text;
    }
    loop {
        text = text.trim();
        let Some((first, rest)) = text.split_once(' ') else {
            return text;
        };
        match first {
            "const" | "volatile" | "__user" | "__kernel" | "__iomem" | "__force" | "__rcu"
            | "__percpu" | "__seg_gs" | "__seg_fs" | "__bitwise" => text = rest,
            _ => return text,
        }
    }
}
