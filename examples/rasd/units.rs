//! The modules of `rasd`, for their unit tests.
#![expect(dead_code, reason = "what only `main` calls is not called here")]

mod config;
mod explain;
