//! Samples: which fields one has, and where.

use crate::Error;
use crate::abi::{
    AttrFlags, BranchSampleType, EventAttr, ReadFormat, RecordType, SampleType, take, take_u32,
    take_u64,
};
use crate::read::ReadValues;

/// The fields of one word each that stand first, in the order in which they stand.
const FIXED: [SampleType; 9] = [
    SampleType::IDENTIFIER,
    SampleType::IP,
    SampleType::TID,
    SampleType::TIME,
    SampleType::ADDR,
    SampleType::ID,
    SampleType::STREAM_ID,
    SampleType::CPU,
    SampleType::PERIOD,
];

/// The fields of the trailer that other records carry, in their order.
const TRAILER: [SampleType; 6] = [
    SampleType::TID,
    SampleType::TIME,
    SampleType::ID,
    SampleType::STREAM_ID,
    SampleType::CPU,
    SampleType::IDENTIFIER,
];

/// Every field whose place is known.
const KNOWN: u64 = (1 << 25) - 1;

/// How the records of an event are laid out.
///
/// It follows from the event's attr, and it is a value of its own: whoever reads a ring that another process opened
/// gets it from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    sample_type: SampleType,
    read_format: ReadFormat,
    branch: BranchSampleType,
    regs_user: u64,
    regs_intr: u64,
    sample_id_all: bool,
    /// Offsets of the fixed fields, 0xff for one that is not there. Parallel to `FIXED`.
    fixed: [u8; 9],
    /// Bytes of the fixed fields.
    fixed_len: u8,
    /// Bytes of the trailer.
    trailer_len: u8,
}

const ABSENT: u8 = 0xff;

impl Layout {
    /// The layout of the records of an event with this attr.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSampleType`] when it asks for fields that this crate does not know.
    pub fn of(attr: &EventAttr) -> Result<Self, Error> {
        let unknown = attr.sample_type.bits() & !KNOWN;
        if unknown != 0 {
            return Err(Error::UnknownSampleType { bits: unknown });
        }
        let mut fixed = [ABSENT; 9];
        let mut fixed_len = 0;
        for (place, field) in fixed.iter_mut().zip(FIXED) {
            if attr.sample_type.contains(field) {
                *place = fixed_len;
                fixed_len += 8;
            }
        }
        let sample_id_all = attr.flags.contains(AttrFlags::SAMPLE_ID_ALL);
        let trailer_len = if sample_id_all {
            TRAILER
                .iter()
                .map(|f| u8::from(attr.sample_type.contains(*f)) * 8)
                .sum()
        } else {
            0
        };
        Ok(Layout {
            sample_type: attr.sample_type,
            read_format: attr.read_format,
            branch: attr.branch_sample_type,
            regs_user: attr.sample_regs_user,
            regs_intr: attr.sample_regs_intr,
            sample_id_all,
            fixed,
            fixed_len,
            trailer_len,
        })
    }

    /// The fields of a sample.
    #[must_use]
    pub const fn sample_type(&self) -> SampleType {
        self.sample_type
    }

    /// The fields of a counter reading.
    #[must_use]
    pub const fn read_format(&self) -> ReadFormat {
        self.read_format
    }

    /// Whether records other than samples end with a trailer.
    #[must_use]
    pub const fn sample_id_all(&self) -> bool {
        self.sample_id_all
    }

    /// Bytes of that trailer.
    #[must_use]
    pub const fn trailer_len(&self) -> usize {
        self.trailer_len as usize
    }

    /// Bytes of the fixed fields of a sample.
    pub(crate) const fn fixed_len(&self) -> usize {
        self.fixed_len as usize
    }

    /// Where a fixed field stands in a sample's body.
    pub(crate) fn fixed_at(&self, field: SampleType) -> Option<usize> {
        let i = FIXED.iter().position(|f| *f == field)?;
        self.fixed
            .get(i)
            .filter(|at| **at != ABSENT)
            .map(|at| usize::from(*at))
    }

    /// Where a field stands in a trailer, counted back from the record's end.
    pub(crate) fn trailer_back(&self, field: SampleType) -> Option<usize> {
        if !self.sample_id_all || !self.sample_type.contains(field) {
            return None;
        }
        let i = TRAILER.iter().position(|f| *f == field)?;
        let from = TRAILER
            .iter()
            .skip(i)
            .filter(|f| self.sample_type.contains(**f))
            .count();
        Some(from * 8)
    }

