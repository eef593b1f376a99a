//! What a trace instance is to record.

use tracefs::fs::{EnableState, EventName, Instance, Tracefs};

use crate::{Error, Filter, Result};

/// The kernel's other events about errors of hardware (include/ras/ras_event.h; include/trace/events/memory-failure.h;
/// drivers/cxl/core/trace.h). Some kernels have that of memory failures in a system of its own.
pub const RAS_EVENTS: [&str; 8] = [
    "ras:mc_event",
    "ras:aer_event",
    "ras:memory_failure_event",
    "memory_failure:memory_failure_event",
    "ras:extlog_mem_event",
    "ras:non_standard_event",
    "ras:arm_event",
    "cxl:*",
];

/// The machine-check event.
pub(crate) const MCE_RECORD: &str = "mce:mce_record";

/// What to record, and how an instance that is made is set up.
#[derive(Clone, Debug)]
pub struct TraceOptions {
    /// The events: `system:event`, or `system:*` for all of a system. Those that the kernel does not have are passed
    /// over, but for the first.
    pub events: Vec<String>,
    /// Which machine checks the kernel records at all; in an instance that is made.
    pub filter: Option<Filter>,
    /// KiB for each CPU, in an instance that is made. The kernel takes room for 1408 by default, with the first event.
    pub buffer_kb: u64,
    /// Map the rings where the kernel can (Linux 6.10), but for those in memory that outlives a reboot. While they are mapped,
    /// nobody can resize them. Otherwise they are read as text, and the fields of events other than machine checks are those that the text names.
    pub map: bool,
}

impl Default for TraceOptions {
    /// Machine checks only, all of them, 64 KiB for each CPU: some 300 records.
    fn default() -> Self {
        Self {
            events: vec![MCE_RECORD.into()],
            filter: None,
            buffer_kb: 64,
            map: true,
        }
    }
}

impl TraceOptions {
    /// Machine checks, and what else the kernel reports of hardware.
    #[must_use]
    pub fn ras() -> Self {
        let mut options = Self::default();
        options.events.extend(RAS_EVENTS.map(Into::into));
        options
    }

    /// Those of the events that this kernel has.
    pub(crate) fn existing(&self, tracefs: &Tracefs) -> Result<Vec<EventName>> {
        let mut found = Vec::new();
        for (index, name) in self.events.iter().enumerate() {
            if let Some(system) = name.strip_suffix(":*") {
                // A driver that is not loaded.
                found.extend(tracefs.events(system).unwrap_or_default());
                continue;
            }
            let name: EventName = name.parse()?;
            match tracefs.top().event(&name) {
                Ok(_) => found.push(name),
                Err(tracefs::Error::NoEvent { event }) if index == 0 => {
                    return Err(Error::Missing {
                        what: format!("the trace event {event}"),
                        how: "a kernel with CONFIG_X86_MCE and CONFIG_TRACING".into(),
                    });
                }
                Err(tracefs::Error::NoEvent { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(found)
    }

    /// Sets an instance up that was just made, and lets it record.
    pub(super) fn prepare(&self, tracefs: &Tracefs, instance: &Instance) -> Result<()> {
        let offered = instance.clocks()?.offered;
        // Comparable between CPUs, and the first goes on while the machine sleeps.
        if let Some(clock) = ["boot", "mono", "global"]
            .into_iter()
            .find(|clock| offered.iter().any(|other| other == clock))
        {
            instance.set_clock(clock)?;
        }
        instance.set_buffer_size_kb(self.buffer_kb)?;
        if let Some(filter) = &self.filter {
            let event = instance.event(&MCE_RECORD.parse()?)?;
            event.set_filter(&filter.to_kernel())?;
        }
        self.enable(tracefs, instance)
    }

    /// Switches on what is off.
    pub(super) fn enable(&self, tracefs: &Tracefs, instance: &Instance) -> Result<()> {
        for name in self.existing(tracefs)? {
            let event = instance.event(&name)?;
            if event.enabled()? != EnableState::On {
                event.set_enabled(true)?;
            }
        }
        Ok(())
    }
}
