//! A `/dev/mcelog` in memory, with the kernel's semantics: for tests of programs that read or inject, on machines
//! that have no such device.
//!
//! It behaves as Linux 6.1 and 6.12 were measured to: the log keeps the oldest records and sets a flag for what it drops;
//! a read takes out everything and wants room for the whole log; a record of an earlier boot comes first, alone, and is
//! gone; exclusive opening counts; what is written is raised only by a writer on the record's CPU. The descriptor of an
//! open fake is a real one, readable while the log is not empty, so that it can be put into any event loop.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcekit::Record;
use mcekit::wire::{self, Mce, Wire};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::device::OVERFLOW;
use crate::inject::InjectFlags;
use crate::sys::{Driver, Mode, Node, Request, wait_readable};

/// The log's length on machines with up to 32 CPUs (`MCE_LOG_MIN_LEN`).
const LOG_LEN: usize = 32;

/// A call on the device, for [`Fake::fail_next`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `open`.
    Open,
    /// `ioctl`.
    Ioctl,
    /// `read`.
    Read,
    /// `write`.
    Write,
    /// `poll`.
    Wait,
}

/// The fake device. Clones are the same device.
#[derive(Clone, Debug)]
pub struct Fake {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    record_len: usize,
    log_len: usize,
    /// What the ioctls say, where that is not the truth.
    claimed_record_len: Option<i32>,
    claimed_log_len: Option<i32>,
    log: Vec<Vec<u8>>,
    flags: i32,
    earlier: VecDeque<Vec<u8>>,
    /// The kernel says "readable" once more after the last record of the store.
    earlier_read: bool,
    opened: usize,
    exclusive: bool,
    privileged: bool,
    cpus: u32,
    banks: u32,
    injector: Option<bool>,
    held: Vec<Mce>,
    failures: VecDeque<(Call, i32)>,
    cut_next_read: Option<usize>,
    claim_next_read: Option<usize>,
    /// Readable while there is something to read.
    signal: Arc<EventFd>,
}

impl Default for Fake {
    fn default() -> Self {
        Self::new()
    }
}

impl Fake {
    /// A device of today's kernels: records of 128 bytes, a log of 32, two CPUs of ten banks, an injector.
    ///
    /// # Panics
    ///
    /// Where the process can have no more descriptors.
    #[must_use]
    pub fn new() -> Self {
        Self::with_lengths(wire::MAX_LEN, LOG_LEN)
    }

