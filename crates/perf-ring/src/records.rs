//! Every record type that the kernel writes, read into its fields.

use crate::Error;
use crate::abi::{Misc, RecordHeader, RecordType, take, take_u16, take_u32, take_u64};
use crate::read::ReadValues;
use crate::ring::Record;
use crate::sample::{Layout, Sample, SampleId, Tid, Words};

/// A task that began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// The task.
    pub task: Tid,
    /// Its parent, or who made it.
    pub parent: Tid,
    /// When, nanoseconds.
    pub time: u64,
}

/// A mapping. `start`, `len` and `offset` are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmapRecord<'a> {
    /// Whose.
    pub task: Tid,
    /// First address.
    pub start: u64,
    /// Length.
    pub len: u64,
    /// Offset in the file.
    pub offset: u64,
    /// What only MMAP2 tells.
    pub file: Option<MmapFile<'a>>,
    /// Path, without the NUL padding.
    pub path: &'a [u8],
}

/// Which file MMAP2 says was mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmapFile<'a> {
    /// Its identity.
    pub identity: MmapIdentity<'a>,
    /// `PROT_*` bits.
    pub prot: u32,
    /// `MAP_*` bits.
    pub flags: u32,
}

/// Device and inode, or a build id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MmapIdentity<'a> {
    /// Where the file lies.
    Inode {
        /// Device, major number.
        major: u32,
        /// Device, minor number.
        minor: u32,
        /// Inode number.
        inode: u64,
        /// Inode generation.
        generation: u64,
    },
    /// What the linker stamped on it, at most 20 bytes.
    BuildId(&'a [u8]),
}

/// A kernel symbol that came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ksymbol<'a> {
    /// Address.
    pub addr: u64,
    /// Length, bytes.
    pub len: u32,
    /// 1: BPF, 2: out-of-line code.
    pub kind: u16,
    /// Bit 0: it went.
    pub flags: u16,
    /// Its name.
    pub name: &'a [u8],
}

