//! The modules of `decode`, for their unit tests.
#![expect(dead_code, reason = "what only `main` calls is not called here")]

mod args;
mod block;
mod cpu;
mod error;
mod found;
mod input;
mod judgement;
mod line;
mod memo;
mod numbers;
mod objects;
mod out;
mod progress;
mod raw;
mod recent;
mod run;
mod said;
mod scanner;
mod style;
mod summary;
mod suspect;
mod table;
mod text;
mod time;
mod title;

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
