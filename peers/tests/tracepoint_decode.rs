//! The same formats and records through tracepoint_decode: every field's place and bytes are equal.

#[path = "../../crates/tracefs/tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use tracefs::format::{Kind, Place};
use tracefs::{Abi, Format};
use tracepoint_decode::{PerfByteReader, PerfEventFormat};

#[test]
fn fields_are_equal() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/tracefs/fixtures/formats");
    let reader = PerfByteReader::new(false);
    let mut compared = 0;
    for path in support::files(&root) {
        if !path.ends_with("format") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let ours = Format::parse_for(text.as_bytes(), Abi::LE64).unwrap();
        let peer = PerfEventFormat::parse(true, "system", &text).unwrap();
        let name = path.display();
        assert_eq!(ours.name(), peer.name());
        assert_eq!(ours.id(), peer.id());
        assert_eq!(
            ours.common_fields().len(),
            peer.common_field_count(),
            "{name}"
        );
        assert_eq!(ours.fields().len(), peer.fields().len(), "{name}");
        let record = support::record(&ours, 1);
        for (ours, peer) in ours.fields().zip(peer.fields()) {
            assert_eq!(ours.name(), peer.name(), "{name}");
            assert_eq!(ours.offset(), usize::from(peer.offset()), "{name}: {ours}");
            assert_eq!(ours.size(), usize::from(peer.size()), "{name}: {ours}");
            assert_eq!(Some(ours.is_signed()), peer.signed(), "{name}: {ours}");
            if ours.declaration().starts_with("__data_loc cpumask_t") {
                // Without brackets tracepoint_decode takes it for a plain number.
                continue;
            }
            if let Kind::Array {
                place: Place::RelLoc,
                ..
            } = ours.kind()
            {
                // tracepoint_decode reads the offset as if it were from the record's begin.
                continue;
            }
            let bytes = ours.accessor().bytes(&record);
            assert_eq!(
                bytes,
                peer.get_field_bytes(&record, reader),
                "{name}: {ours}"
            );
            compared += 1;
        }
    }
    assert!(compared > 800, "only {compared}");
}

/// What tracepoint_decode gets wrong (0.5.0), held so that the note is true as long as it stands: a
/// string behind `__data_loc` has no value.
#[test]
fn a_dynamic_string_has_its_value() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/tracefs/fixtures/formats");
    let text = fs::read_to_string(root.join("6.12/ras/mc_event/format")).unwrap();
    let format = Format::parse_for(text.as_bytes(), Abi::LE64).unwrap();
    let record = support::record(&format, 1);
    let ours = format
        .record(&record)
        .get("msg")
        .unwrap()
        .as_text()
        .unwrap();
    assert!(ours.to_str().unwrap().starts_with("msg-"), "{ours:?}");

    let peer = PerfEventFormat::parse(true, "ras", &text).unwrap();
    let field = peer
        .fields()
        .iter()
        .find(|field| field.name() == "msg")
        .unwrap();
    // With overflow checks it panics, without them the value is empty.
    let value = std::panic::catch_unwind(|| {
        let reader = PerfByteReader::new(false);
        let value = field.get_field_value_with_data_and_reader(&record, reader);
        value.bytes().len()
    });
    assert!(
        matches!(value, Err(_) | Ok(0)),
        "tracepoint_decode has it now as well"
    );
}
