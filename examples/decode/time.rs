//! Seconds since 1970 as a date.

use super::out::Out;

/// Writes `2026-11-22 12:36:23 UTC`.
pub(crate) fn utc(seconds: u64, out: &mut Out) {
    day(seconds / DAY, out);
    out.clock((seconds % DAY) as u32);
}

/// Seconds of a day.
pub(crate) const DAY: u64 = 86_400;

/// Writes a number of days since 1970 as `2026-11-22`.
pub(crate) fn day(days: u64, out: &mut Out) {
    let (year, month, day) = date(days);
    out.dec(year).str("-").two(month).str("-").two(day);
}

/// Year, month and day of a number of days since 1970, by the Gregorian calendar.
///
/// Counts in eras of 400 years that begin on a first of March, so that the leap day is the last of its year.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as u64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_are_known() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_519_356_496, "2018-02-23 03:28:16 UTC"),
            (1_795_349_361, "2026-11-22 12:09:21 UTC"),
            (4_102_444_800, "2100-01-01 00:00:00 UTC"),
        ] {
            let mut out = Out::memory();
            utc(seconds, &mut out);
            assert_eq!(out.text(), text);
        }
    }

    #[test]
    fn any_number_of_seconds_has_a_date() {
        let mut out = Out::memory();
        utc(u64::MAX, &mut out);
        assert!(out.text().ends_with("UTC"));
    }
}
