//! All CPUs of an instance, as one stream in time order.

use std::time::{Duration, Instant};
use std::vec::Vec;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::raw::{CpuPages, Method};
use super::{Instance, file};
use crate::merge::Merge;
use crate::page::{Loss, SubBuffer};
use crate::{Error, Result};

/// Sub-buffers taken from one ring before the next one's turn, so that no CPU starves the others.
const PAGES_PER_TURN: usize = 64;

/// How often a stream looks whether there are rings of more CPUs.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Rounds at the end, at most: enough for 16 GiB in each ring.
const FINAL_ROUNDS: usize = 1 << 16;

/// The records of all CPUs of an instance, in time order, with what was lost at its place.
///
/// [`Stream::wait`], then [`Stream::fill`], then [`Stream::next_event`] until it gives nothing; repeat.
/// For order between CPUs the instance needs a clock that they share ([`Instance::set_clock`]).
///
/// CPUs may come and go. The ring of one that goes stays, and what is in it is delivered. A CPU has its
/// ring when it comes online for the first time: the stream looks for such once a second, in
/// [`Stream::wait`] and [`Stream::fill`], or when asked to by [`Stream::look_again`], and delivers
/// their records and losses from the beginning.
#[derive(Debug)]
pub struct Stream {
    root: std::path::PathBuf,
    cpus: Vec<CpuPages>,
    merge: Merge<Held>,
    store: Store,
    /// The page of the record that was lent out last.
    lent: Option<usize>,
    /// Time of the newest record of each CPU: where a loss at the end stands.
    newest: Vec<u64>,
    method: Method,
    /// CPUs that may come.
    absent: Vec<u32>,
    /// When was looked for them last.
    looked: Instant,
}

/// One item of a [`Stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamEvent<'a> {
    /// The CPU whose ring it comes from.
    pub cpu: u32,
    /// Time in units of the instance's clock; of a loss: the time at which the records go on.
    pub timestamp: u64,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What an item of a [`Stream`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A record's bytes, from `common_type` on.
    Record(&'a [u8]),
    /// Records of this CPU that were lost before this place.
    Lost(Loss),
}

/// What the merge holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// Index into the stream's CPUs.
    cpu: usize,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Record { page: usize, at: usize, len: usize },
    Lost(Loss),
}

impl Stream {
    /// Opens all rings of an instance.
    ///
    /// # Errors
    ///
    /// As [`Instance::pages`].
    pub fn open(instance: &Instance, method: Method) -> Result<Self> {
        let mut stream = Self {
            root: instance.root().into(),
            newest: Vec::new(),
            cpus: Vec::new(),
            merge: Merge::new(),
            store: Store::default(),
            lent: None,
            method,
            absent: Vec::new(),
            looked: Instant::now(),
        };
        for cpu in instance.cpus()? {
            let opened = instance.pages(cpu, method);
            stream.add(cpu, opened)?;
        }
        Ok(stream)
    }

    /// Takes a ring in. Whether there is one.
    fn add(&mut self, cpu: u32, opened: Result<CpuPages>) -> Result<bool> {
        match opened {
            Ok(pages) => {
                self.cpus.push(pages);
                self.newest.push(0);
                Ok(true)
            }
            Err(Error::NoRing { .. }) => {
                self.absent.push(cpu);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn instance(&self) -> Instance {
        Instance::at(self.root.clone(), None, false)
    }

    /// Opens the rings of CPUs that have come since this was done last; how many. [`Stream::fill`] does it
    /// once a second.
    ///
    /// # Errors
    ///
    /// As [`Stream::open`]. The rings that were open are read on.
    pub fn look_again(&mut self) -> Result<usize> {
        self.looked = Instant::now();
        let instance = self.instance();
        let mut came = 0;
        self.absent.clear();
        for cpu in instance.cpus()? {
            if self.cpus.iter().all(|known| known.cpu() != cpu) {
                let opened = CpuPages::open_new(&instance, cpu, self.method);
                came += usize::from(self.add(cpu, opened)?);
            }
        }
        Ok(came)
    }

    /// The rings, for an event loop of one's own: each is to be polled for input.
    #[must_use]
    pub fn cpus(&self) -> &[CpuPages] {
        &self.cpus
    }

    /// Sleeps until a ring has something, a signal comes, or the time is over (`None`: never). Whether
    /// a ring has something.
    ///
    /// How much must be there is [`Instance::set_buffer_percent`]. Some kernels lose a wake-up now and
    /// then: give a timeout even if there is nothing else to do.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io).
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        let end = timeout.and_then(|time| Instant::now().checked_add(time));
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            // Nobody wakes us for a CPU that comes.
            let part = if self.absent.is_empty() {
                left
            } else {
                Some(left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN))
            };
            match self.poll(part)? {
                Some(0) => {}
                polled => return Ok(polled.is_some()),
            }
            if self.looked.elapsed() >= LOOK_AGAIN {
                let instance = self.instance();
                if self
                    .absent
                    .iter()
                    .any(|&cpu| CpuPages::is_there(&instance, cpu))
                {
                    return Ok(true);
                }
            }
            if left == part {
                return Ok(false);
            }
        }
    }

