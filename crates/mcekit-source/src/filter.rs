//! Which machine checks are wanted: one expression, for the kernel or for records that are here already.

use core::fmt;
use core::str::FromStr;

use mcekit::Record;
use tracefs::filter as kernel;

/// A condition on a machine check.
///
/// Its text is that of the kernel's trace filters, over the fields of `mce:mce_record`. A register that a record lacks
/// counts as the zero that the kernel writes for it, so that both say the same.
///
/// ```
/// use mcekit::{Record, Status};
/// use mcekit_source::Filter;
///
/// let filter: Filter = "bank == 5 && status & 0x2000000000000000".parse()?;
/// assert!(filter.passes(&Record::new(5, Status(0xbea0_0000_0000_0108))));
/// assert!(!filter.passes(&Record::new(5, Status(0x9c20_0000_0000_0108))));
/// assert_eq!(filter.to_string(), "bank == 5 && status & 2305843009213693952");
/// # Ok::<(), mcekit_source::FilterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All of them, at least two.
    And(Vec<Filter>),
    /// Any of them, at least two.
    Or(Vec<Filter>),
    /// Not that one.
    Not(Box<Filter>),
    /// A field compared with a number.
    Compare(Field, Op, u64),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `&`: some of these bits are set.
    Bits,
}

impl Op {
    /// Whether it holds.
    #[must_use]
    pub const fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Eq => left == right,
            Self::Ne => left != right,
            Self::Lt => left < right,
            Self::Le => left <= right,
            Self::Gt => left > right,
            Self::Ge => left >= right,
            Self::Bits => left & right != 0,
        }
    }

    const fn kernel(self) -> kernel::Op {
        match self {
            Self::Eq => kernel::Op::Eq,
            Self::Ne => kernel::Op::Ne,
            Self::Lt => kernel::Op::Lt,
            Self::Le => kernel::Op::Le,
            Self::Gt => kernel::Op::Gt,
            Self::Ge => kernel::Op::Ge,
            Self::Bits => kernel::Op::Bits,
        }
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident $name:literal $bits:literal |$record:ident| $value:expr;)*) => {
        /// A field of `mce:mce_record` (include/trace/events/mce.h).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Field {
            $($(#[$doc])* $field,)*
        }

        impl Field {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$field),*];

            /// Its name in the event.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$field => $name,)*
                }
            }

            /// How wide it is there.
            #[must_use]
            pub const fn bits(self) -> u32 {
                match self {
                    $(Self::$field => $bits,)*
                }
            }

            /// Its value; 0 where the record lacks it.
            #[must_use]
            pub fn of(self, record: &Record) -> u64 {
                match self {
                    $(Self::$field => {
                        let $record = record;
                        $value.unwrap_or(0)
                    })*
                }
            }
        }
    };
}

fields! {
    /// MCi_STATUS.
    Status "status" 64 |r| Some(r.status().0);
    /// MCi_ADDR.
    Addr "addr" 64 |r| r.addr().map(|v| v.0);
    /// MCi_MISC.
    Misc "misc" 64 |r| r.misc().map(|v| v.0);
    /// MCA_SYND (Linux 4.10).
    Synd "synd" 64 |r| r.synd().map(|v| v.0);
    /// MCA_IPID (Linux 4.10).
    Ipid "ipid" 64 |r| r.ipid().map(|v| v.0);
    /// MCG_STATUS.
    McgStatus "mcgstatus" 64 |r| r.mcgstatus().map(|v| v.0);
    /// MCG_CAP.
    McgCap "mcgcap" 64 |r| r.mcgcap().map(|v| v.0);
    /// The instruction pointer.
    Ip "ip" 64 |r| r.ip();
    /// The time stamp counter.
    Tsc "tsc" 64 |r| r.tsc();
    /// Seconds since 1970.
    Time "walltime" 64 |r| r.time();
    /// The package's inventory number (Linux 6.10).
    Ppin "ppin" 64 |r| r.ppin().map(|v| v.0);
    /// The CPU, as Linux counts.
    Cpu "cpu" 32 |r| r.cpu().map(u64::from);
    /// CPUID(1).EAX.
    Cpuid "cpuid" 32 |r| r.cpuid().map(|v| u64::from(v.0));
    /// The initial APIC id.
    Apicid "apicid" 32 |r| r.apicid().map(u64::from);
    /// The package.
    Socket "socketid" 32 |r| r.socket().map(u64::from);
    /// The microcode revision (Linux 6.10).
    Microcode "microcode" 32 |r| r.microcode().map(u64::from);
    /// The code segment.
    Cs "cs" 8 |r| r.cs().map(u64::from);
    /// The bank.
    Bank "bank" 8 |r| r.bank().map(u64::from);
    /// The vendor, as Linux counts: 0 Intel, 2 AMD.
    Vendor "cpuvendor" 8 |r| r.vendor().map(|v| u64::from(v.0));
}

