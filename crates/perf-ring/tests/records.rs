//! Every field of a sample and every type of record, byte by byte, and cut off at every byte.

use perf_ring::abi::{
    AttrFlags, BranchSampleType, EventAttr, Misc, ReadFormat, RecordHeader, RecordType, SampleType,
};
use perf_ring::{Body, Error, Layout, MmapIdentity, Parsed, Record, Tid};

/// Writes fields one after the other.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u64(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    fn u16(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

fn layout(sample_type: SampleType) -> Layout {
    let flags = AttrFlags::SAMPLE_ID_ALL;
    Layout::of(&EventAttr {
        sample_type,
        flags,
        ..EventAttr::default()
    })
    .unwrap()
}

const IDS: SampleType = SampleType::TID
    .union(SampleType::TIME)
    .union(SampleType::ID)
    .union(SampleType::STREAM_ID)
    .union(SampleType::CPU)
    .union(SampleType::IDENTIFIER);

/// All fields, in the order in which `perf_output_sample()` writes them.
fn everything() -> (EventAttr, Vec<u8>) {
    let attr = EventAttr {
        sample_type: SampleType::from_bits_retain((1 << 25) - 1),
        read_format: ReadFormat::GROUP | ReadFormat::ID,
        branch_sample_type: BranchSampleType::HW_INDEX | BranchSampleType::COUNTERS,
        sample_regs_user: 0b101,
        sample_regs_intr: 0b1,
        ..EventAttr::default()
    };
    let bytes = Bytes::default()
        .u64(900) // identifier
        .u64(0x1000) // ip
        .u32(11)
        .u32(12) // pid, tid
        .u64(123_456) // time
        .u64(0x2000) // addr
        .u64(901) // id
        .u64(902) // stream id
        .u32(3)
        .u32(0xffff_ffff) // cpu, reserved
        .u64(5) // period
        .u64(2)
        .u64(70)
        .u64(900)
        .u64(71)
        .u64(901) // read: two of a group, with ids
        .u64(3)
        .u64(0xffff_ffff_ffff_ff80)
        .u64(0xa)
        .u64(0xb) // callchain
        .u32(12)
        .raw(b"raw data ....") // raw: 12 bytes, and one that the next field begins with
        .0;
    let bytes = Bytes(bytes[..bytes.len() - 1].to_vec())
        .u64(1)
        .u64(42)
        .u64(0x10)
        .u64(0x20)
        .u64(0x30)
        .u64(0x40) // branch stack: one, hardware index 42, from, to, flags, counters
        .u64(2)
        .u64(0x100)
        .u64(0x102) // user registers
        .u64(8)
        .raw(b"stack...")
        .u64(6) // user stack, six of it real
        .u64(77) // weight
        .u64(78) // data source
        .u64(79) // transaction
        .u64(0) // registers at the interrupt: none
        .u64(80) // physical address
        .u64(81) // cgroup
        .u64(82) // data page size
        .u64(83) // code page size
        .u64(4)
        .raw(b"aux!")
        .0;
    (attr, bytes)
}

#[test]
fn every_field_is_where_the_kernel_writes_it() {
    let (attr, bytes) = everything();
    let layout = Layout::of(&attr).unwrap();
    let s = layout.sample(&bytes).unwrap();
    assert_eq!(
        (s.identifier(), s.ip(), s.tid()),
        (Some(900), Some(0x1000), Some(Tid { pid: 11, tid: 12 }))
    );
    assert_eq!(
        (s.time(), s.addr(), s.id(), s.stream_id()),
        (Some(123_456), Some(0x2000), Some(901), Some(902))
    );
    assert_eq!((s.cpu(), s.period()), (Some(3), Some(5)));
    let counts: Vec<_> = s
        .read()
        .unwrap()
        .counts()
        .map(|c| (c.value, c.id))
        .collect();
    assert_eq!(counts, [(70, Some(900)), (71, Some(901))]);
    assert_eq!(
        s.callchain().unwrap().iter().collect::<Vec<_>>(),
        [0xffff_ffff_ffff_ff80, 0xa, 0xb]
    );
    assert_eq!(s.raw(), Some(&b"raw data ..."[..]));
    assert_eq!(s.extra().branch_index, Some(42));
    assert_eq!(
        s.extra().branches.unwrap().iter().collect::<Vec<_>>(),
        [0x10, 0x20, 0x30]
    );
    assert_eq!(
        s.extra()
            .branch_counters
            .unwrap()
            .iter()
            .collect::<Vec<_>>(),
        [0x40]
    );
    let regs = s.extra().regs_user.unwrap();
    assert_eq!(
        (regs.abi, regs.mask, regs.values.iter().collect::<Vec<_>>()),
        (2, 0b101, vec![0x100, 0x102])
    );
    let stack = s.extra().stack_user.unwrap();
    assert_eq!((stack.bytes, stack.used), (&b"stack..."[..], 6));
    assert_eq!(
        (s.extra().weight, s.extra().data_src, s.extra().transaction),
        (Some(77), Some(78), Some(79))
    );
    assert!(s.extra().regs_intr.unwrap().values.is_empty());
    assert_eq!(
        (s.extra().phys_addr, s.extra().cgroup),
        (Some(80), Some(81))
    );
    assert_eq!(
        (s.extra().data_page_size, s.extra().code_page_size),
        (Some(82), Some(83))
    );
    assert_eq!(s.extra().aux, Some(&b"aux!"[..]));
    assert!(s.rest().is_empty());
}