    /// Polls the rings: how many have something; `None` if a signal came.
    fn poll(&self, timeout: Option<Duration>) -> Result<Option<i32>> {
        let timeout = match timeout {
            None => PollTimeout::NONE,
            Some(time) => PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX),
        };
        let mut fds: Vec<_> = self
            .cpus
            .iter()
            .map(|cpu| PollFd::new(std::os::fd::AsFd::as_fd(cpu), PollFlags::POLLIN))
            .collect();
        match poll(&mut fds, timeout) {
            Ok(n) => Ok(Some(n)),
            Err(Errno::EINTR) => Ok(None),
            Err(e) => Err(file::error("poll", &self.root, e.into())),
        }
    }

    /// Takes what the rings have. How many records and losses that were.
    ///
    /// # Errors
    ///
    /// As [`CpuPages::next_page`]. What was taken before is kept, and the stream can be read on.
    pub fn fill(&mut self) -> Result<usize> {
        if self.looked.elapsed() >= LOOK_AGAIN {
            self.look_again()?;
        }
        let mut taken = self.round()?;
        // The first round's records are due only after a second one, which as a rule finds little; done
        // at once, nobody has to wait for the next wake-up.
        if taken > 0 {
            taken += self.round()?;
        }
        Ok(taken)
    }

    /// Visits each ring once.
    fn round(&mut self) -> Result<usize> {
        let mut taken = 0;
        let mut reached = None;
        for (index, cpu) in self.cpus.iter_mut().enumerate() {
            let mut pages = 0;
            while pages < PAGES_PER_TURN
                && let Some(sub) = cpu.next_page()?
            {
                taken += hold(
                    &mut self.merge,
                    &mut self.store,
                    &mut self.newest,
                    index,
                    &sub,
                )?;
                pages += 1;
            }
            if pages == PAGES_PER_TURN {
                let newest = self.newest.get(index).copied();
                reached = reached.into_iter().chain(newest).min();
            }
            if pages > 0
                && let Some(loss) = cpu.dropped()?
            {
                taken += 1;
                lose(&mut self.merge, &self.newest, index, loss);
            }
        }
        match reached {
            None => self.merge.end_round(),
            Some(reached) => self.merge.end_partial_round(reached),
        }
        Ok(taken)
    }

    /// The next item, in time order. `None`: nothing is due, [`Stream::fill`] again.
    pub fn next_event(&mut self) -> Option<StreamEvent<'_>> {
        if let Some(page) = self.lent.take() {
            self.store.release(page);
        }
        let (timestamp, held) = self.merge.pop()?;
        let kind = match held.what {
            What::Lost(loss) => Kind::Lost(loss),
            What::Record { page, at, len } => {
                self.lent = Some(page);
                Kind::Record(self.store.bytes(page, at, len)?)
            }
        };
        Some(StreamEvent {
            cpu: self.cpus.get(held.cpu)?.cpu(),
            timestamp,
            kind,
        })
    }

    /// Takes what is left once recording has stopped, makes everything due, and adds the losses that no
    /// sub-buffer told of: after this the stream's records and losses are all that there ever were.
    ///
    /// # Errors
    ///
    /// As [`Stream::fill`].
    pub fn finish(&mut self) -> Result<()> {
        self.look_again()?;
        // Whoever did not stop recording gets an end all the same.
        for _ in 0..FINAL_ROUNDS {
            if self.round()? == 0 {
                break;
            }
        }
        for (index, cpu) in self.cpus.iter_mut().enumerate() {
            for loss in [cpu.dropped()?, cpu.untold()?].into_iter().flatten() {
                lose(&mut self.merge, &self.newest, index, loss);
            }
        }
        self.merge.flush();
        Ok(())
    }

    /// Items that were taken and are not due yet.
    #[must_use]
    pub fn held(&self) -> usize {
        self.merge.len()
    }

    /// Records that came out after a later one, see [`Merge::late`].
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.merge.late()
    }
}

