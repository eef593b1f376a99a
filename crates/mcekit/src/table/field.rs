//! Fields: which bits, when they mean something, and the codes that they hold.

use core::fmt;

use super::register::Registers;
use super::when::{Asks, Further};
use super::{Bits, Class, Code, Place, Register, When, bit};
use crate::record::Record;

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

/// What decides whether a field's value is shown, beyond the least one and what is asked of MCi_STATUS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decides {
    /// Nothing.
    Nothing,
    /// What is asked of the field's own register.
    Own,
    /// That, and a range of MCi_STATUS.
    Range,
    /// These, and the conditions that remain, or rows; or there are several parts to join.
    All,
}

/// A field of a register: which bits, when it means something, and the table of its codes.
///
/// Most fields mean nothing in a given record, and finding that out is what decoding costs: what is asked first lies
/// together in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Field {
    /// What most conditions ask of MCi_STATUS, all at once.
    status: Asks,
    /// The value's bits, turned down from where they stand.
    mask: u64,
    /// The least value that is shown without further questions: 1 where zero says nothing, and above every value where
    /// there are some.
    least: u64,
    turn: u8,
    register: Register,
    /// What decides about values below that.
    decides: Decides,
    /// Whether the value is to be joined from the parts.
    joined: bool,
    /// Whether zero says nothing.
    hides_zero: bool,
    form: Form,
    /// A number that is not shown where it is zero.
    nonzero: bool,
    shift: u8,
    /// What conditions ask of the field's own register, where that is another than MCi_STATUS.
    own: Asks,
    codes: &'static [Code],
    further: Further,
    /// Rows that this table shares with another; asked where `codes` has none.
    parent: Option<&'static [Code]>,
    name: &'static str,
    role: Option<Role>,
    /// From the highest part to the lowest; a part of width 0 is not used.
    parts: [Option<Bits>; 3],
}

impl Field {
    /// A field of codes. A value without a row is shown as undocumented; zero without a row is not shown.
    ///
    /// # Panics
    ///
    /// While compiling, where the rows do not ascend, one does not fit into the bits, or a text needs escapes in JSON.
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
    /// While compiling, where the rows do not ascend, one does not fit into the bits, or a text needs escapes in JSON.
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
    ///
    /// # Panics
    ///
    /// While compiling, where its text needs escapes in JSON.
    #[must_use]
    pub const fn flag(register: Register, n: u8, set: &'static [Code; 1]) -> Self {
        let mut field = Self::codes(set[0].text, register, bit(n), set);
        // Where the bit is not set there is nothing to show.
        match register {
            Register::Status => field.status = field.status.and(1 << n, 1 << n),
            _ => field.own = field.own.and(1 << n, 1 << n),
        }
        field.settled()
    }

    /// A number shown in hex.
    ///
    /// # Panics
    ///
    /// While compiling, where the name needs escapes in JSON.
    #[must_use]
    pub const fn hex(name: &'static str, register: Register, part: Bits) -> Self {
        Self::plain(name, register, part, Form::Hex, &[])
    }

