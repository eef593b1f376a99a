//! Records under way: where the lines of several errors are put together, and printings of one error meet.
//!
//! Slots stand in the order in which they began and leave in that order, so the sequence of records does not
//! depend on how the input was cut into chunks.

use std::collections::VecDeque;

use mcekit::{McgStatus, Present, Record, Vendor};

use crate::formats::BROADCAST;
use crate::found::{Format, Found, Pair, Stats, TextKind, Texts};
use crate::line::{Line, Printer};

/// For how many lines after its last one a record can still gain a line or meet its second printing.
pub const HOLD_LINES: u64 = 40;

/// How many records are under way at most; one more makes the oldest leave.
pub const MAX_OPEN: usize = 64;

/// How many bytes of a line's prefix are kept, to tell printers apart where records interleave.
const PREFIX: usize = 96;

/// How lines find the record that they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The kernel's raw lines come in an order: the header, RIP, registers, PROCESSOR.
    Header,
    /// RIP was seen.
    Rip,
    /// TSC, ADDR, MISC … were seen.
    Registers,
    /// Any line in any order, always for the latest record.
    Free,
}

/// One record under way.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub record: Record,
    pub start: u64,
    pub end: u64,
    pub line: u64,
    pub last_line: u64,
    pub format: Format,
    pub stage: Stage,
    /// A later record of the same format began after this one had lines of its own.
    pub stale: bool,
    /// It has lines of its own beside the first.
    pub body: bool,
    /// Its TSC line was read; the value can be absent all the same.
    pub tsc_seen: bool,
    /// No further registers.
    pub closed: bool,
    /// It counts without a status: the text says that it is a machine check, and lost the rest.
    pub fragment: bool,
    /// Format-private: how far a fixed order of fields has come.
    pub step: u16,
    /// Format-private: the high half of a status whose low half is still to come.
    pub high: u32,
    pub texts: Texts,
    /// A copy that syslogd sent to terminals.
    wall: bool,
    prefix: [u8; PREFIX],
    prefix_len: u8,
}

impl Slot {
    pub(crate) fn has(&self, parts: Present) -> bool {
        self.record.present().contains(parts)
    }

    pub(crate) fn lacks_text(&self, kind: TextKind) -> bool {
        self.texts.get(kind).is_none()
    }

    pub(crate) fn lacks(&self, parts: Present) -> bool {
        !self.record.present().intersects(parts)
    }

    /// Whether every register that both have is the same.
    pub(crate) fn agrees(&self, other: &Record) -> bool {
        self.record.or(other) == other.or(&self.record)
    }

    pub(crate) fn touch(&mut self, line: &Line<'_>) {
        self.end = self.end.max(line.end());
        self.start = self.start.min(line.start);
        self.last_line = line.number;
        self.body = true;
    }

    /// Makes the record begin at an earlier place, for what stood before its first line.
    pub(crate) fn begin_at(&mut self, start: u64, lines_up: u64) {
        if start < self.start {
            self.start = start;
            self.line = self.line.saturating_sub(lines_up).max(1);
        }
    }

    pub(crate) fn set(&mut self, change: impl FnOnce(Record) -> Record) {
        self.record = change(self.record);
    }

    fn printer(&self) -> Printer {
        let prefix = self.prefix.get(..usize::from(self.prefix_len));
        Line {
            before: &[],
            text: prefix.unwrap_or_default(),
            at: PREFIX,
            start: 0,
            number: 0,
            last: true,
        }
        .printer()
    }
}

/// What a header without a bank said, for the `Bank` lines after it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    pub record: Record,
    pub format: Option<Format>,
    pub start: u64,
    pub line: u64,
    /// The line up to which it holds; zero where there is none.
    pub until: u64,
    /// A bank line used it already.
    pub used: bool,
}

