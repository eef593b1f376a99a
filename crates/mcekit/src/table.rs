//! The vocabulary that vendor tables are written in.
//!
//! A table is data in the manual's order and notation: [`Code`] rows, in a [`Field`] of some [`Bits`] of a
//! register, in a [`Unit`], at [`Bank`] numbers or hardware ids of a [`Model`]. Everything is built by `const fn`s that
//! refuse, while compiling, rows that are out of order, doubled, or wider than their field.
//!
//! ```
//! use mcekit::table::{bits, code, Class, Field, Register, Unit};
//! use mcekit::{Record, Status};
//!
//! static ERRORS: Field = Field::codes("mscod", Register::Status, bits(31, 16), &[
//!     code(0x0001, "address parity error").class(Class::AddressParity),
//!     code(0x0010, "corrected patrol scrub error").class(Class::PatrolScrub),
//! ]);
//! static IMC: Unit = Unit::new("IMC", "Integrated memory controller", &[&ERRORS]);
//!
//! let record = Record::new(9, Status(0x8c00_0040_0010_00c0));
//! let value = IMC.values(&record).next().unwrap();
//! assert_eq!(value.text, Some("corrected patrol scrub error"));
//! assert_eq!(value.class, Some(Class::PatrolScrub));
//! ```
//!
//! Rows out of order do not compile:
//!
//! ```compile_fail
//! use mcekit::table::{bits, code, Field, Register};
//! static F: Field = Field::codes("f", Register::Status, bits(31, 16), &[code(2, "b"), code(1, "a")]);
//! ```
//!
//! Nor do conditions that can never hold together:
//!
//! ```compile_fail
//! use mcekit::table::{bits, Field, Register, When};
//! static F: Field = Field::hex("f", Register::Misc, bits(3, 0))
//!     .when(&[When::Is(Register::Status, bits(1, 0), 1), When::Is(Register::Status, bits(1, 0), 2)]);
//! ```
//!
//! Neither does a code that its field cannot hold:
//!
//! ```compile_fail
//! use mcekit::table::{bits, code, Field, Register};
//! static F: Field = Field::codes("f", Register::Status, bits(19, 16), &[code(0x10, "too wide")]);
//! ```
//!
//! Nor conditions that cannot hold together:
//!
//! ```compile_fail
//! use mcekit::table::{bit, bits, Field, Register, When};
//! static F: Field = Field::hex("f", Register::Status, bits(31, 16)).when(&[
//!     When::Is(Register::Status, bit(61), 0),
//!     When::Is(Register::Status, bit(61), 1),
//! ]);
//! ```
//!
//! Nor banks that no processor has, or that are listed twice:
//!
//! ```compile_fail
//! use mcekit::table::{Bank, Unit};
//! static CORE: Unit = Unit::new("core", "core", &[]);
//! static BANK: Bank = Bank::new(64, &CORE);
//! ```
//!
//! ```compile_fail
//! use mcekit::table::{Bank, Model, Unit};
//! use mcekit::Vendor;
//! static CORE: Unit = Unit::new("core", "core", &[]);
//! static MODEL: Model = Model::architectural("m", "m", &[], Vendor::INTEL, &[])
//!     .with_banks(&[Bank::range(0, 3, &CORE), Bank::new(3, &CORE)]);
//! ```

#[cfg(feature = "serde")]
mod json;
mod location;
mod model;
mod when;

use core::fmt;

use crate::record::Record;
use crate::regs::Status;

pub use location::{Location, Place};
pub use model::{Bank, Banks, Cpu, Model, Slot, Slots, SmcaBank};
pub use when::When;

/// A register that a field's bits are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Register {
    /// MCi_STATUS.
    Status,
    /// MCi_MISC, only while MISCV is set.
    Misc,
    /// MCi_ADDR, only while ADDRV is set.
    Addr,
    /// MCA_SYND, only while SYNDV is set.
    Synd,
    /// MCA_SYND1, only while SYNDV is set and it holds no FRU text.
    Synd1,
    /// MCA_SYND2, only while SYNDV is set and it holds no FRU text.
    Synd2,
    /// MCA_IPID.
    Ipid,
}