    /// A number shown in decimal.
    ///
    /// # Panics
    ///
    /// While compiling, where the name needs escapes in JSON.
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
        check_text(name);
        Self {
            status: register.valid(),
            mask: 0,
            least: 1,
            turn: 0,
            register,
            decides: Decides::Nothing,
            joined: false,
            hides_zero: false,
            form,
            nonzero: false,
            shift: 0,
            own: Asks::NOTHING,
            codes,
            further: Further::NOTHING,
            parent: None,
            name,
            role: None,
            parts: [Some(part), None, None],
        }
        .settled()
    }

    /// The field, with what follows from its other parts.
    const fn settled(mut self) -> Self {
        let names_zero = names_zero(self.codes)
            || match self.parent {
                Some(parent) => names_zero(parent),
                None => false,
            };
        self.hides_zero = !names_zero
            && match self.form {
                Form::Code => true,
                Form::Hex | Form::Decimal => self.nonzero,
                Form::NamedCode | Form::EveryCode => false,
            };
        self.least = self.hides_zero as u64;
        let mut flag = false;
        if let Some(part) = self.parts[0] {
            // The first part of several is shifted with the others.
            let shift = if self.joined { 0 } else { self.shift };
            self.turn = (64 + part.lo() - shift) % 64;
            self.mask = u64::MAX >> (64 - part.width()) << shift;
            let set = 1 << part.lo();
            flag = self.hides_zero && part.width() == 1 && self.own.is(set, set);
        }
        self.decides =
            if self.joined || self.further.remain() || matches!(self.form, Form::NamedCode) {
                Decides::All
            } else if !self.further.nothing() {
                Decides::Range
            } else if !flag && !self.own.is(0, 0) {
                Decides::Own
            } else {
                Decides::Nothing
            };
        if !matches!(self.decides, Decides::Nothing) {
            match self.mask.checked_add(1) {
                Some(above) => self.least = above,
                None => {
                    (self.mask, self.least) = (0, 1);
                    self.decides = Decides::All;
                }
            }
        }
        self
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
        assert!(self.width() <= 64, "a field has at most 64 bits");
        self.settled()
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
        self.settled()
    }

    /// The field with rows of a parent table behind its own: own rows win.
    ///
    /// # Panics
    ///
    /// While compiling, where the parent's rows do not ascend or do not fit, or a text needs escapes in JSON.
    #[must_use]
    pub const fn or_else(mut self, parent: &'static [Code]) -> Self {
        check(parent, self.width());
        self.parent = Some(parent);
        self.settled()
    }

    /// The field of codes, shown always: here zero says something even without a row.
    #[must_use]
    pub const fn every(mut self) -> Self {
        self.form = Form::EveryCode;
        self.settled()
    }

    /// The field of codes, shown only where a row names its value.
    #[must_use]
    pub const fn named(mut self) -> Self {
        self.form = Form::NamedCode;
        self.settled()
    }

    /// The number, not shown where it is zero.
    #[must_use]
    pub const fn nonzero(mut self) -> Self {
        self.nonzero = true;
        self.settled()
    }

    /// The field, shown only where every condition holds.
    ///
    /// # Panics
    ///
    /// While compiling, where two conditions on the same bits of MCi_STATUS, or of the field's own register, contradict
    /// each other, where a range does not ascend, or where there are more than 16 conditions.
    #[must_use]
    pub const fn when(mut self, when: &'static [When]) -> Self {
        (self.status, self.own, self.further) =
            Asks::decided(self.status, self.own, self.register, when);
        self.settled()
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
        self.further.when
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
        let first = self.parts[0].map_or(0, |part| part.of(register));
        self.join(first, register) << self.shift
    }

    /// The first part with the others behind it.
    #[inline]
    fn join(&self, first: u64, register: u64) -> u64 {
        let [_, rest @ ..] = &self.parts;
        rest.iter().flatten().fold(first, |raw, part| {
            raw << (part.width() & 63) | part.of(register)
        })
    }

    /// The field's value in a record: `None` where the register is not valid, a condition fails, or a code
    /// field holds an unnamed zero.
    #[must_use]
    pub fn value(&'static self, record: &Record) -> Option<Value> {
        self.value_in(&Registers::of(record))
    }

    /// The same, of registers that were asked for once.
    // Most fields of a unit mean nothing in a given record: a call would cost more than finding that out.
    #[inline(always)]
    pub(super) fn value_in(&'static self, registers: &Registers<'_>) -> Option<Value> {
        let raw = self.raw_in(registers)?;
        Some(Value { field: self, raw })
    }

    /// The number alone.
    #[inline(always)]
    fn raw_in(&self, registers: &Registers<'_>) -> Option<u64> {
        let (status, register) = registers.asked(self.register);
        if !self.status.hold(status) {
            return None;
        }
        let raw = register.rotate_right(self.turn.into()) & self.mask;
        if raw >= self.least {
            return Some(raw);
        }
        if matches!(self.decides, Decides::Nothing)
            || !self.own.hold(register)
            || !matches!(self.decides, Decides::Own) && !self.further.range_holds(registers)
        {
            None
        } else if matches!(self.decides, Decides::All) {
            self.ask(raw, registers)
        } else if raw >= u64::from(self.hides_zero) {
            Some(raw)
        } else {
            None
        }
    }

    /// The number of a field that depends on more, where what `first` depends on holds.
    fn ask(&self, first: u64, registers: &Registers<'_>) -> Option<u64> {
        let (_, register) = registers.asked(self.register);
        let raw = if self.mask == 0 {
            self.extract(register)
        } else if self.joined {
            self.join(first, register) << self.shift
        } else {
            first
        };
        if raw < u64::from(self.hides_zero) || !self.further.rest_hold(registers) {
            return None;
        }
        if matches!(self.form, Form::NamedCode) && self.row(raw).is_none() {
            return None;
        }
        Some(raw)
    }
}

/// Whether the first row, and with it any, names zero.
const fn names_zero(codes: &[Code]) -> bool {
    !codes.is_empty() && codes[0].value == 0
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
        check_text(codes[i].text);
        i += 1;
    }
}

/// What tables say has no sign that JSON would escape, so that nothing has to be looked for when it is written.
const fn check_text(text: &str) {
    let (bytes, mut i) = (text.as_bytes(), 0);
    while i < bytes.len() {
        assert!(
            bytes[i] >= b' ' && bytes[i] != b'"' && bytes[i] != b'\\',
            "a text has no quote, no backslash and no control character"
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
}

impl Value {
    /// The row that names it, if one does.
    #[must_use]
    #[inline]
    pub fn row(&self) -> Option<&'static Code> {
        if self.field.codes.is_empty() && self.field.parent.is_none() {
            return None;
        }
        self.field.row(self.raw)
    }

    /// What the manual says; `None` for an undocumented code and for plain numbers.
    #[must_use]
    #[inline]
    pub fn text(&self) -> Option<&'static str> {
        self.row().map(|row| row.text)
    }

    /// What it means for policy.
    #[must_use]
    #[inline]
    pub fn class(&self) -> Option<Class> {
        self.row()?.class
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.text(), self.field.form) {
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
