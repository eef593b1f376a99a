//! What the reader hands out: a record, where it stood, and what the text said beside the registers.

use core::fmt;
use core::ops::Range;

use mcekit::Record;

/// Declares the formats with the names that they have in output.
macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Which kind of text a record was read from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Format {
            $($(#[$doc])* $name,)*
        }

        impl Format {
            /// Every format, in the order of this list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name of the format in output, stable.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

formats! {
    /// The Linux kernel's raw lines: `CPU n: Machine Check…`, `TSC …`, `PROCESSOR …`.
    Linux = "linux",
    /// Linux 2.4 and early 2.6: the status on a `Bank n:` line of its own.
    LinuxOld = "linux-old",
    /// The raw lines as Intel's EDAC drivers print them, and their `… memory read error on …` lines.
    Edac = "edac",
    /// What edac_mce_amd prints: `CPU:n (f:m:s) MCn_STATUS[…]: …`.
    EdacMceAmd = "edac-mce-amd",
    /// The text of the mce_record trace event: trace, trace_pipe, perf script.
    Trace = "trace",
    /// mcelog's decoded text.
    Mcelog = "mcelog",
    /// `mcelog --raw`.
    McelogRaw = "mcelog-raw",
    /// A line of the rasdaemon daemon.
    Rasdaemon = "rasdaemon",
    /// `ras-mc-ctl --errors`.
    RasMcCtl = "ras-mc-ctl",
    /// The Xen hypervisor's console.
    Xen = "xen",
    /// FreeBSD's `MCA:` lines.
    FreeBsd = "freebsd",
    /// VMware ESXi's vmkernel log.
    Esxi = "esxi",
    /// The panic report of macOS on Intel processors.
    MacOs = "macos",
    /// A WHEA-Logger event of Windows.
    Whea = "whea",
    /// WinDbg: `!analyze`, `!errrec`, or a bug check's parameters.
    WinDbg = "windbg",
    /// A CPER processor section as the kernel prints it (BERT, GHES).
    Cper = "cper",
    /// libcper's JSON.
    LibCper = "libcper",
    /// A crash log as JSON: registers by core, thread and bank.
    CrashLog = "crash-log",
    /// A line of a management controller's log.
    Bmc = "bmc",
    /// Registers as a person types them: `bank 5: bea0000000000108`.
    Typed = "typed",
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a text says that no register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TextKind {
    /// How bad the reporter found it: `Corrected error, no action required.`
    Severity,
    /// The unit that the bank belongs to: `Load Store Unit`.
    Unit,
    /// The reporter's own words for the error.
    Message,
    /// edac_mce_amd's line about cache level, transaction and request.
    Transaction,
    /// The symbol at the instruction pointer.
    Symbol,
    /// The DIMM that EDAC names: `CPU_SrcID#0_MC#0_Chan#1_DIMM#0`.
    Label,
    /// Where in memory, as EDAC or another decoder says.
    Location,
    /// The name of the field-replaceable unit.
    Fru,
    /// Where in the package, where the operating system's number is not given: `core3 thread0`.
    Place,
}

impl TextKind {
    /// The name of the kind in output, stable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Unit => "unit",
            Self::Message => "message",
            Self::Transaction => "transaction",
            Self::Symbol => "symbol",
            Self::Label => "label",
            Self::Location => "location",
            Self::Fru => "fru",
            Self::Place => "place",
        }
    }
}

/// The longest text that is kept of one kind, in bytes; what is longer is cut.
pub const MAX_TEXT: usize = 512;

/// The texts of one record, at most one of each kind. Empty ones take no memory of their own.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Texts {
    items: Vec<(TextKind, String)>,
}

impl Texts {
    /// The text of one kind.
    #[must_use]
    pub fn get(&self, kind: TextKind) -> Option<&str> {
        self.items
            .iter()
            .find(|item| item.0 == kind)
            .map(|item| item.1.as_str())
    }

    /// The texts in the order in which they were read.
    pub fn iter(&self) -> impl Iterator<Item = (TextKind, &str)> {
        self.items.iter().map(|item| (item.0, item.1.as_str()))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Keeps a text; the first of a kind stays. Bytes that are not UTF-8, and control characters, become U+FFFD.
    pub(crate) fn add(&mut self, kind: TextKind, text: &[u8]) {
        let text = text.trim_ascii();
        if text.is_empty() || self.get(kind).is_some() {
            return;
        }
        let text = text.get(..MAX_TEXT).unwrap_or(text);
        let plain = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let clean = match std::str::from_utf8(text) {
            Ok(text) if plain => text.to_owned(),
            _ => String::from_utf8_lossy(text).replace(|c: char| c.is_control(), "\u{fffd}"),
        };
        self.items.push((kind, clean));
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        for (kind, text) in other.items {
            if self.get(kind).is_none() {
                self.items.push((kind, text));
            }
        }
    }
}

/// Where the second printing of an error stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its format.
    pub format: Format,
    /// The bytes it took, counted from the start of the input.
    pub span: Range<u64>,
    /// Its first line, counted from 1.
    pub line: u64,
}

/// One machine check that was found in a text.
///
/// An error that was printed twice, raw by the kernel and decoded by another part of it or by a tool, is one
/// `Found`: the record has the registers of both, `texts` the words of both, and `pair` says where the second
/// one stood. Two printings are one error where status, and every register that both name, agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The registers, and which of them the text gave.
    pub record: Record,
    /// The bytes from the first to the last that belong to it, counted from the start of the input. Lines of
    /// other records can lie between.
    pub span: Range<u64>,
    /// Its first line, counted from 1.
    pub line: u64,
    /// Which kind of text it was.
    pub format: Format,
    /// What the text said that no register holds.
    pub texts: Texts,
    /// The second printing of the same error, where there was one.
    pub pair: Option<Pair>,
}

/// What a reader met that is not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stats {
    /// Records handed out.
    pub records: u64,
    /// Banks that a dump lists and that nobody read: `0xdeadbeefdeadbeef`, all ones.
    pub not_captured: u64,
    /// Records that lacked too much to be handed out: no status, and no bank or address either.
    pub fragments: u64,
}
