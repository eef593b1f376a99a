//! Which sources there are to read.

use std::num::NonZeroU32;

use mcekit_source::{Pace, Replay};

use crate::args::Run;
use crate::error::Error;
use crate::feed::Feed;

/// Opens what the command line asks for, or the best that this machine has.
pub(crate) fn open(run: &Run) -> Result<Vec<Feed>, Error> {
    if run.replay.is_empty() {
        return Err(Error::NoSource("--replay FILE runs everything else".into()));
    }
    let mut replay = Replay::open(&run.replay)?;
    if let Some(rate) = run.rate.and_then(NonZeroU32::new) {
        replay = replay.paced(Pace::PerSecond(rate))?;
    }
    Ok(vec![Feed::new(Box::new(replay), false)])
}
