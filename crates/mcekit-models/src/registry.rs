//! All models, and the index that finds the one of a processor.

use mcekit::table::{Banks, Model};
use mcekit::{CpuSignature, Vendor};

/// The models of each vendor that was compiled in.
const LISTS: &[&[&Model]] = &[
    #[cfg(feature = "intel")]
    crate::intel::MODELS,
    #[cfg(feature = "amd")]
    crate::amd::MODELS,
    #[cfg(feature = "amd")]
    crate::hygon::MODELS,
    #[cfg(feature = "zhaoxin")]
    crate::zhaoxin::MODELS,
];

/// Every model, vendor by vendor.
pub fn models() -> impl Iterator<Item = &'static Model> {
    LISTS.iter().copied().flatten().copied()
}

/// The model that a processor belongs to.
///
/// Where no model claims the signature, the vendor's general one stands in, if there is one: the architecture, or
/// what all scalable-MCA processors share.
///
/// ```
/// # #[cfg(feature = "intel")] {
/// use mcekit::{CpuSignature, Vendor};
///
/// let model = mcekit_models::find(Vendor::INTEL, CpuSignature(0x50654)).unwrap();
/// assert_eq!(model.id, "skylake_server");
/// # }
/// ```
#[must_use]
#[inline]
pub fn find(vendor: Vendor, signature: CpuSignature) -> Option<&'static Model> {
    // Zhaoxin's processors call themselves either.
    let vendor = if vendor == Vendor::CENTAUR {
        Vendor::ZHAOXIN
    } else {
        vendor
    };
    let key = key(
        vendor,
        signature.family(),
        signature.model(),
        signature.stepping(),
    );
    let row = ROWS[slot(vendor, signature.family())];
    if let Some(starts) = STARTS.get(usize::from(row)) {
        let mut at = usize::from(starts[usize::from(signature.model())]);
        // More than one where the steppings of one model belong to several generations.
        while let Some(entry) = INDEX.get(at) {
            if key <= entry.last {
                if entry.first <= key {
                    return Some(entry.model);
                }
                break;
            }
            at += 1;
        }
    }
    general(vendor, signature.family())
}

/// The model for processors of a vendor that no model claims: the one without a list of processors. AMD's is for
/// scalable MCA, family 17h and later.
pub(crate) fn general(vendor: Vendor, family: u16) -> Option<&'static Model> {
    GENERAL.iter().flatten().copied().find(|model| {
        model.vendor == vendor && (family >= 0x17 || !matches!(model.banks, Banks::Ipid(..)))
    })
}

/// The models without a list of processors; at most two a vendor.
static GENERAL: [Option<&'static Model>; 8] = {
    let (mut found, mut n, mut list) = ([None; 8], 0, 0);
    while list < LISTS.len() {
        let mut m = 0;
        while m < LISTS[list].len() {
            if LISTS[list][m].cpus.is_empty() {
                found[n] = Some(LISTS[list][m]);
                n += 1;
            }
            m += 1;
        }
        list += 1;
    }
    found
};

/// The processors from `first` to `last` belong to `model`.
#[derive(Clone, Copy)]
struct Entry {
    first: u32,
    last: u32,
    model: &'static Model,
}

/// Vendor, family, model and stepping as one number that sorts.
const fn key(vendor: Vendor, family: u16, model: u8, stepping: u8) -> u32 {
    (vendor.0 as u32) << 24
        | (family as u32 & 0xfff) << 12
        | (model as u32) << 4
        | stepping as u32 & 15
}

const fn count() -> usize {
    let (mut n, mut list) = (0, 0);
    while list < LISTS.len() {
        let mut model = 0;
        while model < LISTS[list].len() {
            n += LISTS[list][model].cpus.len();
            model += 1;
        }
        list += 1;
    }
    n
}

/// The processors of all models, sorted; refuses while compiling a processor that two models claim.
static INDEX: [Entry; count()] = index();

/// Where the entries of a vendor's family begin, in a table that is not searched but looked up.
const fn slot(vendor: Vendor, family: u16) -> usize {
    (vendor.0 as usize * 16 + family as usize) & 0xff
}

/// The row of [`STARTS`] for each [`slot`], or 0xff.
static ROWS: [u8; 256] = rows().0;

/// For each vendor and family that is known, by model: the first entry that ends at the model or behind it.
static STARTS: [[u8; 256]; rows().1] = starts();

/// Vendor and family of a key.
const fn family_of(key: u32) -> (Vendor, u16) {
    (Vendor((key >> 24) as u8), (key >> 12 & 0xfff) as u16)
}

/// The row for each slot, and how many rows there are.
const fn rows() -> ([u8; 256], usize) {
    let (mut rows, mut n, mut i) = ([0xff; 256], 0, 0);
    let entries = index();
    while i < entries.len() {
        let (vendor, family) = family_of(entries[i].first);
        if i == 0 || entries[i - 1].first >> 12 != entries[i].first >> 12 {
            let slot = slot(vendor, family);
            assert!(rows[slot] == 0xff, "two families share a slot");
            rows[slot] = n as u8;
            n += 1;
        }
        i += 1;
    }
    (rows, n)
}

const fn starts() -> [[u8; 256]; rows().1] {
    let entries = index();
    assert!(entries.len() < 0xff, "an entry's number fits into a byte");
    let mut starts = [[0; 256]; rows().1];
    let (mut row, mut i) = (0, 0);
    while row < starts.len() {
        let (vendor, family) = family_of(entries[i].first);
        let (mut at, mut model) = (i, 0);
        while model < 256 {
            while at < entries.len() && entries[at].last < key(vendor, family, model as u8, 0) {
                at += 1;
            }
            starts[row][model] = at as u8;
            model += 1;
        }
        while i < entries.len() && entries[i].first >> 12 == key(vendor, family, 0, 0) >> 12 {
            i += 1;
        }
        row += 1;
    }
    starts
}

const NOBODY: Model = Model::architectural("", "", &[], Vendor::UNKNOWN, &[]);

const fn index() -> [Entry; count()] {
    let mut entries = [Entry {
        first: u32::MAX,
        last: u32::MAX,
        model: &NOBODY,
    }; count()];
    let (mut n, mut list) = (0, 0);
    while list < LISTS.len() {
        let mut m = 0;
        while m < LISTS[list].len() {
            let model = LISTS[list][m];
            let mut c = 0;
            while c < model.cpus.len() {
                let cpu = &model.cpus[c];
                assert!(
                    cpu.first_model == cpu.last_model
                        || cpu.first_stepping == 0 && cpu.last_stepping == 15,
                    "steppings are given for one model at a time"
                );
                let entry = Entry {
                    first: key(
                        model.vendor,
                        cpu.family,
                        cpu.first_model,
                        cpu.first_stepping,
                    ),
                    last: key(model.vendor, cpu.family, cpu.last_model, cpu.last_stepping),
                    model,
                };
                let mut at = n;
                while at > 0 && entries[at - 1].first > entry.first {
                    entries[at] = entries[at - 1];
                    at -= 1;
                }
                assert!(
                    at == 0 || entries[at - 1].last < entry.first,
                    "two models claim one processor: see the registry test"
                );
                assert!(
                    at == n || entry.last < entries[at + 1].first,
                    "two models claim one processor: see the registry test"
                );
                entries[at] = entry;
                n += 1;
                c += 1;
            }
            m += 1;
        }
        list += 1;
    }
    entries
}