/// What a record says.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Sampling: see [`Sample`].
    Sample(Sample<'a>),
    /// Records found no room.
    Lost {
        /// The event's id.
        id: u64,
        /// How many.
        lost: u64,
    },
    /// The hardware dropped samples.
    LostSamples {
        /// How many.
        lost: u64,
    },
    /// A task's name.
    Comm {
        /// The task.
        task: Tid,
        /// Whether by `exec`.
        exec: bool,
        /// The name, without the NUL padding.
        comm: &'a [u8],
    },
    /// A task began.
    Fork(Task),
    /// A task ended.
    Exit(Task),
    /// Sampling was throttled.
    Throttle {
        /// When, nanoseconds.
        time: u64,
        /// The event's id.
        id: u64,
        /// The event's own id.
        stream_id: u64,
    },
    /// Throttling ended; fields as before.
    Unthrottle {
        /// When, nanoseconds.
        time: u64,
        /// The event's id.
        id: u64,
        /// The event's own id.
        stream_id: u64,
    },
    /// A counter's values, of an inherited event whose task ended.
    Read {
        /// The task.
        task: Tid,
        /// The values.
        values: ReadValues<'a>,
    },
    /// MMAP and MMAP2.
    Mmap(MmapRecord<'a>),
    /// New data in the AUX area.
    Aux {
        /// Where.
        offset: u64,
        /// Bytes.
        size: u64,
        /// Truncated, overwritten, partial, collision.
        flags: u64,
    },
    /// Hardware tracing of a task began.
    ItraceStart {
        /// The task.
        task: Tid,
    },
    /// The task was switched in or out.
    Switch {
        /// Out, not in.
        out: bool,
        /// Out while still runnable.
        preempted: bool,
        /// The other task, of a CPU-wide event.
        other: Option<Tid>,
    },
    /// A task's namespaces: pairs of device and inode, in the order net, uts, ipc, pid, user, mnt, cgroup.
    Namespaces {
        /// The task.
        task: Tid,
        /// Two words each.
        links: Words<'a>,
    },
    /// A kernel symbol.
    Ksymbol(Ksymbol<'a>),
    /// A BPF program.
    BpfEvent {
        /// 1: loaded, 2: unloaded.
        kind: u16,
        /// Reserved.
        flags: u16,
        /// The program's id.
        id: u32,
        /// Its tag.
        tag: [u8; 8],
    },
    /// A cgroup.
    Cgroup {
        /// Its id.
        id: u64,
        /// Its path, without the NUL padding.
        path: &'a [u8],
    },
    /// Kernel text changed.
    TextPoke {
        /// Where.
        addr: u64,
        /// The bytes before.
        old: &'a [u8],
        /// The bytes after.
        new: &'a [u8],
    },
    /// The hardware id of an event whose output goes to the AUX area.
    AuxOutputHwId {
        /// The id.
        hw_id: u64,
    },
    /// A user call chain that earlier samples left out.
    CallchainDeferred {
        /// What those samples have in its place.
        cookie: u64,
        /// Innermost first.
        callchain: Words<'a>,
    },
    /// A type without a name here; the body as it is, trailer included.
    Unknown(&'a [u8]),
}

/// A record, read.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    /// Its header.
    pub header: RecordHeader,
    /// What it says.
    pub body: Body<'a>,
    /// The ids at its end; of a sample, its own fields.
    pub id: SampleId,
}

/// Up to the first NUL.
fn name(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == 0).next().unwrap_or(bytes)
}

fn tid(rest: &mut &[u8]) -> Option<Tid> {
    Some(Tid {
        pid: take_u32(rest)?,
        tid: take_u32(rest)?,
    })
}

impl Layout {
    /// Reads a record of any type; `scratch` holds the body while it is in one piece, where it wraps.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when the record ends within a field.
    pub fn parse<'a>(
        &'a self,
        record: &Record<'a>,
        scratch: &'a mut Vec<u8>,
    ) -> Result<Parsed<'a>, Error> {
        self.parse_body(record.header, record.body(scratch))
    }

    /// The same of a body in one piece.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when the record ends within a field.
    pub fn parse_body<'a>(
        &'a self,
        header: RecordHeader,
        body: &'a [u8],
    ) -> Result<Parsed<'a>, Error> {
        if header.kind == RecordType::SAMPLE {
            let sample = self.sample(body)?;
            let id = SampleId {
                tid: sample.tid(),
                time: sample.time(),
                id: sample.id(),
                stream_id: sample.stream_id(),
                cpu: sample.cpu(),
                identifier: sample.identifier(),
            };
            return Ok(Parsed {
                header,
                body: Body::Sample(sample),
                id,
            });
        }
        if header.kind.name().is_none() {
            return Ok(Parsed {
                header,
                body: Body::Unknown(body),
                id: SampleId::default(),
            });
        }
        let (fields, id) = self.trailer(header.kind, body)?;
        let body = self.fields(header, fields).ok_or(Error::Truncated {
            kind: header.kind.0,
            field: header.kind.name().unwrap_or("body"),
        })?;
        Ok(Parsed { header, body, id })
    }

    fn fields<'a>(&'a self, header: RecordHeader, fields: &'a [u8]) -> Option<Body<'a>> {
        let mut rest = fields;
        let b = &mut rest;
        Some(match header.kind {
            RecordType::LOST => Body::Lost {
                id: take_u64(b)?,
                lost: take_u64(b)?,
            },
            RecordType::LOST_SAMPLES => Body::LostSamples { lost: take_u64(b)? },
            RecordType::COMM => Body::Comm {
                task: tid(b)?,
                exec: header.misc.has(Misc::COMM_EXEC),
                comm: name(b),
            },
            RecordType::FORK => Body::Fork(task(b)?),
            RecordType::EXIT => Body::Exit(task(b)?),
            RecordType::THROTTLE => Body::Throttle {
                time: take_u64(b)?,
                id: take_u64(b)?,
                stream_id: take_u64(b)?,
            },
            RecordType::UNTHROTTLE => Body::Unthrottle {
                time: take_u64(b)?,
                id: take_u64(b)?,
                stream_id: take_u64(b)?,
            },
            RecordType::READ => {
                let task = tid(b)?;
                let (values, _) = ReadValues::parse(self.read_format(), b)?;
                Body::Read { task, values }
            }
            RecordType::MMAP => Body::Mmap(mmap(b, None)?),
            RecordType::MMAP2 => Body::Mmap(mmap(b, Some(header.misc))?),
            RecordType::AUX => Body::Aux {
                offset: take_u64(b)?,
                size: take_u64(b)?,
                flags: take_u64(b)?,
            },
            RecordType::ITRACE_START => Body::ItraceStart { task: tid(b)? },
            RecordType::SWITCH | RecordType::SWITCH_CPU_WIDE => Body::Switch {
                out: header.misc.has(Misc::SWITCH_OUT),
                preempted: header.misc.has(Misc::SWITCH_OUT_PREEMPT),
                other: if header.kind == RecordType::SWITCH {
                    None
                } else {
                    Some(tid(b)?)
                },
            },
            RecordType::NAMESPACES => {
                let task = tid(b)?;
                let n = take_u64(b)?;
                Body::Namespaces {
                    task,
                    links: Words::new(take(b, n.checked_mul(16)?)?),
                }
            }
            RecordType::KSYMBOL => Body::Ksymbol(Ksymbol {
                addr: take_u64(b)?,
                len: take_u32(b)?,
                kind: take_u16(b)?,
                flags: take_u16(b)?,
                name: name(b),
            }),
            RecordType::BPF_EVENT => Body::BpfEvent {
                kind: take_u16(b)?,
                flags: take_u16(b)?,
                id: take_u32(b)?,
                tag: take_u64(b)?.to_ne_bytes(),
            },
            RecordType::CGROUP => Body::Cgroup {
                id: take_u64(b)?,
                path: name(b),
            },
            RecordType::TEXT_POKE => {
                let addr = take_u64(b)?;
                let (old, new) = (take_u16(b)?, take_u16(b)?);
                Body::TextPoke {
                    addr,
                    old: take(b, old.into())?,
                    new: take(b, new.into())?,
                }
            }
            RecordType::AUX_OUTPUT_HW_ID => Body::AuxOutputHwId {
                hw_id: take_u64(b)?,
            },
            RecordType::CALLCHAIN_DEFERRED => {
                let cookie = take_u64(b)?;
                let n = take_u64(b)?;
                Body::CallchainDeferred {
                    cookie,
                    callchain: Words::new(take(b, n.checked_mul(8)?)?),
                }
            }
            _ => Body::Unknown(fields),
        })
    }
}