/// Puts a loss behind the newest record of its CPU.
fn lose(merge: &mut Merge<Held>, newest: &[u64], cpu: usize, loss: Loss) {
    let time = newest.get(cpu).copied().unwrap_or(0);
    let what = What::Lost(loss);
    merge.push(time, Held { cpu, what });
}

/// Puts a sub-buffer's records into the merge, and its bytes into the store.
fn hold(
    merge: &mut Merge<Held>,
    store: &mut Store,
    newest: &mut [u64],
    cpu: usize,
    sub: &SubBuffer<'_>,
) -> Result<usize> {
    let mut taken = 0;
    let mut lost = sub.lost();
    let page = store.put(sub.data());
    let result = sub.records().try_for_each(|record| {
        let record = record?;
        if let Some(loss) = lost.take() {
            let what = What::Lost(loss);
            merge.push(record.timestamp, Held { cpu, what });
            taken += 1;
        }
        store.retain(page);
        let what = What::Record {
            page,
            at: record.offset,
            len: record.data.len(),
        };
        merge.push(record.timestamp, Held { cpu, what });
        if let Some(newest) = newest.get_mut(cpu) {
            *newest = record.timestamp;
        }
        taken += 1;
        Ok(())
    });
    // A sub-buffer without a record may tell of a loss all the same.
    if let Some(loss) = lost {
        let what = What::Lost(loss);
        merge.push(sub.timestamp(), Held { cpu, what });
        taken += 1;
    }
    store.release(page);
    result.map(|()| taken)
}

/// The bytes of sub-buffers of which records are still held; their memory is used again.
#[derive(Debug, Default)]
struct Store {
    pages: Vec<(Vec<u8>, usize)>,
    free: Vec<usize>,
}

impl Store {
    /// Stores a copy with one use.
    fn put(&mut self, bytes: &[u8]) -> usize {
        let index = self.free.pop().unwrap_or_else(|| {
            self.pages.push((Vec::new(), 0));
            self.pages.len() - 1
        });
        if let Some((page, uses)) = self.pages.get_mut(index) {
            page.clear();
            page.extend_from_slice(bytes);
            *uses = 1;
        }
        index
    }

    fn retain(&mut self, index: usize) {
        if let Some((_, uses)) = self.pages.get_mut(index) {
            *uses += 1;
        }
    }

    fn release(&mut self, index: usize) {
        if let Some((_, uses)) = self.pages.get_mut(index) {
            *uses -= 1;
            if *uses == 0 {
                self.free.push(index);
            }
        }
    }

    fn bytes(&self, index: usize, at: usize, len: usize) -> Option<&[u8]> {
        self.pages.get(index)?.0.get(at..at.checked_add(len)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_once_no_record_needs_it() {
        let mut store = Store::default();
        let first = store.put(b"first");
        store.retain(first);
        store.release(first);
        assert_eq!(
            store.bytes(first, 1, 3),
            Some(&b"irs"[..]),
            "one use is left"
        );
        let second = store.put(b"second");
        assert_ne!(first, second);
        store.release(first);
        assert_eq!(store.put(b"third"), first);
        assert_eq!(store.bytes(first, 0, 5), Some(&b"third"[..]));
        assert_eq!(store.bytes(second, 0, 6), Some(&b"second"[..]));
        assert_eq!(store.bytes(second, 1, 6), None);
    }
}
