//! The tables: golden cases that reach every row, lists and pages that are what the files say, and the mistakes of other
//! tools, each a test.

mod case;
mod cases;
mod generate;
mod registry;
mod regressions;
mod support;
