//! What nobody has: the times in which no source recorded, or in which what one recorded went down with the machine.
//!
//! A process marks in the spool what it follows. The mark goes when the process ends in order, after it read everything;
//! a kill or a fall of the machine leaves it. So the next process knows, from the mark and the boot that it is of:
//!
//! | mark | this boot | another boot |
//! |---|---|---|
//! | followed | the channel still has it: nothing is lost | the machine fell: what came last is lost, if anything did |
//! | left in order | the same | a reboot ended that soon: nothing is told; later: the channel was not read for a time |
//! | none | a channel that does not reach back to the boot's begin has nothing from before | the same |

use mcekit_source::{Caps, Channel, Guarantees, Loss, Lost};

use crate::explain::out::Out;
use crate::explain::time::utc;
use crate::marks::Mark;

/// So long after the daemon's orderly end, this boot counts as the reboot that ended it. What comes between the two is told
/// to the log only: a loss at every reboot is one that nobody reads.
const REBOOT: u64 = 15 * 60;

/// A boot of the machine.
#[derive(Clone, Debug)]
pub(crate) struct Boot {
    /// The kernel's id of it.
    pub(crate) id: String,
    /// When it began, seconds since 1970.
    pub(crate) began: u64,
}

impl Boot {
    /// This one. `None`: this kernel does not tell (no /proc).
    pub(crate) fn current() -> Option<Self> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let stat = std::fs::read_to_string("/proc/stat").ok()?;
        let began = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
        Some(Self {
            id: id.trim().to_owned(),
            began: began.trim().parse().ok()?,
        })
    }
}

/// A source that is followed.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    /// `channel:name`.
    pub(crate) name: String,
    pub(crate) channel: Channel,
    pub(crate) caps: Caps,
}

impl Followed {
    /// It records for this process only.
    pub(crate) const fn ends_with_reader(&self) -> bool {
        !self.caps.has(Guarantees::SURVIVES_EXIT)
    }

    /// It holds records until they are read, and not on a disk: a machine that falls takes them along. A source that tells of a
    /// state holds none.
    const fn falls_with_machine(&self) -> bool {
        let holds = Guarantees::REPEATS.union(Guarantees::READING_DESTROYS);
        !self.ends_with_reader()
            && self.caps.guarantees.intersects(holds)
            && !self.caps.has(Guarantees::SURVIVES_PANIC)
    }

    /// The mark that stands while it is followed.
    pub(crate) fn mark(&self, boot: Option<&Boot>, now: u64) -> Option<Mark> {
        if self.ends_with_reader() {
            return Some(Mark::Watched(self.name.clone()));
        }
        let boot = boot.filter(|_| self.falls_with_machine())?;
        Some(Mark::Followed {
            boot: boot.id.clone(),
            since: now,
            name: self.name.clone(),
        })
    }

    /// The mark that takes that one's place when it was read until it was empty, and this process ends.
    pub(crate) fn left(&self, boot: &Boot, now: u64) -> Option<Mark> {
        // What keeps it across a reboot has it then.
        let goes = !self.caps.has(Guarantees::SURVIVES_REBOOT);
        goes.then(|| Mark::Left {
            boot: boot.id.clone(),
            at: now,
            name: self.name.clone(),
        })
    }
}

/// What there is to say at the start, and the marks that go with it: all of it is one batch.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Gaps {
    pub(crate) lost: Vec<Lost>,
    /// For the log only.
    pub(crate) notes: Vec<String>,
    /// Marks that are settled.
    pub(crate) gone: Vec<Mark>,
}

