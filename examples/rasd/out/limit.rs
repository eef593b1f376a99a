//! How many corrected errors people are told of, and the count of those that they are not.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::Limits as Config;
use crate::config::amounts::Rate;

/// Places whose errors are limited apart; further ones are limited together.
const MOST: usize = 1024;

/// Where errors come from, as far as limits care.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A bank of a CPU.
    Bank(Option<u32>, Option<u8>),
    /// Events of a name.
    Event(String),
    /// All that have no place of their own.
    Others,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bank(Some(cpu), Some(bank)) => write!(f, "CPU {cpu} bank {bank}"),
            Self::Bank(Some(cpu), None) => write!(f, "CPU {cpu}"),
            Self::Bank(None, Some(bank)) => write!(f, "bank {bank}"),
            Self::Bank(None, None) => f.write_str("banks that are not named"),
            Self::Event(name) => f.write_str(name),
            Self::Others => f.write_str("other banks"),
        }
    }
}

/// A bucket of tokens: full at first, and filled again at the rate.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// Tokens times the milliseconds of the period.
    left: u128,
    at: Instant,
}

impl Tokens {
    /// As many as the rate has, at once.
    pub(crate) const fn full(rate: Rate, now: Instant) -> Self {
        Self {
            left: rate.count as u128 * period(rate),
            at: now,
        }
    }

    /// Fills it for the time that has passed, and gives whether there is a token.
    pub(crate) fn fill(&mut self, rate: Rate, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_millis();
        if passed > 0 {
            let most = u128::from(rate.count) * period(rate);
            self.left = most.min(self.left + passed * u128::from(rate.count));
            self.at = now;
        }
        self.left >= period(rate)
    }

    /// Takes a token.
    pub(crate) fn take(&mut self, rate: Rate) {
        self.left = self.left.saturating_sub(period(rate));
    }
}

const fn period(rate: Rate) -> u128 {
    let ms = rate.per.get().as_millis();
    if ms == 0 { 1 } else { ms }
}

#[derive(Debug)]
struct State {
    tokens: Option<Tokens>,
    /// Records that were not told of, and the errors that they stand for.
    records: u64,
    errors: u64,
}

/// The limits of all outputs for people.
#[derive(Debug)]
pub(crate) struct Limits {
    config: Config,
    overall: Option<Tokens>,
    places: BTreeMap<Place, State>,
    /// Since when something is held back that was not told.
    since: Option<Instant>,
    suppressed: Arc<AtomicU64>,
}

impl Limits {
    pub(crate) fn new(config: &Config, now: Instant) -> Self {
        Self {
            overall: config.overall.map(|rate| Tokens::full(rate, now)),
            config: config.clone(),
            places: BTreeMap::new(),
            since: None,
            suppressed: Arc::default(),
        }
    }

    /// Whether people are told of a record of corrected errors; if not, it is counted.
    pub(crate) fn admit(&mut self, place: Place, errors: u64, now: Instant) -> bool {
        let place = if self.places.len() < MOST || self.places.contains_key(&place) {
            place
        } else {
            Place::Others
        };
        let limit = self.config.place;
        let state = self.places.entry(place).or_insert_with(|| State {
            tokens: limit.map(|rate| Tokens::full(rate, now)),
            records: 0,
            errors: 0,
        });
        let mut here = limit.zip(state.tokens.as_mut());
        let mut overall = self.config.overall.zip(self.overall.as_mut());
        let has = |bucket: &mut Option<(Rate, &mut Tokens)>| match bucket {
            Some((rate, tokens)) => tokens.fill(*rate, now),
            None => true,
        };
        // Both are filled, whatever the first says.
        let (a, b) = (has(&mut here), has(&mut overall));
        if a && b {
            for (rate, tokens) in [here, overall].into_iter().flatten() {
                tokens.take(rate);
            }
            return true;
        }
        state.records += 1;
        state.errors = state.errors.saturating_add(errors);
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        self.since.get_or_insert(now);
        false
    }

    /// What is to be told of those that were held back, if it is time; or after how long it will be.
    pub(crate) fn report(&mut self, now: Instant) -> Result<Vec<String>, Option<Duration>> {
        let Some(since) = self.since else {
            return Err(None);
        };
        let passed = now.saturating_duration_since(since);
        let every = self.config.report.get();
        if passed < every {
            return Err(Some(every - passed));
        }
        Ok(self.tell(passed))
    }

