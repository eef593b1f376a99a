//! Where a reader is, in a form that outlives it.

use core::fmt;
use core::str::FromStr;

use crate::Loss;

/// The longest cursor that is read, in bytes of its text.
const MAX_LEN: usize = 1 << 16;

/// How far a source was read.
///
/// Its text is `v1 SOURCE EPOCH POSITION`, three words without white space. The source is a channel's name and the
/// source's own (`trace:mce`). The epoch says while what the position is valid (a boot's id, a file's identity), and the
/// position is the channel's own affair.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    source: String,
    epoch: String,
    position: String,
}

/// What a text has that is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// It is of a later version, or no cursor at all.
    #[error("a cursor begins with `v1`, not with `{found}`")]
    Version {
        /// How it begins, at most 16 characters.
        found: String,
    },
    /// Not four words.
    #[error("a cursor is `v1 SOURCE EPOCH POSITION`: {words} words")]
    Words {
        /// How many there are.
        words: usize,
    },
    /// Longer than any cursor.
    #[error("a cursor of {len} bytes")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// It is of another source.
    #[error("a cursor of {found}, not of {expected}")]
    OtherSource {
        /// Whose it is.
        found: String,
        /// Who was asked to go there.
        expected: String,
    },
    /// The channel cannot read its position.
    #[error("`{position}` is no position of {source_name}")]
    Position {
        /// The source that was asked.
        source_name: String,
        /// The position, at most 64 characters.
        position: String,
    },
}

/// What became of a seek.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// The next event is the one behind the cursor.
    Resumed,
    /// Some events behind the cursor are gone; the next one is the oldest that is left.
    Lapped(Loss),
    /// The cursor is of an earlier boot, or of a channel that was made anew: everything there is comes next.
    NewEpoch,
}

impl Cursor {
    /// A cursor of a source. White space and control characters in the parts are replaced by `_`, and nothing is `-`.
    #[must_use]
    pub fn new(source: &str, epoch: &str, position: &str) -> Self {
        let word = |text: &str| {
            if text.is_empty() {
                return String::from("-");
            }
            text.chars()
                .map(|c| {
                    if c.is_whitespace() || c.is_control() {
                        '_'
                    } else {
                        c
                    }
                })
                .collect()
        };
        Self {
            source: word(source),
            epoch: word(epoch),
            position: word(position),
        }
    }

    /// Whose it is: `trace:mce`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// While what the position is valid.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The channel's own words for the place.
    #[must_use]
    pub fn position(&self) -> &str {
        &self.position
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1 {} {} {}", self.source, self.epoch, self.position)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text.len() > MAX_LEN {
            return Err(CursorError::TooLong { len: text.len() });
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["v1", source, epoch, position] => Ok(Self {
                source: source.into(),
                epoch: epoch.into(),
                position: position.into(),
            }),
            ["v1", ..] => Err(CursorError::Words { words: words.len() }),
            _ => Err(CursorError::Version {
                found: words
                    .first()
                    .map_or_else(String::new, |word| word.chars().take(16).collect()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_what_its_text_says(source in ".*", epoch in ".*", position in ".*") {
            let cursor = Cursor::new(&source, &epoch, &position);
            prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(
            "v2 a b c".parse::<Cursor>(),
            Err(CursorError::Version { found: "v2".into() })
        );
        assert_eq!(
            "v1 a b".parse::<Cursor>(),
            Err(CursorError::Words { words: 3 })
        );
        assert_eq!(
            "".parse::<Cursor>(),
            Err(CursorError::Version {
                found: String::new()
            })
        );
    }
}
