//! Numbers on the command line.

/// A register as people write it: hex, with or without `0x`, underscores allowed.
pub(crate) fn register(text: &str) -> Result<u64, String> {
    let plain = text.trim().replace('_', "");
    let digits = plain
        .strip_prefix("0x")
        .or_else(|| plain.strip_prefix("0X"))
        .unwrap_or(&plain);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err("not a hex number".into());
    }
    u64::from_str_radix(digits, 16).map_err(|_| "more than 64 bits".into())
}

/// A register of fewer bits.
pub(crate) fn narrow<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    T::try_from(register(text)?).map_err(|_| format!("more than {} bits", 8 * size_of::<T>()))
}

/// A number that people count with: decimal, or hex behind `0x`.
pub(crate) fn number<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let value = if text.starts_with("0x") || text.starts_with("0X") {
        register(text)?
    } else {
        text.parse().map_err(|_| "not a number".to_owned())?
    };
    T::try_from(value).map_err(|_| format!("more than {} bits", 8 * size_of::<T>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_in_every_spelling() {
        for text in [
            "bea0000000000108",
            "0xBEA0000000000108",
            "0xbea0_0000_0000_0108",
        ] {
            assert_eq!(register(text), Ok(0xbea0_0000_0000_0108), "{text}");
        }
        for text in ["", "0x", "-1", "+1", "zebra", "1bea0000000000108"] {
            assert!(register(text).is_err(), "{text}");
        }
        assert_eq!(number::<u8>("0x10"), Ok(16));
        assert_eq!(number::<u8>("10"), Ok(10));
        assert!(number::<u8>("256").is_err());
    }
}
