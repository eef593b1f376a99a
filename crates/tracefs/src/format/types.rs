//! C types as format files name them.

use crate::Word;

/// Bytes of a type that the kernel's headers give one size on every architecture, or that follows
/// the word size; `None` for what only the format file can know.
///
/// `name` is a whole type with single spaces, without qualifiers.
pub(crate) fn type_size(name: &str, word: Word) -> Option<u8> {
    let long = match word {
        Word::W32 => 4,
        Word::W64 => 8,
    };
    Some(match name {
        "char" | "unsigned char" | "signed char" | "u8" | "__u8" | "s8" | "__s8" | "uint8_t"
        | "int8_t" | "bool" | "_Bool" | "uchar" | "u_char" => 1,
        "short" | "unsigned short" | "short int" | "unsigned short int" | "u16" | "__u16"
        | "s16" | "__s16" | "uint16_t" | "int16_t" | "__le16" | "__be16" | "ushort"
        | "umode_t" | "u_short" | "sa_family_t" | "__sum16" => 2,
        "int" | "unsigned int" | "unsigned" | "signed" | "signed int" | "u32" | "__u32" | "s32"
        | "__s32" | "uint32_t" | "int32_t" | "__le32" | "__be32" | "uint" | "u_int" | "pid_t"
        | "uid_t" | "gid_t" | "dev_t" | "gfp_t" | "fmode_t" | "slab_flags_t" | "vm_fault_t"
        | "key_t" | "tid_t" | "__wsum" | "blk_opf_t" | "projid_t" | "clockid_t" | "float" => 4,
        "long long" | "unsigned long long" | "long long int" | "long long unsigned int" | "u64"
        | "__u64" | "s64" | "__s64" | "uint64_t" | "int64_t" | "__le64" | "__be64" | "loff_t"
        | "sector_t" | "blkcnt_t" | "time64_t" | "ktime_t" => 8,
        "long" | "unsigned long" | "long int" | "unsigned long int" | "long unsigned int"
        | "ulong" | "u_long" | "size_t" | "ssize_t" | "ptrdiff_t" | "uintptr_t" | "intptr_t"
        | "ino_t" | "off_t" | "pgoff_t" | "pteval_t" | "__kernel_size_t" | "__kernel_long_t"
        | "__kernel_ulong_t" => long,
        _ if name.ends_with('*') => long,
        _ => return None,
    })
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
