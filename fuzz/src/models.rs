//! The tables of `mcekit-models`.

use mcekit::table::{Banks, Field, Group, Model, Unit, Value};
use mcekit_models::{Explained, by_name, decode, decode_as, models};

use crate::Input;
use crate::record::any;

/// Whether a field is one of a unit's, in a group whose conditions hold, or one that all banks have.
fn belongs(explained: &Explained<'_>, field: &'static Field) -> bool {
    let holds = |group: &&Group| {
        group
            .conditions()
            .iter()
            .all(|when| when.holds(explained.record()))
    };
    let mut own = explained.unit().into_iter().flat_map(|unit| {
        let grouped = unit.grouped().iter().filter(holds).flat_map(Group::fields);
        unit.fields().iter().chain(grouped)
    });
    let mut common = explained.model().into_iter().flat_map(|model| model.common);
    own.any(|f| std::ptr::eq(*f, field)) || common.any(|f| std::ptr::eq(*f, field))
}

/// Whether a unit has neither fields nor groups, so that only its code's number is shown.
fn silent(unit: Option<&Unit>) -> bool {
    unit.is_none_or(|unit| unit.fields().is_empty() && unit.grouped().is_empty())
}

/// The text is that of the exact number, read from a valid register, under conditions that hold.
fn check_value(explained: &Explained<'_>, value: &Value) {
    let record = explained.record();
    let register = value
        .field
        .register()
        .read(record)
        .expect("a value of a register that is valid");
    assert_eq!(
        value.field.extract(register),
        value.raw,
        "the number is what the register holds"
    );
    assert!(
        value
            .field
            .conditions()
            .iter()
            .all(|when| when.holds(record))
    );
    if let Some(text) = value.text() {
        let row = value
            .field
            .rows()
            .find(|row| u64::from(row.value) == value.raw);
        let row = row.expect("a text stands in a row of exactly this number");
        assert_eq!((row.text, row.class), (text, value.class()));
    } else {
        assert_eq!(value.class(), None, "no class without a row");
    }
    let unpublished = value.field.rows().next().is_none() && silent(explained.unit());
    assert!(
        unpublished || belongs(explained, value.field),
        "a field of the bank's own unit"
    );
}

fn check(explained: &Explained<'_>, model: Option<&'static Model>) {
    let record = explained.record();
    if let (Some(unit), Some(model)) = (explained.unit(), model) {
        let bank = record.bank();
        let known = match model.banks {
            Banks::Architectural => false,
            Banks::Numbered(banks) => banks.iter().any(|b| {
                std::ptr::eq(b.unit, unit) && bank.is_some_and(|n| (b.first..=b.last).contains(&n))
            }),
            Banks::Ipid(own, shared) => own.iter().chain(shared).any(|b| {
                std::ptr::eq(b.unit, unit) && record.ipid().is_some_and(|i| i.hwid() == b.hwid)
            }),
        };
        assert!(known, "the unit is that of the bank");
    }
    for value in explained.values() {
        check_value(explained, &value);
    }
    if !record.status().val() {
        assert_eq!(explained.values().count(), 0, "no error, nothing to say");
    }
    if !record.status().miscv() {
        assert_eq!(
            explained.dimm_address(),
            None,
            "DIMM addresses stand in MISC"
        );
    }
    assert!(explained.mcelog_location().count() <= 2);
    let _ = (
        explained.location(),
        explained.corrected_by(),
        explained.to_string(),
    );
}

/// Any record with every model, and with the model of its own processor.
pub fn explain(data: &[u8]) {
    let record = any(&mut Input(data));
    let explained = decode(&record);
    check(&explained, explained.model());
    for model in models() {
        check(&decode_as(&record, model), Some(model));
    }
}

/// Any text as the name of a processor: what it selects is consistent.
pub fn name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(found) = by_name(text) {
        assert!(found.model.is_some() || found.signature.is_some());
        if let (Some(model), Some(signature)) = (found.model, found.signature) {
            assert!(model.cpus.iter().any(|cpu| cpu.matches(signature)));
        }
        if let Some(model) = found.model {
            assert_eq!(found.vendor, Some(model.vendor));
        }
    }
}
