//! When a part has too many errors, and what is done about it.

pub(crate) mod affected;
pub(crate) mod bucket;
pub(crate) mod crossing;
pub(crate) mod elsewhere;
pub(crate) mod parts;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::amounts::Rate;
use crate::config::kind::PartKind;
use crate::config::{Again, Threshold, Thresholds};
use crate::facts::{Cache, Facts, Slot, Weight};
use crate::metrics::text::{Kind, Text};

use bucket::Bucket;
use crossing::{Crossing, Part};
use elsewhere::Elsewhere;
use parts::Parts;

/// What is counted of one part.
#[derive(Clone, Debug, Default)]
struct Tally {
    corrected: Bucket,
    uncorrected: Bucket,
    /// Since the history began, as far as it was told.
    corrected_total: u64,
    uncorrected_total: u64,
}

/// The counters of all parts.
#[derive(Debug)]
pub(crate) struct Policy {
    thresholds: Thresholds,
    slots: Parts<Slot, Tally>,
    /// By EDAC's names. They are counted beside the slots: the same error comes as registers and as EDAC's event, and
    /// nothing says which of EDAC's names is which slot.
    labels: Parts<String, Tally>,
    pages: Parts<u64, Tally>,
    sockets: Parts<u32, Tally>,
    caches: Parts<CacheKey, Tally>,
    buses: Parts<OriginKey, Tally>,
    ports: Parts<PortKey, Tally>,
    unknown: Parts<OriginKey, Tally>,
    sizes: Arc<Sizes>,
}

