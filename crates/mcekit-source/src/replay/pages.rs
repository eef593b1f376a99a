//! Recorded pages of a trace ring: dumps of `trace_pipe_raw`, with the kernel's `header_page` and the event's `format`.

use mcekit::Record;
use mcekit::wire::{MAX_LEN, Mce, Wire};
use tracefs::page::{Layout, SubBuffer};
use tracefs::{Accessor, Endian, Format};

use crate::Loss;

/// What it takes to read pages.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    layout: Layout,
    id: u32,
    fields: Fields,
}

impl Pages {
    pub(super) fn new(header_page: &[u8], format: &[u8]) -> Result<Self, tracefs::Error> {
        // Machine checks are x86's: little endian.
        let layout = Layout::parse(header_page, Endian::Little)?;
        let format = Format::parse(format)?;
        Ok(Self {
            layout,
            id: format.id(),
            fields: Fields::of(&format),
        })
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
    ) -> Result<(), tracefs::Error> {
        let sub = SubBuffer::parse(page, &self.layout)?;
        if let Some(loss) = sub.lost() {
            sink(Err(match loss {
                tracefs::page::Loss::Exact(n) => Loss::Exact(n),
                tracefs::page::Loss::AtLeast(n) => Loss::AtLeast(n),
                tracefs::page::Loss::Unknown => Loss::AtLeast(1),
            }));
        }
        for raw in sub.records() {
            let raw = raw?;
            if raw.event_id(sub.endian()).map(u32::from) == Some(self.id) {
                sink(Ok(self.fields.record(raw.data)));
            }
        }
        Ok(())
    }
}

/// Declares the fields of `struct mce` that the event has, by the event's names.
macro_rules! fields {
    ($($field:ident = $name:literal as $ty:ty;)*) => {
        /// Where the event has them. Those that a kernel's event does not have are zero, as in a shorter struct.
        #[derive(Clone, Debug)]
        struct Fields { $($field: Option<Accessor>,)* }

        impl Fields {
            fn of(format: &Format) -> Self {
                Self { $($field: format.accessor($name).ok(),)* }
            }

            fn record(&self, data: &[u8]) -> Record {
                let number = |at: &Option<Accessor>| at.as_ref().and_then(|at| at.u64(data)).unwrap_or(0);
                let mce = Mce { $($field: number(&self.$field) as $ty,)* ..Mce::default() };
                Wire { mce, len: MAX_LEN, surplus: 0 }.record()
            }
        }
    };
}

fields! {
    status = "status" as u64;
    misc = "misc" as u64;
    addr = "addr" as u64;
    mcgstatus = "mcgstatus" as u64;
    ip = "ip" as u64;
    tsc = "tsc" as u64;
    time = "walltime" as u64;
    cpuvendor = "cpuvendor" as u8;
    cpuid = "cpuid" as u32;
    cs = "cs" as u8;
    bank = "bank" as u8;
    extcpu = "cpu" as u32;
    socketid = "socketid" as u32;
    apicid = "apicid" as u32;
    mcgcap = "mcgcap" as u64;
    synd = "synd" as u64;
    ipid = "ipid" as u64;
    ppin = "ppin" as u64;
    microcode = "microcode" as u32;
}
