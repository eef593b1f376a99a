//! The hand-over: messages between a keeper and its clients.
//!
//! Each is one packet of a `SOCK_SEQPACKET` Unix socket: a header of 12 bytes (magic `PfRg`, version, kind, length of what
//! follows), then fields in little-endian order. Descriptors travel beside a packet (`SCM_RIGHTS`). A version's messages
//! never change; a reader refuses a version that it does not know.

use crate::abi::EventAttr;
use crate::cursor::{Cursor, Start};
use crate::follow::{Loss, Shared};
use crate::{Error, Record};

/// The version that this crate speaks.
pub const VERSION: u16 = 1;

const MAGIC: [u8; 4] = *b"PfRg";

/// The longest packet: a format text of 64 KiB and the rest. A longer one is not of this protocol.
pub const LONGEST: usize = 96 * 1024;

/// Most rings in one [`Message::Rings`]: well below the kernel's 253 descriptors in a message.
pub(crate) const RINGS_PER_MESSAGE: usize = 128;

/// Longest format text and name that are handed over.
pub(crate) const LONGEST_TEXT: usize = 64 * 1024;

/// A ring: which CPU's, and the id of the event that owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RingId {
    /// CPU.
    pub cpu: u32,
    /// Event id, unique while the machine is up.
    pub id: u64,
}

/// A ring, and where its numbers begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NewRing {
    /// Which.
    pub ring: RingId,
    /// The event's count when the ring was mapped: records up to this number were never in it.
    pub base: u64,
}

/// What a client needs to know before the first ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether descriptors follow, or a copy of the stream.
    pub descriptors: bool,
    /// Data pages of every ring.
    pub pages: u32,
    /// Bytes of a page.
    pub page_size: u32,
    /// What the events were opened with: gives the records' layout.
    pub attr: EventAttr,
    /// What the keeper calls the event, such as `mce:mce_record`.
    pub name: String,
    /// The tracepoint's `format` file, for a reader that cannot read tracefs.
    pub format: Vec<u8>,
    /// The kernel's boot id: ids and numbers are of this boot.
    pub boot: [u8; 16],
}

/// A message of the hand-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Client: what is wanted.
    Hello {
        /// A copy of the stream even where descriptors are to be had.
        stream: bool,
        /// Where to begin.
        start: Start,
    },
    /// Keeper: what there is. With descriptors, an eventfd is beside it.
    Terms(Box<Terms>),
    /// Keeper: rings. With descriptors, their events are beside it, one each in this order.
    Rings(Vec<NewRing>),
    /// Keeper: a ring that is no longer written.
    Gone(RingId),
    /// Keeper: the rings that there are have been named.
    Ready,
    /// Keeper: no access.
    Denied {
        /// The user that the kernel says the client is.
        uid: u32,
    },
    /// Keeper, to a client of the stream: a record.
    Record {
        /// Out of which ring.
        ring: RingId,
        /// Its number; 0 when it has none.
        number: u64,
        /// The record with its header.
        bytes: Vec<u8>,
    },
    /// Keeper, to a client of the stream: records are missing here.
    Lost {
        /// Of which ring.
        ring: RingId,
        /// How many; `None` when nobody knows.
        lost: Option<u64>,
    },
    /// Keeper, to a client of the stream: the cursor that it began after is of another event or another boot.
    NewEpoch(RingId),
}

/// Takes little-endian fields off the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Error::Message {
            what: "it ends within a field",
        })?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.bytes(N)?.try_into().map_err(|_| Error::Message {
            what: "it ends within a field",
        })
    }

    fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(|[b]| b)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// A length and as many bytes.
    fn block(&mut self) -> Result<&'a [u8], Error> {
        let n = self.u32()? as usize;
        self.bytes(n)
    }

    fn ring(&mut self) -> Result<RingId, Error> {
        Ok(RingId {
            cpu: self.u32()?,
            id: self.u64()?,
        })
    }

    fn flag(&mut self) -> Result<bool, Error> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::Message {
                what: "a flag is neither 0 nor 1",
            }),
        }
    }

    fn end(&self) -> Result<(), Error> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Message {
                what: "there is more after its fields",
            })
        }
    }
}

