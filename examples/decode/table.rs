//! A record as one line of a table.

use mcekit::Decoding;
use mcekit_models::Explained;

use crate::found::Found;
use crate::out::Out;
use crate::style::Style;
use crate::time::utc;
use crate::title::words;

/// The columns and their widths; the last is as wide as it needs.
const COLUMNS: [(&str, usize); 8] = [
    ("TIME", 25),
    ("CPU", 6),
    ("SOCKET", 8),
    ("BANK", 6),
    ("GRADE", 17),
    ("STATUS", 20),
    ("ADDRESS", 20),
    ("WHAT AND WHERE", 0),
];

/// Writes lines, under a heading.
#[derive(Debug)]
pub(crate) struct Table {
    style: Style,
    first: bool,
}

impl Table {
    pub(crate) const fn new(style: Style) -> Self {
        Self { style, first: true }
    }

    /// Writes one record.
    pub(crate) fn write(
        &mut self,
        found: &Found<'_>,
        decoding: &Decoding,
        explained: &Explained<'_>,
        out: &mut Out,
    ) {
        if std::mem::take(&mut self.first) {
            out.str(self.style.label);
            for (name, width) in COLUMNS {
                out.pad(name, width);
            }
            out.str(self.style.off).str("\n");
        }
        let record = &found.record;
        let mut column = Columns { out, index: 0 };
        column.cell(|out| match record.time() {
            Some(time) => utc(time, out),
            None => _ = out.str("-"),
        });
        column.number(record.cpu().map(u64::from));
        column.number(record.socket().map(u64::from));
        column.number(record.bank().map(u64::from));
        let severity = decoding.grade().severity;
        column.out.str(self.style.grade(severity));
        column.cell(|out| _ = out.str(severity.id()));
        column.out.str(self.style.off);
        column.cell(|out| _ = out.register(record.status().0));
        column.cell(|out| match decoding.address {
            Some(address) => _ = out.hex(address.address),
            None => _ = out.str("-"),
        });
        if decoding.status().not_captured() {
            out.str("not captured");
        } else {
            out.str(&words(decoding, explained));
        }
        let mut separator = "; ";
        for (place, value) in explained.location().iter() {
            out.str(separator)
                .str(place.name())
                .str(" ")
                .dec(value.into());
            separator = ", ";
        }
        out.str("\n");
    }
}

struct Columns<'a> {
    out: &'a mut Out,
    index: usize,
}

impl Columns<'_> {
    fn cell(&mut self, write: impl FnOnce(&mut Out)) {
        let start = self.out.len();
        write(self.out);
        let width = COLUMNS.get(self.index).map_or(0, |column| column.1);
        self.index += 1;
        let written = self.out.len() - start;
        self.out.spaces(width.saturating_sub(written).max(1));
    }

    fn number(&mut self, value: Option<u64>) {
        self.cell(|out| match value {
            Some(value) => _ = out.dec(value),
            None => _ = out.str("-"),
        });
    }
}
