//! Rings in memory that outlives a reboot.
//!
//! With `reserve_mem=4M:4096:kept trace_instance=mce@kept,mce:mce_record`, a kernel finds after a warm reboot what the one before
//! it recorded, and shows again what was consumed: 6.12 the last sub-buffer of each CPU, 7.3 all that was not
//! written over. A cursor of the boot before tells by the last event's stamp and text which events were given; such rings are
//! read as text on every kernel, since nothing else of a position means the same after a reboot. What is of an earlier
//! boot is marked so, by its time of day.
//!
//! - Linux 6.12 writes this boot's first event of a CPU over that CPU's last sub-buffer of the boot before, and no count
//!   shows that.
//! - Linux 7.3 empties the boot CPU's ring before this boot's events go in, and leaves the others'. A copy
//!   (`trace_instance=before=mce`) has all of them, and [`Trace::earlier_boot`] reads it; [`Trace::open`] leaves to it what it has.

use tracefs::fs::{BootInstance, Tracefs};

use super::position::{Mark, Position, Positions};
use super::text::TextRing;
use super::{Ring, Trace, TraceOptions};
use crate::{Cursor, Error, Guarantees, Result};

/// Whether the kernel knows of copies: one that does not takes all of `NAME=OTHER` for an instance's name.
fn is_copy(tracefs: &Tracefs, boot: &BootInstance) -> bool {
    let whole = boot
        .copy_of
        .as_deref()
        .map(|other| format!("{}={other}", boot.name));
    let made = |whole: String| tracefs.root().join("instances").join(whole).exists();
    !whole.is_none_or(made)
}

impl Trace {
    /// What an instance in reserved memory had of the boot before: the copy that `trace_instance=NAME=INSTANCE` makes of it
    /// (Linux 7.x; seen on 7.3).
    ///
    /// It is a backlog, which ends. [`Source::seek`](crate::Source::seek) takes the copy's own cursors, and, of the boot before, those of the instance.
    ///
    /// # Errors
    ///
    /// [`Error::Tracefs`]: there is no such instance, or it is not to be read; [`Error::Missing`] if the command line calls it
    /// no copy.
    pub fn earlier_boot(tracefs: &Tracefs, name: &str, options: &TraceOptions) -> Result<Self> {
        let list = tracefs.boot_instances()?;
        let found = list
            .into_iter()
            .find(|boot| boot.name == name && is_copy(tracefs, boot));
        let copy_of = found.and_then(|boot| boot.copy_of);
        let Some(copy_of) = copy_of else {
            return Err(Error::Missing {
                what: format!("the trace instance {name} is no copy of another's"),
                how: format!("the kernel parameter trace_instance={name}=mce"),
            });
        };
        let instance = tracefs.open_instance(name)?;
        let mut trace = Self::of(tracefs, instance, options, true, Some(copy_of))?;
        trace.caps.guarantees.remove(Guarantees::WAKES_ALL);
        trace.caps.guarantees.insert(Guarantees::SURVIVES_REBOOT);
        Ok(trace)
    }

    /// Whether the command line asks for a copy of this instance, and what follows from it.
    pub(super) fn has_copies(&mut self, tracefs: &Tracefs, list: &[BootInstance]) -> Result<()> {
        let of_this = |boot: &&BootInstance| boot.copy_of.as_deref() == Some(&self.name);
        let copy = list
            .iter()
            .filter(of_this)
            .find(|boot| is_copy(tracefs, boot));
        if let Some(name) = copy.map(|copy| copy.name.clone()) {
            self.leave_to(tracefs, &name)?;
            self.relative = Some(name);
        }
        Ok(())
    }

    /// Whether a cursor is of another boot, whose events the rings may have still.
    pub(super) fn is_of_earlier_boot(&self, cursor: &Cursor) -> bool {
        let boot = |epoch: &str| epoch.split('/').next().map(str::to_owned);
        self.booted.is_some() && boot(cursor.epoch()) != boot(&self.epoch)
    }

    /// What was given in another boot, or of a relative, is not given again.
    pub(super) fn given_before(&mut self, positions: &Positions) {
        for (cpu, position) in &positions.0 {
            if let Some(mark) = position.mark() {
                self.known_up_to(*cpu, mark);
            }
        }
    }

    fn known_up_to(&mut self, cpu: u32, mark: Mark) {
        self.marks.entry(cpu).or_default().push(mark);
        let before = Position::Before(mark);
        self.positions.0.entry(cpu).or_insert(before);
        for (of, ring) in &mut self.rings {
            if let (Ring::Text(ring), true) = (ring, *of == cpu) {
                ring.given_before(mark);
            }
        }
    }

    /// What a copy has is left to its reader. The kernel means to empty the ring when it has made one, and forgets CPUs that
    /// come later (7.3).
    fn leave_to(&mut self, tracefs: &Tracefs, copy: &str) -> Result<()> {
        let Ok(copy) = tracefs.open_instance(copy) else {
            // Read through, and removed.
            return Ok(());
        };
        for cpu in copy.cpus()? {
            if let Some(mark) = TextRing::open(&copy, cpu, None)?.last()? {
                self.known_up_to(cpu, mark);
            }
        }
        self.beside = Some(copy);
        Ok(())
    }

    /// Whether the last events of the boot before that were given are still there, or in the copy.
    pub(super) fn has_all(&self, positions: &Positions) -> Result<bool> {
        for (cpu, position) in &positions.0 {
            // Of a CPU that gave nothing in that boot there is nothing to miss.
            let (Position::Text(_), Some(mark)) = (position, position.mark()) else {
                continue;
            };
            let mut found = false;
            for instance in [Some(&self.instance), self.beside.as_ref()]
                .into_iter()
                .flatten()
            {
                found |= instance.cpus()?.contains(cpu)
                    && TextRing::open(instance, *cpu, None)?.has(mark)?;
            }
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
