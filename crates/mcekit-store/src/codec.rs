//! The binary form of a frame's items, version 1: little-endian, every length before its bytes.

use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Ppin, Present, Record, Status, Synd, Synd1,
    Synd2, Vendor,
};
use mcekit_source::{Channel, Cursor, Event, FieldValue, Generic, Identity, Loss, Lost, Observed};

use crate::entry::{Delivered, Item};

const RECORD: u8 = 1;
const GENERIC: u8 = 2;
const LOST: u8 = 3;
const AGAIN: u8 = 4;
const CURSOR: u8 = 5;
const TAKING: u8 = 6;
const TAKEN: u8 = 7;

/// Generic events come from kernels and files of any age: so much of one is kept, and no more.
const MAX_FIELDS: usize = 1024;
/// The longest text or bytes of a field, in bytes.
const MAX_TEXT: usize = 1 << 16;
/// The most bytes of a whole generic event's fields.
const MAX_EVENT: usize = 1 << 19;

pub(crate) fn put_event(out: &mut Vec<u8>, received: (u64, u32), number: u32, event: &Event) {
    match event {
        Event::Record(observed) => {
            out.push(RECORD);
            put_time(out, received);
            put_channel(out, observed.channel);
            out.push(observed.earlier_boot.into());
            out.extend(number.to_le_bytes());
            put_record(out, &observed.record);
        }
        Event::Generic(generic) => {
            out.push(GENERIC);
            put_time(out, received);
            put_generic(out, generic);
        }
        Event::Lost(lost) => {
            out.push(LOST);
            put_time(out, received);
            put_channel(out, lost.channel);
            let (kind, count) = match lost.loss {
                Loss::Exact(n) => (1, n),
                Loss::AtLeast(n) => (2, n),
                Loss::Unknown => (0, 0),
            };
            out.push(kind);
            out.extend(count.to_le_bytes());
            put_text(out, &lost.why);
        }
        // A kind of event that this version does not know cannot be written down; that there was one can.
        _ => {
            let why = "an event of a kind that this version cannot store".into();
            let lost = Lost {
                channel: Channel::Spool,
                loss: Loss::Exact(1),
                why,
            };
            put_event(out, received, number, &Event::Lost(lost));
        }
    }
}

pub(crate) fn put_again(
    out: &mut Vec<u8>,
    received: (u64, u32),
    identity: Identity,
    channel: Channel,
    number: u32,
) {
    out.push(AGAIN);
    put_time(out, received);
    out.extend(identity.0);
    put_channel(out, channel);
    out.extend(number.to_le_bytes());
}

pub(crate) fn put_cursor(out: &mut Vec<u8>, cursor: &Cursor) {
    out.push(CURSOR);
    put_text(out, &cursor.to_string());
}

pub(crate) fn put_taking(out: &mut Vec<u8>, source: &str) {
    out.push(TAKING);
    put_text(out, source);
}

pub(crate) fn put_taken(out: &mut Vec<u8>, source: &str) {
    out.push(TAKEN);
    put_text(out, source);
}

fn put_time(out: &mut Vec<u8>, (seconds, nanoseconds): (u64, u32)) {
    out.extend(seconds.to_le_bytes());
    out.extend(nanoseconds.to_le_bytes());
}

