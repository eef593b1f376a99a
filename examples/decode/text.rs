//! Text of any kind, through `mcekit-logs`.

use std::path::PathBuf;

use crate::error::Error;
use crate::input::Input;
use crate::run::Run;

/// Answers every record in a text.
pub(crate) fn read(input: &mut Input, run: &mut Run) -> Result<(), Error> {
    while input.more(run)? {
        let n = input.bytes().len();
        input.consume(n);
    }
    Ok(())
}

pub(crate) fn on_the_command_line(_inputs: &[PathBuf], _run: &mut Run) -> Result<bool, Error> {
    Ok(false)
}
