//! One error that came by several roads, counted once.

use std::collections::{HashMap, VecDeque};

use crate::{Channel, Identity};

/// Recent reports, by identity: tells a new error from one that another channel has told already.
///
/// The n-th report of an identity through one channel is the n-th error of that identity. So an error is new if no channel
/// has told of so many before: two equal errors of one channel are two, and the same error of two channels is one.
///
/// It remembers a fixed number of identities, and forgets those that it met first.
#[derive(Debug)]
pub struct Sightings {
    seen: HashMap<Identity, Seen>,
    order: VecDeque<Identity>,
    most: usize,
}

/// What a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// An error that nobody has told of: its number among the errors of its identity, from 0.
    New(u32),
    /// The error of this number, which another channel told of before.
    Known(u32),
}

/// How often each channel told of an identity.
#[derive(Clone, Debug, Default)]
struct Seen {
    by_channel: Vec<(Channel, u32)>,
}

impl Sightings {
    /// Remembers at most so many identities.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            seen: HashMap::new(),
            order: VecDeque::new(),
            most: most.max(1),
        }
    }

    /// A report has come.
    pub fn see(&mut self, identity: Identity, channel: Channel) -> Sighting {
        let seen = self.entry(identity);
        let told = seen
            .by_channel
            .iter()
            .map(|&(_, count)| count)
            .max()
            .unwrap_or(0);
        let count = seen.count(channel);
        let number = *count;
        *count = number.saturating_add(1);
        if number < told {
            Sighting::Known(number)
        } else {
            Sighting::New(number)
        }
    }

    /// What an earlier process wrote down: the channel has told of the identity's error of this number.
    pub fn restore(&mut self, identity: Identity, channel: Channel, number: u32) {
        let count = self.entry(identity).count(channel);
        *count = (*count).max(number.saturating_add(1));
    }

    fn entry(&mut self, identity: Identity) -> &mut Seen {
        if !self.seen.contains_key(&identity) {
            if self.order.len() >= self.most
                && let Some(first) = self.order.pop_front()
            {
                self.seen.remove(&first);
            }
            self.order.push_back(identity);
        }
        self.seen.entry(identity).or_default()
    }
}

impl Seen {
    fn count(&mut self, channel: Channel) -> &mut u32 {
        let at = match self.by_channel.iter().position(|&(of, _)| of == channel) {
            Some(at) => at,
            None => {
                self.by_channel.push((channel, 0));
                self.by_channel.len() - 1
            }
        };
        &mut self.by_channel[at].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Identity = Identity([1; 16]);
    const B: Identity = Identity([2; 16]);

    #[test]
    fn equal_errors_of_one_channel_are_several() {
        let mut sightings = Sightings::new(8);
        assert_eq!(sightings.see(A, Channel::Trace), Sighting::New(0));
        assert_eq!(sightings.see(A, Channel::Trace), Sighting::New(1));
    }

    #[test]
    fn the_same_error_by_two_roads_is_one() {
        let mut sightings = Sightings::new(8);
        assert_eq!(sightings.see(A, Channel::Trace), Sighting::New(0));
        assert_eq!(sightings.see(A, Channel::Mcelog), Sighting::Known(0));
        assert_eq!(sightings.see(A, Channel::Mcelog), Sighting::New(1));
        assert_eq!(sightings.see(A, Channel::Trace), Sighting::Known(1));
        assert_eq!(sightings.see(B, Channel::Trace), Sighting::New(0));
    }

    #[test]
    fn what_was_written_down_is_known() {
        let mut sightings = Sightings::new(8);
        sightings.restore(A, Channel::Trace, 1);
        sightings.restore(A, Channel::Trace, 0);
        assert_eq!(sightings.see(A, Channel::Pstore), Sighting::Known(0));
        assert_eq!(sightings.see(A, Channel::Pstore), Sighting::Known(1));
        assert_eq!(sightings.see(A, Channel::Pstore), Sighting::New(2));
        assert_eq!(sightings.see(A, Channel::Trace), Sighting::Known(2));
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut sightings = Sightings::new(2);
        for byte in 1..=3 {
            sightings.see(Identity([byte; 16]), Channel::Trace);
        }
        assert_eq!(sightings.seen.len(), 2);
        assert_eq!(sightings.see(A, Channel::Mcelog), Sighting::New(0));
    }
}