    /// Reads a sample's body (the record without its header).
    ///
    /// Bytes after the last known field are no error: see [`Sample::rest`].
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] names the field at which the body ends.
    #[inline]
    pub fn sample<'a>(&'a self, body: &'a [u8]) -> Result<Sample<'a>, Error> {
        let Some((fixed, rest)) = body.split_at_checked(usize::from(self.fixed_len)) else {
            return Err(truncated("fixed"));
        };
        let mut sample = Sample {
            layout: self,
            fixed,
            variable: rest,
            raw: None,
            rest,
            index_when_empty: true,
        };
        if self.sample_type.bits() & VARIABLE == 0 {
            return Ok(sample);
        }
        if self.sample_type.bits() & VARIABLE == SampleType::RAW.bits() {
            let mut rest = rest;
            let raw = take_u32(&mut rest).and_then(|n| take(&mut rest, n.into()));
            sample.raw = Some(raw.ok_or_else(|| truncated("raw"))?);
            sample.rest = rest;
            return Ok(sample);
        }
        self.variable(&mut sample)?;
        Ok(sample)
    }

    /// Checks the fields of no fixed length, and those behind them.
    fn variable(&self, sample: &mut Sample<'_>) -> Result<(), Error> {
        // The kernel writes the hardware index of branch records only when it has a branch stack at all, and a count of
        // 0 says nothing about that: whatever fills the record exactly is right.
        let first = self.walk(sample.variable, true);
        if first.as_ref().is_err() || first.as_ref().is_ok_and(|w| w.asked && !w.rest.is_empty()) {
            match self.walk(sample.variable, false) {
                Ok(other) if first.is_err() || other.rest.is_empty() => {
                    (sample.raw, sample.rest) = (other.raw, other.rest);
                    sample.index_when_empty = false;
                    return Ok(());
                }
                _ => {}
            }
        }
        let first = first?;
        (sample.raw, sample.rest) = (first.raw, first.rest);
        Ok(())
    }

    /// One pass over the variable fields. `index_when_empty` is whether a branch stack of no records is taken to have
    /// an index.
    fn walk<'a>(&self, bytes: &'a [u8], index_when_empty: bool) -> Result<Walked<'a>, Error> {
        let has = |field| self.sample_type.contains(field);
        let mut rest = bytes;
        let b = &mut rest;
        let word = |b: &mut &[u8], name| take_u64(b).ok_or_else(|| truncated(name));
        let mut asked = false;
        let mut raw = None;
        let mut more = Extra::default();
        if has(SampleType::READ) {
            let (values, after) =
                ReadValues::parse(self.read_format, b).ok_or_else(|| truncated("read"))?;
            more.read = Some(values);
            *b = after;
        }
        if has(SampleType::CALLCHAIN) {
            let n = word(b, "callchain")?;
            more.callchain = Some(words(b, n, 1).ok_or_else(|| truncated("callchain"))?);
        }
        if has(SampleType::RAW) {
            let data = take_u32(b).and_then(|n| take(b, n.into()));
            raw = Some(data.ok_or_else(|| truncated("raw"))?);
        }
        if has(SampleType::BRANCH_STACK) {
            let n = word(b, "branch stack")?;
            asked = n == 0 && self.branch.contains(BranchSampleType::HW_INDEX);
            if self.branch.contains(BranchSampleType::HW_INDEX) && (n > 0 || index_when_empty) {
                more.branch_index = Some(word(b, "branch index")?);
            }
            more.branches = Some(words(b, n, 3).ok_or_else(|| truncated("branch stack"))?);
            if self.branch.contains(BranchSampleType::COUNTERS) && n > 0 {
                more.branch_counters =
                    Some(words(b, n, 1).ok_or_else(|| truncated("branch counters"))?);
            }
        }
        if has(SampleType::REGS_USER) {
            more.regs_user =
                Some(Regs::parse(self.regs_user, b).ok_or_else(|| truncated("user registers"))?);
        }
        if has(SampleType::STACK_USER) {
            let n = word(b, "user stack")?;
            let stack = take(b, n).ok_or_else(|| truncated("user stack"))?;
            let used = if n == 0 { 0 } else { word(b, "user stack")? };
            more.stack_user = Some(UserStack { bytes: stack, used });
        }
        if has(SampleType::WEIGHT) || has(SampleType::WEIGHT_STRUCT) {
            more.weight = Some(word(b, "weight")?);
        }
        if has(SampleType::DATA_SRC) {
            more.data_src = Some(word(b, "data source")?);
        }
        if has(SampleType::TRANSACTION) {
            more.transaction = Some(word(b, "transaction")?);
        }
        if has(SampleType::REGS_INTR) {
            more.regs_intr =
                Some(Regs::parse(self.regs_intr, b).ok_or_else(|| truncated("registers"))?);
        }
        if has(SampleType::PHYS_ADDR) {
            more.phys_addr = Some(word(b, "physical address")?);
        }
        if has(SampleType::CGROUP) {
            more.cgroup = Some(word(b, "cgroup")?);
        }
        if has(SampleType::DATA_PAGE_SIZE) {
            more.data_page_size = Some(word(b, "data page size")?);
        }
        if has(SampleType::CODE_PAGE_SIZE) {
            more.code_page_size = Some(word(b, "code page size")?);
        }
        if has(SampleType::AUX) {
            let n = word(b, "aux")?;
            more.aux = Some(take(b, n).ok_or_else(|| truncated("aux"))?);
        }
        Ok(Walked {
            more,
            raw,
            rest,
            asked,
        })
    }

    /// Splits the trailer off the body of a record that is no sample.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when the body is shorter than the trailer.
    pub fn trailer<'a>(
        &self,
        kind: RecordType,
        body: &'a [u8],
    ) -> Result<(&'a [u8], SampleId), Error> {
        let mut id = SampleId::default();
        if self.trailer_len == 0 {
            return Ok((body, id));
        }
        let cut = body.len().checked_sub(self.trailer_len());
        let Some((before, mut rest)) = cut.and_then(|at| body.split_at_checked(at)) else {
            return Err(Error::Truncated {
                kind: kind.0,
                field: "sample_id",
            });
        };
        for field in TRAILER
            .into_iter()
            .filter(|f| self.sample_type.contains(*f))
        {
            let value = take_u64(&mut rest);
            match field {
                SampleType::TID => id.tid = value.map(Tid::from_word),
                SampleType::TIME => id.time = value,
                SampleType::ID => id.id = value,
                SampleType::STREAM_ID => id.stream_id = value,
                SampleType::CPU => id.cpu = value.map(cpu_of),
                _ => id.identifier = value,
            }
        }
        Ok((before, id))
    }
}

