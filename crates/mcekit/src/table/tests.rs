//! Fields and units over records made for the purpose.

use super::*;
use crate::record::Record;
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
    assert_eq!(CODES.value(&status(1)).unwrap().text(), Some("one"));
    assert_eq!(CODES.value(&status(2)).unwrap().text(), Some("two"));
    assert_eq!(CODES.value(&status(0x101)).unwrap().text(), None);
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