    /// What is to be told at the end.
    pub(crate) fn last_report(&mut self, now: Instant) -> Vec<String> {
        match self.since {
            Some(since) => self.tell(now.saturating_duration_since(since)),
            None => Vec::new(),
        }
    }

    fn tell(&mut self, passed: Duration) -> Vec<String> {
        /// More lines than these would be the flood that they speak of.
        const LINES: usize = 20;
        let seconds = passed.as_secs().max(1);
        let mut held: Vec<(&Place, &State)> = self
            .places
            .iter()
            .filter(|(_, state)| state.records > 0)
            .collect();
        held.sort_by_key(|(_, state)| std::cmp::Reverse(state.records));
        let mut lines: Vec<String> = held
            .iter()
            .take(LINES)
            .map(|(place, state)| {
                let (records, errors) = (state.records, state.errors);
                let of = if errors > records {
                    format!(" ({errors} corrected errors)")
                } else {
                    String::new()
                };
                format!("{records} more of {place} in the last {seconds} s{of}")
            })
            .collect();
        if let Some(rest) = held.get(LINES..).filter(|rest| !rest.is_empty()) {
            let records: u64 = rest.iter().map(|(_, state)| state.records).sum();
            let places = rest.len();
            lines.push(format!(
                "{records} more of {places} further places in the last {seconds} s"
            ));
        }
        // A place that was quiet begins anew the next time. Its tokens are those of the time since then.
        self.places.retain(|_, state| {
            let held = state.records > 0;
            (state.records, state.errors) = (0, 0);
            held
        });
        self.since = None;
        lines
    }

    /// How many records people were not told of.
    pub(crate) fn suppressed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.suppressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::amounts::Time;

    fn limits(now: Instant) -> Limits {
        Limits::new(&Config::default(), now)
    }

    const HERE: Place = Place::Bank(Some(3), Some(7));

    #[test]
    fn ten_a_minute_of_a_place_and_then_their_number() {
        let start = Instant::now();
        let mut limits = limits(start);
        let told = (0..47).filter(|_| limits.admit(HERE, 1, start)).count();
        assert_eq!(told, 10);
        let early = limits.report(start + Duration::from_secs(20));
        assert_eq!(early, Err(Some(Duration::from_secs(40))));
        let lines = limits.report(start + Duration::from_secs(60)).unwrap();
        assert_eq!(lines, ["37 more of CPU 3 bank 7 in the last 60 s"]);
        assert_eq!(limits.report(start + Duration::from_secs(61)), Err(None));
        // And ten again.
        let later = start + Duration::from_secs(61);
        assert_eq!((0..47).filter(|_| limits.admit(HERE, 1, later)).count(), 10);
        assert_eq!(limits.suppressed().load(Ordering::Relaxed), 74);
    }

    #[test]
    fn records_that_stand_for_many_errors_say_so() {
        let start = Instant::now();
        let mut limits = limits(start);
        for _ in 0..12 {
            limits.admit(HERE, 40, start);
        }
        let lines = limits.last_report(start);
        assert_eq!(
            lines,
            ["2 more of CPU 3 bank 7 in the last 1 s (80 corrected errors)"]
        );
    }

    #[test]
    fn a_storm_of_many_places_is_limited_in_all() {
        let start = Instant::now();
        let mut limits = limits(start);
        let mut told = 0;
        // 100,000 a second for a minute would take long here: a second of it, then a minute at a tenth.
        for i in 0..100_000_u32 {
            let now = start + Duration::from_micros(u64::from(i) * 10);
            let place = Place::Bank(Some(i % 5000), Some(1));
            told += u32::from(limits.admit(place, 1, now));
        }
        assert!((100..=102).contains(&told), "{told}");
        assert!(limits.places.len() <= MOST + 1);
        assert_eq!(
            limits.suppressed().load(Ordering::Relaxed) + u64::from(told),
            100_000
        );
        let lines = limits.last_report(start + Duration::from_secs(1));
        assert_eq!(lines.len(), 21);
        let sum: u64 = lines
            .iter()
            .filter_map(|line| line.split(' ').next()?.parse::<u64>().ok())
            .sum();
        assert_eq!(sum + u64::from(told), 100_000);
    }

    #[test]
    fn without_limits_everything_is_told() {
        let now = Instant::now();
        let config = Config {
            place: None,
            overall: None,
            report: Time::seconds(1),
        };
        let mut limits = Limits::new(&config, now);
        assert!((0..10_000).all(|_| limits.admit(HERE, 1, now)));
    }
}