/// The place in a firmware dump that the next values belong to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dump {
    /// The first MSR of the register array that follows.
    pub msr: Option<u64>,
    /// What the section says about the processor.
    pub processor: Record,
    /// Rows that follow are CPUID (1), or the register array (2).
    pub rows: u8,
    /// The section is one of an x86 processor.
    pub x86: bool,
    pub start: u64,
    pub line: u64,
    /// Where a JSON dump has come to.
    pub core: Option<u32>,
    pub thread: Option<u32>,
    pub socket: Option<u32>,
    /// The words for the kind of core.
    pub kind: Option<&'static str>,
    /// The die, by what its name begins with and its number.
    pub die: Option<(&'static str, u32)>,
    pub module: Option<u32>,
    pub bank: Option<u8>,
    /// Which of the units that share the bank's number.
    pub instance: Option<u32>,
    /// The banks that follow are those of the place, and not of the whole dump.
    pub here: bool,
}

/// A record of the kernel's raw lines that is whole, and only waits for its second printing.
#[derive(Debug)]
struct Whole {
    record: Record,
    start: u64,
    end: u64,
    line: u64,
    last_line: u64,
}

impl Whole {
    fn into_slot(self) -> Slot {
        Slot {
            record: self.record,
            start: self.start,
            end: self.end,
            line: self.line,
            last_line: self.last_line,
            format: Format::Linux,
            stage: Stage::Registers,
            stale: false,
            body: true,
            tsc_seen: true,
            closed: true,
            fragment: true,
            step: 0,
            high: 0,
            texts: Texts::default(),
            wall: false,
            prefix: [0; PREFIX],
            prefix_len: 0,
        }
    }
}

/// All records under way.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    queue: VecDeque<Slot>,
    /// Those behind the ones in `queue`: most of a log that has many, and far smaller. They become slots as soon as
    /// anything but such a record is read.
    whole: VecDeque<Whole>,
    pub context: Context,
    pub dump: Dump,
    /// The last addresses that an EDAC block gave, so that EDAC's own line about one is not a record again.
    pub edac_seen: VecDeque<u64>,
    pub stats: Stats,
}

impl Slots {
    /// Where the first of them begins, or the header that `Bank` lines from line `number` on belong to.
    pub(crate) fn first_start(&self, number: u64) -> u64 {
        let header = (self.context.until >= number).then_some(self.context.start);
        let slots = self.queue.iter().map(|slot| slot.start);
        let whole = self.whole.iter().map(|whole| whole.start);
        slots.chain(whole).chain(header).min().unwrap_or(u64::MAX)
    }

    /// Whether a record that is whole can be added as it is: nothing that is under way can gain a line, or be the
    /// same error.
    pub(crate) fn takes_whole(&self) -> bool {
        let inert = |slot: &Slot| slot.closed && slot.format == Format::Linux;
        self.queue.len() + self.whole.len() < MAX_OPEN && self.queue.iter().all(inert)
    }

    /// Adds a record that the kernel printed on three lines, from the one with the number `line` on.
    pub(crate) fn add_whole(&mut self, record: Record, start: u64, end: u64, line: u64) {
        self.whole.push_back(Whole {
            record,
            start,
            end,
            line,
            last_line: line + 2,
        });
    }

    /// Makes slots of all.
    #[inline]
    fn spread(&mut self) {
        if !self.whole.is_empty() {
            self.queue
                .extend(self.whole.drain(..).map(Whole::into_slot));
        }
    }

    /// Begins a record at `line`.
    pub(crate) fn begin(&mut self, line: &Line<'_>, format: Format, record: Record) -> &mut Slot {
        self.spread();
        let mut repeated = false;
        for slot in &mut self.queue {
            if slot.format == format {
                slot.stale |= slot.body;
                repeated |= slot.record.status() == record.status() && slot.agrees(&record);
            } else {
                // What a person types ends where something else begins.
                slot.closed |= slot.format == Format::Typed;
            }
        }
        let wall = repeated && is_wall(line);
        let mut prefix = [0; PREFIX];
        let from = line.prefix();
        let from = from.get(..PREFIX).unwrap_or(from);
        if let Some(to) = prefix.get_mut(..from.len()) {
            to.copy_from_slice(from);
        }
        self.queue.push_back(Slot {
            record,
            start: line.start,
            end: line.end(),
            line: line.number,
            last_line: line.number,
            format,
            stage: Stage::Free,
            stale: false,
            body: false,
            tsc_seen: false,
            closed: false,
            fragment: false,
            step: 0,
            high: 0,
            texts: Texts::default(),
            wall,
            prefix,
            prefix_len: from.len() as u8,
        });
        let last = self.queue.len() - 1;
        &mut self.queue[last]
    }

