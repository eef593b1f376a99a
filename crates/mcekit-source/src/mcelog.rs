//! /dev/mcelog.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};

use mcelog_dev::sys::{DEVICE, KernelNode, Node};
use mcelog_dev::{Device, OpenOptions, Origin, Overflow};

use crate::{
    Caps, Channel, Cursor, Error, Event, Guarantees, Keeps, Loss, LossKnown, Lost, Observed,
    Result, Seek, Source, own,
};

/// What /dev/mcelog guarantees.
pub(crate) const CAPS: Caps = Caps {
    guarantees: Guarantees::FROM_BOOT
        .union(Guarantees::WITHOUT_READER)
        .union(Guarantees::SURVIVES_EXIT)
        .union(Guarantees::READING_DESTROYS)
        .union(Guarantees::REGISTERS),
    keeps: Keeps::Oldest,
    loss: LossKnown::Flag,
};

/// The log behind `/dev/mcelog`.
///
/// **Reading destroys.** A read takes everything out of the kernel for all readers, and where it brings an error of an
/// earlier boot, the kernel has erased that from the firmware's store. So there is no cursor: what was taken and is not on
/// disk is gone with the process, at most a log of 32 records or one for each CPU. Drain pstore, which has the same
/// errors of earlier boots, before the first [`Source::next`], and write down that you are about to read: then a process that
/// is started after a crash can say that there may be a loss.
///
/// A log that was full may have dropped records. The kernel's flag, which says that it did, can be had with `CAP_SYS_ADMIN`
/// only: it is asked for when the device is opened, and with each read that finds the right still there. Otherwise a
/// log that was found full is a loss of unknown size, and no other is: the kernel drops only while its log is full.
pub struct Mcelog<N = KernelNode> {
    device: Device<N>,
    name: String,
    exclusive: bool,
}

impl Mcelog {
    /// Opens `/dev/mcelog`, alone (`O_EXCL`) or beside others, who then each get a part of the records.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] where the kernel has no such device; [`Error::Mcelog`]: somebody else has it
    /// ([`mcelog_dev::Error::Busy`]), or there is no right.
    pub fn open(exclusive: bool) -> Result<Self> {
        let opened = OpenOptions::new().exclusive(exclusive).open();
        let device = opened.map_err(|error| match error {
            mcelog_dev::Error::NoDevice { .. } | mcelog_dev::Error::NoDriver { .. } => {
                Error::Missing {
                    what: error.to_string(),
                    how: "a kernel with CONFIG_X86_MCELOG_LEGACY".into(),
                }
            }
            error => error.into(),
        })?;
        let mut source = Self::from_device(device, exclusive);
        // Of what happened before, the flag can be had: the right to it may be given up by the first read.
        source.device.note_overflow()?;
        Ok(source)
    }
}

impl<N: Node> Mcelog<N> {
    /// Reads a device that is open; `exclusive` if it was opened so.
    #[must_use]
    pub fn from_device(device: Device<N>, exclusive: bool) -> Self {
        Self {
            device,
            name: DEVICE.into(),
            exclusive,
        }
    }

    /// Whether nobody else takes records out of the log.
    pub const fn is_exclusive(&self) -> bool {
        self.exclusive
    }
}

impl<N: Node> Source for Mcelog<N> {
    fn channel(&self) -> Channel {
        Channel::Mcelog
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn caps(&self) -> Caps {
        CAPS
    }

    fn next(&mut self) -> Result<Option<Event>> {
        let next = loop {
            match self.device.next_event() {
                Err(mcelog_dev::Error::Interrupted) => {}
                next => break next?,
            }
        };
        Ok(next.map(|event| match event {
            mcelog_dev::Event::Record(entry) => Event::Record(Observed {
                record: entry.record(),
                channel: Channel::Mcelog,
                earlier_boot: entry.origin() == Origin::EarlierBoot,
            }),
            mcelog_dev::Event::Overflow(how) => Event::Lost(Lost {
                channel: Channel::Mcelog,
                loss: match how {
                    Overflow::Flagged => Loss::AtLeast(1),
                    Overflow::Possible => Loss::Unknown,
                },
                why: match how {
                    Overflow::Flagged => "the kernel's log was full, and it dropped what came then",
                    Overflow::Possible => {
                        "the kernel's log was full; whether it dropped anything it tells only with CAP_SYS_ADMIN"
                    }
                }
                .into(),
            }),
        }))
    }

    fn cursor(&self) -> Option<Cursor> {
        None
    }

    fn seek(&mut self, cursor: &Cursor) -> Result<Seek> {
        own::check(cursor, Channel::Mcelog, &self.name)?;
        Ok(Seek::NewEpoch)
    }

    fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        own::check(cursor, Channel::Mcelog, &self.name)
    }
}

