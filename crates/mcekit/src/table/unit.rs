//! Units: the fields of a bank, and what they say in a record.

use super::register::Registers;
use super::when::{Asks, Further};
use super::{Field, Place, Register, Value, When};
use crate::record::Record;

/// Fields that share a condition: one register means different things, and a table for each.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// What the conditions say about MCi_STATUS and about one more register, and those that say more; as in [`Field`].
    status: Asks,
    own: Asks,
    register: Register,
    /// Whether there is something further.
    asks: bool,
    /// Whether some field is a coordinate.
    placed: bool,
    fields: &'static [&'static Field],
    further: Further,
}

impl Group {
    /// Fields that are shown only where every condition holds, in the manual's order.
    ///
    /// # Panics
    ///
    /// While compiling, where two conditions on the same bits of MCi_STATUS, or of the first other register, contradict
    /// each other, where a range does not ascend, or where there are more than 16 conditions.
    #[must_use]
    pub const fn new(when: &'static [When], fields: &'static [&'static Field]) -> Self {
        let (mut register, mut i) = (Register::Status, 0);
        while i < when.len() && matches!(register, Register::Status) {
            if let Some(other) = when[i].register() {
                register = other;
            }
            i += 1;
        }
        let (status, own, further) = Asks::decided(register.valid(), Asks::NOTHING, register, when);
        Self {
            status,
            own,
            register,
            asks: !further.nothing(),
            placed: placed(fields),
            fields,
            further,
        }
    }

    /// Whether every condition holds.
    #[must_use]
    #[inline]
    pub fn holds(&self, record: &Record) -> bool {
        self.holds_in(&Registers::of(record))
    }

    #[inline]
    fn holds_in(&self, registers: &Registers<'_>) -> bool {
        let (status, register) = registers.asked(self.register);
        self.status.hold(status)
            && self.own.hold(register)
            && (!self.asks || self.further.hold(registers))
    }

    /// The conditions.
    #[must_use]
    pub const fn conditions(&self) -> &'static [When] {
        self.further.when
    }

    /// The fields.
    #[must_use]
    pub const fn fields(&self) -> &'static [&'static Field] {
        self.fields
    }
}

/// Whether some field is a coordinate.
const fn placed(fields: &[&Field]) -> bool {
    let mut i = 0;
    while i < fields.len() {
        if fields[i].place().is_some() {
            return true;
        }
        i += 1;
    }
    false
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
    pub fn values<'a>(&self, record: &'a Record) -> Values<'a> {
        Values::new(record, self.fields, self.groups, &[])
    }
}

/// The values that some fields have in one record.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    registers: Registers<'a>,
    fields: &'static [&'static Field],
    groups: &'static [Group],
    after: &'static [&'static Field],
}

impl<'a> Values<'a> {
    /// The values of `fields`, then of the groups whose conditions hold, then of `after`.
    #[must_use]
    #[inline]
    pub fn new(
        record: &'a Record,
        fields: &'static [&'static Field],
        groups: &'static [Group],
        after: &'static [&'static Field],
    ) -> Self {
        Self {
            registers: Registers::of(record),
            fields,
            groups,
            after,
        }
    }
}

impl Values<'_> {
    /// The next list of fields: of a group that is wanted and whose conditions hold, or those behind the groups.
    // A call would cost as much as two groups.
    #[inline(always)]
    fn list(
        registers: &Registers<'_>,
        groups: &mut &'static [Group],
        after: &mut &'static [&'static Field],
        wanted: impl Fn(&Group) -> bool,
    ) -> Option<&'static [&'static Field]> {
        while let [group, rest @ ..] = *groups {
            *groups = rest;
            if wanted(group) && group.holds_in(registers) {
                return Some(group.fields);
            }
        }
        let last = core::mem::take(after);
        (!last.is_empty()).then_some(last)
    }

    /// The values of the groups and fields that are wanted: a plain loop in a loop, which costs less than stopping after
    /// every value.
    #[inline]
    fn walk<B>(
        &self,
        in_group: impl Fn(&Group) -> bool,
        wanted: impl Fn(&Field) -> bool,
        init: B,
        mut f: impl FnMut(B, Value) -> B,
    ) -> B {
        let registers = &self.registers;
        let (mut fields, mut groups, mut after) = (self.fields, self.groups, self.after);
        let mut acc = init;
        loop {
            for field in fields {
                if wanted(field)
                    && let Some(value) = field.value_in(registers)
                {
                    acc = f(acc, value);
                }
            }
            match Self::list(registers, &mut groups, &mut after, &in_group) {
                Some(list) => fields = list,
                None => return acc,
            }
        }
    }

    /// The coordinates among the values, in their order: what a location is made of, without the other fields.
    #[inline]
    pub fn places(self, mut found: impl FnMut(Place, u64)) {
        let placed = |field: &Field| field.place().is_some();
        self.walk(
            |group| group.placed,
            placed,
            (),
            |(), value| {
                if let Some(place) = value.field.place() {
                    found(place, value.raw);
                }
            },
        );
    }
}

impl Iterator for Values<'_> {
    type Item = Value;

    #[inline]
    fn next(&mut self) -> Option<Value> {
        loop {
            while let [field, rest @ ..] = self.fields {
                self.fields = rest;
                if let Some(value) = field.value_in(&self.registers) {
                    return Some(value);
                }
            }
            let (groups, after) = (&mut self.groups, &mut self.after);
            self.fields = Self::list(&self.registers, groups, after, |_| true)?;
        }
    }

    #[inline]
    fn fold<B, F: FnMut(B, Value) -> B>(self, init: B, f: F) -> B {
        self.walk(|_| true, |_| true, init, f)
    }
}
