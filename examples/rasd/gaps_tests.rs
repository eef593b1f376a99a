//! What the next process tells of what an earlier one, or the machine under it, left.

use mcekit_source::{Caps, Channel, Guarantees, Keeps, Loss, LossKnown};
use proptest::prelude::*;

use crate::gaps::{Boot, Followed, Gaps, REBOOT, find};
use crate::marks::Mark;

/// What traces of the kernel guarantee.
const RING: Guarantees = Guarantees::WITHOUT_READER
    .union(Guarantees::SURVIVES_EXIT)
    .union(Guarantees::REPEATS);
const FROM_BOOT: Guarantees = RING.union(Guarantees::FROM_BOOT);

fn source(name: &str, guarantees: Guarantees) -> Followed {
    Followed {
        name: name.into(),
        channel: Channel::Trace,
        caps: Caps {
            guarantees,
            keeps: Keeps::Newest,
            loss: LossKnown::Exact,
        },
        resumed: false,
    }
}

fn boot(id: &str, began: u64) -> Boot {
    Boot {
        id: id.into(),
        began,
    }
}

fn followed(boot: &str, since: u64, name: &str) -> Mark {
    Mark::Followed {
        boot: boot.into(),
        since,
        name: name.into(),
    }
}

fn left(boot: &str, at: u64, name: &str) -> Mark {
    Mark::Left {
        boot: boot.into(),
        at,
        name: name.into(),
    }
}

fn whys(gaps: &Gaps) -> Vec<&str> {
    gaps.lost.iter().map(|lost| &*lost.why).collect()
}

#[test]
fn a_fall_is_told_with_the_time_from_which_on() {
    let ring = [source("trace:mce", FROM_BOOT)];
    let now = boot("b", 1_795_349_400);
    let marks = [followed("a", 1_795_349_361, "trace:mce")];
    for (last, time) in [(None, "12:09:21"), (Some(1_795_349_399), "12:09:59")] {
        let gaps = find(&marks, &ring, Some(&now), last);
        let why = format!(
            "the machine went down while trace:mce was followed: what it recorded after 2026-11-22 {time} UTC and nobody had read is \
             lost, if there was anything"
        );
        assert_eq!(whys(&gaps), [why]);
        assert_eq!(gaps.gone, marks);
        assert_eq!(gaps.lost[0].loss, Loss::Unknown);
    }
    // It is told of a source that is not there any more, too.
    let other = [source("trace:other", FROM_BOOT)];
    let gaps = find(&marks, &other, Some(&now), None);
    assert_eq!((gaps.lost.len(), gaps.lost[0].channel), (1, Channel::Trace));
}

#[test]
fn in_the_same_boot_the_channel_has_it_still() {
    let ring = [source("trace:mce", FROM_BOOT)];
    let now = boot("a", 1000);
    for mark in [followed("a", 5, "trace:mce"), left("a", 5, "trace:mce")] {
        let gaps = find(std::slice::from_ref(&mark), &ring, Some(&now), Some(7));
        assert_eq!(whys(&gaps), [""; 0]);
        assert_eq!(gaps.gone, [mark], "another takes its place");
    }
    // Nobody follows it now, and it goes on recording.
    let marks = [followed("a", 5, "trace:other"), left("a", 5, "keeper:x")];
    assert_eq!(find(&marks, &ring, Some(&now), None), Gaps::default());
    // Nor does anybody know.
    assert_eq!(find(&marks, &ring, None, None), Gaps::default());
}

#[test]
fn an_orderly_end_is_a_loss_only_if_no_reboot_followed_soon() {
    let ring = [source("trace:mce", FROM_BOOT)];
    let marks = [left("a", 10_000, "trace:mce")];
    // The clock may have been set in between.
    for began in [10_000 - REBOOT, 10_000, 10_047, 10_000 + REBOOT] {
        let gaps = find(&marks, &ring, Some(&boot("b", began)), None);
        assert_eq!((whys(&gaps), gaps.notes.len()), (vec![], 1), "{began}");
        assert_eq!(gaps.gone, marks);
    }
    for began in [10_000 - REBOOT - 1, 10_001 + REBOOT] {
        let gaps = find(&marks, &ring, Some(&boot("b", began)), None);
        assert_eq!((gaps.lost.len(), gaps.notes.len()), (1, 0), "{began}");
        assert!(
            gaps.lost[0]
                .why
                .starts_with("nobody read trace:mce from 1970-01-01 02:46:40 UTC on, ")
        );
    }
}