fn block(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_ring(out: &mut Vec<u8>, ring: RingId) {
    out.extend_from_slice(&ring.cpu.to_le_bytes());
    out.extend_from_slice(&ring.id.to_le_bytes());
}

impl Message {
    const fn kind(&self) -> u16 {
        match self {
            Message::Hello { .. } => 1,
            Message::Terms(_) => 2,
            Message::Rings(_) => 3,
            Message::Gone(_) => 4,
            Message::Ready => 5,
            Message::Denied { .. } => 6,
            Message::Record { .. } => 7,
            Message::Lost { .. } => 8,
            Message::NewEpoch(_) => 9,
        }
    }

    /// The packet.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut packet = Vec::new();
        frame(&mut packet, self.kind(), |body| self.put(body));
        packet
    }

    fn put(&self, body: &mut Vec<u8>) {
        match self {
            Message::Hello { stream, start } => {
                body.push((*stream).into());
                match start {
                    Start::Oldest => body.push(0),
                    Start::Now => body.push(1),
                    Start::After(cursor) => {
                        body.push(2);
                        block(body, &cursor.to_bytes());
                    }
                }
            }
            Message::Terms(terms) => {
                body.push(terms.descriptors.into());
                body.extend_from_slice(&terms.pages.to_le_bytes());
                body.extend_from_slice(&terms.page_size.to_le_bytes());
                // Of the size that its fields need, as the kernel was given it.
                let size = terms.attr.least_size();
                block(body, &terms.attr.to_bytes(size).unwrap_or_default());
                block(body, terms.name.as_bytes());
                block(body, &terms.format);
                body.extend_from_slice(&terms.boot);
            }
            Message::Rings(rings) => {
                for new in rings {
                    put_ring(body, new.ring);
                    body.extend_from_slice(&new.base.to_le_bytes());
                }
            }
            Message::Gone(ring) | Message::NewEpoch(ring) => put_ring(body, *ring),
            Message::Ready => {}
            Message::Denied { uid } => body.extend_from_slice(&uid.to_le_bytes()),
            Message::Record {
                ring,
                number,
                bytes,
            } => {
                put_ring(body, *ring);
                body.extend_from_slice(&number.to_le_bytes());
                body.extend_from_slice(bytes);
            }
            Message::Lost { ring, lost } => {
                put_ring(body, *ring);
                body.push(lost.is_some().into());
                body.extend_from_slice(&lost.unwrap_or(0).to_le_bytes());
            }
        }
    }

    /// Reads a packet.
    ///
    /// # Errors
    ///
    /// [`Error::Version`] for another version; [`Error::Message`] for anything that no keeper or client writes.
    pub fn decode(packet: &[u8]) -> Result<Self, Error> {
        let (kind, mut f) = unframe(packet)?;
        let message = match kind {
            1 => {
                let stream = f.flag()?;
                let start = match f.u8()? {
                    0 => Start::Oldest,
                    1 => Start::Now,
                    2 => Start::After(Cursor::from_bytes(f.block()?)?),
                    _ => {
                        return Err(Error::Message {
                            what: "there is no such place to start",
                        });
                    }
                };
                Message::Hello { stream, start }
            }
            2 => {
                let descriptors = f.flag()?;
                let (pages, page_size) = (f.u32()?, f.u32()?);
                if !pages.is_power_of_two() || !page_size.is_power_of_two() {
                    return Err(Error::Message {
                        what: "its number of pages is no power of two",
                    });
                }
                let bytes = f.block()?;
                let attr = EventAttr::from_bytes(bytes)?;
                // As the encoder writes it: of the least size, which it states.
                if attr.least_size().0 as usize != bytes.len() || attr.size as usize != bytes.len()
                {
                    return Err(Error::Message {
                        what: "its attr is not of the size that it needs",
                    });
                }
                let text = |bytes: &[u8]| {
                    String::from_utf8(bytes.to_vec()).map_err(|_| Error::Message {
                        what: "its name is not UTF-8",
                    })
                };
                let name = text(f.block()?)?;
                let format = f.block()?.to_vec();
                Message::Terms(Box::new(Terms {
                    descriptors,
                    pages,
                    page_size,
                    attr,
                    name,
                    format,
                    boot: f.array()?,
                }))
            }
            3 => {
                let mut rings = Vec::new();
                while !f.0.is_empty() {
                    if rings.len() == RINGS_PER_MESSAGE {
                        return Err(Error::Message {
                            what: "it names too many rings",
                        });
                    }
                    rings.push(NewRing {
                        ring: f.ring()?,
                        base: f.u64()?,
                    });
                }
                Message::Rings(rings)
            }
            4 => Message::Gone(f.ring()?),
            5 => Message::Ready,
            6 => Message::Denied { uid: f.u32()? },
            RECORD..=NEW_EPOCH => Self::of_item(&item(kind, &mut f)?),
            _ => {
                return Err(Error::Message {
                    what: "it is of no known kind",
                });
            }
        };
        f.end()?;
        Ok(message)
    }

    /// An item of a client's stream that lends its bytes, as a message of its own.
    pub(crate) fn of_item(item: &Shared<'_>) -> Self {
        match *item {
            Shared::Record {
                ring,
                number,
                record,
            } => {
                let mut bytes = Vec::with_capacity(usize::from(record.header.size));
                record.copy_to(&mut bytes);
                Message::Record {
                    ring,
                    number: number.unwrap_or(0),
                    bytes,
                }
            }
            Shared::Lost { ring, loss } => {
                let lost = if let Loss::Exact(n) = loss {
                    Some(n)
                } else {
                    None
                };
                Message::Lost { ring, lost }
            }
            Shared::NewEpoch(ring) => Message::NewEpoch(ring),
            // A keeper's own rings never say this.
            Shared::KeeperGone => Message::Ready,
        }
    }
}

