//! Register arrays as firmware logs them: consecutive MSRs from a first one on.
//!
//! Numbers: Intel SDM vol. 4 table "IA-32 Architectural MSRs"; AMD PPR "MCA Registers" (MCAX at 0xc0002000).

use mcekit::{
    Addr, Ipid, McgCap, McgStatus, Misc, Present, Record, Status, Synd, Synd1, Synd2, Vendor,
};

/// How many records one array can hold: no processor has more banks.
pub(crate) const MAX_BANKS: usize = 64;

/// Bank 0 of the architectural layout: CTL, STATUS, ADDR, MISC.
const LEGACY: u64 = 0x400;
/// Behind the last bank of the architectural layout.
const LEGACY_END: u64 = LEGACY + 4 * 32;
/// Bank 0 of AMD's scalable layout, 16 MSRs a bank.
const MCAX: u64 = 0xc000_2000;
const MCAX_END: u64 = MCAX + 16 * 64;
const MCG_CAP: u64 = 0x179;
const MCG_STATUS: u64 = 0x17a;

/// What one MSR says of a bank: its number, and the register if the record keeps it.
pub(crate) fn one(msr: u64, value: u64) -> Option<(u8, Record)> {
    let none = Record::empty();
    match msr {
        LEGACY..LEGACY_END => {
            let bank = u8::try_from((msr - LEGACY) / 4).ok()?;
            let record = match (msr - LEGACY) % 4 {
                1 => none.with_status(Status(value)),
                2 => none.with_addr(Addr(value)),
                3 => none.with_misc(Misc(value)),
                _ => none,
            };
            Some((bank, record))
        }
        MCAX..MCAX_END => {
            let bank = u8::try_from((msr - MCAX) / 16).ok()?;
            let record = match (msr - MCAX) % 16 {
                1 => none.with_status(Status(value)),
                2 => none.with_addr(Addr(value)),
                3 => none.with_misc(Misc(value)),
                5 => none.with_ipid(Ipid(value)),
                6 => none.with_synd(Synd(value)),
                14 if value != 0 => none.with_synd1(Synd1(value)),
                15 if value != 0 => none.with_synd2(Synd2(value)),
                _ => none,
            };
            Some((bank, record.with_vendor(Vendor::AMD)))
        }
        _ => None,
    }
}

/// The records in an array whose first word is MSR `first`. Banks without a valid status give none.
pub(crate) fn records(first: u64, words: &[u64]) -> Vec<Record> {
    let mut banks: Vec<Record> = Vec::new();
    let mut global = Record::empty();
    for (index, &value) in (0..).zip(words) {
        let Some(msr) = first.checked_add(index) else {
            break;
        };
        match msr {
            MCG_CAP => global = global.with_mcgcap(McgCap(value)),
            MCG_STATUS => global = global.with_mcgstatus(McgStatus(value)),
            _ => {}
        }
        let Some((number, register)) = one(msr, value) else {
            continue;
        };
        match banks.last_mut() {
            Some(bank) if bank.bank() == Some(number) => *bank = register.or(bank),
            _ => banks.push(register.with_bank(number)),
        }
    }
    banks.retain(|record| record.present().contains(Present::STATUS) && record.status().val());
    banks.iter().map(|record| record.or(&global)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_may_begin_at_any_register_and_span_banks() {
        let words = [
            0xb200_0000_0000_0115,
            1,
            2,
            0,
            0,
            3,
            4,
            0,
            0xbe00_0000_0080_0400,
        ];
        let found = records(0x401, &words);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].bank(), found[0].addr()), (Some(0), Some(Addr(1))));
        assert_eq!((found[1].bank(), found[1].addr()), (Some(2), None));
        assert!(records(0xc000_0000, &words).is_empty());
        assert!(records(u64::MAX, &words).is_empty());
    }
}
