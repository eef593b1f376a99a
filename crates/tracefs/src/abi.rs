//! What the recording machine was: everything that its bytes do not say themselves.

/// Byte order of the recording machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Endian {
    /// The byte order of the machine this program was compiled for.
    pub const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };
}

/// Width of `long` and of pointers in the recording kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// 32-bit kernel: 4 bytes.
    W32,
    /// 64-bit kernel: 8 bytes.
    W64,
}

impl Word {
    /// Width of `long` and of a pointer, in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::W32 => 4,
            Self::W64 => 8,
        }
    }
}

/// What the recording kernel was compiled for; an argument wherever bytes are decoded, so that
/// another machine's recordings decode as well as this one's.
///
/// The word size is the `size` of the `commit` field in `header_page`; the byte order is not
/// written anywhere in tracefs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Abi {
    /// Byte order.
    pub endian: Endian,
    /// Width of `long` and of pointers.
    pub word: Word,
}

impl Abi {
    /// The machine this program was compiled for.
    ///
    /// A 32-bit program under a 64-bit kernel has to say [`Word::W64`] itself.
    pub const NATIVE: Self = Self {
        endian: Endian::NATIVE,
        word: if cfg!(target_pointer_width = "64") {
            Word::W64
        } else {
            Word::W32
        },
    };
    /// 64-bit little-endian: x86-64, arm64, riscv64.
    pub const LE64: Self = Self {
        endian: Endian::Little,
        word: Word::W64,
    };
    /// 64-bit big-endian: s390x.
    pub const BE64: Self = Self {
        endian: Endian::Big,
        word: Word::W64,
    };
    /// 32-bit little-endian: i386, arm.
    pub const LE32: Self = Self {
        endian: Endian::Little,
        word: Word::W32,
    };
    /// 32-bit big-endian.
    pub const BE32: Self = Self {
        endian: Endian::Big,
        word: Word::W32,
    };
}

impl Default for Abi {
    fn default() -> Self {
        Self::NATIVE
    }
}
