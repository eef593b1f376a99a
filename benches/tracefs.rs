//! Format files, fields and lines, beside libtraceevent (with the feature of that name) and
//! tracepoint_decode.
//!
//! Limits: one pass over a format's text without allocating; a plan of offsets and sizes for the fields of
//! an mce_record. Fixtures of the tracefs crate only.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tracefs::format::Field;
use tracefs::print::{PrintFmt, Symbols};
use tracefs::{Abi, Format, Value};
use tracepoint_decode::{PerfByteReader, PerfEventFormat};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/tracefs/fixtures/formats")
}

fn formats(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).expect("fixtures of the tracefs crate") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            formats(&path, found);
        } else if path.ends_with("format") {
            found.push(std::fs::read_to_string(&path).expect("a format"));
        }
    }
}

/// One pass over the text: every field line's numbers, nothing kept.
fn pass(text: &[u8]) -> u64 {
    let mut sum = 0u64;
    for line in text.split(|&byte| byte == b'\n') {
        if line.starts_with(b"print fmt") {
            break;
        }
        let Some(rest) = line.strip_prefix(b"\tfield:") else {
            continue;
        };
        let mut number = 0u64;
        let mut part = 0;
        for &byte in rest {
            match byte {
                b';' => {
                    part += 1;
                    sum += number;
                    number = 0;
                }
                b'0'..=b'9' if part > 0 => number = number * 10 + u64::from(byte - b'0'),
                _ => {}
            }
        }
    }
    sum
}

fn parse(c: &mut Criterion) {
    let mut texts = Vec::new();
    formats(&fixtures(), &mut texts);
    let symbols = Symbols::new();
    let mut group = c.benchmark_group("a format file");
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("limit: one pass", |b| {
        b.iter(|| {
            texts
                .iter()
                .map(|text| pass(black_box(text.as_bytes())))
                .sum::<u64>()
        });
    });
    group.bench_function("tracefs, fields", |b| {
        b.iter(|| {
            for text in &texts {
                black_box(Format::parse(black_box(text.as_bytes())).expect("a fixture"));
            }
        });
    });
    group.bench_function("tracefs, fields and print fmt", |b| {
        b.iter(|| {
            for text in &texts {
                let format = Format::parse(black_box(text.as_bytes())).expect("a fixture");
                black_box(PrintFmt::compile(&format, &symbols).expect("a fixture"));
            }
        });
    });
    group.bench_function("tracepoint_decode, fields", |b| {
        b.iter(|| {
            for text in &texts {
                black_box(PerfEventFormat::parse(true, "system", black_box(text)));
            }
        });
    });
    #[cfg(feature = "libtraceevent")]
    group.bench_function("libtraceevent, fields and print fmt", |b| {
        use mcekit_peers::libtraceevent::Event;
        let ids: Vec<_> = texts
            .iter()
            .map(|text| Format::parse(text.as_bytes()).expect("a fixture").id())
            .collect();
        b.iter(|| {
            for (text, id) in texts.iter().zip(&ids) {
                black_box(Event::parse(black_box(text.as_bytes()), *id));
            }
        });
    });
    group.finish();
}

/// A record as a corrected memory error of a server leaves it.
fn record(format: &Format) -> Vec<u8> {
    let mut data = vec![0; format.extent()];
    for (name, value) in [
        ("common_type", u64::from(format.id())),
        ("common_pid", 48),
        ("mcgcap", 0x0f00_0c14),
        ("status", 0x8c00_0040_0001_0091),
        ("addr", 0x0000_000a_bcde_f000),
        ("misc", 0x0020_0001_1101_2086),
        ("tsc", 0x0001_f21a_e62e),
        ("walltime", 1_795_349_471),
        ("cpu", 12),
        ("cpuid", 0x5_0657),
        ("apicid", 0x18),
        ("bank", 7),
        ("microcode", 0x0500_3604),
    ] {
        let Some(field) = format.field(name) else {
            continue;
        };
        let place = field.offset()..field.offset() + field.size();
        data[place].copy_from_slice(&value.to_le_bytes()[..field.size()]);
    }
    data
}

