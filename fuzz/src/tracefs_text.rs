//! Targets of `tracefs`: format files, records, print fmts.

use tracefs::format::{Kind, Place};
use tracefs::print::{MAX_LINE, PrintFmt, Symbols};
use tracefs::{Abi, Endian, Format, Value};

const ABIS: [Abi; 4] = [Abi::LE64, Abi::BE64, Abi::LE32, Abi::BE32];

/// Formats that records are read by.
const FORMATS: [&[u8]; 8] = [
    include_bytes!("../../crates/tracefs/fixtures/formats/6.13/mce/mce_record/format"),
    include_bytes!("../../crates/tracefs/fixtures/formats/6.12/ras/mc_event/format"),
    include_bytes!("../../crates/tracefs/fixtures/formats/6.12/ras/extlog_mem_event/format"),
    include_bytes!("../../crates/tracefs/fixtures/formats/6.12/cxl/cxl_general_media/format"),
    include_bytes!("../../crates/tracefs/fixtures/formats/6.18/dma/dma_map_sg/format"),
    include_bytes!("../../crates/tracefs/fixtures/formats/6.18/kvmmmu/kvm_mmu_unsync_page/format"),
    include_bytes!("../../crates/tracefs/fixtures/formats/6.12/nfsd/nfsd_copy_async/format"),
    include_bytes!("../../crates/tracefs/fixtures/formats/6.18/ipi/ipi_send_cpumask/format"),
];

/// The first byte chooses the machine, the rest is a format file.
///
/// What is read has no contradictions, and written again is read as the same.
pub fn format(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    let abi = ABIS[usize::from(choice % 4)];
    let Ok(format) = Format::parse_for(text, abi) else {
        return;
    };
    let again = Format::parse_for(format.to_string().as_bytes(), abi).expect("read before");
    assert_eq!(format, again);
    let places: Vec<_> = format
        .fields()
        .map(|field| (field.offset(), field.offset() + field.size()))
        .collect();
    for (at, a) in places.iter().enumerate() {
        assert!(a.1 <= format.extent());
        for b in &places[at + 1..] {
            assert!(a.1 <= b.0 || b.1 <= a.0 || a.0 == a.1 || b.0 == b.1);
        }
    }
    for field in format.fields() {
        let found = format.field(field.name()).expect("a field's own name");
        assert_eq!(found.name(), field.name());
    }
    if let Ok(print) = PrintFmt::compile(&format, &Symbols::new()) {
        line(&print, &vec![0; format.extent().min(4096)]);
    }
}

/// The first byte chooses the format, the second the machine, the rest is a record.
///
/// A value is what a slower reading of the same bytes gives, and lies inside the record.
pub fn record(bytes: &[u8]) {
    let [choice, machine, data @ ..] = bytes else {
        return;
    };
    let abi = ABIS[usize::from(machine % 4)];
    let text = FORMATS[usize::from(choice % 8)];
    let format = Format::parse_for(text, abi).expect("a fixture");
    for (field, value) in format.record(data).values() {
        let place = match field.kind() {
            Kind::Array {
                place: place @ (Place::DataLoc | Place::RelLoc),
                ..
            } => number(data, field.offset(), 4, abi).map(|word| {
                let from = if place == Place::RelLoc {
                    field.offset() + 4
                } else {
                    0
                };
                (from + (word & 0xffff) as usize, (word >> 16) as usize)
            }),
            _ => Some((field.offset(), field.size())),
        };
        let slow = place.and_then(|(start, len)| data.get(start..start + len));
        assert_eq!(value.is_some(), slow.is_some(), "{field}");
        let Some((value, slow)) = value.zip(slow) else {
            continue;
        };
        match value {
            Value::Unsigned(n) => {
                assert_eq!(Some(n), number(data, field.offset(), field.size(), abi));
            }
            Value::Signed(n) => {
                let shift = 64 - 8 * field.size();
                let n = n as u64;
                assert_eq!((n as i64) << shift >> shift, n as i64);
                let raw = number(data, field.offset(), field.size(), abi);
                assert_eq!(Some(n << shift >> shift), raw);
            }
            Value::Text(text) => {
                assert!(slow.starts_with(text.as_bytes()));
                assert!(!text.as_bytes().contains(&0));
            }
            Value::Array(array) => {
                assert_eq!(array.as_bytes(), slow);
                assert_eq!(array.iter().count(), slow.len() / array.element_size());
            }
            Value::Bytes(bytes) => assert_eq!(bytes, slow),
            _ => unreachable!("all values there are"),
        }
    }
    let print = PrintFmt::compile(&format, &Symbols::new()).expect("a fixture");
    line(&print, data);
}

/// Bytes as a number, one by one.
fn number(data: &[u8], at: usize, size: usize, abi: Abi) -> Option<u64> {
    let mut bytes = data.get(at..at + size)?.to_vec();
    if abi.endian == Endian::Little {
        bytes.reverse();
    }
    Some(bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
}

/// Fields of every kind, for print fmts to name.
const FIELDS: &str = "name: any
ID: 1
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

\tfield:int i;\toffset:4;\tsize:4;\tsigned:1;
\tfield:u64 u;\toffset:8;\tsize:8;\tsigned:0;
\tfield:__data_loc char[] s;\toffset:16;\tsize:4;\tsigned:0;
\tfield:__rel_loc u32[] r;\toffset:20;\tsize:4;\tsigned:0;
\tfield:u8 a[6];\toffset:24;\tsize:6;\tsigned:0;
\tfield:void * p;\toffset:32;\tsize:8;\tsigned:0;
\tfield:struct cper_mem_err_compact c;\toffset:40;\tsize:55;\tsigned:0;

print fmt: ";

/// The first byte is the record's length, then the record, then a print fmt.
///
/// It compiles to the same whenever it is compiled, and its line is bounded.
pub fn print(bytes: &[u8]) {
    let Some((len, rest)) = bytes.split_first() else {
        return;
    };
    let (record, text) = rest.split_at(usize::from(*len).min(rest.len()));
    let mut file = FIELDS.as_bytes().to_vec();
    file.extend_from_slice(text);
    let Ok(format) = Format::parse_for(&file, ABIS[usize::from(len % 4)]) else {
        return;
    };
    let compile = || PrintFmt::compile(&format, &Symbols::new());
    if let (Ok(print), Ok(again)) = (compile(), compile()) {
        assert_eq!(line(&print, record), line(&again, record));
        assert_eq!(print.unresolved().count(), again.unresolved().count());
    }
}

/// A record's line, and that it keeps its limits.
fn line(print: &PrintFmt, record: &[u8]) -> String {
    let mut text = String::new();
    let rendered = print.render(record, &mut text).expect("a String takes all");
    // A byte that is not UTF-8 becomes three.
    assert!(text.len() <= 3 * MAX_LINE);
    assert!(rendered.cut || text.chars().count() <= MAX_LINE);
    text
}