#[test]
fn who_does_not_reach_back_says_so_once_a_boot() {
    let now = boot("b", 1_795_349_361);
    let kept = source("trace:mcekit", RING);
    let own = source("perf:own", Guarantees::READING_DESTROYS);
    for one in [&kept, &own] {
        let gaps = find(&[], std::slice::from_ref(one), Some(&now), None);
        let begin = format!(
            "{} does not reach back to the begin of this boot, 2026-11-22 12:09:21 UTC: ",
            one.name
        );
        assert!(whys(&gaps)[0].starts_with(&begin), "{gaps:?}");
        assert_eq!(gaps.lost.len(), 1);
        // Another one does.
        let both = [one.clone(), source("trace:mce", FROM_BOOT)];
        assert_eq!(find(&[], &both, Some(&now), None), Gaps::default());
    }
    // A source of state holds no records.
    let state = Guarantees::WITHOUT_READER | Guarantees::SURVIVES_EXIT;
    let state = [source("notify:x", state)];
    assert_eq!(find(&[], &state, Some(&now), None), Gaps::default());
    for told in [
        followed("b", 3, "trace:mcekit"),
        left("b", 3, "trace:mcekit"),
    ] {
        let gaps = find(&[told], std::slice::from_ref(&kept), Some(&now), None);
        assert_eq!(whys(&gaps), [""; 0]);
    }
    // Of each boot: the last one's end, and this one's begin.
    let fell = [followed("a", 3, "trace:mcekit")];
    let gaps = find(&fell, std::slice::from_ref(&kept), Some(&now), None);
    assert_eq!(gaps.lost.len(), 2);
    // The time since the last process has this boot's begin in it.
    let watched = [Mark::Watched("perf:own".into())];
    let gaps = find(&watched, std::slice::from_ref(&own), Some(&now), None);
    assert_eq!(
        whys(&gaps),
        [
            "perf:own records only for the process that reads it: since the last one ended, nobody did"
        ]
    );
}

#[test]
fn what_is_on_a_disk_needs_no_mark_and_memory_that_outlived_a_fall_has_it() {
    let now = boot("b", 100);
    let disk = FROM_BOOT | Guarantees::SURVIVES_REBOOT | Guarantees::SURVIVES_PANIC;
    assert_eq!(source("replay:x", disk).mark(Some(&now), 7), None);
    let reserved = source("trace:mce", FROM_BOOT | Guarantees::SURVIVES_REBOOT);
    assert_eq!(reserved.left(&now, 7), None, "it is there after a reboot");
    let marks = [followed("a", 3, "trace:mce")];
    let gaps = find(&marks, std::slice::from_ref(&reserved), Some(&now), None);
    assert_eq!(gaps.lost.len(), 1, "another memory than it was");
    let resumed = Followed {
        resumed: true,
        ..reserved
    };
    let gaps = find(&marks, std::slice::from_ref(&resumed), Some(&now), None);
    assert_eq!((gaps.lost, gaps.gone), (vec![], marks.to_vec()));
    for not_a_ring in [
        Followed {
            channel: Channel::Journal,
            ..resumed.clone()
        },
        Followed {
            caps: source("", FROM_BOOT).caps,
            ..resumed
        },
    ] {
        assert_eq!(find(&marks, &[not_a_ring], Some(&now), None).lost.len(), 1);
    }
}

/// What becomes of a process, and of the machine after it.
#[derive(Clone, Copy, Debug)]
enum End {
    Killed,
    InOrder,
    Fall,
    Reboot,
    /// In order, and the machine runs on for long before it reboots.
    RebootLater,
}

proptest! {
    /// However processes and boots follow each other: what is told is what may be lost, each once.
    #[test]
    fn each_gap_is_told_once(
        ends in prop::collection::vec(prop_oneof![
            Just(End::Killed), Just(End::InOrder), Just(End::Fall), Just(End::Reboot), Just(End::RebootLater),
        ], 1..30),
        reaches_back in any::<bool>(),
    ) {
        let ring = [source("trace:x", if reaches_back { FROM_BOOT } else { RING })];
        let mut marks: Vec<Mark> = Vec::new();
        let mut now = 1_000_000;
        let mut this = boot("0", now);
        let mut fresh = true;
        let mut expected = 0;
        for (number, end) in ends.iter().enumerate() {
            expected += usize::from(fresh && !reaches_back);
            let gaps = find(&marks, &ring, Some(&this), None);
            prop_assert_eq!(gaps.lost.len(), expected, "process {} of {:?}", number, ends);
            marks.retain(|mark| !gaps.gone.contains(mark));
            let mark = ring[0].mark(Some(&this), now).unwrap();
            marks.push(mark.clone());
            prop_assert_eq!(marks.len(), 1);
            now += 10;
            if matches!(end, End::InOrder | End::Reboot | End::RebootLater) {
                marks = ring[0].left(&this, now).into_iter().collect();
            }
            now += if matches!(end, End::RebootLater) { REBOOT + 1 } else { 10 };
            fresh = matches!(end, End::Fall | End::Reboot | End::RebootLater);
            if fresh {
                this = boot(&format!("{}", number + 1), now);
            }
            expected = usize::from(matches!(end, End::Fall | End::RebootLater));
        }
    }
}