    /// The newest record, if it is the only open one.
    pub(crate) fn only_open(&mut self) -> Option<&mut Slot> {
        if !self.whole.is_empty() {
            return None;
        }
        let mut slots = self.queue.iter_mut().rev();
        let newest = slots.next()?;
        (!newest.closed && slots.all(|slot| slot.closed)).then_some(newest)
    }

    /// The newest record for which `is` holds, closed or not.
    pub(crate) fn newest(&mut self, is: impl Fn(&Slot) -> bool) -> Option<&mut Slot> {
        self.spread();
        self.queue.iter_mut().rev().find(|slot| is(slot))
    }

    /// The oldest record for which `is` holds, closed or not.
    pub(crate) fn oldest(&mut self, is: impl Fn(&Slot) -> bool) -> Option<&mut Slot> {
        self.spread();
        self.queue.iter_mut().find(|slot| is(slot))
    }

    pub(crate) fn any(&mut self, is: impl Fn(&Slot) -> bool) -> bool {
        self.spread();
        self.queue.iter().any(is)
    }

    /// The open record that `line` belongs to: `fits` gives how well, or nothing. Equal ones: by printer, then
    /// those that no later record has overtaken, then the oldest.
    pub(crate) fn choose(
        &mut self,
        line: &Line<'_>,
        fits: impl Fn(&Slot) -> Option<u8>,
    ) -> Option<&mut Slot> {
        let mut best: Option<(usize, u8)> = None;
        let mut several = false;
        for (index, slot) in self.queue.iter().enumerate() {
            if slot.closed {
                continue;
            }
            if let Some(fit) = fits(slot) {
                several |= best.is_some();
                if best.is_none_or(|(_, other)| fit > other) {
                    best = Some((index, fit));
                }
            }
        }
        if several {
            let printer = line.printer();
            best = None;
            for (index, slot) in self.queue.iter().enumerate() {
                if slot.closed || !slot.printer().agrees(printer) {
                    continue;
                }
                if let Some(fit) = fits(slot) {
                    let fit = fit.saturating_mul(2) + u8::from(!slot.stale);
                    if best.is_none_or(|(_, other)| fit > other) {
                        best = Some((index, fit));
                    }
                }
            }
        }
        best.and_then(|(index, _)| self.queue.get_mut(index))
    }

    /// The line `number` went on up to `end`.
    pub(crate) fn ends_at(&mut self, number: u64, end: u64, last_line: u64) {
        for slot in &mut self.queue {
            if slot.last_line == number {
                slot.end = slot.end.max(end);
                slot.last_line = last_line;
            }
        }
    }

    /// Closes the records of a format that does not interleave.
    pub(crate) fn close(&mut self, is: impl Fn(&Slot) -> bool) {
        for slot in &mut self.queue {
            if is(slot) {
                slot.closed = true;
            }
        }
    }

    /// Remembers a header that names no bank.
    pub(crate) fn announce(&mut self, line: &Line<'_>, format: Format, record: Record) {
        self.context = Context {
            record,
            format: Some(format),
            start: line.start,
            line: line.number,
            until: line.number + HOLD_LINES,
            used: false,
        };
    }

    /// Hands out what cannot change any more.
    #[inline]
    pub(crate) fn retire(&mut self, now: u64, sink: &mut impl FnMut(Found)) {
        while let Some(front) = self.queue.front() {
            let open = self.queue.len() + self.whole.len();
            if now.saturating_sub(front.last_line) <= HOLD_LINES && open <= MAX_OPEN {
                return;
            }
            self.emit(sink);
        }
        while let Some(front) = self.whole.front() {
            if now.saturating_sub(front.last_line) <= HOLD_LINES && self.whole.len() <= MAX_OPEN {
                return;
            }
            self.emit_whole(sink);
        }
    }

    /// Hands out everything.
    pub(crate) fn flush(&mut self, sink: &mut impl FnMut(Found)) {
        while !self.queue.is_empty() {
            self.emit(sink);
        }
        while !self.whole.is_empty() {
            self.emit_whole(sink);
        }
    }

