//! x86 machine checks.
#![no_std]
#![forbid(unsafe_code)]
