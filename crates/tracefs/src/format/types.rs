//! C types as format files name them.

use crate::Word;

/// Size and sign of an integer type that the kernel's headers define alike on every architecture,
/// or that follows the word size; `None` for what only the format file can know.
///
/// `name` is a whole type with single spaces, without qualifiers. Plain `char` counts as unsigned,
/// as kernels since 6.2 are built; a field's own sign is in its `signed:`.
pub(crate) fn scalar(name: &str, word: Word) -> Option<(u8, bool)> {
    let long = match word {
        Word::W32 => 4,
        Word::W64 => 8,
    };
    Some(match name {
        "char" | "unsigned char" | "u8" | "__u8" | "uint8_t" | "bool" | "_Bool" | "uchar"
        | "u_char" | "u_int8_t" => (1, false),
        "signed char" | "s8" | "__s8" | "int8_t" => (1, true),
        "unsigned short" | "short unsigned int" | "unsigned short int" | "u16" | "__u16"
        | "uint16_t" | "__le16" | "__be16" | "ushort" | "umode_t" | "u_short" | "sa_family_t"
        | "__sum16" | "mode_t" | "u_int16_t" => (2, false),
        "short" | "short int" | "s16" | "__s16" | "int16_t" => (2, true),
        "unsigned int" | "unsigned" | "u32" | "__u32" | "uint32_t" | "__le32" | "__be32"
        | "uint" | "u_int" | "uid_t" | "gid_t" | "dev_t" | "gfp_t" | "fmode_t" | "slab_flags_t"
        | "tid_t" | "__wsum" | "blk_opf_t" | "projid_t" | "OM_uint32" | "__poll_t"
        | "u_int32_t" | "vm_fault_t" => (4, false),
        "int" | "signed" | "signed int" | "s32" | "__s32" | "int32_t" | "pid_t" | "key_t"
        | "clockid_t" | "__kernel_rwf_t" | "rwf_t" => (4, true),
        "unsigned long long"
        | "long long unsigned int"
        | "unsigned long long int"
        | "u64"
        | "__u64"
        | "uint64_t"
        | "__le64"
        | "__be64"
        | "sector_t"
        | "blkcnt_t"
        | "dma_addr_t"
        | "phys_addr_t"
        | "resource_size_t"
        | "netdev_features_t" => (8, false),
        "long long" | "long long int" | "s64" | "__s64" | "int64_t" | "loff_t" | "time64_t"
        | "ktime_t" => (8, true),
        "unsigned long" | "long unsigned int" | "unsigned long int" | "ulong" | "u_long"
        | "size_t" | "uintptr_t" | "ino_t" | "pgoff_t" | "pteval_t" | "__kernel_size_t"
        | "__kernel_ulong_t" | "vm_flags_t" => (long, false),
        "long" | "long int" | "signed long" | "ssize_t" | "ptrdiff_t" | "intptr_t" | "off_t"
        | "__kernel_long_t" | "__kernel_ssize_t" => (long, true),
        _ => return None,
    })
}

/// Size of a type, pointers included.
pub(crate) fn type_size(name: &str, word: Word) -> Option<u8> {
    if name.ends_with('*') {
        return Some(word.bytes() as u8);
    }
    scalar(name, word).map(|(size, _)| size)
}

/// A byte of a C identifier.
pub(crate) fn is_ident(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
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