impl Register {
    /// The bits of MCi_STATUS that must be set where the register is valid, as mask and value.
    const fn valid(self) -> (u64, u64) {
        let bit = match self {
            Self::Status | Self::Ipid => 0,
            Self::Misc => Status::MISCV,
            Self::Addr => Status::ADDRV,
            Self::Synd | Self::Synd1 | Self::Synd2 => Status::SYNDV,
        };
        (bit, bit)
    }

    /// The register's value, where the record has it and MCi_STATUS says that it is valid.
    #[must_use]
    pub fn read(self, record: &Record) -> Option<u64> {
        match self {
            Self::Status => Some(record.status().0),
            Self::Misc => record.valid_misc().map(|r| r.0),
            Self::Addr => record.valid_addr().map(|r| r.0),
            Self::Synd => record.valid_synd().map(|r| r.0),
            Self::Synd1 if record.status().syndv() && record.fru_text().is_none() => {
                record.synd1().map(|r| r.0)
            }
            Self::Synd2 if record.status().syndv() && record.fru_text().is_none() => {
                record.synd2().map(|r| r.0)
            }
            Self::Synd1 | Self::Synd2 => None,
            Self::Ipid => record.ipid().map(|r| r.0),
        }
    }
}

/// Some adjacent bits of a register, as manuals write them: `bits(31, 24)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bits {
    hi: u8,
    lo: u8,
}

/// Bits `hi` to `lo`, both included.
///
/// # Panics
///
/// While compiling, where `hi` is below `lo` or above 63.
#[must_use]
pub const fn bits(hi: u8, lo: u8) -> Bits {
    assert!(
        lo <= hi && hi < 64,
        "bits are written from high to low, 63 to 0"
    );
    Bits { hi, lo }
}

/// The single bit `n`.
#[must_use]
pub const fn bit(n: u8) -> Bits {
    bits(n, n)
}

impl Bits {
    /// How many bits.
    #[must_use]
    pub const fn width(self) -> u32 {
        (self.hi - self.lo) as u32 + 1
    }

    /// The bits of a value, shifted down.
    #[must_use]
    pub const fn of(self, raw: u64) -> u64 {
        raw >> self.lo & u64::MAX >> (64 - self.width())
    }

    /// The highest bit's number.
    #[must_use]
    pub const fn hi(self) -> u8 {
        self.hi
    }

    /// The lowest bit's number.
    #[must_use]
    pub const fn lo(self) -> u8 {
        self.lo
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hi == self.lo {
            write!(f, "{}", self.hi)
        } else {
            write!(f, "{}:{}", self.hi, self.lo)
        }
    }
}

/// What a code means for policy: code that acts on errors matches on this, never on text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Parity of an address.
    AddressParity,
    /// Parity of a command or its address on the memory bus.
    CommandAddressParity,
    /// Corrected error found by the patrol scrubber.
    PatrolScrub,
    /// Uncorrected error found by the patrol scrubber.
    PatrolScrubUncorrected,
    /// Error while a spare was being filled.
    Spare,
    /// Memory read.
    MemoryRead,
    /// Memory write, or data on its way to memory.
    MemoryWrite,
    /// ECC or parity of data.
    Data,
    /// ECC or parity of a tag, state or directory.
    Tag,
    /// CRC of a link.
    LinkCrc,
    /// A link lost width, was retrained, or failed.
    LinkFailure,
    /// A protocol that was not followed.
    Protocol,
    /// Poisoned data.
    Poison,
    /// A watchdog or time-out.
    Timeout,
    /// Parity or ECC inside a unit.
    Internal,
    /// Power or voltage.
    Power,
    /// Temperature.
    Thermal,
    /// Firmware, microcode or configuration.
    Firmware,
    /// Access that security refused.
    Security,
    /// Mirroring took part.
    Mirror,
}

impl Class {
    /// The class as JSON carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddressParity => "address-parity",
            Self::CommandAddressParity => "command-address-parity",
            Self::PatrolScrub => "patrol-scrub",
            Self::PatrolScrubUncorrected => "patrol-scrub-uncorrected",
            Self::Spare => "spare",
            Self::MemoryRead => "memory-read",
            Self::MemoryWrite => "memory-write",
            Self::Data => "data",
            Self::Tag => "tag",
            Self::LinkCrc => "link-crc",
            Self::LinkFailure => "link-failure",
            Self::Protocol => "protocol",
            Self::Poison => "poison",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
            Self::Power => "power",
            Self::Thermal => "thermal",
            Self::Firmware => "firmware",
            Self::Security => "security",
            Self::Mirror => "mirror",
        }
    }
}

