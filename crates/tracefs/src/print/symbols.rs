//! Names that only the kernel knows: enumerators, functions, addresses.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::btf::Btf;
use super::constants::CONSTANTS;
use super::functions::{FUNCTIONS, Function};
use crate::names::Names;
use crate::{Error, Result};

/// What a print fmt may name and its format file does not explain.
///
/// [`Symbols::new`] knows what ships with this crate: enumerators whose values are the same in
/// Linux 6.1, 6.12 and 6.18, and the functions of `mc_event`, `extlog_mem_event` and others. More
/// can be added; what is added goes before what ships. Cloning is cheap.
///
/// ```
/// use tracefs::print::{PrintFmt, Symbols};
///
/// let mut symbols = Symbols::new();
/// symbols.constant("MY_STATE_IDLE", 7);
/// assert_eq!(symbols.constant_value("MY_STATE_IDLE"), Some(7));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    added: Option<Arc<Added>>,
}

#[derive(Clone, Debug, Default)]
struct Added {
    constants: BTreeMap<Box<str>, i64>,
    functions: BTreeMap<Box<str>, Function>,
    strings: BTreeMap<u64, Box<[u8]>>,
    /// Sorted by address.
    kallsyms: Vec<(u64, Box<str>)>,
    hz: Option<u32>,
    btf: Option<Btf>,
}

impl Symbols {
    /// What ships with this crate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn added(&mut self) -> &mut Added {
        Arc::make_mut(self.added.get_or_insert_default())
    }

    /// Adds an enumerator or constant.
    pub fn constant(&mut self, name: &str, value: i64) -> &mut Self {
        self.added().constants.insert(name.into(), value);
        self
    }

    /// Adds a function of the kernel.
    pub fn function(&mut self, name: &str, function: Function) -> &mut Self {
        self.added().functions.insert(name.into(), function);
        self
    }

    /// The kernel's `CONFIG_HZ`, for `jiffies_to_msecs()`. Without it the call is printed.
    pub fn hz(&mut self, hz: u32) -> &mut Self {
        self.added().hz = Some(hz);
        self
    }

    /// Adds the enumerators of a kernel's BTF (`/sys/kernel/btf/vmlinux`), in place of an earlier
    /// one and its modules'. They go before what ships, and after what [`Symbols::constant`]
    /// added. A name that has two values in the kernel has none here.
    ///
    /// # Errors
    /// [`Error::Btf`].
    pub fn btf(&mut self, bytes: &[u8]) -> Result<&mut Self> {
        let btf = Btf::parse(bytes)?;
        self.added().btf = Some(btf);
        Ok(self)
    }

    /// Adds the enumerators of a module's BTF (`/sys/kernel/btf/MODULE`), which builds on that of
    /// its kernel.
    ///
    /// # Errors
    /// [`Error::Btf`], also if [`Symbols::btf`] was not called before.
    pub fn module_btf(&mut self, bytes: &[u8]) -> Result<&mut Self> {
        self.added()
            .btf
            .as_mut()
            .ok_or(Error::Btf {
                at: 0,
                why: "a module's builds on the kernel's",
            })?
            .add(bytes)?;
        Ok(self)
    }

    /// Adds the text of tracefs's `printk_formats`: addresses of strings that events store as
    /// pointers (`tracepoint_string()`).
    ///
    /// Lines look like `0xffffffff81234567 : "text"`; others are left out.
    pub fn printk_formats(&mut self, text: &str) -> &mut Self {
        for line in text.lines() {
            let parsed = line.split_once(" : ").and_then(|(address, quoted)| {
                let address = address.trim().strip_prefix("0x")?;
                let quoted = quoted.trim_end().strip_prefix('"')?.strip_suffix('"')?;
                Some((u64::from_str_radix(address, 16).ok()?, quoted))
            });
            if let Some((address, quoted)) = parsed {
                let mut bytes = Vec::with_capacity(quoted.len());
                super::unescape_into(quoted.as_bytes(), &mut bytes);
                self.added().strings.insert(address, bytes.into());
            }
        }
        self
    }

    /// Adds the text of `/proc/kallsyms`, for `%pS` and its kin. Where the kernel hides the
    /// addresses (all zero) nothing is added.
    pub fn kallsyms(&mut self, text: &str) -> &mut Self {
        let added = self.added();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(address), Some(kind), Some(name)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            // Absolute symbols (per-CPU offsets, sizes) are no places in the text.
            let Ok(address) = u64::from_str_radix(address, 16) else {
                continue;
            };
            if address == 0 || kind.eq_ignore_ascii_case("a") {
                continue;
            }
            let name = match words.next() {
                Some(module) => alloc::format!("{name}\t{module}"),
                None => name.into(),
            };
            added.kallsyms.push((address, name.into()));
        }
        // Of several names of one address the kernel takes the first; the sort is stable.
        added.kallsyms.sort_by_key(|(address, _)| *address);
        self
    }

    /// The value of an enumerator or constant.
    #[must_use]
    pub fn constant_value(&self, name: &str) -> Option<i64> {
        if let Some(added) = &self.added {
            let value = added.constants.get(name).copied();
            if let Some(value) = value.or_else(|| added.btf.as_ref()?.value(name)) {
                return Some(value);
            }
        }
        static TABLE: Names<i64, 2048> = Names::new(CONSTANTS);
        TABLE.get(name)
    }

    pub(super) fn function_of(&self, name: &str) -> Option<Function> {
        if let Some(function) = self
            .added
            .as_ref()
            .and_then(|added| added.functions.get(name))
        {
            return Some(*function);
        }
        static TABLE: Names<Function, 512> = Names::new(FUNCTIONS);
        TABLE.get(name)
    }

    pub(super) fn hz_value(&self) -> Option<u32> {
        self.added.as_ref().and_then(|added| added.hz)
    }

    pub(super) fn string_at(&self, address: u64) -> Option<&[u8]> {
        self.added
            .as_ref()
            .and_then(|added| added.strings.get(&address))
            .map(|bytes| &**bytes)
    }

    /// The symbol that an address lies in: name, module, offset, size.
    pub(super) fn symbol_at(&self, address: u64) -> Option<Symbol<'_>> {
        let table = &self.added.as_ref()?.kallsyms;
        let after = table.partition_point(|(start, _)| *start <= address);
        let start = table.get(after.checked_sub(1)?)?.0;
        let end = table.get(after)?.0;
        let first = table.partition_point(|(at, _)| *at < start);
        let (name, module) = {
            let name = &*table.get(first)?.1;
            name.split_once('\t')
                .map_or((name, None), |(name, module)| (name, Some(module)))
        };
        Some(Symbol {
            name,
            module,
            offset: address - start,
            size: end - start,
        })
    }
}

/// What `/proc/kallsyms` says of an address.
pub(super) struct Symbol<'s> {
    pub(super) name: &'s str,
    /// With its brackets.
    pub(super) module: Option<&'s str>,
    pub(super) offset: u64,
    pub(super) size: u64,
}