/// What a text has that is no filter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// It does not follow the grammar, or is beyond its limits.
    #[error(transparent)]
    Syntax(#[from] tracefs::Error),
    /// A machine check has no such field.
    #[error("a machine check has no field `{name}`; it has {}", names())]
    NoField {
        /// The name.
        name: String,
    },
    /// A comparison with something that is no number, or does not fit the field.
    #[error("`{name}` compares with numbers of {bits} bits, not with {value}")]
    Value {
        /// The field.
        name: &'static str,
        /// How wide it is.
        bits: u32,
        /// What was given.
        value: String,
    },
    /// An operator that is for texts.
    #[error("`{name}` cannot be compared by `{op}`")]
    Operator {
        /// The field.
        name: &'static str,
        /// The operator.
        op: &'static str,
    },
}

fn names() -> String {
    let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    names.join(", ")
}

impl Filter {
    /// Whether a record is wanted.
    #[must_use]
    pub fn passes(&self, record: &Record) -> bool {
        match self {
            Self::And(list) => list.iter().all(|term| term.passes(record)),
            Self::Or(list) => list.iter().any(|term| term.passes(record)),
            Self::Not(inner) => !inner.passes(record),
            Self::Compare(field, op, value) => op.holds(field.of(record), *value),
        }
    }

    /// For a trace event's `filter` file, or a perf event. [`tracefs::filter::Filter::check`] says whether a kernel's
    /// event has all the fields.
    #[must_use]
    pub fn to_kernel(&self) -> kernel::Filter {
        let all = |list: &[Self]| list.iter().map(Self::to_kernel).collect();
        match self {
            Self::And(list) => kernel::Filter::All(all(list)),
            Self::Or(list) => kernel::Filter::Any(all(list)),
            Self::Not(inner) => kernel::Filter::Not(Box::new(inner.to_kernel())),
            Self::Compare(field, op, value) => kernel::Filter::Test(kernel::Test {
                field: field.name().into(),
                take: kernel::Take::Plain,
                op: op.kernel(),
                value: kernel::Operand::Number((*value).into()),
            }),
        }
    }

    fn from_kernel(filter: &kernel::Filter) -> Result<Self, FilterError> {
        let all = |list: &[kernel::Filter]| -> Result<Vec<Self>, FilterError> {
            list.iter().map(Self::from_kernel).collect()
        };
        Ok(match filter {
            kernel::Filter::All(list) => Self::And(all(list)?),
            kernel::Filter::Any(list) => Self::Or(all(list)?),
            kernel::Filter::Not(inner) => Self::Not(Box::new(Self::from_kernel(inner)?)),
            kernel::Filter::Test(test) => {
                let field = Field::ALL.iter().find(|field| field.name() == test.field);
                let field = *field.ok_or_else(|| FilterError::NoField {
                    name: test.field.clone(),
                })?;
                let op = match test.op {
                    kernel::Op::Eq => Op::Eq,
                    kernel::Op::Ne => Op::Ne,
                    kernel::Op::Lt => Op::Lt,
                    kernel::Op::Le => Op::Le,
                    kernel::Op::Gt => Op::Gt,
                    kernel::Op::Ge => Op::Ge,
                    kernel::Op::Bits => Op::Bits,
                    kernel::Op::Glob => {
                        return Err(FilterError::Operator {
                            name: field.name(),
                            op: test.op.as_str(),
                        });
                    }
                };
                let value = match (&test.take, &test.value) {
                    (kernel::Take::Plain, kernel::Operand::Number(value)) => {
                        u64::try_from(*value).ok()
                    }
                    _ => None,
                };
                let fits = |value: &u64| field.bits() == 64 || *value >> field.bits() == 0;
                let value = value.filter(fits).ok_or_else(|| FilterError::Value {
                    name: field.name(),
                    bits: field.bits(),
                    value: test.value.to_string(),
                })?;
                Self::Compare(field, op, value)
            }
        })
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::from_kernel(&text.parse()?)
    }
}

impl fmt::Display for Filter {
    /// As the kernel takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_kernel().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use mcekit::wire::{MAX_LEN, Mce, Wire};
    use proptest::prelude::*;

    use super::*;

