//! The texts of a row: for people who read tables. Everything in them can be made again from the registers.
//!
//! In a storm most rows say the same. So a text is a function of a record without what differs from error to error
//! (address, counts, times), and is made once for each.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use mcekit::arch::ErrorClass;
use mcekit::severity::Action;
use mcekit::table::{Model, Place, Register};
use mcekit::{Present, Record, Status};

/// So many texts are kept at most.
const MOST: usize = 512;

/// Intel's count of corrected errors.
const COUNT: u64 = 0x7fff << 38;

/// What the columns of rasdaemon's `mce_record` say that are texts.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) bank_name: String,
    pub(super) error_msg: String,
    pub(super) mcgstatus_msg: String,
    pub(super) mcistatus_msg: String,
    pub(super) mcastatus_msg: String,
    pub(super) user_action: String,
    /// For the location, which is every record's own.
    model: Option<&'static Model>,
}

/// Texts by what they are a function of.
#[derive(Debug, Default)]
pub(super) struct Memo(HashMap<Record, Arc<Texts>>);

impl Memo {
    pub(super) fn of(&mut self, record: &Record) -> Arc<Texts> {
        let key = key(record);
        if let Some(texts) = self.0.get(&key) {
            return Arc::clone(texts);
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let texts = Arc::new(Texts::of(&key));
        self.0.insert(key, Arc::clone(&texts));
        texts
    }
}

/// The record without what is another one in each error.
fn key(record: &Record) -> Record {
    let own = Present::ADDR
        | Present::MISC
        | Present::SYND
        | Present::SYND1
        | Present::SYND2
        | Present::IP
        | Present::TSC
        | Present::TIME
        | Present::CPU
        | Present::SOCKET
        | Present::APICID
        | Present::PPIN
        | Present::MICROCODE;
    let key = record.without(own);
    if record.is_amd_like() || !record.present().contains(Present::STATUS) {
        return key;
    }
    key.with_status(Status(record.status().0 & !COUNT))
}

impl Texts {
    fn of(record: &Record) -> Self {
        let decoding = record.decode();
        let explained = mcekit_models::decode(record);
        let mut texts = Self {
            model: explained.model(),
            ..Self::default()
        };
        // Writing to a String cannot fail.
        let bank = record.bank().unwrap_or_default();
        let _ = match (decoding.software_text(), explained.unit()) {
            (Some(software), _) => write!(texts.bank_name, "{software}"),
            (None, Some(unit)) => write!(texts.bank_name, "{} (bank={bank})", unit.name),
            (None, None) => write!(texts.bank_name, "bank={bank:x}"),
        };
        if record.present().contains(Present::STATUS) && decoding.software_text().is_none() {
            let _ = write!(texts.mcastatus_msg, "{}", decoding.code);
        }
        let mut message = String::new();
        for value in explained.values() {
            if value.field.register() == Register::Status
                && value.field.place().is_none()
                && let Some(text) = value.text()
            {
                let between = if message.is_empty() { "" } else { "; " };
                let _ = write!(message, "{between}{text}");
            }
        }
        if message.is_empty() {
            message = match decoding.software_text() {
                Some(software) => software.to_owned(),
                None => texts.mcastatus_msg.clone(),
            };
        }
        texts.error_msg = message;
        if let Some(mcg) = record.mcgstatus() {
            let _ = write!(texts.mcgstatus_msg, "mcgstatus={}", mcg.0);
            for (set, name) in [
                (mcg.ripv(), " RIPV"),
                (mcg.eipv(), " EIPV"),
                (mcg.mcip(), " MCIP"),
                (mcg.lmce(), " LMCE"),
            ] {
                texts.mcgstatus_msg.push_str(if set { name } else { "" });
            }
        }
        texts.mcistatus_msg = flags(record);
        let action = decoding.grade().action();
        if !matches!(action, Action::Nothing | Action::Watch) {
            action.text().clone_into(&mut texts.user_action);
        }
        texts
    }

