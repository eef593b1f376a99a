//! Registers as a person types them, in any order and case: `bank 5: bea0000000000108`,
//! `Bank 5 status 0xbea0000000000108 addr 0x1000`, `status: bea0000000000108`.
//!
//! Nothing but the words tells that it is a machine check, so the status must be one by itself: 16 digits and
//! the valid bit set, right behind `bank n` or the word `status`.

use mcekit::{Addr, Ipid, McgStatus, Misc, Present, Record, Status, Synd};

use super::{Family, Taken};
use crate::found::Format;
use crate::line::{Cursor, Line};
use crate::slots::{Slot, Slots};

pub(crate) const FAMILY: Family = Family {
    wakes: &["bank ", "Bank", "BANK", "bank=", "bank:", "tatus", "STATUS"],
    continues: &["addr", "ADDR", "Addr", "misc", "MISC", "Misc"],
    read,
};

fn read(line: &Line<'_>, slots: &mut Slots) -> Taken {
    let text = line.around();
    // rasdaemon, ras-mc-ctl and dumps in JSON have the same words, and more of them.
    let tools: [&[u8]; 4] = [b"status= ", b"mcgcap=", b"mcgstatus=", b"status\""];
    let has = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    if tools.into_iter().any(has) {
        return Taken::No;
    }
    // A line of `ras-mc-ctl --errors` can lack both of its first registers, and name a bank in its words.
    if has(b"status=0x") && (has(b"walltime=0x") || has(b"cpuid=0x") || has(b"apicid=0x")) {
        return Taken::No;
    }
    let fields = Fields::of(text);
    if let Some(status) = fields.status
        && (fields.clean || fields.record.bank().is_some())
    {
        let parts = fields.record.present();
        // A status alone may follow its bank on the line before.
        let slot = slots.newest(|slot| slot.format == Format::Typed && !slot.closed);
        if let Some(slot) = slot
            && slot.lacks(Present::STATUS | parts)
            && slot.last_line + 2 >= line.number
        {
            slot.set(|record| record.or(&fields.record).with_status(status));
            slot.touch(line);
            return Taken::Line;
        }
        slots.close(|slot| slot.format == Format::Typed);
        slots.begin(line, Format::Typed, fields.record.with_status(status));
        return Taken::Line;
    }
    let parts = fields.record.present();
    if parts.is_empty() || !fields.clean {
        return Taken::No;
    }
    let slot = slots.newest(|slot| slot.format == Format::Typed && !slot.closed);
    if let Some(slot) = slot
        && slot.lacks(parts)
        && slot.last_line + 3 >= line.number
    {
        slot.set(|record| record.or(&fields.record));
        slot.touch(line);
        return Taken::Line;
    }
    Taken::No
}

/// Reads what follows a status on its line.
pub(crate) fn more(cursor: &mut Cursor<'_>, slot: &mut Slot) {
    let fields = Fields::of(cursor.rest());
    slot.set(|record| record.or(&fields.record));
}

/// What a line names.
struct Fields {
    record: Record,
    status: Option<Status>,
    /// The line has hardly anything but names and values.
    clean: bool,
}

impl Fields {
    fn of(text: &[u8]) -> Self {
        let mut fields = Self {
            record: Record::empty(),
            status: None,
            clean: true,
        };
        let mut cursor = Cursor::new(text);
        let (mut names, mut words) = (0, 0);
        while let Some(byte) = cursor.peek() {
            if !byte.is_ascii_alphanumeric() && byte != b'_' {
                cursor.pos += 1;
                continue;
            }
            let word = cursor.word();
            words += 1;
            let after = cursor.pos;
            if fields.named(word, &mut cursor) {
                names += 1;
            } else {
                cursor.pos = after;
            }
        }
        fields.clean = words <= 3 * names;
        fields
    }

    /// Reads the value of a word that is a name.
    fn named(&mut self, word: &[u8], cursor: &mut Cursor<'_>) -> bool {
        let mut name = [0; 16];
        let Some(lower) = name.get_mut(..word.len()) else {
            return false;
        };
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        let name: &[u8] = lower;
        let glued = name.strip_prefix(b"bank").filter(|n| !n.is_empty());
        if let Some(number) = glued {
            let bank = Cursor::new(number)
                .dec()
                .and_then(|n| u8::try_from(n.value).ok());
            let Some(bank) = bank else { return false };
            return self.bank(bank, cursor);
        }
        // `mc5_status`, `mc5_addr`.
        let mut name = name;
        if let Some(rest) = name.strip_prefix(b"mc") {
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if let Some((number, register)) = rest.split_at_checked(digits)
                && let Some(register) = register.strip_prefix(b"_")
                && let Some(bank) = Cursor::new(number).dec()
                && let Ok(bank) = u8::try_from(bank.value)
            {
                if self.record.bank().is_some_and(|known| known != bank) {
                    return false;
                }
                self.record = self.record.with_bank(bank);
                name = register;
            }
        }
        cursor.separator();
        let record = self.record;
        let hex = |cursor: &mut Cursor<'_>| cursor.hex().map(|n| n.value);
        let count =
            |cursor: &mut Cursor<'_>| cursor.number().and_then(|n| u32::try_from(n.value).ok());
        let new = match name {
            b"bank" => {
                let bank = count(cursor).and_then(|n| u8::try_from(n).ok());
                return bank.is_some_and(|bank| self.bank(bank, cursor));
            }
            b"status" | b"mci_status" | b"mca_status" | b"mc_status" => {
                return self.status(cursor);
            }
            b"addr" | b"address" | b"mci_addr" | b"mca_addr" => {
                hex(cursor).map(|n| record.with_addr(Addr(n)))
            }
            b"misc" | b"misc0" | b"mci_misc" | b"mca_misc0" => {
                hex(cursor).map(|n| record.with_misc(Misc(n)))
            }
            b"synd" | b"syndrome" | b"mca_synd" => hex(cursor).map(|n| record.with_synd(Synd(n))),
            b"ipid" | b"mca_ipid" => hex(cursor).map(|n| record.with_ipid(Ipid(n))),
            b"mcgstatus" | b"mcg_status" => {
                hex(cursor).map(|n| record.with_mcgstatus(McgStatus(n)))
            }
            b"cpu" => count(cursor).map(|n| record.with_cpu(n)),
            b"socket" => count(cursor).map(|n| record.with_socket(n)),
            _ => None,
        };
        match new {
            Some(new) if !record.present().contains(new.present() - record.present()) => {
                self.record = new;
                true
            }
            _ => false,
        }
    }

    /// `bank 5`, and the status if it follows.
    fn bank(&mut self, bank: u8, cursor: &mut Cursor<'_>) -> bool {
        if self.record.bank().is_some() {
            return false;
        }
        self.record = self.record.with_bank(bank);
        let mut ahead = *cursor;
        while matches!(
            ahead.peek(),
            Some(b' ' | b'\t' | b':' | b'=' | b',' | b'-' | b'(')
        ) {
            ahead.pos += 1;
        }
        if self.status(&mut ahead) {
            *cursor = ahead;
        }
        true
    }

    /// Sixteen digits with the valid bit set.
    fn status(&mut self, cursor: &mut Cursor<'_>) -> bool {
        match cursor.status() {
            Some(n) if n.digits == 16 && Status(n.value).val() && self.status.is_none() => {
                self.status = Some(Status(n.value));
                true
            }
            _ => false,
        }
    }
}
