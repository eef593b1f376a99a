//! Typed access to a record's fields, and the record as a map.

mod support;

use tracefs::format::{Element, Kind, Place};
use tracefs::{Abi, Error, Format, Value};

fn format(abi: Abi) -> Format {
    let text = b"name: all\nID: 9\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
        \tfield:int flags;\toffset:4;\tsize:8;\tsigned:0;\n\
        \tfield:typedef_t t;\toffset:12;\tsize:4;\tsigned:1;\n\
        \tfield:char comm[16];\toffset:16;\tsize:16;\tsigned:0;\n\
        \tfield:__data_loc char[] name;\toffset:32;\tsize:4;\tsigned:0;\n\
        \tfield:__rel_loc u16[] values;\toffset:36;\tsize:4;\tsigned:0;\n\
        \tfield:__data_loc cpumask_t mask;\toffset:40;\tsize:4;\tsigned:0;\n\
        \tfield:void __seg_gs * p __attribute__((user));\toffset:48;\tsize:8;\tsigned:0;\n\
        \tfield:u8 grid[2][3];\toffset:56;\tsize:6;\tsigned:0;\n\
        \tfield:u32 rest[];\toffset:64;\tsize:0;\tsigned:0;\n\nprint fmt: \"\"\n";
    Format::parse_for(text, abi).unwrap()
}

#[test]
fn declarations_of_every_kind() {
    let format = format(Abi::LE64);
    let kind = |name: &str| format.field(name).unwrap().kind();
    let array = |place, element| Kind::Array { place, element };
    assert_eq!(kind("flags"), Kind::Number);
    assert_eq!(kind("comm"), array(Place::Fixed, Element::Char));
    assert_eq!(kind("name"), array(Place::DataLoc, Element::Char));
    assert_eq!(kind("values"), array(Place::RelLoc, Element::Number(2)));
    assert_eq!(kind("mask"), array(Place::DataLoc, Element::Bitmask));
    assert_eq!(kind("p"), Kind::Pointer);
    assert_eq!(kind("grid"), array(Place::Fixed, Element::Number(1)));
    assert_eq!(format.field("grid").unwrap().array_len(), 6);
    assert_eq!(kind("rest"), array(Place::Rest, Element::Number(4)));
    assert_eq!(format.field("values").unwrap().type_name(), "u16");
    assert!(matches!(
        format.accessor("none"),
        Err(Error::NoField { .. })
    ));
}

#[test]
fn both_byte_orders_give_the_same_values() {
    for abi in [Abi::LE64, Abi::BE64] {
        let format = format(abi);
        let mut data = vec![0; 64];
        let mut put = |range: std::ops::Range<usize>, value: u64| {
            support::store(&mut data[range], value, abi);
        };
        put(4..12, 0x1_0000_0001);
        put(12..16, u64::from(-5i32 as u32));
        put(32..36, 4 << 16 | 72);
        put(36..40, 6 << 16 | (76 - 40));
        put(40..44, 8 << 16 | 84);
        data.resize(92, 0);
        data[16..19].copy_from_slice(b"cat");
        data[72..76].copy_from_slice(b"two\0");
        for (at, value) in [1u64, 2, 0xffff].into_iter().enumerate() {
            support::store(&mut data[76 + 2 * at..78 + 2 * at], value, abi);
        }
        support::store(&mut data[84..92], 1 << 63 | 5, abi);

        let record = format.record(&data);
        let get = |name: &str| record.get(name).unwrap();
        assert_eq!(get("flags"), Value::Unsigned(0x1_0000_0001));
        assert_eq!(get("t"), Value::Signed(-5));
        assert_eq!(get("comm").as_text().unwrap(), "cat");
        assert_eq!(get("name").as_text().unwrap(), "two");
        let values = get("values").as_array().unwrap();
        assert_eq!(
            values.iter().filter_map(Value::as_u64).collect::<Vec<_>>(),
            [1, 2, 0xffff]
        );
        assert_eq!(
            get("mask").as_array().unwrap().bits().collect::<Vec<_>>(),
            [0, 2, 63]
        );

        let short = format.record(&data[..84]);
        assert!(matches!(
            short.get("mask"),
            Err(Error::RecordTooShort {
                needed: 92,
                len: 84,
                ..
            })
        ));
        assert_eq!(short.get("name").unwrap().as_text().unwrap(), "two");
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_record_is_a_map() {
    let format = format(Abi::LE64);
    let data = support::record(&format, 4);
    let json = serde_json::to_value(format.record(&data)).unwrap();
    let map = json.as_object().unwrap();
    assert_eq!(map.len(), format.fields().len());
    assert_eq!(
        map["flags"].as_u64(),
        format.accessor("flags").unwrap().u64(&data)
    );
    assert_eq!(map["t"].as_i64(), format.accessor("t").unwrap().i64(&data));
    assert!(map["name"].as_str().unwrap().starts_with("name-"));
    assert_eq!(map["values"].as_array().unwrap().len(), 3);
    // What the bytes do not hold is null, and loses nothing else.
    let json = serde_json::to_value(format.record(&data[..40])).unwrap();
    assert!(json["p"].is_null() && json["flags"].is_u64());
}
