//! Recorded pages of a trace ring: dumps of `trace_pipe_raw`, with the kernel's `header_page` and the event's `format`.

use mcekit::Record;
use tracefs::page::{Layout, SubBuffer};
use tracefs::{Endian, Format};

use crate::fields::MceFields;
use crate::{Loss, Result};

/// What it takes to read pages.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    layout: Layout,
    fields: MceFields,
}

impl Pages {
    pub(super) fn new(header_page: &[u8], format: &[u8]) -> Result<Self> {
        // Machine checks are x86's: little endian.
        let layout = Layout::parse(header_page, Endian::Little)?;
        let fields = MceFields::new(&Format::parse(format)?)?;
        Ok(Self { layout, fields })
    }

    /// Bytes of a page.
    pub(super) const fn size(&self) -> usize {
        self.layout.size()
    }

    /// What a page has: a loss before it, and its records. What is damaged ends it.
    pub(super) fn read(
        &self,
        page: &[u8],
        sink: &mut impl FnMut(Result<Record, Loss>),
    ) -> Result<(), String> {
        let sub = SubBuffer::parse(page, &self.layout).map_err(|error| error.to_string())?;
        if let Some(loss) = sub.lost() {
            sink(Err(match loss {
                tracefs::page::Loss::Exact(n) => Loss::Exact(n),
                tracefs::page::Loss::AtLeast(n) => Loss::AtLeast(n),
                tracefs::page::Loss::Unknown => Loss::AtLeast(1),
            }));
        }
        for raw in sub.records() {
            let raw = raw.map_err(|error| error.to_string())?;
            if raw.event_id(sub.endian()).map(u32::from) == Some(self.fields.id()) {
                let record = self.fields.record(raw.data);
                sink(Ok(record.ok_or("an event that is shorter than its format")?));
            }
        }
        Ok(())
    }
}
