//! `kernel-tests`: boots the kernels, runs the cases, reports. See `docs/kernel-tests.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kernel_tests::host::main()
}