/// What tells one cache from another.
type CacheKey = (u32, Option<u8>, Option<&'static str>);

/// What tells one bank that reports from another.
type OriginKey = (Option<u32>, Option<u32>, Option<u8>);

/// What tells one root port from another.
type PortKey = (u8, u8, u8, u8);

impl Policy {
    pub(crate) fn new(thresholds: &Thresholds) -> Self {
        let Thresholds {
            dimm,
            page,
            socket,
            cache,
            bus,
            iomca,
            unknown,
            again: _,
        } = thresholds;
        Self {
            slots: Parts::new(dimm.parts.get()),
            labels: Parts::new(dimm.parts.get()),
            pages: Parts::new(page.parts.get()),
            sockets: Parts::new(socket.parts.get()),
            caches: Parts::new(cache.parts.get()),
            buses: Parts::new(bus.parts.get()),
            ports: Parts::new(iomca.parts.get()),
            unknown: Parts::new(unknown.parts.get()),
            thresholds: thresholds.clone(),
            sizes: Arc::default(),
        }
    }

    /// Counts an error. `now` is the present by the clock of the day, in milliseconds since 1970. Gives the thresholds
    /// that it crossed: of a DIMM, a page, a socket.
    pub(crate) fn count(&mut self, facts: &Facts, now: u64) -> Vec<Crossing> {
        let mut crossings = Vec::new();
        let (uncorrected, n) = match facts.weight {
            Weight::Nothing => return crossings,
            Weight::Corrected(n) => (false, n),
            Weight::Uncorrected => (true, 1),
        };
        let counting = Counting {
            again: self.thresholds.again,
            uncorrected,
            n,
            at: facts
                .time
                .map_or(now, |seconds| seconds.saturating_mul(1000))
                .min(now),
            now,
        };
        let mut count = |tally: &mut Tally, threshold: &Threshold, part: Part| {
            crossings.extend(counting.count(tally, threshold, part));
        };
        if let Some(slot) = facts.slot {
            let part = Part::Dimm(slot);
            count(self.slots.get(&slot), &self.thresholds.dimm, part);
        }
        if let Some(label) = &facts.label {
            let part = Part::Label(label.clone());
            count(self.labels.get(label), &self.thresholds.dimm, part);
        }
        if let Some(page) = facts.page() {
            let part = Part::Page(page, facts.slot);
            count(self.pages.get(&page), &self.thresholds.page, part);
        }
        if let Some(socket) = facts.socket.filter(|_| facts.memory) {
            let part = Part::Socket(socket);
            count(self.sockets.get(&socket), &self.thresholds.socket, part);
        }
        if let Some(cache) = facts.cache {
            let part = Part::Cache(cache, facts.socket);
            let key = key(&cache);
            count(self.caches.get(&key), &self.thresholds.cache, part);
        }
        let origin = facts.origin();
        match facts.elsewhere {
            Some(Elsewhere::Bus(transaction, port)) => {
                let part = Part::Bus(origin, transaction);
                let tally = self.buses.get(&origin.key());
                count(tally, &self.thresholds.bus, part);
                if let Some(port) = port {
                    let key = (port.segment, port.bus, port.device, port.function);
                    let part = Part::Port(origin, port);
                    count(self.ports.get(&key), &self.thresholds.iomca, part);
                }
            }
            Some(Elsewhere::Unknown(registers)) => {
                let part = Part::Unknown(origin, registers);
                let tally = self.unknown.get(&origin.key());
                count(tally, &self.thresholds.unknown, part);
            }
            None => {}
        }
        self.publish();
        crossings
    }

    /// Counts what an earlier process counted, from the oldest to the newest error; nothing is told of it again.
    ///
    /// Each comes with the time at which it was received, in milliseconds since 1970.
    pub(crate) fn restore(&mut self, past: impl IntoIterator<Item = (Facts, u64)>) {
        for (facts, received) in past {
            self.count(&facts, received);
        }
    }

    /// How many parts are counted, as seen from anywhere.
    pub(crate) fn sizes(&self) -> Arc<Sizes> {
        Arc::clone(&self.sizes)
    }

    fn publish(&self) {
        let both = |a: (usize, u64), b: (usize, u64)| (a.0 + b.0, a.1 + b.1);
        let dimms = both(self.slots.size(), self.labels.size());
        let all = [
            dimms,
            self.pages.size(),
            self.sockets.size(),
            self.caches.size(),
            self.buses.size(),
            self.ports.size(),
            self.unknown.size(),
        ];
        for ((parts, forgotten), (_, size)) in all.into_iter().zip(&self.sizes.0) {
            size[0].store(parts as u64, Ordering::Relaxed);
            size[1].store(forgotten, Ordering::Relaxed);
        }
    }
}

/// Of each kind, how many parts are counted, and how many were forgotten for others.
#[derive(Debug)]
pub(crate) struct Sizes([(&'static str, [AtomicU64; 2]); PartKind::ALL.len()]);

impl Default for Sizes {
    fn default() -> Self {
        Self(PartKind::ALL.map(|kind| (kind.name(), Default::default())))
    }
}

impl Sizes {
    /// Writes the metrics.
    pub(crate) fn write(&self, text: &mut Text) {
        for (at, name, kind, help) in [
            (
                0,
                "mcekit_parts",
                Kind::Gauge,
                "Parts whose errors are counted.",
            ),
            (
                1,
                "mcekit_parts_forgotten_total",
                Kind::Counter,
                "Parts whose counts made room for others.",
            ),
        ] {
            text.metric(name, kind, help);
            for (part, size) in &self.0 {
                text.value(name, &[("kind", part)], size[at].load(Ordering::Relaxed));
            }
        }
    }
}

fn key(cache: &Cache) -> CacheKey {
    (cache.cpu, cache.bank, cache.unit)
}

/// What is counted now.
struct Counting {
    again: Again,
    uncorrected: bool,
    n: u64,
    at: u64,
    now: u64,
}

impl Counting {
    fn count(&self, tally: &mut Tally, threshold: &Threshold, part: Part) -> Option<Crossing> {
        let (bucket, total, rate): (_, _, Option<Rate>) = if self.uncorrected {
            (
                &mut tally.uncorrected,
                &mut tally.uncorrected_total,
                threshold.uncorrected,
            )
        } else {
            (
                &mut tally.corrected,
                &mut tally.corrected_total,
                threshold.corrected,
            )
        };
        *total = total.saturating_add(self.n);
        let rate = rate?;
        let count = bucket.add(rate, self.again, self.n, self.at, self.now)?;
        Some(Crossing {
            part,
            uncorrected: self.uncorrected,
            rate,
            count,
            at: self.at / 1000,
            corrected_total: tally.corrected_total,
            uncorrected_total: tally.uncorrected_total,
        })
    }
}

#[cfg(test)]
mod tests;