/// All fields that may have any length, and those of one word that stand behind them.
const VARIABLE: u64 = KNOWN
    & !(SampleType::IDENTIFIER.bits()
        | SampleType::IP.bits()
        | SampleType::TID.bits()
        | SampleType::TIME.bits()
        | SampleType::ADDR.bits()
        | SampleType::ID.bits()
        | SampleType::STREAM_ID.bits()
        | SampleType::CPU.bits()
        | SampleType::PERIOD.bits());

#[cold]
fn truncated(field: &'static str) -> Error {
    Error::Truncated {
        kind: RecordType::SAMPLE.0,
        field,
    }
}

/// Takes `n` times `each` words.
fn words<'a>(rest: &mut &'a [u8], n: u64, each: u64) -> Option<Words<'a>> {
    take(rest, n.checked_mul(each * 8)?).map(Words)
}

/// The CPU's number is the low half of its word; the other is reserved.
fn cpu_of(word: u64) -> u32 {
    let [a, b, c, d, ..] = word.to_ne_bytes();
    u32::from_ne_bytes([a, b, c, d])
}

/// A process and one of its threads, as numbered in the reader's pid namespace; 0 is the idle task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tid {
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
}

impl Tid {
    fn from_word(word: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
        Tid {
            pid: u32::from_ne_bytes([a, b, c, d]),
            tid: u32::from_ne_bytes([e, f, g, h]),
        }
    }
}

/// The ids that every record can end with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SampleId {
    /// Who.
    pub tid: Option<Tid>,
    /// When, nanoseconds of the event's clock.
    pub time: Option<u64>,
    /// The group leader's id.
    pub id: Option<u64>,
    /// The event's own id.
    pub stream_id: Option<u64>,
    /// Where.
    pub cpu: Option<u32>,
    /// The event's id again, at the very end.
    pub identifier: Option<u64>,
}

/// Native-endian words that need not be aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Words(bytes)
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len() / 8
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The words, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u64> + 'a {
        self.0
            .chunks_exact(8)
            .map(|mut word| take_u64(&mut word).unwrap_or(0))
    }

    /// Their bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }
}

/// Registers of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regs<'a> {
    /// 0: none, 1: of a 32-bit task, 2: of a 64-bit task.
    pub abi: u64,
    /// Which registers, by the architecture's `asm/perf_regs.h`; one word for each set bit, ascending.
    pub mask: u64,
    /// Their values; none when `abi` is 0.
    pub values: Words<'a>,
}

impl<'a> Regs<'a> {
    fn parse(mask: u64, rest: &mut &'a [u8]) -> Option<Self> {
        let abi = take_u64(rest)?;
        let n = if abi == 0 {
            0
        } else {
            mask.count_ones().into()
        };
        Some(Regs {
            abi,
            mask,
            values: words(rest, n, 1)?,
        })
    }
}