fn put_channel(out: &mut Vec<u8>, channel: Channel) {
    put_bytes(out, channel.name().as_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    put_bytes(out, &text.as_bytes()[..end]);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(MAX_TEXT)];
    // No longer than MAX_TEXT.
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

/// The parts of a record in the order of the file, by their type.
macro_rules! parts {
    ($each:ident) => {
        $each! {
            status with_status STATUS Status u64, addr with_addr ADDR Addr u64,
            misc with_misc MISC Misc u64, mcgstatus with_mcgstatus MCGSTATUS McgStatus u64,
            mcgcap with_mcgcap MCGCAP McgCap u64, synd with_synd SYND Synd u64,
            synd1 with_synd1 SYND1 Synd1 u64, synd2 with_synd2 SYND2 Synd2 u64,
            ipid with_ipid IPID Ipid u64, ip with_ip IP bare u64,
            tsc with_tsc TSC bare u64, time with_time TIME bare u64,
            ppin with_ppin PPIN Ppin u64, cpu with_cpu CPU bare u32,
            socket with_socket SOCKET bare u32, apicid with_apicid APICID bare u32,
            cpuid with_cpuid CPUID CpuSignature u32, microcode with_microcode MICROCODE bare u32,
            bank with_bank BANK bare u8, cs with_cs CS bare u8,
            vendor with_vendor VENDOR Vendor u8
        }
    };
}

/// A part as its number.
macro_rules! number {
    (bare $value:expr) => {
        $value
    };
    ($newtype:ident $value:expr) => {
        $value.0
    };
}

/// A number as its part.
macro_rules! part {
    (bare $value:expr) => {
        $value
    };
    ($newtype:ident $value:expr) => {
        $newtype($value)
    };
}

/// A part of the record, where it has it.
macro_rules! get {
    (status $record:expr) => {
        Some($record.status())
    };
    ($part:ident $record:expr) => {
        $record.$part()
    };
}

fn put_record(out: &mut Vec<u8>, record: &Record) {
    out.extend(record.present().bits().to_le_bytes());
    macro_rules! put {
        ($($part:ident $with:ident $flag:ident $kind:ident $number:ident),*) => {$(
            let number: $number = get!($part record).map_or(0, |value| number!($kind value));
            out.extend(number.to_le_bytes());
        )*};
    }
    parts!(put);
}

fn put_generic(out: &mut Vec<u8>, generic: &Generic) {
    put_text(out, &generic.system);
    put_text(out, &generic.name);
    put_channel(out, generic.channel);
    match generic.cpu {
        Some(cpu) => {
            out.push(1);
            out.extend(cpu.to_le_bytes());
        }
        None => out.push(0),
    }
    match generic.time {
        Some(time) => {
            out.push(1);
            put_time(out, time);
        }
        None => out.push(0),
    }
    match &generic.text {
        Some(text) => {
            out.push(1);
            put_text(out, text);
        }
        None => out.push(0),
    }
    let count_at = out.len();
    out.extend(0_u32.to_le_bytes());
    let mut count = 0_u32;
    let start = out.len();
    for (name, value) in generic.fields.iter().take(MAX_FIELDS) {
        let before = out.len();
        put_text(out, name);
        match value {
            FieldValue::Unsigned(n) => {
                out.push(0);
                out.extend(n.to_le_bytes());
            }
            FieldValue::Signed(n) => {
                out.push(1);
                out.extend(n.to_le_bytes());
            }
            FieldValue::Text(text) => {
                out.push(2);
                put_text(out, text);
            }
            FieldValue::Bytes(bytes) => {
                out.push(3);
                put_bytes(out, bytes);
            }
        }
        if out.len() - start > MAX_EVENT {
            out.truncate(before);
            break;
        }
        count += 1;
    }
    out[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
}

/// The items of a frame's bytes. `None` from [`Items::next`] is the end; bytes that do not read end it with an error.
#[derive(Debug)]
pub(crate) struct Items<'a> {
    bytes: &'a [u8],
    seq: u64,
}

/// The bytes of a frame whose checksum is right do not read: another version's, or no frame of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl<'a> Items<'a> {
    /// The items of a frame whose first event has the number `first`.
    pub(crate) const fn new(bytes: &'a [u8], first: u64) -> Self {
        Self { bytes, seq: first }
    }

    /// The next item.
    pub(crate) fn next(&mut self) -> Result<Option<Item>, Unreadable> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let item = self.item();
        if item.is_none() {
            self.bytes = &[];
        }
        item.map(Some).ok_or(Unreadable)
    }

    /// Whether all of them read.
    pub(crate) fn read(mut self) -> bool {
        loop {
            match self.next() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(Unreadable) => return false,
            }
        }
    }

    fn item(&mut self) -> Option<Item> {
        Some(match self.u8()? {
            RECORD => {
                let received = self.time()?;
                let channel = self.channel()?;
                let earlier_boot = self.u8()? != 0;
                let number = self.u32()?;
                let record = self.record()?;
                let observed = Observed {
                    record,
                    channel,
                    earlier_boot,
                };
                let identity = Some(Identity::of(&record));
                self.entry(received, identity, number, Event::Record(observed))
            }
            GENERIC => {
                let received = self.time()?;
                let generic = self.generic()?;
                self.entry(received, None, 0, Event::Generic(generic))
            }
            LOST => {
                let received = self.time()?;
                let channel = self.channel()?;
                let loss = match (self.u8()?, self.u64()?) {
                    (0, 0) => Loss::Unknown,
                    (1, n) => Loss::Exact(n),
                    (2, n) => Loss::AtLeast(n),
                    _ => return None,
                };
                let why = self.text()?;
                let lost = Lost { channel, loss, why };
                self.entry(received, None, 0, Event::Lost(lost))
            }
            AGAIN => Item::Again {
                received: self.time()?,
                identity: Identity(self.array()?),
                channel: self.channel()?,
                number: self.u32()?,
            },
            CURSOR => Item::Cursor(self.text()?.parse().ok()?),
            TAKING => Item::Taking(self.text()?),
            TAKEN => Item::Taken(self.text()?),
            _ => return None,
        })
    }

    fn entry(
        &mut self,
        received: (u64, u32),
        identity: Option<Identity>,
        number: u32,
        event: Event,
    ) -> Item {
        let seq = self.seq;
        self.seq = seq.saturating_add(1);
        let delivered = Delivered {
            seq,
            received,
            identity,
            event,
        };
        Item::Entry(delivered, number)
    }

    fn record(&mut self) -> Option<Record> {
        let present = Present::from_bits(self.u32()?)?;
        let mut record = Record::empty();
        macro_rules! take {
            ($($part:ident $with:ident $flag:ident $kind:ident $number:ident),*) => {$(
                let number = self.$number()?;
                if present.contains(Present::$flag) {
                    record = record.$with(part!($kind number));
                }
            )*};
        }
        parts!(take);
        Some(record)
    }

    fn generic(&mut self) -> Option<Generic> {
        let system = self.text()?;
        let name = self.text()?;
        let channel = self.channel()?;
        let cpu = if self.flag()? {
            Some(self.u32()?)
        } else {
            None
        };
        let time = if self.flag()? {
            Some(self.time()?)
        } else {
            None
        };
        let text = if self.flag()? {
            Some(self.text()?)
        } else {
            None
        };
        let count = self.u32()?;
        let mut fields = Vec::new();
        for _ in 0..count {
            let name = self.text()?;
            let value = match self.u8()? {
                0 => FieldValue::Unsigned(self.u64()?),
                1 => FieldValue::Signed(self.u64()?.cast_signed()),
                2 => FieldValue::Text(self.text()?),
                3 => FieldValue::Bytes(self.bytes()?.to_vec()),
                _ => return None,
            };
            fields.push((name, value));
        }
        Some(Generic {
            system,
            name,
            channel,
            cpu,
            time,
            fields,
            text,
        })
    }

    fn channel(&mut self) -> Option<Channel> {
        Channel::by_name(str::from_utf8(self.bytes()?).ok()?)
    }

    fn time(&mut self) -> Option<(u64, u32)> {
        Some((self.u64()?, self.u32()?))
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u32()?).ok()?;
        let (bytes, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn u8(&mut self) -> Option<u8> {
        Some(u8::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Record> {
        (
            any::<u32>(),
            any::<[u64; 13]>(),
            any::<[u32; 5]>(),
            any::<[u8; 3]>(),
        )
            .prop_map(|(present, a, b, c)| {
                Record::new(c[0], Status(a[0]))
                    .with_addr(Addr(a[1]))
                    .with_misc(Misc(a[2]))
                    .with_mcgstatus(McgStatus(a[3]))
                    .with_mcgcap(McgCap(a[4]))
                    .with_synd(Synd(a[5]))
                    .with_synd1(Synd1(a[6]))
                    .with_synd2(Synd2(a[7]))
                    .with_ipid(Ipid(a[8]))
                    .with_ip(a[9])
                    .with_tsc(a[10])
                    .with_time(a[11])
                    .with_ppin(Ppin(a[12]))
                    .with_cpu(b[0])
                    .with_socket(b[1])
                    .with_apicid(b[2])
                    .with_cpuid(CpuSignature(b[3]))
                    .with_microcode(b[4])
                    .with_cs(c[1])
                    .with_vendor(Vendor(c[2]))
                    .without(Present::from_bits_truncate(present))
            })
    }

    fn values() -> impl Strategy<Value = FieldValue> {
        prop_oneof![
            any::<u64>().prop_map(FieldValue::Unsigned),
            any::<i64>().prop_map(FieldValue::Signed),
            ".*".prop_map(FieldValue::Text),
            vec(any::<u8>(), 0..50).prop_map(FieldValue::Bytes),
        ]
    }

    fn events() -> impl Strategy<Value = Event> {
        let channel = || (0..Channel::ALL.len()).prop_map(|at| Channel::ALL[at]);
        let generic = (
            (".*", ".*", channel()),
            (any::<Option<u32>>(), any::<Option<(u64, u32)>>()),
            vec((".*", values()), 0..8),
            proptest::option::of(".*"),
        );
        prop_oneof![
            (records(), channel(), any::<bool>()).prop_map(|(record, channel, earlier_boot)| {
                Event::Record(Observed {
                    record,
                    channel,
                    earlier_boot,
                })
            }),
            generic.prop_map(|((system, name, channel), (cpu, time), fields, text)| {
                Event::Generic(Generic {
                    system,
                    name,
                    channel,
                    cpu,
                    time,
                    fields,
                    text,
                })
            }),
            (channel(), any::<Option<u64>>(), any::<bool>(), ".*").prop_map(
                |(channel, count, exact, why)| {
                    let loss = match count {
                        Some(n) if exact => Loss::Exact(n),
                        Some(n) => Loss::AtLeast(n),
                        None => Loss::Unknown,
                    };
                    Event::Lost(Lost { channel, loss, why })
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn an_event_is_read_as_it_was_written(
            all in vec((events(), any::<(u64, u32)>(), any::<u32>()), 0..10), first in 1..u64::MAX / 2,
        ) {
            let mut bytes = Vec::new();
            for (event, received, number) in &all {
                put_event(&mut bytes, *received, *number, event);
            }
            let mut items = Items::new(&bytes, first);
            for (seq, (event, received, number)) in (first..).zip(all) {
                let identity = match &event {
                    Event::Record(observed) => Some(Identity::of(&observed.record)),
                    _ => None,
                };
                // Only errors that are told apart by an identity have a number.
                let number = if identity.is_some() { number } else { 0 };
                let entry = Delivered { seq, received, identity, event };
                prop_assert_eq!(items.next(), Ok(Some(Item::Entry(entry, number))));
            }
            prop_assert_eq!(items.next(), Ok(None));
        }

        #[test]
        fn any_bytes_come_to_an_end(bytes in vec(any::<u8>(), 0..300)) {
            let mut items = Items::new(&bytes, u64::MAX);
            let mut count = 0;
            while let Ok(Some(_)) = items.next() {
                count += 1;
            }
            prop_assert!(count <= bytes.len());
            prop_assert_eq!(items.next(), Ok(None));
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_still_reads() {
        let long = "é".repeat(MAX_TEXT);
        let generic = Generic {
            system: long.clone(),
            name: String::new(),
            channel: Channel::Trace,
            cpu: None,
            time: None,
            fields: vec![(long.clone(), FieldValue::Text(long)); 2 * MAX_FIELDS],
            text: None,
        };
        let mut bytes = Vec::new();
        put_event(&mut bytes, (0, 0), 0, &Event::Generic(generic));
        assert!(bytes.len() < 2 * MAX_EVENT);
        let mut items = Items::new(&bytes, 1);
        assert!(matches!(items.next(), Ok(Some(Item::Entry(..)))));
        assert_eq!(items.next(), Ok(None));
    }
}