/// Holds the marks that earlier processes left against what is followed now. `last`: when the last event on disk was
/// received, seconds since 1970.
pub(crate) fn find(
    marks: &[Mark],
    followed: &[Followed],
    boot: Option<&Boot>,
    last: Option<u64>,
) -> Gaps {
    let mut gaps = Gaps::default();
    for mark in marks {
        gaps.of(mark, followed, boot, last);
    }
    let Some(boot) = boot else { return gaps };
    let reaches_back = followed
        .iter()
        .any(|one| one.caps.has(Guarantees::FROM_BOOT));
    for one in followed {
        let records = one.ends_with_reader() || one.falls_with_machine();
        let is_told = marks.iter().any(|mark| match mark {
            Mark::Watched(name) => *name == one.name,
            Mark::Followed { name, .. } | Mark::Left { name, .. } => {
                *name == one.name && mark.boot() == Some(&boot.id)
            }
            Mark::Reading(_) => false,
        });
        if records && !reaches_back && !is_told {
            let why = format!(
                "{} does not reach back to the begin of this boot, {}: what happened before it was there is lost, if anything did; a \
                 trace instance of the kernel's command line has it",
                one.name,
                date(boot.began)
            );
            gaps.lose(one.channel, why);
        }
    }
    gaps
}

impl Gaps {
    fn of(&mut self, mark: &Mark, followed: &[Followed], boot: Option<&Boot>, last: Option<u64>) {
        let name = mark.name();
        let now = followed.iter().find(|one| one.name == name);
        let channel = name.split(':').next().and_then(Channel::by_name);
        let channel = channel.unwrap_or(Channel::Spool);
        match (mark, boot) {
            (Mark::Reading(_), _) => self.lose(
                channel,
                format!("{name} forgets what is read, and a process ended while it read"),
            ),
            (Mark::Watched(_), _) => self.lose(
                channel,
                format!(
                    "{name} records only for the process that reads it: since the last one ended, nobody did"
                ),
            ),
            // Whoever does not know which boot this is leaves it to another.
            (_, None) => return,
            (_, Some(boot)) if mark.boot() == Some(&boot.id) => {
                // What is not followed now goes on recording.
                if now.is_none() {
                    return;
                }
            }
            (Mark::Followed { since, .. }, Some(_)) => {
                let since = last.map_or(*since, |last| last.max(*since));
                let unless = match now {
                    Some(one) if one.caps.has(Guarantees::SURVIVES_REBOOT) => {
                        ", unless it outlived that"
                    }
                    _ => "",
                };
                self.lose(
                    channel,
                    format!(
                        "the machine went down while {name} was followed: what it recorded after {} and nobody had read is lost, if there \
                         was anything{unless}",
                        date(since)
                    ),
                );
            }
            (Mark::Left { at, .. }, Some(boot)) if at.abs_diff(boot.began) <= REBOOT => {
                let seconds = boot.began.saturating_sub(*at);
                self.notes.push(format!(
                    "{name} was read until {}, and this boot began {seconds} s later: in between nobody read it",
                    date(*at)
                ));
            }
            (Mark::Left { at, .. }, Some(boot)) => self.lose(
                channel,
                format!(
                    "nobody read {name} from {} on, when the daemon ended, and this boot began at {}: what it recorded until the machine \
                     went down is lost, if there was anything",
                    date(*at),
                    date(boot.began)
                ),
            ),
        }
        self.gone.push(mark.clone());
    }

    fn lose(&mut self, channel: Channel, why: String) {
        self.lost.push(Lost {
            channel,
            loss: Loss::Unknown,
            why,
        });
    }
}

fn date(seconds: u64) -> String {
    let mut out = Out::memory();
    utc(seconds, &mut out);
    out.text().into_owned()
}

#[cfg(test)]
mod tests {
    use mcekit_source::{Keeps, LossKnown};
    use proptest::prelude::*;

    use super::*;

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
    fn what_is_on_a_disk_needs_no_mark_and_memory_that_was_reserved_may_have_it() {
        let now = boot("b", 100);
        let disk = FROM_BOOT | Guarantees::SURVIVES_REBOOT | Guarantees::SURVIVES_PANIC;
        assert_eq!(source("replay:x", disk).mark(Some(&now), 7), None);
        let reserved = source("trace:mce", FROM_BOOT | Guarantees::SURVIVES_REBOOT);
        assert_eq!(reserved.left(&now, 7), None, "it is there after a reboot");
        let marks = [followed("a", 3, "trace:mce")];
        let gaps = find(&marks, &[reserved], Some(&now), None);
        assert!(whys(&gaps)[0].ends_with(", unless it outlived that"));
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
}
