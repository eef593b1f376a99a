//! Records and decodings as JSON.

use mcekit::Record;
use serde_json::Value;

use crate::Input;
use crate::record::any;

/// A record survives JSON; whatever reads as a record is written and read again as the same one; a decoding is an object
/// whose closed fields are in range; our writer writes what serde_json writes.
pub fn record(data: &[u8]) {
    if let Ok(given) = serde_json::from_slice::<Record>(data) {
        assert_eq!(round(&given), given);
    }
    let record = any(&mut Input(data));
    assert_eq!(round(&record), record);
    let decoding = serde_json::to_value(record.decode()).expect("a decoding serializes");
    closed(&decoding);
    assert_same(&record.decode());
    assert_same(&mcekit_models::decode(&record));
    assert_same(&record);
}

/// Both writers write the same text.
fn assert_same(value: &impl serde::Serialize) {
    let mut ours = String::new();
    mcekit::write_json(&mut ours, value).expect("a string takes everything");
    let theirs = serde_json::to_string(value).expect("it serializes");
    assert_eq!(ours, theirs);
}

fn round(record: &Record) -> Record {
    let json = serde_json::to_string(record).expect("a record serializes");
    serde_json::from_str(&json).expect("what was written reads")
}

/// What may stand in the closed fields of a decoding; docs/json.md has the same lists.
fn closed(decoding: &Value) {
    let one_of = |key: &str, names: &[&str]| {
        if let Some(value) = decoding.get(key) {
            let name = value.as_str().expect("a closed field is a string");
            assert!(names.contains(&name), "{key}: {name}");
        }
    };
    one_of(
        "transaction",
        &["instruction", "data", "generic", "reserved"],
    );
    one_of(
        "participation",
        &["source", "responder", "observer", "generic"],
    );
    one_of("memory_io", &["memory", "reserved", "io", "other"]);
    one_of("threshold", &["green", "yellow", "res3"]);
    one_of("internal", &["hardware-assert", "reserved"]);
    let below = |key: &str, limit: u64| {
        let value = decoding.get(key).filter(|value| !value.is_null());
        assert!(
            value.is_none_or(|value| value.as_u64().is_some_and(|n| n < limit)),
            "{key}"
        );
    };
    below("level", 4);
    below("channel", 15);
    below("corrected_count", 1 << 15);
    for context in ["poll", "mc_user", "mc_kernel", "mc_kernel_recov"] {
        assert!(decoding["severity"]["kernel"][context]["sev"].is_string());
    }
    assert!(
        decoding["text"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
}