fn mce_record(c: &mut Criterion) {
    let path = fixtures().join("6.12/mce/mce_record/format");
    let text = std::fs::read_to_string(path).expect("a fixture");
    let format = Format::parse_for(text.as_bytes(), Abi::LE64).expect("a fixture");
    let data = record(&format);

    let mut group = c.benchmark_group("one mce_record");
    let plan: Vec<_> = format
        .fields()
        .map(|field| (field.offset(), field.size(), field.is_signed()))
        .collect();
    group.bench_function("limit: a plan of its fields", |b| {
        b.iter(|| {
            let data = black_box(&data[..]);
            let mut sum = 0u64;
            for &(offset, size, signed) in &plan {
                let bytes = &data[offset..offset + size];
                let value = match size {
                    1 => u64::from(bytes[0]),
                    2 => u64::from(u16::from_le_bytes([bytes[0], bytes[1]])),
                    4 => {
                        let value = u32::from_le_bytes(bytes.try_into().expect("four"));
                        if signed {
                            i64::from(value as i32) as u64
                        } else {
                            u64::from(value)
                        }
                    }
                    _ => u64::from_le_bytes(bytes.try_into().expect("eight")),
                };
                sum = sum.wrapping_add(value);
            }
            sum
        });
    });
    let fields: Vec<_> = format.fields().map(Field::accessor).collect();
    group.bench_function("tracefs, all fields as numbers", |b| {
        b.iter(|| {
            let data = black_box(&data[..]);
            fields
                .iter()
                .filter_map(|field| field.u64(data))
                .fold(0, u64::wrapping_add)
        });
    });
    group.bench_function("tracefs, all fields as values", |b| {
        b.iter(|| {
            let data = black_box(&data[..]);
            let mut sum = 0u64;
            for field in &fields {
                match field.value(data) {
                    Some(Value::Unsigned(value)) => sum = sum.wrapping_add(value),
                    Some(Value::Signed(value)) => sum = sum.wrapping_add(value as u64),
                    _ => {}
                }
            }
            sum
        });
    });
    let peer = PerfEventFormat::parse(true, "mce", &text).expect("a fixture");
    let reader = PerfByteReader::new(false);
    group.bench_function("tracepoint_decode, all fields as bytes", |b| {
        b.iter(|| {
            for field in peer.fields() {
                black_box(field.get_field_bytes(black_box(&data), reader));
            }
        });
    });
    group.bench_function("tracepoint_decode, all fields as values", |b| {
        b.iter(|| {
            for field in peer.fields() {
                black_box(field.get_field_value_with_data_and_reader(black_box(&data), reader));
            }
        });
    });
    let print = PrintFmt::compile(&format, &Symbols::new()).expect("a fixture");
    let mut line = String::with_capacity(1024);
    group.bench_function("tracefs, text", |b| {
        b.iter(|| {
            line.clear();
            print.render(black_box(&data), &mut line).expect("a String");
            line.len()
        });
    });
    // As it is since Linux 6.13: with what the vendor stores behind it.
    let path = fixtures().join("6.13/mce/mce_record/format");
    let since = std::fs::read(path).expect("a fixture");
    let since = Format::parse_for(&since, Abi::LE64).expect("a fixture");
    let mut long = record(&since);
    let vendor = since.field("v_data").expect("a field of 6.13").offset();
    let place = (16 << 16) | long.len() as u32;
    long[vendor..vendor + 4].copy_from_slice(&place.to_le_bytes());
    long.extend_from_slice(&0x0033_2211_u64.to_le_bytes());
    long.extend_from_slice(&0x0807_0605_0403_0201_u64.to_le_bytes());
    let print_since = PrintFmt::compile(&since, &Symbols::new()).expect("a fixture");
    group.bench_function("tracefs, text with vendor data", |b| {
        b.iter(|| {
            line.clear();
            print_since
                .render(black_box(&long), &mut line)
                .expect("a String");
            line.len()
        });
    });
    #[cfg(feature = "libtraceevent")]
    {
        use mcekit_peers::libtraceevent::Event;
        let mut event = Event::parse(text.as_bytes(), format.id()).expect("libtraceevent reads it");
        let fields: Vec<_> = format
            .fields()
            .map(|field| event.field(field.name()).expect("the same fields"))
            .collect();
        group.bench_function("libtraceevent, all fields as numbers", |b| {
            b.iter(|| {
                let data = black_box(&data[..]);
                fields
                    .iter()
                    .filter_map(|&field| event.number(field, data))
                    .fold(0, u64::wrapping_add)
            });
        });
        group.bench_function("libtraceevent, text", |b| {
            b.iter(|| event.text(black_box(&data)).len());
        });
    }
    group.finish();
}

criterion_group!(benches, parse, mce_record);
criterion_main!(benches);
