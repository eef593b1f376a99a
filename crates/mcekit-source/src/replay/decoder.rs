//! An input's bytes become events.

use std::collections::VecDeque;
use std::path::Path;

use mcekit::wire::{MIN_LEN, Wire};
use mcekit::{Present, Record};
use mcekit_logs::{Found, Reader};

use super::detect::{Detected, detect};
use super::input::Input;
use super::{Kind, Pages, Place};
use crate::{Channel, Error, Event, Loss, Lost, Observed, Result};

/// No line of JSON of ours comes near this.
#[cfg(feature = "json")]
const MAX_LINE: usize = 1 << 20;

/// How an input is read.
#[derive(Debug)]
pub(super) enum Decoder {
    Text(Box<Text>),
    Raw {
        len: usize,
    },
    #[cfg(feature = "json")]
    Json,
    Pages(Box<PageReader>),
}

#[derive(Debug)]
pub(super) struct Text {
    /// Nothing: the text is at its end.
    reader: Option<Reader>,
    ready: VecDeque<Record>,
    given: u64,
}

#[derive(Debug)]
pub(super) struct PageReader {
    pages: Pages,
    /// What the page that was read last has, and is still to be given.
    ready: VecDeque<Result<Record, Loss>>,
    /// Where that page begins, and how many of its items were given.
    place: Place,
    /// Something is wrong with it, to be told behind its items.
    trouble: Option<Error>,
}

impl Decoder {
    /// For an input of which nothing is used up.
    pub(super) fn new(
        kind: Kind,
        pages: Option<Pages>,
        input: &mut Input,
        path: &Path,
    ) -> Result<Self> {
        if let Some(pages) = pages {
            return Ok(Self::Pages(Box::new(PageReader {
                pages,
                ready: VecDeque::new(),
                place: Place::default(),
                trouble: None,
            })));
        }
        let detected = match kind {
            Kind::Auto => detect(input).map_err(|source| Error::io(path, source))?,
            Kind::Text => Detected::Text,
            Kind::Raw { len } => Detected::Raw(len.max(MIN_LEN)),
            #[cfg(feature = "json")]
            Kind::Json => Detected::Json,
        };
        match detected {
            Detected::Text => Ok(Self::Text(Box::new(Text {
                reader: Some(Reader::new()),
                ready: VecDeque::new(),
                given: 0,
            }))),
            Detected::Raw(len) => Ok(Self::Raw { len }),
            #[cfg(feature = "json")]
            Detected::Json => Ok(Self::Json),
            Detected::Compressed(by) => Err(Error::Damaged {
                path: path.to_owned(),
                what: format!("compressed by {by}: decompress it first"),
            }),
        }
    }

