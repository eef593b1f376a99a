//! Which sources there are to read.

use crate::args::Run;
use crate::error::Error;
use crate::feed::Feed;

/// Opens what the command line asks for, or the best that this machine has.
pub(crate) fn open(run: &Run) -> Result<Vec<Feed>, Error> {
    let _ = run;
    Err(Error::NoSource(String::new()))
}
