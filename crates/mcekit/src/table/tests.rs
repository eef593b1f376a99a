//! Fields and units over records made for the purpose.

use super::*;
use crate::arch::ErrorClass;
use crate::record::{Present, Record};
use crate::regs::{Addr, Ipid, Misc, Status, Synd, Synd1, Synd2, Vendor};
use proptest::prelude::*;
use std::string::ToString;
use std::vec::Vec;

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
    static INSTANCE: Field = Field::hex("instance", Register::Ipid, bits(31, 0));
    assert!(INSTANCE.value(&record).is_none());
    assert!(INSTANCE.value(&record.with_ipid(Ipid(0))).is_some());
    // On Intel's processors the bit of MCi_STATUS that calls MCA_SYND valid belongs to a count.
    static SYNDROME: Field = Field::hex("syndrome", Register::Synd, bits(63, 32));
    let record = Record::new(0, Status(Status::VAL | Status::SYNDV)).with_synd(Synd(1 << 32));
    assert!(SYNDROME.value(&record.with_vendor(Vendor::INTEL)).is_none());
    assert!(SYNDROME.value(&record.with_vendor(Vendor::HYGON)).is_some());
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

/// One field for each way in which a condition, a place or a form is decided.
static EVERY_WAY: &[&Field] = {
    use Register::{Addr, Ipid, Misc, Status, Synd, Synd1, Synd2};
    &[
        &Field::codes("plain", Status, bits(19, 16), &[code(0, "zero")]),
        &Field::codes("no zero", Status, bits(19, 16), &[code(1, "one")]),
        &Field::codes(
            "named",
            Misc,
            bits(3, 0),
            &[code(0, "zero"), code(3, "three")],
        )
        .named(),
        &Field::codes("every", Addr, bits(3, 0), &[]).every(),
        &Field::flag(Status, 17, &[code(1, "flag of status")]),
        &Field::flag(Misc, 17, &[code(1, "flag")]),
        &Field::flag(Misc, 18, &[code(1, "flag")]).when(&[When::Is(Misc, bit(62), 1)]),
        &Field::hex("all", Misc, bits(63, 0)).at(Place::Row),
        &Field::hex("all, own", Misc, bits(63, 0)).when(&[When::Is(Misc, bit(62), 0)]),
        &Field::hex("high, range", Synd, bits(63, 8)).when(&[When::Not(Status, bits(17, 16), 2)]),
        &Field::hex("shifted out", Addr, bits(7, 0)).shifted(60),
        &Field::hex("shifted, own", Addr, bits(7, 4))
            .shifted(2)
            .when(&[When::Is(Addr, bit(0), 0)]),
        &Field::hex("joined", Synd1, bits(9, 8))
            .then(bits(3, 1))
            .then(bit(63))
            .shifted(1),
        &Field::hex("joined, own", Synd2, bit(9))
            .then(bits(3, 1))
            .when(&[When::Is(Synd2, bit(0), 1)]),
        &Field::decimal("other", Ipid, bits(3, 0)).when(&[When::Is(Misc, bits(1, 0), 1)]),
        &Field::decimal("lent bit", Ipid, bits(3, 0)).when(&[When::Is(Status, bit(63), 0)]),
        &Field::decimal("aligned", Status, bits(1, 0)).when(&[When::Within(
            Status,
            bits(19, 16),
            4,
            7,
        )]),
        &Field::decimal("within", Status, bits(1, 0)).when(&[When::Within(
            Status,
            bits(19, 16),
            3,
            9,
        )]),
        &Field::decimal("outside", Status, bits(1, 0)).when(&[When::Outside(
            Status,
            bits(19, 16),
            3,
            9,
        )]),
        &Field::decimal("two ranges", Misc, bits(1, 0)).when(&[
            When::Not(Status, bits(17, 16), 1),
            When::Not(Status, bits(19, 18), 1),
        ]),
        &Field::decimal("wide range", Misc, bits(1, 0)).when(&[When::Within(
            Status,
            bits(62, 16),
            3,
            1 << 40,
        )]),
        &Field::decimal("range of another", Misc, bits(1, 0)).when(&[When::Outside(
            Addr,
            bits(2, 0),
            1,
            3,
        )]),
        &Field::decimal("class", Misc, bits(1, 0)).when(&[When::Class(ErrorClass::CacheHierarchy)]),
        &Field::decimal("no class", Misc, bits(1, 0)).when(&[
            When::NotClass(ErrorClass::Unknown),
            When::NotClass(ErrorClass::Simple),
        ]),
        &Field::decimal("banks", Status, bits(1, 0))
            .when(&[When::Banks(0, 1)])
            .at(Place::Bank),
    ]
};