/// One row of a table: one value of a field, and what the manual says that it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The value.
    pub value: u32,
    /// What it means, in our words.
    pub text: &'static str,
    /// What it means for policy.
    pub class: Option<Class>,
}

/// A row without a class.
#[must_use]
pub const fn code(value: u32, text: &'static str) -> Code {
    Code {
        value,
        text,
        class: None,
    }
}

impl Code {
    /// The row with a class.
    #[must_use]
    pub const fn class(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }
}

/// What a field says that programs ask for whatever the generation calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// A coordinate of the location.
    At(Place),
    /// The ECC mode of the memory; what to call a mode that has no row.
    EccMode(&'static str),
    /// The error did not repeat when the memory was read again; no device is to blame.
    Transient,
    /// The size of a read of high-bandwidth memory.
    HbmRead,
    /// What corrected the error, where that was not ECC.
    CorrectedBy,
}

/// How a field's value is shown where no row names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A code: shown where a row names it, or where it is not zero.
    Code,
    /// A code that is shown always, an unnamed zero too.
    EveryCode,
    /// A code that others explain already, of which this table says more: shown only where a row names it.
    NamedCode,
    /// A number or address, in hex.
    Hex,
    /// A number, in decimal.
    Decimal,
}

/// A field of a register: which bits, when it means something, and the table of its codes.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    name: &'static str,
    register: Register,
    /// From the highest part to the lowest; a part of width 0 is not used.
    parts: [Option<Bits>; 3],
    shift: u8,
    /// The first part as a shift and a mask, and whether there are others: most fields have one part.
    low: u8,
    mask: u64,
    joined: bool,
    /// A number of one part that is always shown: nothing is to be asked or looked up.
    plain: bool,
    form: Form,
    codes: &'static [Code],
    /// Rows that this table shares with another; asked where `codes` has none.
    parent: Option<&'static [Code]>,
    when: &'static [When],
    /// Bits of MCi_STATUS that decide most conditions at once: under the mask they must have the value.
    status: (u64, u64),
    /// Whether conditions remain that `status` does not decide.
    further: bool,
    /// Whether a row names zero.
    names_zero: bool,
    /// A number that is not shown where it is zero.
    nonzero: bool,
    role: Option<Role>,
}

impl Field {
    /// A field of codes. A value without a row is shown as undocumented; zero without a row is not shown.
    ///
    /// # Panics
    ///
    /// While compiling, where the rows do not ascend or one does not fit into the bits.
    #[must_use]
    pub const fn codes(
        name: &'static str,
        register: Register,
        part: Bits,
        codes: &'static [Code],
    ) -> Self {
        check(codes, part.width());
        Self::plain(name, register, part, Form::Code, codes)
    }

    /// A field of codes whose bits lie in two places, the high ones first.
    ///
    /// # Panics
    ///
    /// While compiling, where the rows do not ascend or one does not fit into the bits.
    #[must_use]
    pub const fn joined(
        name: &'static str,
        register: Register,
        parts: [Bits; 2],
        codes: &'static [Code],
    ) -> Self {
        check(codes, parts[0].width() + parts[1].width());
        Self::plain(name, register, parts[0], Form::Code, codes).then(parts[1])
    }

    /// A single bit that has a meaning when it is set.
    #[must_use]
    pub const fn flag(register: Register, n: u8, set: &'static [Code; 1]) -> Self {
        let mut field = Self::codes(set[0].text, register, bit(n), set);
        if matches!(register, Register::Status) {
            // Where the bit is not set there is nothing to show.
            field.status = (1 << n, 1 << n);
        }
        field
    }

    /// A number shown in hex.
    #[must_use]
    pub const fn hex(name: &'static str, register: Register, part: Bits) -> Self {
        Self::plain(name, register, part, Form::Hex, &[])
    }

    /// A number shown in decimal.
    #[must_use]
    pub const fn decimal(name: &'static str, register: Register, part: Bits) -> Self {
        Self::plain(name, register, part, Form::Decimal, &[])
    }