    /// What the kernel does with the text: precedence climbing over the event's own numbers.
    struct Evaluator<'t> {
        rest: &'t str,
        mce: &'t Mce,
    }

    impl Evaluator<'_> {
        fn eat(&mut self, token: &str) -> bool {
            let rest = self.rest.trim_start();
            self.rest = rest.strip_prefix(token).unwrap_or(rest);
            self.rest.len() != rest.len()
        }

        fn any(&mut self) -> bool {
            let mut value = self.all();
            while self.eat("||") {
                value |= self.all();
            }
            value
        }

        fn all(&mut self) -> bool {
            let mut value = self.one();
            while self.eat("&&") {
                value &= self.one();
            }
            value
        }

        fn one(&mut self) -> bool {
            if self.eat("!") {
                return !self.one();
            }
            if self.eat("(") {
                let value = self.any();
                assert!(self.eat(")"));
                return value;
            }
            let mut words = self.rest.trim_start().splitn(3, ' ');
            let (name, op, rest) = (
                words.next().unwrap(),
                words.next().unwrap(),
                words.next().unwrap(),
            );
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let right: u64 = rest[..digits].parse().unwrap();
            self.rest = &rest[digits..];
            let m = self.mce;
            let left = match name {
                "status" => m.status,
                "addr" => m.addr,
                "misc" => m.misc,
                "synd" => m.synd,
                "ipid" => m.ipid,
                "mcgstatus" => m.mcgstatus,
                "mcgcap" => m.mcgcap,
                "ip" => m.ip,
                "tsc" => m.tsc,
                "walltime" => m.time,
                "ppin" => m.ppin,
                "cpu" => m.extcpu.into(),
                "cpuid" => m.cpuid.into(),
                "apicid" => m.apicid.into(),
                "socketid" => m.socketid.into(),
                "microcode" => m.microcode.into(),
                "cs" => m.cs.into(),
                "bank" => m.bank.into(),
                "cpuvendor" => m.cpuvendor.into(),
                other => panic!("{other}"),
            };
            match op {
                "==" => left == right,
                "!=" => left != right,
                "<" => left < right,
                "<=" => left <= right,
                ">" => left > right,
                ">=" => left >= right,
                "&" => left & right != 0,
                other => panic!("{other}"),
            }
        }
    }

    /// Small numbers as well, so that comparisons meet.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![0..4u64, any::<u64>(), (0..64u32).prop_map(|bit| 1 << bit)]
    }

    pub(crate) fn filter() -> impl Strategy<Value = Filter> {
        let op = prop::sample::select(vec![
            Op::Eq,
            Op::Ne,
            Op::Lt,
            Op::Le,
            Op::Gt,
            Op::Ge,
            Op::Bits,
        ]);
        let leaf =
            (prop::sample::select(Field::ALL), op, number()).prop_map(|(field, op, value)| {
                let value = if field.bits() == 64 {
                    value
                } else {
                    value & ((1 << field.bits()) - 1)
                };
                Filter::Compare(field, op, value)
            });
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
                inner.prop_map(|inner| Filter::Not(Box::new(inner))),
            ]
        })
    }

    fn mce() -> impl Strategy<Value = Mce> {
        prop::collection::vec(number(), 19).prop_map(|n| Mce {
            status: n[0],
            addr: n[1],
            misc: n[2],
            synd: n[3],
            ipid: n[4],
            mcgstatus: n[5],
            mcgcap: n[6],
            ip: n[7],
            tsc: n[8],
            time: n[9],
            ppin: n[10],
            extcpu: n[11] as u32,
            cpuid: n[12] as u32,
            apicid: n[13] as u32,
            socketid: n[14] as u32,
            microcode: n[15] as u32,
            cs: n[16] as u8,
            bank: n[17] as u8,
            cpuvendor: n[18] as u8,
            ..Mce::default()
        })
    }

    proptest! {
        #[test]
        fn the_kernels_text_says_what_passes_says(filter in filter(), mce in mce()) {
            let record = Wire { mce, len: MAX_LEN, surplus: 0 }.record();
            let text = filter.to_string();
            let mut evaluator = Evaluator { rest: &text, mce: &mce };
            let expected = evaluator.any();
            prop_assert_eq!(evaluator.rest.trim(), "", "{}", text);
            prop_assert_eq!(filter.passes(&record), expected, "{}", text);
        }

        #[test]
        fn a_filter_is_what_its_text_says(filter in filter()) {
            let text = filter.to_string();
            let again: Filter = text.parse().unwrap();
            // Lists in lists may come back as one.
            prop_assert_eq!(again.to_string(), text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a-z0-9 &|!()=<>x~\"]{0,60}") {
            if let Ok(filter) = text.parse::<Filter>() {
                prop_assert!(filter.to_string().parse::<Filter>().is_ok());
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let says = |text: &str| text.parse::<Filter>().unwrap_err().to_string();
        assert!(
            says("banks == 5")
                .starts_with("a machine check has no field `banks`; it has status, addr")
        );
        assert_eq!(
            says("bank == 300"),
            "`bank` compares with numbers of 8 bits, not with 300"
        );
        assert_eq!(
            says("status == -1"),
            "`status` compares with numbers of 64 bits, not with -1"
        );
        assert_eq!(
            says("bank == \"5\""),
            "`bank` compares with numbers of 8 bits, not with \"5\""
        );
        assert!(says("bank ==").contains("expected"));
    }
}
