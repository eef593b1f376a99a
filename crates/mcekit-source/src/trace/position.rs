//! How far each CPU's ring was read, as text.

use std::collections::BTreeMap;
use std::fmt;

/// More CPUs than any machine has.
const MOST: usize = 1 << 16;

/// How far the ring of one CPU was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Mapped(MappedPosition),
    Text(TextPosition),
    /// An earlier boot's, in memory that outlives a reboot: nothing but the mark still means something.
    Before(Mark),
}

/// An event in a ring that is peeked at as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Its time stamp.
    pub(super) stamp: u64,
    /// The hash of its text.
    pub(super) hash: u64,
}

/// In a mapped ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MappedPosition {
    /// The kernel's count of events read (`read events`) behind the last event given.
    pub(super) next: u64,
    /// Of its counts of overwritten and refused events: so many were told.
    pub(super) overrun: u64,
    pub(super) dropped: u64,
}

/// In a ring that is peeked at as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextPosition {
    /// Events given, by a count of the reader's own.
    pub(super) next: u64,
    /// Events given that are still in the ring.
    pub(super) outstanding: u64,
    /// Events that left the ring and are explained: consumed, told as lost, or given before they were overwritten.
    pub(super) accounted: u64,
    /// The kernel's counts when `outstanding` was true.
    pub(super) read: u64,
    pub(super) overrun: u64,
    /// Refused events that were told.
    pub(super) dropped: u64,
    /// The time stamp of the last event given, and the hash of its text.
    pub(super) stamp: u64,
    pub(super) last: u64,
}

impl Position {
    /// What another boot can use of it: the last event that was given.
    pub(super) const fn mark(&self) -> Option<Mark> {
        match self {
            Self::Mapped(_) => None,
            Self::Text(at) => Some(Mark {
                stamp: at.stamp,
                hash: at.last,
            }),
            Self::Before(mark) => Some(*mark),
        }
    }
}

/// All CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions(pub(super) BTreeMap<u32, Position>);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped(p) => write!(f, "m{}.{}.{}", p.next, p.overrun, p.dropped),
            Self::Text(p) => write!(
                f,
                "t{}.{}.{}.{}.{}.{}.{}.{}",
                p.next, p.outstanding, p.accounted, p.read, p.overrun, p.dropped, p.stamp, p.last
            ),
            Self::Before(mark) => write!(f, "b{}.{}", mark.stamp, mark.hash),
        }
    }
}

impl fmt::Display for Positions {
    /// `CPU:POSITION`, joined by commas; nothing where no CPU had anything yet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (cpu, position)) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{cpu}:{position}")?;
        }
        Ok(())
    }
}

impl Positions {
    /// What [`Positions`] printed. `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut positions = BTreeMap::new();
        if text == "-" || text.is_empty() {
            return Some(Self(positions));
        }
        for part in text.split(',') {
            let (cpu, position) = part.split_once(':')?;
            let cpu = cpu.parse().ok()?;
            if positions.insert(cpu, Position::parse(position)?).is_some() || positions.len() > MOST
            {
                return None;
            }
        }
        Some(Self(positions))
    }
}

impl Position {
    fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let kind = chars.next()?;
        let numbers: Vec<u64> = chars
            .as_str()
            .split('.')
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        match (kind, &numbers[..]) {
            ('m', &[next, overrun, dropped]) => Some(Self::Mapped(MappedPosition {
                next,
                overrun,
                dropped,
            })),
            (
                't',
                &[
                    next,
                    outstanding,
                    accounted,
                    read,
                    overrun,
                    dropped,
                    stamp,
                    last,
                ],
            ) => Some(Self::Text(TextPosition {
                next,
                outstanding,
                accounted,
                read,
                overrun,
                dropped,
                stamp,
                last,
            })),
            ('b', &[stamp, hash]) => Some(Self::Before(Mark { stamp, hash })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position() -> impl Strategy<Value = Position> {
        prop_oneof![
            any::<[u64; 3]>().prop_map(|[next, overrun, dropped]| Position::Mapped(
                MappedPosition {
                    next,
                    overrun,
                    dropped
                }
            )),
            any::<[u64; 8]>().prop_map(|n| Position::Text(TextPosition {
                next: n[0],
                outstanding: n[1],
                accounted: n[2],
                read: n[3],
                overrun: n[4],
                dropped: n[5],
                stamp: n[6],
                last: n[7],
            })),
            any::<[u64; 2]>().prop_map(|[stamp, hash]| Position::Before(Mark { stamp, hash })),
        ]
    }

    proptest! {
        #[test]
        fn positions_are_what_their_text_says(map in prop::collection::btree_map(any::<u32>(), position(), 0..20)) {
            let positions = Positions(map);
            prop_assert_eq!(Positions::parse(&positions.to_string()), Some(positions));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9bmt.:, x]*") {
            if let Some(positions) = Positions::parse(&text) {
                prop_assert_eq!(Positions::parse(&positions.to_string()), Some(positions));
            }
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in [
            "0:m1.2",
            "0:x1.2.3",
            "0",
            "0:m1.2.3,0:m1.2.3",
            "a:m1.2.3",
            "0:m1.2.3,",
        ] {
            assert_eq!(Positions::parse(text), None, "{text}");
        }
    }
}