    const fn plain(
        name: &'static str,
        register: Register,
        part: Bits,
        form: Form,
        codes: &'static [Code],
    ) -> Self {
        Self {
            name,
            register,
            parts: [Some(part), None, None],
            shift: 0,
            low: part.lo(),
            mask: u64::MAX >> (64 - part.width()),
            joined: false,
            plain: matches!(form, Form::Hex | Form::Decimal) && codes.is_empty(),
            form,
            codes,
            parent: None,
            when: &[],
            status: register.valid(),
            further: false,
            names_zero: names_zero(codes),
            nonzero: false,
            role: None,
        }
    }

    /// The field with further, lower bits joined on: `bits(44, 44)` then `bits(41, 40)` make a value of three bits.
    ///
    /// # Panics
    ///
    /// While compiling, where the field already has three parts or would be wider than 64 bits.
    #[must_use]
    pub const fn then(mut self, low: Bits) -> Self {
        let slot = if self.parts[1].is_none() { 1 } else { 2 };
        assert!(
            self.parts[slot].is_none(),
            "a field has at most three parts"
        );
        self.parts[slot] = Some(low);
        self.joined = true;
        self.plain = false;
        assert!(self.width() <= 64, "a field has at most 64 bits");
        self
    }

    /// The field with its value multiplied by `2^shift`.
    ///
    /// # Panics
    ///
    /// While compiling, where the shift is above 63.
    #[must_use]
    pub const fn shifted(mut self, shift: u8) -> Self {
        assert!(shift < 64, "a shift is below 64");
        self.shift = shift;
        self
    }

    /// The field with rows of a parent table behind its own: own rows win.
    ///
    /// # Panics
    ///
    /// While compiling, where the parent's rows do not ascend or do not fit.
    #[must_use]
    pub const fn or_else(mut self, parent: &'static [Code]) -> Self {
        check(parent, self.width());
        self.parent = Some(parent);
        self.plain = false;
        self.names_zero = self.names_zero || names_zero(parent);
        self
    }

    /// The field of codes, shown always: here zero says something even without a row.
    #[must_use]
    pub const fn every(mut self) -> Self {
        self.form = Form::EveryCode;
        self
    }

    /// The field of codes, shown only where a row names its value.
    #[must_use]
    pub const fn named(mut self) -> Self {
        self.form = Form::NamedCode;
        self
    }

    /// The number, not shown where it is zero.
    #[must_use]
    pub const fn nonzero(mut self) -> Self {
        self.nonzero = true;
        self.plain = false;
        self
    }

    /// The field, shown only where every condition holds.
    ///
    /// # Panics
    ///
    /// While compiling, where two conditions on the same bits of MCi_STATUS contradict each other.
    #[must_use]
    pub const fn when(mut self, when: &'static [When]) -> Self {
        self.when = when;
        (self.status, self.further) = decided(self.status, when);
        self.plain = self.plain && !self.further;
        self
    }

    /// The field, whose value is also a part of the location.
    #[must_use]
    pub const fn at(mut self, place: Place) -> Self {
        self.role = Some(Role::At(place));
        self
    }

    /// The field, which says something beyond its own bank's words.
    #[must_use]
    pub const fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// The field's name, as the manual has it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The register that it is read from.
    #[must_use]
    pub const fn register(&self) -> Register {
        self.register
    }

    /// Its bits, from the highest part to the lowest.
    pub fn parts(&self) -> impl Iterator<Item = Bits> + use<> {
        self.parts.into_iter().flatten()
    }

    /// How many bits it has.
    #[must_use]
    pub const fn width(&self) -> u32 {
        let mut width = 0;
        let mut i = 0;
        while i < self.parts.len() {
            if let Some(part) = self.parts[i] {
                width += part.width();
            }
            i += 1;
        }
        width
    }