static GROUPS: &[Group] = &[
    Group::new(&[], EVERY_WAY),
    Group::new(&[When::Is(Register::Misc, bits(1, 0), 1)], EVERY_WAY),
    Group::new(
        &[
            When::Is(Register::Ipid, bit(0), 1),
            When::Is(Register::Misc, bit(0), 0),
            When::Not(Register::Status, bits(17, 16), 0),
        ],
        EVERY_WAY,
    ),
    Group::new(&[When::NotClass(ErrorClass::Unknown)], EVERY_WAY),
];

/// What a field shows, by its parts, one by one.
fn shown(field: &'static Field, record: &Record) -> Option<u64> {
    let raw = field.extract(field.register().read(record)?);
    let named = field.row(raw).is_some();
    let holds = field.conditions().iter().all(|when| when.holds(record));
    let speaks = match field.form() {
        Form::Code => raw != 0 || named,
        Form::NamedCode => named,
        _ => true,
    };
    (holds && speaks).then_some(raw)
}

/// A register with few bits set beside those that conditions ask.
fn register() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (any::<u64>(), any::<u64>()).prop_map(|(a, b)| a & b & 0xc000_0000_000f_ffff),
        Just(0),
        Just(u64::MAX),
    ]
}

prop_compose! {
    fn records()(
        status in register(), misc in register(), addr in register(), synd in register(), synd1 in register(),
        synd2 in register(), ipid in register(), bank in 0..4_u8, present in any::<u32>(),
        valid in any::<u8>(),
    ) -> Record {
        let bits = [Status::MISCV, Status::ADDRV, Status::SYNDV, Status::VAL];
        let status = bits.into_iter().enumerate().fold(status, |status, (n, bit)| {
            if valid >> n & 1 == 0 { status | bit } else { status }
        });
        Record::new(bank, Status(status))
            .with_misc(Misc(misc))
            .with_addr(Addr(addr))
            .with_synd(Synd(synd))
            .with_synd1(Synd1(synd1))
            .with_synd2(Synd2(synd2))
            .with_ipid(Ipid(ipid | 1 << 32))
            .with_vendor(Vendor::AMD)
            // Without MCA_IPID the bank is none of scalable MCA, and its registers are not asked.
            .without(Present::from_bits_truncate(present) & !Present::IPID & !Present::STATUS)
    }
}

proptest! {
    #[test]
    fn a_field_is_shown_where_its_parts_say_so(record in records()) {
        for field in EVERY_WAY {
            let value = field.value(&record).map(|value| value.raw);
            prop_assert_eq!(value, shown(field, &record), "{}", field.name());
        }
    }

    #[test]
    fn a_walk_shows_what_its_fields_show(record in records()) {
        let expected: Vec<_> = EVERY_WAY
            .iter()
            .chain(GROUPS.iter().filter(|group| group.conditions().iter().all(|when| when.holds(&record))).flat_map(Group::fields))
            .chain(EVERY_WAY)
            .filter_map(|field| Some((field.name(), shown(field, &record)?)))
            .collect();
        let values = Values::new(&record, EVERY_WAY, GROUPS, EVERY_WAY);
        let pair = |value: Value| (value.field.name(), value.raw);
        let mut one_by_one = Vec::new();
        for value in values {
            one_by_one.push(pair(value));
        }
        prop_assert_eq!(&one_by_one, &expected);
        prop_assert_eq!(values.map(pair).collect::<Vec<_>>(), expected.clone());
        let mut folded = Vec::new();
        values.for_each(|value| folded.push(pair(value)));
        prop_assert_eq!(folded, expected);
        let placed = values.filter_map(|value| Some((value.field.place()?, value.raw)));
        let mut places = Vec::new();
        values.places(|place, raw| places.push((place, raw)));
        prop_assert_eq!(places, placed.collect::<Vec<_>>());
    }
}
