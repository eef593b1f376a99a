//! Processors by what people type.

use mcekit::table::Model;
use mcekit::{CpuSignature, Vendor};

use crate::registry::{find, models};

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    /// The generation; `None` for a signature that no model claims.
    pub model: Option<&'static Model>,
    /// The vendor.
    pub vendor: Option<Vendor>,
    /// The processor, where the name means a certain one.
    pub signature: Option<CpuSignature>,
}

/// The generation or processor that a name stands for.
///
/// Names are a model's id, its full name, its aliases, and the names of its processors, all without regard to case,
/// dashes, underscores and spaces: `skylake_server`, `Icelake-SP`, `zen4`. Numbers are a family, model and
/// stepping as people write them (`6/85/4`, `6/55h`, `17h/31h/0`) or a CPUID signature in hex (`0x50654`).
///
/// ```
/// # #[cfg(feature = "intel")] {
/// let by_name = mcekit_models::by_name("Skylake-Server").unwrap();
/// let by_number = mcekit_models::by_name("6/55h/4").unwrap();
/// assert_eq!(by_name.model.unwrap().id, by_number.model.unwrap().id);
/// assert_eq!(mcekit_models::by_name("0x50654").unwrap().signature, by_number.signature);
/// # }
/// ```
#[must_use]
pub fn by_name(name: &str) -> Option<Selection> {
    named(name).or_else(|| {
        let signature = numbered(name).or_else(|| hex_signature(name))?;
        let vendors = [
            Vendor::INTEL,
            Vendor::AMD,
            Vendor::HYGON,
            Vendor::ZHAOXIN,
            Vendor::CENTAUR,
        ];
        let claimed = vendors.into_iter().find_map(|vendor| {
            let model = find(vendor, signature)?;
            model
                .cpus
                .iter()
                .any(|cpu| cpu.matches(signature))
                .then_some(model)
        });
        Some(Selection {
            model: claimed,
            vendor: claimed.map(|model| model.vendor),
            signature: Some(signature),
        })
    })
}

fn named(name: &str) -> Option<Selection> {
    plain(name).next()?;
    let whole = models().find(|model| {
        same(model.id, name)
            || same(model.name, name)
            || model.aliases.iter().any(|alias| same(alias, name))
    });
    if let Some(model) = whole {
        return Some(Selection {
            model: Some(model),
            vendor: Some(model.vendor),
            signature: None,
        });
    }
    models().find_map(|model| {
        let cpu = model.cpus.iter().find(|cpu| same(cpu.name, name))?;
        Some(Selection {
            model: Some(model),
            vendor: Some(model.vendor),
            signature: Some(CpuSignature::new(
                cpu.family,
                cpu.first_model,
                cpu.first_stepping,
            )),
        })
    })
}

/// What of a name counts.
fn plain(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes()
        .filter(|b| !matches!(b, b'-' | b'_' | b' '))
        .map(|b| b.to_ascii_lowercase())
}

pub(crate) fn same(a: &str, b: &str) -> bool {
    plain(a).eq(plain(b))
}

/// `family/model` or `family/model/stepping`.
fn numbered(text: &str) -> Option<CpuSignature> {
    let mut parts = text.split('/');
    let family = number(parts.next()?)?;
    let model = number(parts.next()?)?;
    let stepping = match parts.next() {
        Some(stepping) => number(stepping)?,
        None => 0,
    };
    let fits = family <= 270 && model <= 0xff && stepping <= 15;
    (fits && parts.next().is_none())
        .then(|| CpuSignature::new(family as u16, model as u8, stepping as u8))
}

/// Decimal, or hex with an `h` behind or `0x` before.
fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let hex = text
        .strip_suffix(['h', 'H'])
        .or_else(|| text.strip_prefix("0x"))
        .or_else(|| text.strip_prefix("0X"));
    match hex {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A CPUID signature: hex, with `0x` before it or of at least five digits.
fn hex_signature(text: &str) -> Option<CpuSignature> {
    let text = text.trim();
    let marked = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = marked.or_else(|| Some(text).filter(|t| t.len() >= 5))?;
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok().map(CpuSignature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_write_them() {
        let signature = Some(CpuSignature::new(6, 0x55, 4));
        for text in ["6/55h/4", "6/85/4", "06h/0x55/4", " 6 / 85 / 4 "] {
            assert_eq!(numbered(text), signature, "{text}");
        }
        for text in [
            "", "6", "6/", "6/256", "271/1", "6/85/16", "6/85/4/1", "a/b",
        ] {
            assert_eq!(numbered(text), None, "{text}");
        }
        assert_eq!(hex_signature("00A20F10"), Some(CpuSignature(0xa2_0f10)));
        assert_eq!(hex_signature("0x100000000"), None);
    }

    #[test]
    fn every_name_finds_its_own_model() {
        for model in models() {
            let names = [model.id, model.name];
            for name in names.into_iter().chain(model.aliases.iter().copied()) {
                let found = by_name(&name.to_uppercase().replace('_', "-")).and_then(|s| s.model);
                assert_eq!(found.map(|m| m.id), Some(model.id), "{name}");
            }
            for cpu in model.cpus {
                assert!(by_name(cpu.name).is_some(), "{}", cpu.name);
            }
        }
    }

    #[test]
    fn nonsense_is_nobody() {
        assert!(by_name("").is_none());
        assert!(by_name("-_ ").is_none());
        assert!(by_name("no such processor").is_none());
        let unknown = by_name("0x0").unwrap();
        assert!(unknown.model.is_none());
    }
}
