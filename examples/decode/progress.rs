//! A bar on standard error, for large files on a terminal.

use std::io::{IsTerminal, stderr, stdout};

use indicatif::{ProgressBar, ProgressStyle};

/// A file below this is read before anybody wonders.
const LARGE: u64 = 64 << 20;

/// The bar, where there is one.
#[derive(Debug)]
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar for a file of `size` bytes; none where it is small, or where a bar would mix with the answer.
    pub(crate) fn new(name: &str, size: u64) -> Self {
        let wanted = size >= LARGE && stderr().is_terminal() && !stdout().is_terminal();
        Self(wanted.then(|| {
            let bar = ProgressBar::new(size).with_message(name.to_owned());
            let style = "{msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}";
            match ProgressStyle::with_template(style) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        }))
    }

    /// No bar.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// So many bytes are done.
    pub(crate) fn at(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(bytes);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
