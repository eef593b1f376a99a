//! The events that are recorded: enabled by pattern, known by id.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tracefs::Format;
use tracefs::filter::Filter;
use tracefs::fs::{Event, EventName, Instance, Tracefs};
use tracefs::print::{PrintFmt, Symbols};

use crate::Result;

/// What is needed to show an event's records.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) format: Format,
    /// `None` if there is no making sense of the print fmt: then the fields are shown.
    pub(crate) print: Option<PrintFmt>,
}

/// The events by their ids.
pub(crate) struct Events<'i> {
    tracefs: &'i Tracefs,
    instance: &'i Instance,
    symbols: Symbols,
    /// `None`: looked for, and not there.
    known: HashMap<u16, Option<Known>>,
}

impl<'i> Events<'i> {
    pub(crate) fn new(tracefs: &'i Tracefs, instance: &'i Instance) -> Self {
        let mut symbols = Symbols::new();
        // Strings that the kernel passes by address.
        if let Ok(text) = std::fs::read_to_string(tracefs.root().join("printk_formats")) {
            symbols.printk_formats(&text);
        }
        Self {
            tracefs,
            instance,
            symbols,
            known: HashMap::new(),
        }
    }

    /// Enables all events that fit a pattern.
    pub(crate) fn enable(&mut self, pattern: &str, filter: Option<&Filter>) -> Result<()> {
        let (system, event) = pattern.split_once([':', '/']).unwrap_or((pattern, "*"));
        let exact = !(system.contains(['*', '?']) || event.contains(['*', '?']));
        if exact {
            let event = self.instance.event(&EventName::new(system, event)?)?;
            return self.enable_one(&event, filter);
        }
        let mut found = false;
        for name in self.tracefs.systems()? {
            if !fits(system, &name) {
                continue;
            }
            for name in self.tracefs.events(&name)? {
                if fits(event, name.event()) {
                    let event = self.instance.event(&name)?;
                    // Some of ftrace's own have no id, and cannot be enabled.
                    if event.id().is_ok() {
                        self.enable_one(&event, filter)?;
                        found = true;
                    }
                }
            }
        }
        match found {
            true => Ok(()),
            false => Err(format!("no event {pattern}").into()),
        }
    }

    fn enable_one(&mut self, event: &Event, filter: Option<&Filter>) -> Result<()> {
        self.learn(event)?;
        if let Some(filter) = filter {
            event.set_filter(filter)?;
        }
        Ok(event.set_enabled(true)?)
    }

    fn learn(&mut self, event: &Event) -> Result<()> {
        let format = event.format()?;
        let known = Known {
            name: event.name().to_string(),
            print: PrintFmt::compile(&format, &self.symbols).ok(),
            format,
        };
        if let Ok(id) = known.format.id().try_into() {
            self.known.insert(id, Some(known));
        }
        Ok(())
    }

    /// The event with that id; an unknown one may be of a module that was loaded meanwhile.
    pub(crate) fn get(&mut self, id: u16) -> Option<&Known> {
        if let Entry::Vacant(place) = self.known.entry(id) {
            place.insert(None);
            if let Ok(Some(name)) = self.tracefs.event_by_id(id.into())
                && let Ok(event) = self.instance.event(&name)
            {
                // It stays unknown if its format makes no sense.
                let _ = self.learn(&event);
            }
        }
        self.known.get(&id)?.as_ref()
    }
}

/// Whether a name fits a pattern with `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stands, and how much of the name it has taken.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("sched_switch", "sched_switch", true),
            ("sched_switch", "sched_switches", false),
            ("sched_*", "sched_switch", true),
            ("*", "", true),
            ("*_wak*", "sched_wakeup", true),
            ("*_wak*x", "sched_wakeup", false),
            ("a*b*c", "a_b_b_c", true),
            ("sched?switch", "sched_switch", true),
            ("?", "", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