    /// Goes to a place; false where the input ends before it.
    pub(super) fn go_to(&mut self, input: &mut Input, place: Place, path: &Path) -> Result<bool> {
        if !input
            .go_to(place.offset)
            .map_err(|source| Error::io(path, source))?
        {
            return Ok(false);
        }
        for _ in 0..place.skip {
            if self.next(input, path)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The next event, and the place behind it. `None`: the input is at its end. After an error it goes on behind what is
    /// wrong.
    #[inline]
    pub(super) fn next(
        &mut self,
        input: &mut Input,
        path: &Path,
    ) -> Result<Option<(Event, Place)>> {
        match self {
            Self::Raw { len } => raw(input, *len, path),
            Self::Text(text) => text.next(input, path),
            #[cfg(feature = "json")]
            Self::Json => json(input, path),
            Self::Pages(pages) => pages.next(input, path),
        }
    }
}

fn event(record: Record) -> Event {
    Event::Record(Observed {
        record,
        channel: Channel::Replay,
        earlier_boot: false,
    })
}

/// What is left of an input is not whole.
fn torn(input: &mut Input, path: &Path, unit: &str) -> Error {
    let at = input.offset();
    let left = input.unread().len();
    input.consume(left);
    Error::Damaged {
        path: path.to_owned(),
        what: format!("the last {left} bytes, at {at}, are no whole {unit}"),
    }
}

#[inline]
fn raw(input: &mut Input, len: usize, path: &Path) -> Result<Option<(Event, Place)>> {
    loop {
        // A length that is no kernel's was refused before.
        if let Some(Ok(wire)) = input.unread().get(..len).map(Wire::read) {
            let record = wire.record();
            input.consume(len);
            let place = Place {
                offset: input.offset(),
                skip: 0,
            };
            return Ok(Some((event(record), place)));
        }
        if !input.more().map_err(|source| Error::io(path, source))? {
            if input.unread().is_empty() {
                return Ok(None);
            }
            return Err(torn(input, path, "struct mce"));
        }
    }
}

impl Text {
    fn next(&mut self, input: &mut Input, path: &Path) -> Result<Option<(Event, Place)>> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                self.given += 1;
                let place = Place {
                    offset: 0,
                    skip: self.given,
                };
                return Ok(Some((event(record), place)));
            }
            let Some(reader) = &mut self.reader else {
                return Ok(None);
            };
            let ready = &mut self.ready;
            let mut sink = |found: Found| {
                let status = found.record.status();
                let lacks_status = !found.record.present().contains(Present::STATUS);
                if lacks_status || status.val() && !status.not_captured() {
                    ready.push_back(found.record);
                }
            };
            if !input.unread().is_empty() {
                reader.push(input.unread(), &mut sink);
                let all = input.unread().len();
                input.consume(all);
            } else {
                match input.more() {
                    Ok(true) => {}
                    Ok(false) => {
                        self.reader.take().map(|reader| reader.finish(&mut sink));
                    }
                    Err(error) => {
                        self.reader.take().map(|reader| reader.finish(&mut sink));
                        return Err(Error::io(path, error));
                    }
                }
            }
        }
    }
}

#[cfg(feature = "json")]
fn json(input: &mut Input, path: &Path) -> Result<Option<(Event, Place)>> {
    let mut searched = 0;
    loop {
        let unread = input.unread();
        let newline = unread
            .get(searched..)
            .and_then(|rest| rest.iter().position(|&byte| byte == b'\n'));
        let end = match newline {
            Some(newline) => searched + newline + 1,
            None => {
                searched = unread.len();
                if input.more().map_err(|source| Error::io(path, source))? {
                    if searched > MAX_LINE {
                        input.consume(searched);
                        return Err(Error::Damaged {
                            path: path.to_owned(),
                            what: format!("a line of more than {MAX_LINE} bytes"),
                        });
                    }
                    continue;
                }
                if input.unread().is_empty() {
                    return Ok(None);
                }
                searched
            }
        };
        let at = input.offset();
        let read = super::json::record(input.unread().get(..end).unwrap_or_default());
        input.consume(end);
        searched = 0;
        match read {
            Ok(None) => {}
            Ok(Some(record)) => {
                let place = Place {
                    offset: input.offset(),
                    skip: 0,
                };
                return Ok(Some((event(record), place)));
            }
            Err(error) => {
                return Err(Error::Damaged {
                    path: path.to_owned(),
                    what: format!("the line at byte {at}: {error}"),
                });
            }
        }
    }
}

impl PageReader {
    fn next(&mut self, input: &mut Input, path: &Path) -> Result<Option<(Event, Place)>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                self.place.skip += 1;
                let event = match item {
                    Ok(record) => event(record),
                    Err(loss) => Event::Lost(Lost {
                        channel: Channel::Replay,
                        loss,
                        why: "the ring had lost them when it was recorded".into(),
                    }),
                };
                return Ok(Some((event, self.place)));
            }
            if let Some(error) = self.trouble.take() {
                return Err(error);
            }
            let size = self.pages.size();
            input.fill(size).map_err(|source| Error::io(path, source))?;
            if input.unread().is_empty() {
                return Ok(None);
            }
            self.place = Place {
                offset: input.offset(),
                skip: 0,
            };
            let page = input.unread();
            let page = page.get(..size).unwrap_or(page);
            let ready = &mut self.ready;
            let read = self.pages.read(page, &mut |item| ready.push_back(item));
            self.trouble = read.err().map(|error| Error::Damaged {
                path: path.to_owned(),
                what: format!("the page at byte {}: {error}", self.place.offset),
            });
            input.consume(page.len());
        }
    }
}