/// The kinds of a client's stream: from here ...
const RECORD: u16 = 7;
/// ... to here.
const NEW_EPOCH: u16 = 9;

/// A packet into `out`, in place of what it held: the header, and what `body` puts behind it.
fn frame(out: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    out.clear();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&kind.to_le_bytes());
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let len = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    if let Some(field) = out.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *field = len.to_le_bytes();
    }
}

/// A packet's kind and its fields.
fn unframe(packet: &[u8]) -> Result<(u16, Fields<'_>), Error> {
    if packet.len() > LONGEST {
        return Err(Error::Message {
            what: "it is too long",
        });
    }
    let mut fields = Fields(packet);
    if fields.array()? != MAGIC {
        return Err(Error::Message {
            what: "it does not begin with the magic number",
        });
    }
    let version = fields.array().map(u16::from_le_bytes)?;
    if version != VERSION {
        return Err(Error::Version {
            theirs: version,
            ours: VERSION,
        });
    }
    let kind = fields.array().map(u16::from_le_bytes)?;
    let body = Fields(fields.block()?);
    fields.end()?;
    Ok((kind, body))
}

/// The packet of an item of a client's stream, into `out`. The same as the message's own, without a copy in between.
pub(crate) fn encode_item(item: &Shared<'_>, out: &mut Vec<u8>) {
    match item {
        Shared::Record {
            ring,
            number,
            record,
        } => frame(out, RECORD, |body| {
            put_ring(body, *ring);
            body.extend_from_slice(&number.unwrap_or(0).to_le_bytes());
            record.copy_to(body);
        }),
        // The others hold nothing that would have to be allocated.
        other => {
            let message = Message::of_item(other);
            frame(out, message.kind(), |body| message.put(body));
        }
    }
}

/// An item of a client's stream, which lends the packet's bytes. `None` for messages of other kinds.
pub(crate) fn decode_item(packet: &[u8]) -> Result<Option<Shared<'_>>, Error> {
    let (kind, mut f) = unframe(packet)?;
    if !(RECORD..=NEW_EPOCH).contains(&kind) {
        return Ok(None);
    }
    let item = item(kind, &mut f)?;
    f.end()?;
    Ok(Some(item))
}

fn item<'a>(kind: u16, f: &mut Fields<'a>) -> Result<Shared<'a>, Error> {
    let ring = f.ring()?;
    Ok(match kind {
        RECORD => {
            let number = f.u64()?;
            let bytes = f.bytes(f.0.len())?;
            let record = Record::from_bytes(bytes)?;
            if usize::from(record.header.size) != bytes.len() {
                return Err(Error::Message {
                    what: "it is not one whole record",
                });
            }
            Shared::Record {
                ring,
                number: (number != 0).then_some(number),
                record,
            }
        }
        NEW_EPOCH => Shared::NewEpoch(ring),
        _ => {
            let (known, lost) = (f.flag()?, f.u64()?);
            if !known && lost != 0 {
                return Err(Error::Message {
                    what: "it states an unknown loss",
                });
            }
            let loss = if known {
                Loss::Exact(lost)
            } else {
                Loss::Unknown
            };
            Shared::Lost { ring, loss }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{Misc, RecordHeader, RecordType};

    /// What is written without a copy in between is the message, and is read as it.
    #[test]
    fn items_are_the_messages_of_their_kinds() {
        let ring = RingId { cpu: 3, id: 99 };
        let header = RecordHeader {
            kind: RecordType::SAMPLE,
            misc: Misc(2),
            size: 32,
        };
        let record = Record {
            header,
            first: &[1; 16],
            second: &[2; 8],
        };
        let items = [Some(7), None].map(|number| Shared::Record {
            ring,
            number,
            record,
        });
        let losses = [Loss::Exact(5), Loss::Exact(0), Loss::Unknown];
        let losses = losses.map(|loss| Shared::Lost { ring, loss });
        let mut packet = vec![0xff; 500];
        for item in items.iter().chain(&losses).chain(&[Shared::NewEpoch(ring)]) {
            encode_item(item, &mut packet);
            let message = Message::of_item(item);
            assert_eq!(packet, message.encode());
            assert_eq!(Message::decode(&packet).unwrap(), message);
            let again = decode_item(&packet).unwrap().expect("an item");
            assert_eq!(Message::of_item(&again), message);
            packet.pop();
            assert!(decode_item(&packet).is_err());
        }
        assert!(decode_item(&Message::Ready.encode()).unwrap().is_none());
    }
}
