//! The guest's init. The host's side builds this as a static program.

use std::process::ExitCode;

fn main() -> ExitCode {
    kernel_tests::guest::main()
}
