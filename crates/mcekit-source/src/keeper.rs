//! Trace events in perf rings that a keeper holds: they outlive their readers.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use perf_ring::abi::RecordType;
use perf_ring::{Body, Client, Shared, Start};
use tracefs::Format;

use crate::fields::Catalogue;
use crate::perf::event_of;
use crate::{
    Caps, Channel, Cursor, Error, Event, Guarantees, Keeps, Loss, LossKnown, Lost, Result, Seek,
    Source, boot, own,
};

/// What a keeper's rings guarantee.
pub(crate) const CAPS: Caps = Caps {
    guarantees: Guarantees::WITHOUT_READER
        .union(Guarantees::SURVIVES_EXIT)
        .union(Guarantees::MANY_READERS)
        .union(Guarantees::WAKES_ALL)
        .union(Guarantees::KERNEL_FILTER)
        .union(Guarantees::REPEATS)
        .union(Guarantees::REGISTERS),
    keeps: Keeps::Newest,
    loss: LossKnown::Exact,
};

/// A client of a [`perf_ring::Keeper`].
///
/// Reading takes nothing away, so a cursor is all that a restart needs; each event has a number, so what was missed is
/// known exactly.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    name: String,
    client: Client,
    catalogue: Catalogue,
    queue: VecDeque<(Event, String)>,
    /// Behind the event given last.
    position: String,
    scratch: Vec<u8>,
    gone: bool,
}

impl Keeper {
    /// Connects to the socket, and begins with the oldest event that the rings hold.
    ///
    /// # Errors
    ///
    /// [`Error::Perf`] when nobody listens there, or it is no keeper; [`Error::Tracefs`] where its event's format is not to
    /// be read.
    pub fn connect(path: &Path) -> Result<Self> {
        let client = Client::connect(path, Start::Oldest)?;
        let (name, catalogue) = {
            let terms = client.terms();
            let mut catalogue = Catalogue::default();
            let system = terms.name.split(':').next().unwrap_or_default();
            catalogue.add(system, Format::parse(&terms.format)?)?;
            (terms.name.clone(), catalogue)
        };
        let mut keeper = Self {
            path: path.into(),
            name,
            client,
            catalogue,
            queue: VecDeque::new(),
            position: String::new(),
            scratch: Vec::new(),
            gone: false,
        };
        keeper.position = keeper.here();
        Ok(keeper)
    }

    fn epoch(&self) -> String {
        hex(&self.client.terms().boot)
    }

    /// Behind what the client handed out.
    fn here(&self) -> String {
        hex(&self.client.cursor().to_bytes())
    }

    /// Takes one item of the client. Whether there was one.
    fn take(&mut self) -> Result<bool> {
        let lost = |cpu: u32, loss, why: &str| {
            Some(Event::Lost(Lost {
                channel: Channel::Keeper,
                loss,
                why: format!("CPU {cpu}: {why}"),
            }))
        };
        let layout = *self.client.layout();
        let event = match self.client.next()? {
            None => return Ok(false),
            Some(Shared::Record { ring, record, .. }) => {
                if record.header.kind == RecordType::SAMPLE {
                    match layout.parse(&record, &mut self.scratch)?.body {
                        Body::Sample(sample) => {
                            let time = sample.time().and_then(boot::of_monotonic);
                            let data = sample.raw().unwrap_or_default();
                            self.catalogue
                                .read(Channel::Keeper, ring.cpu, time, data)
                                .map(|known| event_of(known, Channel::Keeper))
                        }
                        _ => None,
                    }
                } else {
                    None
                }
            }
            Some(Shared::Lost { ring, loss }) => {
                let loss = match loss {
                    perf_ring::Loss::Exact(n) => Loss::Exact(n),
                    perf_ring::Loss::Unknown => Loss::Unknown,
                };
                lost(ring.cpu, loss, "overwritten before it was read")
            }
            Some(Shared::NewEpoch(ring)) => lost(
                ring.cpu,
                Loss::Unknown,
                "the keeper or the CPU was gone for a time",
            ),
            Some(Shared::KeeperGone) => {
                self.gone = true;
                None
            }
        };
        if let Some(event) = event {
            let position = self.here();
            self.queue.push_back((event, position));
        }
        Ok(true)
    }

    /// Whether the keeper has ended. What its rings still hold is given; then connect anew.
    #[must_use]
    pub const fn is_orphaned(&self) -> bool {
        self.gone
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    rest.is_empty().then_some(bytes)
}

impl AsFd for Keeper {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.client.as_fd()
    }
}

impl Source for Keeper {
    fn channel(&self) -> Channel {
        Channel::Keeper
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        CAPS
    }

    fn next(&mut self) -> Result<Option<Event>> {
        while self.queue.is_empty() && self.take()? {}
        Ok(self.queue.pop_front().map(|(event, position)| {
            self.position = position;
            event
        }))
    }

    fn cursor(&self) -> Option<Cursor> {
        let position = &self.position;
        Some(own::cursor(
            Channel::Keeper,
            &self.name,
            &self.epoch(),
            position,
        ))
    }

    /// What is missing behind the cursor stands in the stream: it is never [`Seek::Lapped`].
    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Keeper, &self.name)?;
        let read = unhex(cursor.position())
            .and_then(|bytes| perf_ring::Cursor::from_bytes(&bytes).ok())
            .ok_or_else(|| own::bad_position(cursor))?;
        if cursor.epoch() != self.epoch() {
            return Ok(Seek::NewEpoch);
        }
        self.client = Client::connect(&self.path, Start::After(read)).map_err(Error::from)?;
        self.position = self.here();
        Ok(Seek::Resumed)
    }

    fn commit(&mut self, _cursor: &Cursor) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_are_what_their_digits_say(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-fA-F+x ]*") {
            if let Some(bytes) = unhex(&text) {
                prop_assert_eq!(hex(&bytes), text.to_lowercase());
            }
        }
    }
}