#[test]
fn a_sample_cut_anywhere_is_an_error_that_names_the_field() {
    let (attr, bytes) = everything();
    let layout = Layout::of(&attr).unwrap();
    for end in 0..bytes.len() {
        let cut = layout.sample(&bytes[..end]);
        assert!(
            matches!(cut, Err(Error::Truncated { kind: 9, .. })),
            "cut at {end}: {cut:?}"
        );
    }
    assert!(matches!(
        layout.sample(&bytes[..79]),
        Err(Error::Truncated {
            field: "aux" | "fixed" | "read",
            ..
        })
    ));
    assert!(matches!(
        layout.sample(&bytes[..bytes.len() - 1]),
        Err(Error::Truncated { field: "aux", .. })
    ));
}

#[test]
fn counts_that_cannot_be_are_errors() {
    for fields in [
        SampleType::CALLCHAIN,
        SampleType::BRANCH_STACK,
        SampleType::STACK_USER,
        SampleType::AUX,
    ] {
        for n in [2, 1 << 61, u64::MAX] {
            assert!(
                layout(fields).sample(&Bytes::default().u64(n).0).is_err(),
                "{fields:?} {n}"
            );
        }
    }
    assert!(
        layout(SampleType::RAW)
            .sample(&Bytes::default().u32(u32::MAX).u32(0).0)
            .is_err()
    );
}

#[test]
fn fields_not_asked_for_are_none_and_what_follows_is_kept() {
    let layout = layout(SampleType::TIME | SampleType::RAW);
    let bytes = Bytes::default().u64(7).u32(4).raw(b"abcd").raw(b"newer").0;
    let s = layout.sample(&bytes).unwrap();
    assert_eq!(
        (s.time(), s.raw(), s.rest()),
        (Some(7), Some(&b"abcd"[..]), &b"newer"[..])
    );
    assert!(
        s.ip().is_none() && s.cpu().is_none() && s.read().is_none() && s.extra().weight.is_none()
    );
}

/// The kernel writes no hardware index with an empty branch stack unless it had one.
#[test]
fn an_empty_branch_stack_is_read_both_ways() {
    let attr = EventAttr {
        sample_type: SampleType::BRANCH_STACK | SampleType::WEIGHT,
        branch_sample_type: BranchSampleType::HW_INDEX,
        ..EventAttr::default()
    };
    let layout = Layout::of(&attr).unwrap();
    let without = Bytes::default().u64(0).u64(5).0;
    let s = layout.sample(&without).unwrap();
    assert_eq!((s.extra().branch_index, s.extra().weight), (None, Some(5)));
    let with = Bytes::default().u64(0).u64(9).u64(5).0;
    let s = layout.sample(&with).unwrap();
    assert_eq!(
        (s.extra().branch_index, s.extra().weight),
        (Some(9), Some(5))
    );
}

/// A body, and the trailer of all ids behind it.
fn with_trailer(body: Bytes) -> Vec<u8> {
    body.u32(1)
        .u32(2)
        .u64(3)
        .u64(4)
        .u64(5)
        .u32(6)
        .u32(0)
        .u64(7)
        .0
}

fn parse<'a>(
    layout: &'a Layout,
    kind: RecordType,
    misc: u16,
    body: &'a [u8],
) -> Result<Parsed<'a>, Error> {
    layout.parse_body(
        RecordHeader {
            kind,
            misc: Misc(misc),
            size: 0,
        },
        body,
    )
}

