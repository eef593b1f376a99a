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
//! Neither does a code that its field cannot hold:
//!
//! ```compile_fail
//! use mcekit::table::{bits, code, Field, Register};
//! static F: Field = Field::codes("f", Register::Status, bits(19, 16), &[code(0x10, "too wide")]);
//! ```

mod location;
mod model;
mod when;

use core::fmt;

use crate::record::Record;

pub use location::{Location, Place};
pub use model::{Bank, Banks, Channel, Cpu, Model, SmcaBank};
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

/// How a field's value is shown where no row names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// A code: shown where a row names it, or where it is not zero.
    Code,
    /// A number or address, shown always, in hex.
    Hex,
    /// A number, shown always, in decimal.
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
    form: Form,
    codes: &'static [Code],
    /// Rows that this table shares with another; asked where `codes` has none.
    parent: Option<&'static [Code]>,
    when: &'static [When],
    place: Option<Place>,
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

    /// A single bit that has a meaning when it is set.
    #[must_use]
    pub const fn flag(register: Register, n: u8, set: &'static [Code; 1]) -> Self {
        Self::codes(set[0].text, register, bit(n), set)
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
            form,
            codes,
            parent: None,
            when: &[],
            place: None,
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
        self
    }

    /// The field, shown only where every condition holds.
    #[must_use]
    pub const fn when(mut self, when: &'static [When]) -> Self {
        self.when = when;
        self
    }

    /// The field, whose value is also a part of the location.
    #[must_use]
    pub const fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
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
        self.place
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
    pub fn row(&self, raw: u64) -> Option<&'static Code> {
        let value = u32::try_from(raw).ok()?;
        find(self.codes, value).or_else(|| find(self.parent?, value))
    }

    /// The number that the bits spell, whatever the conditions say.
    #[must_use]
    pub fn extract(&self, register: u64) -> u64 {
        let mut raw = 0;
        for part in self.parts.iter().flatten() {
            raw = raw << (part.width() & 63) | part.of(register);
        }
        raw << self.shift
    }

    /// The field's value in a record: `None` where the register is not valid, a condition fails, or a code
    /// field holds an unnamed zero.
    #[must_use]
    pub fn value(&'static self, record: &Record) -> Option<Value> {
        let raw = self.extract(self.register.read(record)?);
        let row = self.row(raw);
        if row.is_none() && raw == 0 && matches!(self.form, Form::Code) {
            return None;
        }
        if !self.when.iter().all(|condition| condition.holds(record)) {
            return None;
        }
        Some(Value {
            field: self,
            raw,
            text: row.map(|r| r.text),
            class: row.and_then(|r| r.class),
        })
    }
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

fn find(codes: &'static [Code], value: u32) -> Option<&'static Code> {
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
            (Some(text), Form::Code) if text == self.field.name => f.write_str(text),
            (Some(text), _) => write!(f, "{}: {text}", self.field.name),
            (None, Form::Code) => {
                write!(f, "{}: undocumented code {:#x}", self.field.name, self.raw)
            }
            (None, Form::Hex) => write!(f, "{}: {:#x}", self.field.name, self.raw),
            (None, Form::Decimal) => write!(f, "{}: {}", self.field.name, self.raw),
        }
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
}

impl Unit {
    /// A unit with its fields, in the manual's order.
    #[must_use]
    pub const fn new(
        id: &'static str,
        name: &'static str,
        fields: &'static [&'static Field],
    ) -> Self {
        Self { id, name, fields }
    }

    /// Its fields.
    #[must_use]
    pub const fn fields(&self) -> &'static [&'static Field] {
        self.fields
    }

    /// What its fields say in a record.
    pub fn values(&self, record: &Record) -> impl Iterator<Item = Value> + use<> {
        let record = *record;
        self.fields
            .iter()
            .filter_map(move |field| field.value(&record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regs::{Misc, Status};
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
    fn full_width_bits() {
        assert_eq!(bits(63, 0).of(u64::MAX), u64::MAX);
        assert_eq!(
            Field::hex("all", Register::Status, bits(63, 0)).extract(7),
            7
        );
    }
}
