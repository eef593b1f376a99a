//! Fuzz targets, one plain function each with a property beyond "no panic".
//!
//! `cargo fuzz run -s none NAME` explores one; `RUSTC_BOOTSTRAP=1 cargo fuzz run NAME` adds AddressSanitizer.
//! `cargo test -p mcekit-fuzz` replays all of them over seeds and generated input. A new target is a function in the
//! module of its crate, a row in [`TARGETS`], and a file of one line in `fuzz_targets/`; a test holds the three together.

#![expect(clippy::missing_panics_doc, reason = "a target's panic is its finding")]

// The daemon is an example and no library, so its files are compiled here too.
#[expect(
    dead_code,
    reason = "of the command line only what a request can ask is called here"
)]
#[path = "../../examples/rasd/args.rs"]
mod args;
#[expect(
    dead_code,
    reason = "what only the daemon needs of its configuration is not called here"
)]
#[path = "../../examples/rasd/config/mod.rs"]
mod config;
pub mod decode;
pub mod json;
pub mod logs;
#[path = "../../examples/rasd/marks.rs"]
mod marks;
pub mod mcelog;
pub mod models;
#[path = "../../examples/rasd/control/question.rs"]
mod question;
pub mod rasd;
pub mod record;
#[expect(
    dead_code,
    reason = "the last line of an answer, and the kinds of mistakes, are not looked at here"
)]
#[path = "../../examples/rasd/control/request.rs"]
mod request;
pub mod ring;
pub mod source;
pub mod store;
pub mod tracefs_rings;
pub mod tracefs_text;
#[expect(
    dead_code,
    reason = "how values of the environment are made to fit is not called here"
)]
#[path = "../../examples/rasd/runner/wire.rs"]
mod wire;

/// The README's snippets are tests here, because this package sees every crate.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// A target: takes any bytes, panics where its property does not hold.
pub type Target = fn(&[u8]);

/// Every target by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("decode_arguments", decode::arguments),
    ("decode_objects", decode::objects),
    ("logs_chunked", logs::chunked),
    ("logs_round_trip", logs::round_trip),
    ("logs_silent", logs::silent),
    ("logs_spans", logs::spans),
    ("mcelog_scenario", mcelog::scenario),
    ("mcelog_stream", mcelog::stream),
    ("models_explain", models::explain),
    ("models_name", models::name),
    ("rasd_config", rasd::config),
    ("rasd_marks", rasd::marks),
    ("rasd_request", rasd::request),
    ("rasd_runner", rasd::runner),
    ("record_decode", record::decode),
    ("record_json", json::record),
    ("record_wire", record::wire),
    ("ring_contents", ring::contents),
    ("ring_handover", ring::handover),
    ("ring_pmu", ring::pmu),
    ("ring_records", ring::records),
    ("ring_shared", ring::shared),
    ("source_cursor", source::cursor),
    ("source_journal", source::journal_stream),
    ("source_replay", source::replay),
    ("store_spool", store::spool),
    ("tracefs_filter", tracefs_rings::filter),
    ("tracefs_format", tracefs_text::format),
    ("tracefs_page", tracefs_rings::page),
    ("tracefs_print", tracefs_text::print),
    ("tracefs_record", tracefs_text::record),
];

/// The body of a target's binary: libFuzzer's entry while fuzzing, else a replay of the files named.
#[macro_export]
macro_rules! target {
    ($target:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $target(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            for path in std::env::args_os().skip(1) {
                $target(&std::fs::read(path)?);
            }
            Ok(())
        }
    };
}

/// A source of plain values from the bytes that the fuzzer gives; zeros when they are used up.
#[derive(Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let n = N.min(self.0.len());
        bytes[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        bytes
    }

    /// The next byte.
    pub fn u8(&mut self) -> u8 {
        self.bytes::<1>()[0]
    }

    /// The next four bytes.
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    /// The next eight bytes.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }
}