/// Parses a body with its trailer, and cut at every byte: then the ids are wrong or it is an error, never a panic.
fn check(kind: RecordType, misc: u16, body: Bytes, test: impl Fn(Body<'_>)) {
    let layout = layout(IDS);
    let bytes = with_trailer(body);
    let parsed = parse(&layout, kind, misc, &bytes).unwrap();
    let id = parsed.id;
    assert_eq!(id.tid, Some(Tid { pid: 1, tid: 2 }), "{kind}");
    assert_eq!(
        (id.time, id.id, id.stream_id, id.cpu, id.identifier),
        (Some(3), Some(4), Some(5), Some(6), Some(7))
    );
    test(parsed.body);
    for end in 0..bytes.len() {
        if end < layout.trailer_len() {
            assert!(
                parse(&layout, kind, misc, &bytes[..end]).is_err(),
                "{kind} cut at {end}"
            );
        } else {
            let _ = parse(&layout, kind, misc, &bytes[..end]);
        }
    }
}

#[test]
fn every_record_type() {
    let b = Bytes::default;
    check(RecordType::LOST, 0, b().u64(9).u64(88), |r| {
        assert!(matches!(r, Body::Lost { id: 9, lost: 88 }));
    });
    check(RecordType::LOST_SAMPLES, 0, b().u64(8), |r| {
        assert!(matches!(r, Body::LostSamples { lost: 8 }));
    });
    check(
        RecordType::COMM,
        1 << 13,
        b().u32(5).u32(6).raw(b"bash\0\0\0\0"),
        |r| {
            let task = Tid { pid: 5, tid: 6 };
            assert!(matches!(r, Body::Comm { task: t, exec: true, comm: b"bash" } if t == task));
        },
    );
    let task = || b().u32(10).u32(20).u32(11).u32(21).u64(99);
    let is_task = |t: perf_ring::Task| {
        t.task == Tid { pid: 10, tid: 11 } && t.parent == Tid { pid: 20, tid: 21 } && t.time == 99
    };
    check(RecordType::FORK, 0, task(), |r| {
        assert!(matches!(r, Body::Fork(t) if is_task(t)));
    });
    check(RecordType::EXIT, 0, task(), |r| {
        assert!(matches!(r, Body::Exit(t) if is_task(t)));
    });
    let throttle = || b().u64(1).u64(2).u64(3);
    check(RecordType::THROTTLE, 0, throttle(), |r| {
        assert!(matches!(
            r,
            Body::Throttle {
                time: 1,
                id: 2,
                stream_id: 3
            }
        ));
    });
    check(RecordType::UNTHROTTLE, 0, throttle(), |r| {
        assert!(matches!(
            r,
            Body::Unthrottle {
                time: 1,
                id: 2,
                stream_id: 3
            }
        ));
    });
    check(RecordType::READ, 0, b().u32(1).u32(2).u64(55), |r| {
        assert!(matches!(r, Body::Read { values, .. } if values.first().unwrap().value == 55));
    });
    check(
        RecordType::MMAP,
        0,
        b().u32(1).u32(2).u64(3).u64(4).u64(5).raw(b"/lib/x\0\0"),
        |r| {
            let Body::Mmap(m) = r else { panic!() };
            assert_eq!(
                (m.start, m.len, m.offset, m.path, m.file),
                (3, 4, 5, &b"/lib/x"[..], None)
            );
        },
    );
    let mmap2 = || b().u32(1).u32(2).u64(3).u64(4).u64(5);
    check(
        RecordType::MMAP2,
        0,
        mmap2()
            .u32(8)
            .u32(1)
            .u64(77)
            .u64(78)
            .u32(5)
            .u32(2)
            .raw(b"/x\0\0\0\0\0\0"),
        |r| {
            let Body::Mmap(m) = r else { panic!() };
            let file = m.file.unwrap();
            assert_eq!((file.prot, file.flags, m.path), (5, 2, &b"/x"[..]));
            assert_eq!(
                file.identity,
                MmapIdentity::Inode {
                    major: 8,
                    minor: 1,
                    inode: 77,
                    generation: 78
                }
            );
        },
    );
    let build_id = mmap2()
        .raw(&[20, 0, 0, 0])
        .raw(&[0xab; 20])
        .u32(5)
        .u32(2)
        .raw(b"/y\0\0\0\0\0\0");
    check(RecordType::MMAP2, 1 << 14, build_id, |r| {
        let Body::Mmap(m) = r else { panic!() };
        assert_eq!(m.file.unwrap().identity, MmapIdentity::BuildId(&[0xab; 20]));
    });
    check(RecordType::AUX, 0, b().u64(1).u64(2).u64(3), |r| {
        assert!(matches!(
            r,
            Body::Aux {
                offset: 1,
                size: 2,
                flags: 3
            }
        ));
    });
    check(RecordType::ITRACE_START, 0, b().u32(1).u32(2), |r| {
        assert!(matches!(r, Body::ItraceStart { .. }));
    });
    check(RecordType::SWITCH, 1 << 13 | 1 << 14, b(), |r| {
        assert!(matches!(
            r,
            Body::Switch {
                out: true,
                preempted: true,
                other: None
            }
        ));
    });
    check(RecordType::SWITCH_CPU_WIDE, 0, b().u32(1).u32(2), |r| {
        assert!(matches!(
            r,
            Body::Switch {
                out: false,
                other: Some(Tid { pid: 1, tid: 2 }),
                ..
            }
        ));
    });
    check(
        RecordType::NAMESPACES,
        0,
        b().u32(1).u32(2).u64(1).u64(3).u64(4),
        |r| {
            let Body::Namespaces { links, .. } = r else {
                panic!()
            };
            assert_eq!(links.iter().collect::<Vec<_>>(), [3, 4]);
        },
    );
    check(
        RecordType::KSYMBOL,
        0,
        b().u64(1).u32(2).u16(1).u16(0).raw(b"sym\0\0\0\0\0"),
        |r| {
            assert!(matches!(r, Body::Ksymbol(k) if k.name == b"sym" && k.len == 2));
        },
    );
    check(
        RecordType::BPF_EVENT,
        0,
        b().u16(1).u16(0).u32(33).raw(b"tagtagta"),
        |r| {
            assert!(
                matches!(r, Body::BpfEvent { kind: 1, id: 33, tag, .. } if &tag == b"tagtagta")
            );
        },
    );
    check(
        RecordType::CGROUP,
        0,
        b().u64(1).raw(b"/a\0\0\0\0\0\0"),
        |r| {
            assert!(matches!(r, Body::Cgroup { id: 1, path: b"/a" }));
        },
    );
    check(
        RecordType::TEXT_POKE,
        0,
        b().u64(1).u16(2).u16(3).raw(b"aabbb").raw(&[0; 7]),
        |r| {
            assert!(matches!(
                r,
                Body::TextPoke {
                    addr: 1,
                    old: b"aa",
                    new: b"bbb"
                }
            ));
        },
    );
    check(RecordType::AUX_OUTPUT_HW_ID, 0, b().u64(6), |r| {
        assert!(matches!(r, Body::AuxOutputHwId { hw_id: 6 }));
    });
    check(
        RecordType::CALLCHAIN_DEFERRED,
        0,
        b().u64(6).u64(1).u64(7),
        |r| {
            let Body::CallchainDeferred {
                cookie: 6,
                callchain,
            } = r
            else {
                panic!()
            };
            assert_eq!(callchain.iter().collect::<Vec<_>>(), [7]);
        },
    );
}

#[test]
fn unknown_types_are_kept_as_they_are() {
    let layout = layout(IDS);
    let parsed = parse(&layout, RecordType(63), 0, b"body").unwrap();
    assert!(matches!(parsed.body, Body::Unknown(b"body")));
}

#[test]
fn without_sample_id_all_there_is_no_trailer() {
    let layout = Layout::of(&EventAttr {
        sample_type: IDS,
        ..EventAttr::default()
    })
    .unwrap();
    let bytes = Bytes::default().u64(1).u64(2).0;
    let parsed = parse(&layout, RecordType::LOST, 0, &bytes).unwrap();
    assert!(matches!(parsed.body, Body::Lost { lost: 2, .. }));
    assert_eq!(parsed.id.time, None);
    assert_eq!(layout.trailer_len(), 0);
}

#[test]
fn a_record_from_bytes_checks_its_size() {
    let mut bytes = RecordHeader {
        kind: RecordType::COMM,
        misc: Misc(0),
        size: 16,
    }
    .to_bytes()
    .to_vec();
    assert!(matches!(
        Record::from_bytes(&bytes),
        Err(Error::RecordSize {
            size: 16,
            available: 8,
            ..
        })
    ));
    bytes.extend_from_slice(&[1; 9]);
    assert_eq!(Record::from_bytes(&bytes).unwrap().first, [1; 8]);
    for size in [0u16, 4, 12] {
        bytes[6..8].copy_from_slice(&size.to_ne_bytes());
        assert!(Record::from_bytes(&bytes).is_err());
    }
    assert!(Record::from_bytes(&bytes[..7]).is_err());
}