impl<N: Node> AsFd for Mcelog<N> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl<N> fmt::Debug for Mcelog<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mcelog")
            .field("device", &self.device)
            .field("exclusive", &self.exclusive)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use mcekit::{Record, Status};
    use mcelog_dev::fake::{Call, Fake};
    use nix::libc;

    use super::*;
    use crate::wait::tests::readable;

    fn record(bank: u8) -> Record {
        Record::new(bank, Status(0x9c00_4000_0001_0091))
    }

    fn open(fake: &Fake) -> Mcelog<mcelog_dev::fake::FakeNode> {
        let device = OpenOptions::new().exclusive(true).open_with(fake).unwrap();
        Mcelog::from_device(device, true)
    }

    fn bank(event: Option<Event>) -> (Option<u8>, bool) {
        match event {
            Some(Event::Record(seen)) => (seen.record.bank(), seen.earlier_boot),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn records_of_both_boots_and_a_signal_between() {
        let fake = Fake::new();
        fake.leave_earlier(&record(1));
        fake.log(&record(2));
        let mut source = open(&fake);
        assert!(source.caps().has(Guarantees::READING_DESTROYS));
        assert!(source.is_exclusive());
        assert!(readable(&source, 1000));
        fake.fail_next(Call::Read, libc::EINTR);
        assert_eq!(bank(source.next().unwrap()), (Some(1), true));
        assert_eq!(bank(source.next().unwrap()), (Some(2), false));
        assert_eq!(source.next().unwrap(), None);
        assert_eq!(source.cursor(), None);
    }

    #[test]
    fn a_full_log_is_a_loss_behind_what_it_held() {
        for privileged in [true, false] {
            let fake = Fake::new();
            let mut source = open(&fake);
            fake.set_privileged(privileged);
            for _ in 0..40 {
                fake.log(&record(3));
            }
            for _ in 0..32 {
                assert_eq!(bank(source.next().unwrap()), (Some(3), false));
            }
            match source.next().unwrap() {
                Some(Event::Lost(lost)) if privileged => assert_eq!(lost.loss, Loss::AtLeast(1)),
                Some(Event::Lost(lost)) => assert_eq!(lost.loss, Loss::Unknown),
                other => panic!("{other:?}"),
            }
            assert_eq!(source.next().unwrap(), None);
        }
    }

    #[test]
    fn an_error_is_told_and_reading_goes_on() {
        let fake = Fake::new();
        let mut source = open(&fake);
        fake.log(&record(4));
        fake.fail_next(Call::Read, libc::EIO);
        assert!(matches!(source.next(), Err(Error::Mcelog(_))));
        assert_eq!(bank(source.next().unwrap()), (Some(4), false));
    }

    #[test]
    fn a_cursor_of_another_source_is_refused() {
        let mut source = open(&Fake::new());
        let ours = own::cursor(Channel::Mcelog, DEVICE, "-", "-");
        assert_eq!(source.seek(&ours).unwrap(), Seek::NewEpoch);
        let other = own::cursor(Channel::Kmsg, DEVICE, "-", "-");
        assert!(matches!(source.seek(&other), Err(Error::Cursor(_))));
        assert!(matches!(source.commit(&other), Err(Error::Cursor(_))));
    }
}