    /// Where the error is, `name=value` with commas between. The socket has a column of its own.
    pub(super) fn location(&self, record: &Record, out: &mut String) {
        out.clear();
        let explained = match self.model {
            Some(model) => mcekit_models::decode_as(record, model),
            None => mcekit_models::decode(record),
        };
        let decoding = record.decode();
        if decoding.code.class() == ErrorClass::MemoryController
            && let Some(count) = decoding.corrected_count
        {
            let _ = write!(out, "n_errors={count}");
        }
        for (place, value) in explained.location().iter() {
            if place != Place::Socket {
                let between = if out.is_empty() { "" } else { "," };
                let _ = write!(out, "{between}{}={value}", place.name());
            }
        }
    }
}

/// The flags of MCi_STATUS, by the names that rasdaemon's users know.
fn flags(record: &Record) -> String {
    let status = record.status();
    let amd = record.is_amd_like();
    let all = [
        (!status.val(), "MCE_INVALID"),
        (status.over(), "Error_overflow"),
        (status.uc(), "Uncorrected_error"),
        (record.has_deferred() && status.deferred(), "Deferred_error"),
        (
            !(status.uc() || record.has_deferred() && status.deferred()),
            "Corrected_error",
        ),
        (status.en(), "Error_enabled"),
        (status.pcc(), "Processor_context_corrupt"),
        (!amd && status.s(), "Signaled"),
        (!amd && status.ar(), "Action_required"),
        (record.is_smca() && status.tcc(), "Task_context_corrupt"),
        (record.has_poison() && status.poison(), "Poison_consumed"),
    ];
    let set: Vec<&str> = all
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect();
    set.join(" ")
}

/// Times as rasdaemon writes them: `2026-11-22 12:36:23 +0100`, by the local clock.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The quarter of an hour for which the offset is known, and the offset in seconds. Clocks are set at such times only.
    offset: Option<(u64, i64)>,
    /// The last second that was written.
    last: Option<u64>,
    text: String,
}

impl Clock {
    /// The text of a time. `offset` tells by how much the local clock is ahead then.
    pub(super) fn text(&mut self, seconds: u64, offset: impl FnOnce(u64) -> i64) -> &str {
        if self.last == Some(seconds) {
            return &self.text;
        }
        let quarter = seconds / 900;
        let ahead = match self.offset {
            Some((known, ahead)) if known == quarter => ahead,
            _ => offset(seconds),
        };
        self.offset = Some((quarter, ahead));
        self.last = Some(seconds);
        self.text.clear();
        let local = seconds.saturating_add_signed(ahead);
        let (year, month, day) = date(local / 86_400);
        let rest = local % 86_400;
        let (sign, off) = match ahead {
            0.. => ('+', ahead.unsigned_abs()),
            _ => ('-', ahead.unsigned_abs()),
        };
        let _ = write!(
            self.text,
            "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} {sign}{:02}{:02}",
            rest / 3600,
            rest / 60 % 60,
            rest % 60,
            off / 3600,
            off / 60 % 60
        );
        &self.text
    }
}

/// Year, month and day of a number of days since 1970, by the Gregorian calendar: eras of 400 years that begin in March.
pub(super) const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + days / 146_097 * 400 + (month <= 2) as u64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use mcekit::{Addr, CpuSignature, McgStatus, Misc, Vendor};

    use super::*;

    #[test]
    fn a_memory_error_as_rasdaemon_words_it() {
        let record = Record::new(13, Status(0x8c00_0040_0008_00c0))
            .with_vendor(Vendor::INTEL)
            .with_cpuid(CpuSignature(0x50654))
            .with_mcgstatus(McgStatus(5))
            .with_addr(Addr(0x1234))
            .with_misc(Misc(0x8c));
        let mut memo = Memo::default();
        let texts = memo.of(&record);
        assert_eq!(texts.mcgstatus_msg, "mcgstatus=5 RIPV MCIP");
        assert_eq!(texts.mcistatus_msg, "Corrected_error");
        assert!(texts.bank_name.ends_with("(bank=13)"), "{texts:?}");
        assert!(!texts.error_msg.is_empty());
        assert_eq!(texts.user_action, "");
        let mut location = String::new();
        texts.location(&record, &mut location);
        assert!(location.starts_with("n_errors=1,"), "{location}");
        // Another address and another count: the same texts.
        let other = record
            .with_status(Status(0x8c00_0080_0008_00c0))
            .with_addr(Addr(0x9999));
        assert!(Arc::ptr_eq(&texts, &memo.of(&other)));
    }

    #[test]
    fn times_are_local_with_their_offset() {
        let mut clock = Clock::default();
        assert_eq!(
            clock.text(1_795_349_361, |_| 3600),
            "2026-11-22 13:09:21 +0100"
        );
        assert_eq!(
            clock.text(1_795_349_361, |_| panic!("known")),
            "2026-11-22 13:09:21 +0100"
        );
        let mut clock = Clock::default();
        assert_eq!(
            clock.text(951_782_400, |_| -12_600),
            "2000-02-28 20:30:00 -0330"
        );
    }
}