    /// How its value is shown.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The part of the location that it gives, if any.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        match self.role {
            Some(Role::At(place)) => Some(place),
            _ => None,
        }
    }

    /// What the field says beyond its own bank's words, if anything.
    #[must_use]
    pub const fn says(&self) -> Option<Role> {
        self.role
    }

    /// Its rows: its own, then those of the parent that its own do not replace.
    pub fn rows(&self) -> impl Iterator<Item = &'static Code> + '_ {
        let inherited = self
            .parent
            .unwrap_or(&[])
            .iter()
            .filter(|row| find(self.codes, row.value).is_none());
        self.codes.iter().chain(inherited)
    }

    /// The conditions under which it means something.
    #[must_use]
    pub const fn conditions(&self) -> &'static [When] {
        self.when
    }

    /// The row of a value. An exact match, or none.
    #[must_use]
    #[inline]
    pub fn row(&self, raw: u64) -> Option<&'static Code> {
        let value = u32::try_from(raw).ok()?;
        find(self.codes, value).or_else(|| find(self.parent?, value))
    }

    /// The number that the bits spell, whatever the conditions say.
    #[must_use]
    #[inline]
    pub fn extract(&self, register: u64) -> u64 {
        let [first, rest @ ..] = &self.parts;
        let mut raw = first.map_or(0, |part| part.of(register));
        for part in rest.iter().flatten() {
            raw = raw << (part.width() & 63) | part.of(register);
        }
        raw << self.shift
    }

    /// The field's value in a record: `None` where the register is not valid, a condition fails, or a code
    /// field holds an unnamed zero.
    #[must_use]
    #[inline]
    pub fn value(&'static self, record: &Record) -> Option<Value> {
        // Most fields of a unit mean nothing in a given record, and MCi_STATUS alone says so.
        let (mask, wanted) = self.status;
        let status = record.status().0;
        if status & mask != wanted {
            return None;
        }
        let register = match self.register {
            Register::Status => status,
            // `status` has asked for MISCV.
            Register::Misc => record.misc()?.0,
            other => other.read(record)?,
        };
        if self.plain {
            let raw = (register >> (self.low & 63) & self.mask) << (self.shift & 63);
            return Some(Value {
                field: self,
                raw,
                text: None,
                class: None,
            });
        }
        self.value_of(register, record)
    }

    /// The value of a register, in a field that is not just a number.
    fn value_of(&'static self, register: u64, record: &Record) -> Option<Value> {
        let raw = if self.joined {
            self.extract(register)
        } else {
            (register >> (self.low & 63) & self.mask) << (self.shift & 63)
        };
        let unnamed = raw == 0 && !self.names_zero;
        let hidden = match self.form {
            Form::Code => unnamed,
            Form::Hex | Form::Decimal => unnamed && self.nonzero,
            Form::NamedCode | Form::EveryCode => false,
        };
        if hidden || self.further && !self.conditions_hold(record) {
            return None;
        }
        let row = if self.codes.is_empty() && self.parent.is_none() {
            None
        } else {
            self.row(raw)
        };
        if row.is_none() && matches!(self.form, Form::NamedCode) {
            return None;
        }
        Some(Value {
            field: self,
            raw,
            text: row.map(|r| r.text),
            class: row.and_then(|r| r.class),
        })
    }

    fn conditions_hold(&self, record: &Record) -> bool {
        self.when.iter().all(|condition| condition.holds(record))
    }
}

/// Whether the first row, and with it any, names zero.
const fn names_zero(codes: &[Code]) -> bool {
    !codes.is_empty() && codes[0].value == 0
}

/// What conditions say about MCi_STATUS, as a mask and the value under it, added to what is known; and whether some
/// condition asks for more.
const fn decided((mut mask, mut value): (u64, u64), when: &[When]) -> ((u64, u64), bool) {
    let (mut further, mut i) = (false, 0);
    while i < when.len() {
        match when[i].on_status() {
            Some((m, v)) => {
                assert!(
                    (value ^ v) & (mask & m) == 0,
                    "conditions contradict each other"
                );
                mask |= m;
                value |= v;
            }
            None => further = true,
        }
        i += 1;
    }
    ((mask, value), further)
}

const fn check(codes: &[Code], width: u32) {
    let mut i = 0;
    while i < codes.len() {
        assert!(
            width >= 32 || codes[i].value >> width == 0,
            "a code is wider than its field"
        );
        assert!(
            i == 0 || codes[i - 1].value < codes[i].value,
            "codes ascend, each once"
        );
        i += 1;
    }
}

