//! What nobody has: the times in which no source recorded, or in which what one recorded went down with the machine.
//!
//! A process marks in the spool what it follows. The mark goes when the process ends in order, after it read everything;
//! a kill or a fall of the machine leaves it. So the next process knows, from the mark and the boot that it is of:
//!
//! | mark | this boot | another boot |
//! |---|---|---|
//! | followed | the channel still has it: nothing is lost | the machine fell: what came last is lost, if anything did, but for memory that outlived that |
//! | left in order | the same | a reboot ended that soon: nothing is told; later: the channel was not read for a time |
//! | none | a channel that does not reach back to the boot's begin has nothing from before | the same |

use mcekit_source::{Caps, Channel, Guarantees, Loss, Lost};

use crate::dates::date;
use crate::marks::Mark;

/// So long after the daemon's orderly end, this boot counts as the reboot that ended it. What comes between the two is told
/// to the log only: a loss at every reboot is one that nobody reads.
pub(crate) const REBOOT: u64 = 15 * 60;

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
    /// It was found as an earlier process left it.
    pub(crate) resumed: bool,
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

    /// A ring in memory that a reboot may leave as it is.
    pub(crate) fn outlives_reboot(&self) -> bool {
        self.caps.has(Guarantees::SURVIVES_REBOOT) && self.channel == Channel::Trace
    }

    /// A ring that outlived the machine's fall: what came since is all there. What a log on disk lacks of its end, nobody
    /// knows.
    fn outlived_a_fall(&self) -> bool {
        self.resumed && self.outlives_reboot()
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
            (Mark::Followed { .. }, Some(_)) if now.is_some_and(Followed::outlived_a_fall) => {}
            (Mark::Followed { since, .. }, Some(_)) => {
                let since = last.map_or(*since, |last| last.max(*since));
                self.lose(
                    channel,
                    format!(
                        "the machine went down while {name} was followed: what it recorded after {} and nobody had read is lost, if there \
                         was anything",
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