/// A copy of the user stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserStack<'a> {
    /// The bytes, of the size that was asked for.
    pub bytes: &'a [u8],
    /// How many of them the kernel could copy.
    pub used: u64,
}

/// The fields of no fixed length, and those behind them; `None` for one that the event was not asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra<'a> {
    /// Counter values.
    pub read: Option<ReadValues<'a>>,
    /// Call chain, innermost first, with the kernel's context markers (-128, -512 …) among the addresses.
    pub callchain: Option<Words<'a>>,
    /// Branch records of three words: from, to, flags.
    pub branches: Option<Words<'a>>,
    /// Hardware index of the newest branch record.
    pub branch_index: Option<u64>,
    /// One word of counters for each branch record.
    pub branch_counters: Option<Words<'a>>,
    /// User registers.
    pub regs_user: Option<Regs<'a>>,
    /// User stack.
    pub stack_user: Option<UserStack<'a>>,
    /// Weight: one word, or three fields in one (`perf_sample_weight`).
    pub weight: Option<u64>,
    /// Source of the data (`perf_mem_data_src`).
    pub data_src: Option<u64>,
    /// Transactional memory flags.
    pub transaction: Option<u64>,
    /// Registers at the interrupt.
    pub regs_intr: Option<Regs<'a>>,
    /// Physical data address.
    pub phys_addr: Option<u64>,
    /// Cgroup id.
    pub cgroup: Option<u64>,
    /// Page size of the data address, bytes.
    pub data_page_size: Option<u64>,
    /// Page size of the instruction pointer, bytes.
    pub code_page_size: Option<u64>,
    /// A piece of the AUX area.
    pub aux: Option<&'a [u8]>,
}

/// What one pass over the variable fields found.
struct Walked<'a> {
    more: Extra<'a>,
    raw: Option<&'a [u8]>,
    rest: &'a [u8],
    /// Whether it mattered how an empty branch stack is read.
    asked: bool,
}

/// A sample's fields; `None` for one that the event was not asked for.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    layout: &'a Layout,
    fixed: &'a [u8],
    variable: &'a [u8],
    raw: Option<&'a [u8]>,
    rest: &'a [u8],
    index_when_empty: bool,
}

macro_rules! fixed_fields {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $index:literal, $read:expr;)*) => {
        impl<'a> Sample<'a> {
            $($(#[$doc])*
            #[must_use]
            #[inline]
            pub fn $name(&self) -> Option<$type> {
                self.fixed::<$index>().map($read)
            })*
        }
    };
}

// The numbers are places in `FIXED`.
fixed_fields! {
    /// The event's id, at a place that all layouts share.
    identifier: u64 = 0, |w| w;
    /// Instruction pointer.
    ip: u64 = 1, |w| w;
    /// Who.
    tid: Tid = 2, Tid::from_word;
    /// When, nanoseconds of the event's clock.
    time: u64 = 3, |w| w;
    /// Data address, where the event has one.
    addr: u64 = 4, |w| w;
    /// The group leader's id.
    id: u64 = 5, |w| w;
    /// The event's own id.
    stream_id: u64 = 6, |w| w;
    /// Where.
    cpu: u32 = 7, cpu_of;
    /// Events since the last sample.
    period: u64 = 8, |w| w;
}

impl<'a> Sample<'a> {
    #[inline]
    fn fixed<const I: usize>(&self) -> Option<u64> {
        let at = self.layout.fixed[I];
        if at == ABSENT {
            return None;
        }
        self.fixed
            .get(usize::from(at)..)?
            .first_chunk::<8>()
            .map(|b| u64::from_ne_bytes(*b))
    }

    /// Raw data: of a tracepoint, the record as its `format` file lays it out, **and** up to seven bytes of padding,
    /// because the kernel counts them in. The format says where the record ends.
    #[must_use]
    #[inline]
    pub const fn raw(&self) -> Option<&'a [u8]> {
        self.raw
    }

    /// The fields of no fixed length, and those behind them, in one pass. Their lengths were checked when the sample was
    /// read.
    #[must_use]
    pub fn extra(&self) -> Extra<'a> {
        self.layout
            .walk(self.variable, self.index_when_empty)
            .map_or_else(|_| Extra::default(), |w| w.more)
    }

    /// Counter values: [`Extra::read`].
    #[must_use]
    pub fn read(&self) -> Option<ReadValues<'a>> {
        self.extra().read
    }

    /// Call chain: [`Extra::callchain`].
    #[must_use]
    pub fn callchain(&self) -> Option<Words<'a>> {
        self.extra().callchain
    }

    /// What stands behind the last known field: padding, or fields of a newer kernel.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The layout it was read by.
    #[must_use]
    pub const fn layout(&self) -> &'a Layout {
        self.layout
    }
}