#[inline]
fn find(codes: &'static [Code], value: u32) -> Option<&'static Code> {
    // Many lists begin with 0 and have no gap.
    let direct = codes.get(value as usize);
    if let Some(row) = direct
        && row.value == value
    {
        return direct;
    }
    codes
        .binary_search_by_key(&value, |row| row.value)
        .ok()
        .and_then(|i| codes.get(i))
}

/// A field's value in one record.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    /// Which field.
    pub field: &'static Field,
    /// The number that its bits spell.
    pub raw: u64,
    /// What the manual says; `None` for an undocumented code and for plain numbers.
    pub text: Option<&'static str>,
    /// What it means for policy.
    pub class: Option<Class>,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text, self.field.form) {
            (Some(text), _) if text == self.field.name => f.write_str(text),
            (Some(text), _) => write!(f, "{}: {text}", self.field.name),
            (None, Form::Code | Form::EveryCode | Form::NamedCode) => {
                write!(f, "{}: undocumented code {:#x}", self.field.name, self.raw)
            }
            (None, Form::Hex) => write!(f, "{}: {:#x}", self.field.name, self.raw),
            (None, Form::Decimal) => write!(f, "{}: {}", self.field.name, self.raw),
        }
    }
}

/// Fields that share a condition: one register means different things, and a table for each.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    when: &'static [When],
    /// What the conditions say about MCi_STATUS, and whether some ask for more; as in [`Field`].
    status: (u64, u64),
    further: bool,
    fields: &'static [&'static Field],
}

impl Group {
    /// Fields that are shown only where every condition holds, in the manual's order.
    ///
    /// # Panics
    ///
    /// While compiling, where two conditions on the same bits of MCi_STATUS contradict each other.
    #[must_use]
    pub const fn new(when: &'static [When], fields: &'static [&'static Field]) -> Self {
        let (status, further) = decided((0, 0), when);
        Self {
            when,
            status,
            further,
            fields,
        }
    }

    /// Whether every condition holds.
    #[must_use]
    #[inline]
    pub fn holds(&self, record: &Record) -> bool {
        let (mask, wanted) = self.status;
        record.status().0 & mask == wanted
            && (!self.further || self.when.iter().all(|when| when.holds(record)))
    }

    /// The conditions.
    #[must_use]
    pub const fn conditions(&self) -> &'static [When] {
        self.when
    }

    /// The fields.
    #[must_use]
    pub const fn fields(&self) -> &'static [&'static Field] {
        self.fields
    }
}

/// What a bank belongs to: a memory controller, a link, a core's cache.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// Short name, as the manual abbreviates it.
    pub id: &'static str,
    /// Full name.
    pub name: &'static str,
    fields: &'static [&'static Field],
    groups: &'static [Group],
}

impl Unit {
    /// A unit with its fields, in the manual's order.
    #[must_use]
    pub const fn new(
        id: &'static str,
        name: &'static str,
        fields: &'static [&'static Field],
    ) -> Self {
        Self {
            id,
            name,
            fields,
            groups: &[],
        }
    }

    /// The unit with further fields that mean something under conditions only.
    #[must_use]
    pub const fn groups(mut self, groups: &'static [Group]) -> Self {
        self.groups = groups;
        self
    }

    /// Its fields outside of groups.
    #[must_use]
    pub const fn fields(&self) -> &'static [&'static Field] {
        self.fields
    }

    /// Its groups of fields.
    #[must_use]
    pub const fn grouped(&self) -> &'static [Group] {
        self.groups
    }

    /// What its fields say in a record: those outside of groups, then group by group.
    #[must_use]
    pub const fn values<'a>(&self, record: &'a Record) -> Values<'a> {
        Values::new(record, self.fields, self.groups, &[])
    }
}

/// The values that some fields have in one record.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    record: &'a Record,
    fields: &'static [&'static Field],
    groups: &'static [Group],
    after: &'static [&'static Field],
}

impl<'a> Values<'a> {
    /// The values of `fields`, then of the groups whose conditions hold, then of `after`.
    #[must_use]
    #[inline]
    pub const fn new(
        record: &'a Record,
        fields: &'static [&'static Field],
        groups: &'static [Group],
        after: &'static [&'static Field],
    ) -> Self {
        Self {
            record,
            fields,
            groups,
            after,
        }
    }
}

