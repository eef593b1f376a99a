//! Runs `rasd` as an operator does, and kills it as nobody should.

mod control;
#[expect(
    dead_code,
    reason = "what only the tests of `decode` call is not called here"
)]
#[path = "../decode/harness.rs"]
mod harness;
mod kill;
mod kit;
mod query;
mod service;
mod storm;
mod told;
mod trouble;
