//! What the daemon says of itself. Events go through the outputs, not through here.

use std::fmt;
use std::io::Write;

/// Something is not as it should be; nothing is lost by it unless the words say so.
pub(crate) fn warn(what: fmt::Arguments<'_>) {
    line("<4>", what);
}

/// Something that an operator wants to know.
pub(crate) fn note(what: fmt::Arguments<'_>) {
    line("<6>", what);
}

/// One line to standard error, in one write. systemd's journal reads the priority in front (`JOURNAL_STREAM`); a person
/// does not get to see it.
fn line(priority: &str, what: fmt::Arguments<'_>) {
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let text = match journal {
        true => format!("{priority}rasd: {what}\n"),
        false => format!("rasd: {what}\n"),
    };
    // There is no other place to complain to.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