/// FORK and EXIT have the four ids in the order pid, ppid, tid, ptid.
fn task(rest: &mut &[u8]) -> Option<Task> {
    let (pid, ppid, tid, ptid) = (
        take_u32(rest)?,
        take_u32(rest)?,
        take_u32(rest)?,
        take_u32(rest)?,
    );
    Some(Task {
        task: Tid { pid, tid },
        parent: Tid {
            pid: ppid,
            tid: ptid,
        },
        time: take_u64(rest)?,
    })
}

fn mmap<'a>(rest: &mut &'a [u8], second: Option<Misc>) -> Option<MmapRecord<'a>> {
    let task = tid(rest)?;
    let (start, len, offset) = (take_u64(rest)?, take_u64(rest)?, take_u64(rest)?);
    let file = match second {
        None => None,
        Some(misc) => {
            let identity = if misc.has(Misc::MMAP_BUILD_ID) {
                // One byte of length, three of padding, twenty for the id.
                let n = u64::from(*take(rest, 4)?.first()?).min(20);
                MmapIdentity::BuildId(take(&mut take(rest, 20)?, n)?)
            } else {
                MmapIdentity::Inode {
                    major: take_u32(rest)?,
                    minor: take_u32(rest)?,
                    inode: take_u64(rest)?,
                    generation: take_u64(rest)?,
                }
            };
            Some(MmapFile {
                identity,
                prot: take_u32(rest)?,
                flags: take_u32(rest)?,
            })
        }
    };
    Some(MmapRecord {
        task,
        start,
        len,
        offset,
        file,
        path: name(rest),
    })
}
