//! The registers that AMD's scalable MCA adds to a bank.

use core::fmt;

use super::{bits, register};

register! {
    /// MCA_SYND: the syndrome of the error, by unit (AMD PPR "MCA_SYND").
    Synd {}
}

impl Synd {
    /// The severity or priority of the logged error, bits 26:24.
    #[must_use]
    pub const fn error_priority(self) -> u8 {
        bits(self.0, 26, 24) as u8
    }

    /// The length of the syndrome in bits, bits 23:18.
    #[must_use]
    pub const fn length(self) -> u8 {
        bits(self.0, 23, 18) as u8
    }

    /// What the unit says about the place of the error, bits 17:0.
    #[must_use]
    pub const fn error_information(self) -> u32 {
        bits(self.0, 17, 0) as u32
    }

    /// The syndrome itself, bits 63:32.
    #[must_use]
    pub const fn syndrome(self) -> u32 {
        bits(self.0, 63, 32) as u32
    }
}

register! {
    /// MCA_SYND1: a further syndrome, or the first eight bytes of the FRU text.
    Synd1 {}
}

register! {
    /// MCA_SYND2: a further syndrome, or the last eight bytes of the FRU text.
    Synd2 {}
}

register! {
    /// MCA_CONFIG: what the bank is set up to do (AMD PPR "MCA_CONFIG").
    McaConfig {
        /// The bank says in MCA_STATUS whether MCA_ADDR is a system physical address (bit 11; Linux,
        /// `MCI_CONFIG_PADDRV`).
        paddrv PADDRV = 11;
        /// The platform may raise the threshold interrupt (bit 10, `IntPresent`).
        int_present INT_PRESENT = 10;
        /// SYND1 and SYND2 hold the FRU text (bit 9).
        fru_text_in_mca FRU_TEXT_IN_MCA = 9;
        /// The number of low bits of the address that are not valid stands in bits 29:24 of MCA_STATUS, not in MCA_ADDR
        /// (bit 8, `McaLsbInStatusSupported`).
        lsb_in_status LSB_IN_STATUS = 8;
        /// Deferred errors are supported (bit 2).
        deferred_error_logging DEFERRED_ERROR_LOGGING = 2;
        /// The bank follows the scalable MCA register layout (bit 0, `McaX`).
        mcax MCAX = 0;
    }
}

register! {
    /// MCA_IPID: which unit the bank belongs to (AMD PPR "MCA_IPID").
    Ipid {}
}

impl Ipid {
    /// The unit's kind: hardware id and MCA type.
    #[must_use]
    pub const fn hwid(self) -> HwId {
        HwId {
            hwid: bits(self.0, 43, 32) as u16,
            mca_type: bits(self.0, 63, 48) as u16,
        }
    }

    /// The instance of the unit within the package, bits 31:0.
    #[must_use]
    pub const fn instance_id(self) -> u32 {
        bits(self.0, 31, 0) as u32
    }

    /// The high part of the instance, bits 47:44.
    #[must_use]
    pub const fn instance_id_hi(self) -> u8 {
        bits(self.0, 47, 44) as u8
    }
}

/// The kind of a scalable-MCA unit: which hardware, and which revision of its error list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HwId {
    /// `HardwareID`, MCA_IPID bits 43:32.
    pub hwid: u16,
    /// `McaType`, MCA_IPID bits 63:48.
    pub mca_type: u16,
}

impl HwId {
    /// The pair as the manuals list it.
    #[must_use]
    pub const fn new(hwid: u16, mca_type: u16) -> Self {
        Self { hwid, mca_type }
    }
}

impl fmt::Display for HwId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HWID {:#x} McaType {:#x}", self.hwid, self.mca_type)
    }
}

/// The name of a field-replaceable unit as SYND1 and SYND2 carry it: 16 bytes of ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FruText {
    bytes: [u8; 16],
    len: u8,
}

impl FruText {
    /// The text, without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.len))
            .and_then(|b| core::str::from_utf8(b).ok())
            .unwrap_or("")
    }
}

impl fmt::Debug for FruText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for FruText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The FRU text in SYND1 and SYND2, if that is what they hold.
///
/// MCA_CONFIG bit 9 decides, and no channel of today's kernels delivers MCA_CONFIG. So the registers must
/// read as text: printable ASCII from the first byte on, then zeros only. Anything else is a syndrome.
#[must_use]
#[inline]
pub const fn fru_text(synd1: Synd1, synd2: Synd2) -> Option<FruText> {
    /// One in each byte.
    const EACH: u128 = u128::MAX / 0xff;
    /// The highest bit of each byte.
    const HIGH: u128 = EACH << 7;
    // Most syndromes are told by their first byte.
    if !matches!(synd1.0 as u8, b' '..=b'~') {
        return None;
    }
    let text = synd1.0 as u128 | (synd2.0 as u128) << 64;
    let len = 16 - text.leading_zeros() / 8;
    // All bytes at once: with none above 7fh, a sum carries into a byte's highest bit and no further.
    let present = HIGH >> (128 - 8 * len);
    let printable = text & HIGH == 0
        && (text + EACH) & HIGH == 0
        && (text + EACH * (0x80 - b' ' as u128)) & present == present;
    if !printable {
        return None;
    }
    Some(FruText {
        bytes: text.to_le_bytes(),
        len: len as u8,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipid_names_the_unit() {
        let ipid = Ipid(0x0001_0096_0025_0f00);
        assert_eq!(ipid.hwid(), HwId::new(0x96, 1));
        assert_eq!(ipid.instance_id(), 0x0025_0f00);
    }

    #[test]
    fn fru_text_only_where_it_is_text() {
        let text = fru_text(Synd1(0x5f4d_4d49_445f_3050), Synd2(0x3141)).unwrap();
        assert_eq!(text.as_str(), "P0_DIMM_A1");
        assert_eq!(fru_text(Synd1(0), Synd2(0)), None);
        assert_eq!(
            fru_text(Synd1(0x5f4d_4d49_445f_3050), Synd2(0x0100_0000_0000_3141)),
            None
        );
        assert_eq!(fru_text(Synd1(0x0000_0012_3450_0000), Synd2(0)), None);
    }

    /// Every byte at every place of a text of every length, against the rule in words.
    #[test]
    fn fru_text_byte_by_byte() {
        for len in 0..=16 {
            for at in 0..16 {
                for byte in 0..=255 {
                    let mut bytes = [0; 16];
                    bytes[..len].fill(b'A');
                    bytes[at] = byte;
                    let end = bytes
                        .iter()
                        .rposition(|&b| b != 0)
                        .map_or(0, |last| last + 1);
                    let text = &bytes[..end];
                    let printable = end > 0 && text.iter().all(|b| (b' '..=b'~').contains(b));
                    let words = bytes.as_chunks::<8>().0;
                    let found = fru_text(
                        Synd1(u64::from_le_bytes(words[0])),
                        Synd2(u64::from_le_bytes(words[1])),
                    );
                    assert_eq!(
                        found.as_ref().map(|fru| fru.as_str().as_bytes()),
                        printable.then_some(text)
                    );
                }
            }
        }
    }
}
