//! Counter values: what `read` returns, and the READ field of samples and READ records hold.

use crate::abi::{ReadFormat, take, take_u64};
use crate::sample::Words;

/// One event's values; fields that `read_format` does not ask for are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Count {
    /// Events counted.
    pub value: u64,
    /// Nanoseconds the event was enabled.
    pub time_enabled: Option<u64>,
    /// Nanoseconds it was really counting.
    pub time_running: Option<u64>,
    /// The event's id.
    pub id: Option<u64>,
    /// Records that found no room in the ring.
    pub lost: Option<u64>,
}

impl Count {
    /// The value extrapolated to the time enabled, where several events took turns on one counter.
    ///
    /// `None` when it never ran while enabled; the value itself when the times are not known or equal.
    #[must_use]
    pub fn scaled(&self) -> Option<u64> {
        match (self.time_enabled, self.time_running) {
            (Some(enabled), Some(running)) if enabled != running => {
                let scaled = (u128::from(self.value) * u128::from(enabled))
                    .checked_div(u128::from(running))?;
                Some(u64::try_from(scaled).unwrap_or(u64::MAX))
            }
            _ => Some(self.value),
        }
    }
}

/// Values of one event or of a group, borrowed from the bytes they were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadValues<'a> {
    format: ReadFormat,
    time_enabled: Option<u64>,
    time_running: Option<u64>,
    entries: Words<'a>,
}

impl<'a> ReadValues<'a> {
    /// Words that one entry of a group has: value, and id and lost where asked for.
    fn stride(format: ReadFormat) -> u64 {
        1 + u64::from(format.contains(ReadFormat::ID))
            + u64::from(format.contains(ReadFormat::LOST))
    }

    /// Reads values off the front of some bytes; returns them and what follows. `None` when the bytes end too early.
    #[must_use]
    pub fn parse(format: ReadFormat, bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut rest = bytes;
        let b = &mut rest;
        let stride = Self::stride(format);
        let group = format.contains(ReadFormat::GROUP);
        let n = take_u64(b)?;
        let time_enabled = if format.contains(ReadFormat::TOTAL_TIME_ENABLED) {
            Some(take_u64(b)?)
        } else {
            None
        };
        let time_running = if format.contains(ReadFormat::TOTAL_TIME_RUNNING) {
            Some(take_u64(b)?)
        } else {
            None
        };
        let entries = if group {
            take(b, n.checked_mul(stride * 8)?)?
        } else {
            // The value came first; the rest of the one entry follows the times. `count` puts them together.
            take(b, (stride - 1) * 8)?;
            bytes.get(..bytes.len() - b.len())?
        };
        Some((
            ReadValues {
                format,
                time_enabled,
                time_running,
                entries: Words::new(entries),
            },
            rest,
        ))
    }

    /// The events' values: one, or as many as the group has.
    pub fn counts(&self) -> impl Iterator<Item = Count> + 'a {
        let this = *self;
        let group = this.format.contains(ReadFormat::GROUP);
        let stride = Self::stride(this.format) as usize * 8;
        // Of a single event the value stands before the times, the rest of its entry behind them.
        let times = 8
            * (usize::from(this.time_enabled.is_some()) + usize::from(this.time_running.is_some()));
        let n = if group {
            this.entries.as_bytes().len() / stride
        } else {
            1
        };
        (0..n).map(move |i| {
            let bytes = this.entries.as_bytes();
            let at = if group { i * stride } else { 0 };
            let word = |at: usize| {
                bytes
                    .get(at..)
                    .and_then(|b| b.first_chunk::<8>())
                    .map(|b| u64::from_ne_bytes(*b))
            };
            let mut next = at + 8 + if group { 0 } else { times };
            let mut optional = |flag| {
                if !this.format.contains(flag) {
                    return None;
                }
                let value = word(next);
                next += 8;
                value
            };
            let id = optional(ReadFormat::ID);
            let lost = optional(ReadFormat::LOST);
            Count {
                value: word(at).unwrap_or(0),
                time_enabled: this.time_enabled,
                time_running: this.time_running,
                id,
                lost,
            }
        })
    }

    /// The first, or only, event's values.
    #[must_use]
    pub fn first(&self) -> Option<Count> {
        self.counts().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_ne_bytes()).collect()
    }

    #[test]
    fn every_single_format_puts_its_words_where_the_kernel_does() {
        for bits in 0..32 {
            let format = ReadFormat::from_bits_retain(bits);
            if format.contains(ReadFormat::GROUP) {
                continue;
            }
            let mut words = vec![100];
            let mut push = |flag, value| {
                format.contains(flag).then(|| {
                    words.push(value);
                    value
                })
            };
            let want = Count {
                value: 100,
                time_enabled: push(ReadFormat::TOTAL_TIME_ENABLED, 9),
                time_running: push(ReadFormat::TOTAL_TIME_RUNNING, 3),
                id: push(ReadFormat::ID, 77),
                lost: push(ReadFormat::LOST, 5),
            };
            let mut data = bytes(&words);
            assert_eq!(ReadValues::parse(format, &data[..data.len() - 1]), None);
            data.extend_from_slice(&[0xaa; 3]);
            let (values, rest) = ReadValues::parse(format, &data).unwrap();
            assert_eq!(rest, [0xaa; 3]);
            assert_eq!(values.counts().collect::<Vec<_>>(), [want], "{format:?}");
        }
    }

    #[test]
    fn a_group_has_its_times_once() {
        let format =
            ReadFormat::GROUP | ReadFormat::TOTAL_TIME_ENABLED | ReadFormat::ID | ReadFormat::LOST;
        let data = bytes(&[2, 50, 10, 1, 0, 20, 2, 7]);
        let (values, rest) = ReadValues::parse(format, &data).unwrap();
        assert!(rest.is_empty());
        let counts: Vec<_> = values
            .counts()
            .map(|c| (c.value, c.id, c.lost, c.time_enabled))
            .collect();
        assert_eq!(
            counts,
            [
                (10, Some(1), Some(0), Some(50)),
                (20, Some(2), Some(7), Some(50))
            ]
        );
        // A count of entries that cannot be there.
        assert_eq!(ReadValues::parse(format, &bytes(&[u64::MAX, 50])), None);
    }

    #[test]
    fn scaling_survives_the_extremes() {
        let count = |value, enabled, running| Count {
            value,
            time_enabled: Some(enabled),
            time_running: Some(running),
            ..Count::default()
        };
        assert_eq!(count(10, 100, 50).scaled(), Some(20));
        assert_eq!(count(10, 100, 100).scaled(), Some(10));
        assert_eq!(count(10, 100, 0).scaled(), None);
        assert_eq!(count(u64::MAX, u64::MAX, 1).scaled(), Some(u64::MAX));
        assert_eq!(
            Count {
                value: 3,
                ..Count::default()
            }
            .scaled(),
            Some(3)
        );
    }
}
