//! The modules of `rasd`, for their unit tests.
#![expect(dead_code, reason = "what only `main` calls is not called here")]

mod applier;
mod args;
mod ask;
mod config;
mod control;
mod dates;
mod delivered;
mod engine;
mod error;
mod explain;
mod facts;
mod feed;
mod fence;
mod gaps;
mod marks;
mod metrics;
mod monitor;
mod names;
mod notes;
mod out;
mod past;
mod policy;
mod privileges;
mod query;
mod reads;
mod runner;
mod say;
mod service;
mod settings;
mod sources;
mod state;
mod stats;
mod status;
mod stop;
mod wait;

// Not in `engine`, `gaps` and `marks`: a bench compiles these too.
pub(crate) mod engine_tests;
pub(crate) mod gaps_tests;
pub(crate) mod marks_tests;

#[test]
fn every_module_is_here() {
    let modules = |text: &'static str| -> Vec<&str> {
        let is_module = |line: &&str| line.starts_with("mod ");
        text.lines().filter(is_module).collect()
    };
    assert_eq!(
        modules(include_str!("units.rs")),
        modules(include_str!("main.rs"))
    );
}
