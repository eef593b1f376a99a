//! Bytes of the record that a kernel function takes apart.

use core::fmt;

use super::Argument;

/// What stands at the pointer that is argument `at`.
pub(super) fn bytes<'r>(args: &[Argument<'r>], at: usize) -> Result<&'r [u8], fmt::Error> {
    match args.get(at) {
        Some(Argument::Bytes(bytes, _)) => Ok(bytes),
        _ => Err(fmt::Error),
    }
}

pub(super) fn number(args: &[Argument<'_>], at: usize) -> Result<u64, fmt::Error> {
    args.get(at).and_then(|arg| arg.number()).ok_or(fmt::Error)
}

/// The number of `size` bytes at `at`, most significant byte first.
pub(super) fn big(bytes: &[u8], at: usize, size: usize) -> Result<u64, fmt::Error> {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.get(..size));
    let fold = |value, byte: &u8| value << 8 | u64::from(*byte);
    Ok(bytes.ok_or(fmt::Error)?.iter().fold(0, fold))
}

/// The number of `size` bytes at `at`, least significant byte first.
pub(super) fn little(bytes: &[u8], at: usize, size: usize) -> Result<u64, fmt::Error> {
    let bytes = bytes.get(at..).and_then(|bytes| bytes.get(..size));
    let fold = |value, byte: &u8| value << 8 | u64::from(*byte);
    Ok(bytes.ok_or(fmt::Error)?.iter().rev().fold(0, fold))
}

/// The bits of `value` from `shift` on.
pub(super) const fn field(value: u64, shift: u32, bits: u32) -> u64 {
    value >> shift & ((1 << bits) - 1)
}

pub(super) const fn bit(value: u64, at: u32) -> bool {
    value >> at & 1 == 1
}

/// The row that `at` counts to from 0.
pub(super) fn name<'n>(names: &[&'n str], at: u64, otherwise: &'n str) -> &'n str {
    usize::try_from(at)
        .ok()
        .and_then(|at| names.get(at).copied())
        .unwrap_or(otherwise)
}

/// The row of a key.
pub(super) fn keyed<'n>(rows: &[(u64, &'n str)], key: u64) -> Option<&'n str> {
    rows.iter().find(|row| row.0 == key).map(|row| row.1)
}