impl Iterator for Values<'_> {
    type Item = Value;

    #[inline]
    fn next(&mut self) -> Option<Value> {
        loop {
            while let [field, rest @ ..] = self.fields {
                self.fields = rest;
                if let Some(value) = field.value(self.record) {
                    return Some(value);
                }
            }
            match self.groups {
                [group, rest @ ..] => {
                    self.groups = rest;
                    if group.holds(self.record) {
                        self.fields = group.fields;
                    }
                }
                [] if self.after.is_empty() => return None,
                [] => self.fields = core::mem::take(&mut self.after),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regs::Misc;
    use std::string::ToString;

    static CODES: Field = Field::codes(
        "mscod",
        Register::Status,
        bits(31, 16),
        &[code(1, "one"), code(0x100, "wide")],
    )
    .or_else(&[code(1, "parent's one"), code(2, "two")]);
    static GROUP: Field = Field::hex("bank group", Register::Misc, bit(44))
        .then(bits(41, 40))
        .at(Place::BankGroup);
    static COLUMN: Field = Field::hex("column", Register::Misc, bits(18, 9)).shifted(2);

    fn status(mscod: u64) -> Record {
        Record::new(0, Status(mscod << 16))
    }

    #[test]
    fn a_code_matches_exactly_or_not_at_all() {
        assert_eq!(CODES.value(&status(1)).unwrap().text, Some("one"));
        assert_eq!(CODES.value(&status(2)).unwrap().text, Some("two"));
        assert_eq!(CODES.value(&status(0x101)).unwrap().text, None);
        assert!(CODES.value(&status(0)).is_none());
        assert_eq!(
            CODES.value(&status(0x101)).unwrap().to_string(),
            "mscod: undocumented code 0x101"
        );
    }

    #[test]
    fn rows_list_each_value_once() {
        let rows: std::vec::Vec<_> = CODES.rows().map(|row| row.text).collect();
        assert_eq!(rows, ["one", "wide", "two"]);
    }

    #[test]
    fn parts_join_from_high_to_low() {
        let valid = Status(Status::VAL | Status::MISCV);
        let record = Record::new(0, valid).with_misc(Misc(1 << 44 | 2 << 40 | 3 << 9));
        assert_eq!(GROUP.value(&record).unwrap().raw, 0b110);
        assert_eq!(COLUMN.value(&record).unwrap().raw, 12);
        assert_eq!(GROUP.width(), 3);
    }

    #[test]
    fn nothing_comes_out_of_a_register_that_is_not_valid() {
        let record = Record::new(0, Status(Status::VAL)).with_misc(Misc(u64::MAX));
        assert!(GROUP.value(&record).is_none());
    }

    #[test]
    fn conditions_hold_one_by_one_or_folded() {
        static FIELD: Field = Field::decimal("n", Register::Misc, bits(3, 0)).when(&[
            When::Is(Register::Status, bits(1, 0), 2),
            When::Masked(Register::Status, 0xf0, 0x30),
            When::Not(Register::Misc, bits(3, 0), 7),
        ]);
        let value = |status: u64, misc| {
            let record = Record::new(0, Status(Status::VAL | status)).with_misc(Misc(misc));
            let value = FIELD.value(&record).map(|value| value.raw);
            let holds = Register::Misc.read(&record).is_some()
                && FIELD.conditions().iter().all(|when| when.holds(&record));
            assert_eq!(value.is_some(), holds, "{status:#x} {misc:#x}");
            value
        };
        assert_eq!(value(Status::MISCV | 0x32, 5), Some(5));
        for status in [
            0x32,
            Status::MISCV | 0x33,
            Status::MISCV | 0x22,
            Status::MISCV,
        ] {
            assert_eq!(value(status, 5), None, "{status:#x}");
        }
        assert_eq!(value(Status::MISCV | 0x32, 7), None);
    }

    #[test]
    fn zero_is_shown_as_the_field_says() {
        static CODE: Field = Field::codes("code", Register::Status, bits(3, 0), &[]).every();
        static NUMBER: Field = Field::hex("number", Register::Status, bits(3, 0)).nonzero();
        let record = Record::new(0, Status(Status::VAL));
        assert_eq!(
            CODE.value(&record).unwrap().to_string(),
            "code: undocumented code 0x0"
        );
        assert!(NUMBER.value(&record).is_none());
    }

    #[test]
    fn full_width_bits() {
        assert_eq!(bits(63, 0).of(u64::MAX), u64::MAX);
        assert_eq!(
            Field::hex("all", Register::Status, bits(63, 0)).extract(7),
            7
        );
    }
}
