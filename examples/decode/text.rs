//! Text of any kind, through `mcekit-logs`.

use std::path::{Path, PathBuf};

use mcekit::{Record, Status};
use mcekit_logs::{Reader, records};

use crate::error::Error;
use crate::found::{Found, Pair, Place, Source};
use crate::input::Input;
use crate::numbers::register;
use crate::run::{Run, shown};

/// Answers every record in a text.
///
/// # Errors
///
/// Those of reading and answering.
pub(crate) fn read(input: &mut Input, run: &mut Run) -> Result<(), Error> {
    let mut reader = Reader::new();
    loop {
        let mut result = Ok(());
        reader.push(input.bytes(), &mut |found| {
            if result.is_ok() {
                result = answer(&found, input.name(), run);
            }
        });
        result?;
        input.consume(input.bytes().len());
        if !input.more(run)? {
            break;
        }
    }
    let mut result = Ok(());
    let stats = reader.finish(&mut |found| {
        if result.is_ok() {
            result = answer(&found, input.name(), run);
        }
    });
    result?;
    if stats.not_captured > 0 {
        run.warn(format_args!(
            "{}: {} banks were not captured: fillers stand in their registers",
            shown(input.name()),
            stats.not_captured
        ));
    }
    Ok(())
}

/// Answers one record of a text.
fn answer(found: &mcekit_logs::Found, file: Option<&str>, run: &mut Run) -> Result<(), Error> {
    let texts: Vec<_> = found
        .texts
        .iter()
        .map(|(kind, text)| (kind.name(), text))
        .collect();
    let length = |span: &std::ops::Range<u64>| span.end.saturating_sub(span.start);
    run.record(Found {
        record: found.record,
        id: None,
        source: Source::Here(Place {
            file,
            line: Some(found.line),
            offset: Some(found.span.start),
            length: Some(length(&found.span)),
            format: found.format.name(),
            pair: found.pair.as_ref().map(|pair| Pair {
                line: pair.line,
                offset: pair.span.start,
                length: length(&pair.span),
                format: pair.format.name(),
            }),
        }),
        texts: &texts,
        given: false,
    })
}

/// Answers a text, or a status, that stands on the command line where files do. False where files stand there.
///
/// # Errors
///
/// Those of answering.
pub(crate) fn on_the_command_line(inputs: &[PathBuf], run: &mut Run) -> Result<bool, Error> {
    let is_file = |path: &PathBuf| path == Path::new("-") || path.exists();
    if inputs.is_empty() || inputs.iter().any(is_file) {
        return Ok(false);
    }
    let words: Vec<_> = inputs.iter().map(|path| path.to_string_lossy()).collect();
    let text = words.join(" ");
    let mut any = false;
    for found in records(text.as_bytes()) {
        any = true;
        answer(&found, None, run)?;
    }
    if !any && let Some(status) = status(&text) {
        any = true;
        run.record(Found {
            record: Record::empty().with_status(status),
            id: None,
            source: Source::Here(Place::COMMAND_LINE),
            texts: &[],
            given: true,
        })?;
    }
    Ok(any)
}

/// A text that is nothing but the status of an error: 64 bits in hex, the highest set.
fn status(text: &str) -> Option<Status> {
    let status = Status(register(text).ok()?);
    status.val().then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_and_nothing_else() {
        let bare = Some(Status(0xbea0_0000_0000_0108));
        assert_eq!(status("bea0000000000108"), bare);
        assert_eq!(status("0xBEA0000000000108"), bare);
        for text in [
            "",
            "deadbeef",
            "bea0000000000108.log",
            "1bea0000000000108",
            "3ea0000000000108",
        ] {
            assert_eq!(status(text), None, "{text}");
        }
    }
}
