//! The fixed strings that lines of interest contain, and the search for them.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::packed::{Config, MatchKind as PackedKind, Searcher};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::formats::{ANNOUNCEMENTS, BROADCAST, FAMILIES};

/// The longest string, in bytes.
pub(crate) const LONGEST: usize = 24;

/// The one table, built when first used.
pub(crate) static ANCHORS: LazyLock<Anchors> = LazyLock::new(Anchors::new);

/// One string.
#[derive(Debug)]
struct Anchor {
    text: &'static str,
    /// Bit `i`: the family `FAMILIES[i]` reads lines with it.
    formats: u32,
    /// It begins a record or announces one; the others count only near one.
    wakes: bool,
}

/// The strings of all formats, and two searchers: for those that wake the reader, and for all.
#[derive(Debug)]
pub(crate) struct Anchors {
    /// Those that wake come first.
    anchors: Vec<Anchor>,
    asleep: Asleep,
    /// The search for all, built when the reader first wakes: it takes milliseconds.
    awake: OnceLock<AhoCorasick>,
}

/// The search for those that wake: it passes over ordinary text.
#[derive(Debug)]
enum Asleep {
    /// Vectorized, where the processor can.
    Fast(Searcher),
    Slow(AhoCorasick),
}

impl Anchors {
    fn new() -> Self {
        let mut anchors: Vec<Anchor> = ANNOUNCEMENTS
            .iter()
            .map(|text| Anchor {
                text,
                formats: 0,
                wakes: true,
            })
            .collect();
        anchors.push(Anchor {
            text: BROADCAST,
            formats: 0,
            wakes: false,
        });
        for wakes in [true, false] {
            for (index, family) in FAMILIES.iter().enumerate() {
                let texts = if wakes {
                    family.wakes
                } else {
                    family.continues
                };
                for text in texts {
                    // Short ones would make the search for those that wake slow.
                    debug_assert!((if wakes { 4 } else { 3 }..=LONGEST).contains(&text.len()));
                    match anchors.iter_mut().find(|a| a.text == *text) {
                        Some(anchor) => anchor.formats |= 1 << index,
                        None => anchors.push(Anchor {
                            text,
                            formats: 1 << index,
                            wakes,
                        }),
                    }
                }
            }
        }
        // With leftmost-first search the longer of two that begin alike must come first; it stands for both.
        anchors.sort_by_key(|anchor| std::cmp::Reverse(anchor.text.len()));
        for i in 0..anchors.len() {
            let (mut formats, mut wakes) = (0, false);
            for shorter in anchors.iter().skip(i) {
                if anchors[i].text.starts_with(shorter.text) {
                    formats |= shorter.formats;
                    wakes |= shorter.wakes;
                }
            }
            anchors[i].formats = formats;
            anchors[i].wakes = wakes;
        }
        anchors.sort_by_key(|anchor| !anchor.wakes);
        let wake: Vec<_> = anchors.iter().filter(|a| a.wakes).map(|a| a.text).collect();
        let fast = Config::new()
            .match_kind(PackedKind::LeftmostFirst)
            .builder()
            .extend(&wake)
            .build();
        Self {
            asleep: fast.map_or_else(|| Asleep::Slow(automaton(&wake)), Asleep::Fast),
            awake: OnceLock::new(),
            anchors,
        }
    }

    fn awake(&self) -> &AhoCorasick {
        self.awake.get_or_init(|| {
            let all: Vec<_> = self.anchors.iter().map(|a| a.text).collect();
            automaton(&all)
        })
    }

    /// The first string in `text` and where it begins; only those that wake unless `awake`.
    #[inline]
    pub(crate) fn find(&self, text: &[u8], awake: bool) -> Option<(usize, usize)> {
        let found = if awake {
            self.awake().find(text)
        } else {
            match &self.asleep {
                Asleep::Fast(searcher) => searcher.find(text),
                Asleep::Slow(automaton) => automaton.find(text),
            }
        };
        found.map(|m| (m.pattern().as_usize(), m.start()))
    }

    /// Whether the string is [`BROADCAST`].
    pub(crate) fn is_broadcast(&self, anchor: usize) -> bool {
        self.anchors
            .get(anchor)
            .is_some_and(|a| a.text == BROADCAST)
    }

    /// Whether the string wakes the reader.
    pub(crate) fn wakes(&self, anchor: usize) -> bool {
        self.anchors.get(anchor).is_some_and(|a| a.wakes)
    }

    /// The families that read lines with the string, as bits.
    pub(crate) fn formats(&self, anchor: usize) -> u32 {
        self.anchors.get(anchor).map_or(0, |a| a.formats)
    }
}

fn automaton(texts: &[&str]) -> AhoCorasick {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::LeftmostFirst)
        .build(texts)
        .unwrap_or_else(|error| unreachable!("a few dozen short strings: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_string_hides_another() {
        // With leftmost-first search a string that begins with an earlier one would never be found.
        for (i, a) in ANCHORS.anchors.iter().enumerate() {
            assert_eq!(ANCHORS.find(a.text.as_bytes(), true), Some((i, 0)));
        }
    }

    #[test]
    fn the_vectorized_search_takes_all() {
        assert!(ANCHORS.anchors.iter().filter(|a| a.wakes).count() <= 64);
        if cfg!(target_arch = "x86_64") {
            assert!(matches!(ANCHORS.asleep, Asleep::Fast(_)));
        }
    }
}
