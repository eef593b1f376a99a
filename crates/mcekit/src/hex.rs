//! Numbers in hex, as lower-case text, without the formatting machinery.

/// A number in hex.
pub(crate) struct HexText {
    bytes: [u8; 18],
    len: usize,
}

impl HexText {
    pub(crate) fn of(value: u64) -> Self {
        let (digits, len) = hex_digits(value);
        let mut bytes = *b"0x----------------";
        bytes[2..].copy_from_slice(&digits);
        Self {
            bytes,
            len: 2 + len,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Hex digits are ASCII; an empty string is never reached.
        let text = self.bytes.get(..self.len).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}

/// The hex digits of a number without leading zeros, and how many they are; behind them, zeros.
#[inline]
pub(crate) fn hex_digits(value: u64) -> ([u8; 16], usize) {
    // Zero has a digit too.
    let zeros = value.leading_zeros().min(63) / 4;
    let value = value << (4 * zeros);
    let mut digits = [0; 16];
    let (high, low) = digits.split_at_mut(8);
    high.copy_from_slice(&eight_hex_digits(value >> 32));
    low.copy_from_slice(&eight_hex_digits(value & 0xffff_ffff));
    (digits, 16 - zeros as usize)
}

/// The eight hex digits of a number of at most 32 bits.
#[inline]
pub(crate) const fn eight_hex_digits(value: u64) -> [u8; 8] {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Each nibble goes to a byte of its own; those above 9 are found by the carry of an addition of 6.
    let mut v = value;
    v = (v | v << 16) & 0x0000_ffff_0000_ffff;
    v = (v | v << 8) & 0x00ff_00ff_00ff_00ff;
    v = (v | v << 4) & (0x0f * EACH);
    let letters = (v + 6 * EACH) >> 4 & EACH;
    (v + b'0' as u64 * EACH + letters * (b'a' - b'0' - 10) as u64).to_be_bytes()
}