    /// Hands out the first of those that are whole: no slot is left that could be the same error.
    #[inline]
    fn emit_whole(&mut self, sink: &mut impl FnMut(Found)) {
        let Some(whole) = self.whole.front() else {
            return;
        };
        if whole.record.status().not_captured() {
            self.stats.not_captured += 1;
            self.whole.pop_front();
            return;
        }
        self.stats.records += 1;
        sink(Found {
            record: whole.record,
            span: whole.start..whole.end,
            line: whole.line,
            format: Format::Linux,
            texts: Texts::default(),
            pair: None,
        });
        self.whole.pop_front();
    }

    fn emit(&mut self, sink: &mut impl FnMut(Found)) {
        if self
            .queue
            .front()
            .is_some_and(|slot| slot.format != Format::Linux)
        {
            self.spread();
        }
        let Some(mut slot) = self.queue.pop_front() else {
            return;
        };
        crate::formats::complete(&mut slot);
        let mut pair = None;
        if let Some(index) = self
            .queue
            .iter()
            .position(|other| is_same_error(&slot, other))
            && let Some(mut other) = self.queue.remove(index)
        {
            crate::formats::complete(&mut other);
            let stepping = other.record.cpuid().filter(|c| c.stepping() != 0);
            if let Some(cpuid) = stepping {
                slot.record = slot.record.with_cpuid(cpuid);
            }
            slot.record = slot.record.or(&other.record);
            slot.texts.absorb(other.texts);
            pair = Some(Pair {
                format: other.format,
                span: other.start..other.end,
                line: other.line,
            });
        }
        let record = slot.record;
        if !record.present().contains(Present::STATUS) {
            let memory = record.addr().is_some() || record.misc().is_some();
            let whole = slot.fragment || record.cpuid().is_some() && memory;
            if !whole {
                self.stats.fragments += 1;
                return;
            }
        } else if record.status().not_captured() {
            self.stats.not_captured += 1;
            return;
        } else if slot.format == Format::CrashLog && !record.status().val() {
            // A dump lists every bank; those without an error are nothing.
            return;
        }
        self.stats.records += 1;
        sink(Found {
            record: settle(record),
            span: slot.start..slot.end,
            line: slot.line,
            format: slot.format,
            texts: slot.texts,
            pair,
        });
    }
}

/// What follows from the registers themselves: scalable-MCA registers prove the vendor.
fn settle(record: Record) -> Record {
    let smca = record.ipid().is_some_and(|ipid| ipid.0 != 0);
    if record.vendor().is_none() && smca {
        return record.with_vendor(Vendor::AMD);
    }
    record
}

/// Two printings of one error: other words, the same registers; or the same words, sent to terminals.
fn is_same_error(slot: &Slot, other: &Slot) -> bool {
    slot.record.status() == other.record.status()
        && slot.has(Present::STATUS)
        && other.has(Present::STATUS)
        && (slot.format != other.format || other.wall)
        && slot.record.bank() == other.record.bank()
        && slot.agrees(&comparable(&other.record, &slot.record))
}

/// `other` without what two printings of one error rightly say differently: a kernel's time is when it
/// logged, and MCG_STATUS that a text does not print is zero elsewhere.
fn comparable(other: &Record, slot: &Record) -> Record {
    let mut skip = Present::empty();
    if slot.mcgstatus() == Some(McgStatus(0)) || other.mcgstatus() == Some(McgStatus(0)) {
        skip |= Present::MCGSTATUS;
    }
    // mcelog does not always print the stepping.
    if let (Some(a), Some(b)) = (slot.cpuid(), other.cpuid())
        && (a.0 ^ b.0) & !15 == 0
        && (a.stepping() == 0 || b.stepping() == 0)
    {
        skip |= Present::CPUID;
    }
    if skip.is_empty() {
        *other
    } else {
        other.without(skip)
    }
}

/// Whether syslogd announces the line as a broadcast.
fn is_wall(line: &Line<'_>) -> bool {
    line.lines_before()
        .take(3)
        .any(|text| memchr::memmem::find(text, BROADCAST.as_bytes()).is_some())
}
