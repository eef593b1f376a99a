//! The fields of no fixed length, and those behind them.

use super::fields::Words;
use super::layout::KNOWN;
use super::{Layout, Sample};
use crate::Error;
use crate::abi::{BranchSampleType, RecordType, SampleType, take, take_u32, take_u64};
use crate::read::ReadValues;

/// All fields that may have any length, and those of one word that stand behind them.
pub(super) const VARIABLE: u64 = KNOWN
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
pub(super) fn truncated(field: &'static str) -> Error {
    Error::Truncated {
        kind: RecordType::SAMPLE.0,
        field,
    }
}

/// Takes `n` times `each` words.
fn words<'a>(rest: &mut &'a [u8], n: u64, each: u64) -> Option<Words<'a>> {
    take(rest, n.checked_mul(each * 8)?).map(Words)
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
pub(super) struct Walked<'a> {
    pub(super) more: Extra<'a>,
    raw: Option<&'a [u8]>,
    rest: &'a [u8],
    /// Whether it mattered how an empty branch stack is read.
    asked: bool,
}

impl Layout {
    /// Checks the fields of no fixed length, and those behind them.
    pub(super) fn variable(&self, sample: &mut Sample<'_>) -> Result<(), Error> {
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
    pub(super) fn walk<'a>(
        &self,
        bytes: &'a [u8],
        index_when_empty: bool,
    ) -> Result<Walked<'a>, Error> {
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
}