    /// A device of another kernel: bytes of a record, records of the log.
    ///
    /// # Panics
    ///
    /// Where the process can have no more descriptors.
    #[must_use]
    pub fn with_lengths(record: usize, log: usize) -> Self {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let signal = EventFd::from_value_and_flags(0, flags).expect("an event descriptor");
        Self {
            state: Arc::new(Mutex::new(State {
                record_len: record,
                log_len: log,
                claimed_record_len: None,
                claimed_log_len: None,
                log: Vec::new(),
                flags: 0,
                earlier: VecDeque::new(),
                earlier_read: true,
                opened: 0,
                exclusive: false,
                privileged: true,
                cpus: 2,
                banks: 10,
                injector: Some(true),
                held: Vec::new(),
                failures: VecDeque::new(),
                cut_next_read: None,
                claim_next_read: None,
                signal: Arc::new(signal),
            })),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error occurs: it goes into the log as the kernel would put it there, or sets the overflow flag.
    pub fn log(&self, record: &Record) {
        self.log_mce(&Mce::from(record));
    }

    /// An error occurs, given field by field. `finished` becomes 1 and `kflags` 0, as in the kernel.
    pub fn log_mce(&self, mce: &Mce) {
        let mut state = self.state();
        state.push(mce);
        state.signal();
    }

    /// An earlier boot left this error in the firmware's store.
    pub fn leave_earlier(&self, record: &Record) {
        let mut state = self.state();
        let bytes = state.encode(&Mce {
            finished: 0,
            ..Mce::from(record)
        });
        state.earlier.push_back(bytes);
        state.earlier_read = false;
        state.signal();
    }

    /// Records of the store that no reader has taken.
    #[must_use]
    pub fn earlier_left(&self) -> usize {
        self.state().earlier.len()
    }

    /// Whether its users have `CAP_SYS_ADMIN`.
    pub fn set_privileged(&self, privileged: bool) {
        self.state().privileged = privileged;
    }

    /// Whether `mce-inject` is there, and whether that can be told.
    pub fn set_injector(&self, injector: Option<bool>) {
        self.state().injector = injector;
    }

    /// What the ioctls say of the lengths, whatever they are.
    pub fn claim_lengths(&self, record: i32, log: i32) {
        let mut state = self.state();
        state.claimed_record_len = Some(record);
        state.claimed_log_len = Some(log);
    }

    /// The next call of that kind fails with this `errno`; several wait in line.
    pub fn fail_next(&self, call: Call, errno: i32) {
        self.state().failures.push_back((call, errno));
    }

    /// The next read brings so many bytes less than there are.
    pub fn cut_next_read(&self, bytes: usize) {
        self.state().cut_next_read = Some(bytes);
    }

    /// The next read claims to have brought so many bytes.
    pub fn claim_next_read(&self, bytes: usize) {
        self.state().claim_next_read = Some(bytes);
    }

    /// Puts bytes into the log that are no record, or one of another length.
    pub fn log_raw(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.log.push(bytes.to_vec());
        state.signal();
    }
}

impl State {
    fn fails(&mut self, call: Call) -> io::Result<()> {
        let Some(at) = self.failures.iter().position(|(c, _)| *c == call) else {
            return Ok(());
        };
        match self.failures.remove(at) {
            Some((_, errno)) => Err(io::Error::from_raw_os_error(errno)),
            None => Ok(()),
        }
    }

    fn encode(&self, mce: &Mce) -> Vec<u8> {
        let mut bytes = mce.to_bytes().to_vec();
        bytes.resize(self.record_len, 0);
        bytes
    }

    fn push(&mut self, mce: &Mce) {
        if self.log.len() >= self.log_len {
            self.flags |= OVERFLOW;
            return;
        }
        let bytes = self.encode(&Mce {
            finished: 1,
            kflags: 0,
            ..*mce
        });
        self.log.push(bytes);
    }

    /// Sets the descriptor to what the state is.
    fn signal(&self) {
        let readable = !self.log.is_empty() || !self.earlier.is_empty() || !self.earlier_read;
        // Neither can fail in a way that matters: an empty counter is what was wanted, and it never fills up.
        let _ = self.signal.read();
        if readable {
            let _ = self.signal.write(1);
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.earlier_read {
            if buffer.len() < self.record_len {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
            match self.earlier.pop_front() {
                Some(record) => return Ok(put(buffer, 0, &record)),
                None => self.earlier_read = true,
            }
        }
        if buffer.len() < self.record_len * self.log_len {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let mut at = 0;
        for record in self.log.drain(..) {
            at += put(buffer, at, &record);
        }
        Ok(at)
    }

    fn write(&mut self, cpu: u32, bytes: &[u8]) -> io::Result<usize> {
        if !self.privileged {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        if cpu >= self.cpus {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let took = bytes.get(..self.record_len).unwrap_or(bytes);
        let Ok(Wire { mce, .. }) = Wire::read(took) else {
            return Ok(took.len());
        };
        let flags = InjectFlags::from_bits_retain(mce.inject_flags);
        let mce = Mce {
            inject_flags: 0,
            ..mce
        };
        if self.injector == Some(false) || u32::from(mce.bank) >= self.banks {
            // Nobody takes it: the kernel says nothing.
        } else if !flags.intersects(InjectFlags::PROCESS | InjectFlags::IRQ) {
            self.held.retain(|held| held.extcpu != mce.extcpu);
            self.held.push(mce);
        } else {
            self.push(&mce);
            if flags.intersects(InjectFlags::IRQ_BROADCAST | InjectFlags::NMI_BROADCAST) {
                for held in std::mem::take(&mut self.held) {
                    // A CPU that has nothing valid only takes part in the exception.
                    if held.status != 0 {
                        self.push(&held);
                    }
                }
            }
        }
        Ok(took.len())
    }
}

/// Copies as much as there is room for.
fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    let room = buffer.get_mut(at..).unwrap_or_default();
    let n = bytes.len().min(room.len());
    if let (Some(to), Some(from)) = (room.get_mut(..n), bytes.get(..n)) {
        to.copy_from_slice(from);
    }
    n
}

impl Driver for Fake {
    type Node = FakeNode;

    fn open(&self, _path: &Path, mode: Mode) -> io::Result<FakeNode> {
        let mut state = self.state();
        state.fails(Call::Open)?;
        if state.exclusive || (mode.exclusive && state.opened > 0) {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        state.exclusive = mode.exclusive;
        state.opened += 1;
        Ok(FakeNode {
            fake: self.clone(),
            write: mode.write,
            signal: Arc::clone(&state.signal),
        })
    }
}

/// The fake device, open.
#[derive(Debug)]
pub struct FakeNode {
    fake: Fake,
    write: bool,
    signal: Arc<EventFd>,
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        let mut state = self.fake.state();
        state.opened -= 1;
        state.exclusive = false;
    }
}

impl AsFd for FakeNode {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }
}

impl Node for FakeNode {
    fn ioctl(&self, request: Request) -> io::Result<i32> {
        let mut state = self.fake.state();
        state.fails(Call::Ioctl)?;
        if !state.privileged {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        let int = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        Ok(match request {
            Request::RecordLen => state.claimed_record_len.unwrap_or(int(state.record_len)),
            Request::LogLen => state.claimed_log_len.unwrap_or(int(state.log_len)),
            Request::GetClearFlags => std::mem::take(&mut state.flags),
        })
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.fake.state();
        state.fails(Call::Read)?;
        let got = state.read(buffer)?;
        state.signal();
        let cut = state.cut_next_read.take().unwrap_or(0);
        Ok(state
            .claim_next_read
            .take()
            .unwrap_or(got.saturating_sub(cut)))
    }

    fn wait(&self, limit: Option<Duration>) -> io::Result<bool> {
        self.fake.state().fails(Call::Wait)?;
        wait_readable(self.signal.as_fd(), limit)
    }

    fn write_on(&self, cpu: u32, record: &[u8]) -> io::Result<usize> {
        let mut state = self.fake.state();
        state.fails(Call::Write)?;
        if !self.write {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        let took = state.write(cpu, record)?;
        state.signal();
        Ok(took)
    }

    fn injector(&self) -> Option<bool> {
        self.fake.state().injector
    }

    fn banks(&self, _cpu: u32) -> Option<u32> {
        Some(self.fake.state().banks)
    }
}
