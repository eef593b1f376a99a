//! A mapped ring whose kernel is a list of steps: what each ioctl changes in memory.

use core::cell::RefCell;
use std::boxed::Box;
use std::collections::VecDeque;
use std::string::ToString;
use std::vec::Vec;

use super::*;
use crate::Abi;
use crate::page::Loss;

const SUBBUF: usize = 64;
const LITTLE: bool = cfg!(target_endian = "little");

type Step = Box<dyn FnOnce(&mut Image)>;

/// The mapped bytes.
struct Image(Vec<u8>);

impl Image {
    fn new(subbufs: u32) -> Self {
        let mut image = Self(std::vec![0; SUBBUF * (1 + subbufs as usize)]);
        image.put(meta::META_PAGE_SIZE, SUBBUF as u32);
        image.put(meta::SUBBUF_SIZE, SUBBUF as u32);
        image.put(meta::NR_SUBBUFS, subbufs);
        image
    }

    fn put(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }

    fn put_long(&mut self, at: usize, value: u64) {
        self.0[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    }

    fn reader(&mut self, id: u32, read: u32) {
        self.put(meta::READER_ID, id);
        self.put(meta::READER_READ, read);
    }

    /// Writes records of one word, 8 bytes each; the value is the time. With a loss, its flags and count.
    fn subbuf(&mut self, id: usize, times: &[u64], lost: Option<u64>) {
        let begin = SUBBUF * (1 + id);
        let mut commit = times.len() as u64 * 8;
        let mut at = begin + 16;
        let mut before = times[0];
        self.put_long(begin, before);
        for time in times {
            let delta = (time - before) as u32;
            self.put(
                at,
                if LITTLE {
                    1 | delta << 5
                } else {
                    1 << 27 | delta
                },
            );
            self.put(at + 4, *time as u32);
            before = *time;
            at += 8;
        }
        if let Some(count) = lost {
            commit |= 3 << 30;
            self.put_long(at, count);
        }
        self.put_long(begin + 8, commit);
    }
}

struct Fake {
    image: RefCell<Image>,
    steps: RefCell<VecDeque<Step>>,
    /// Loads of the reader's id after which it changes: a thief.
    thief: RefCell<Option<u32>>,
}

impl Memory for Fake {
    fn get_reader(&self) -> io::Result<()> {
        match self.steps.borrow_mut().pop_front() {
            Some(step) => step(&mut self.image.borrow_mut()),
            None => return Err(io::ErrorKind::WouldBlock.into()),
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.image.borrow().0.len()
    }

    fn load(&self, at: usize) -> Option<u32> {
        let image = self.image.borrow();
        let bytes = image.0.get(at..at + 4)?;
        if at == meta::READER_ID
            && let Some(left) = self.thief.borrow_mut().as_mut()
        {
            if *left == 0 {
                return Some(1);
            }
            *left -= 1;
        }
        Some(u32::from_ne_bytes(bytes.try_into().unwrap()))
    }

    fn copy(&self, at: usize, into: &mut [u8]) -> Option<()> {
        into.copy_from_slice(self.image.borrow().0.get(at..at + into.len())?);
        Some(())
    }
}

fn layout() -> Layout {
    Layout::new(Abi::NATIVE, SUBBUF).unwrap()
}

fn ring(image: Image, steps: Vec<Step>) -> Result<Reader<Fake>> {
    let fake = Fake {
        image: RefCell::new(image),
        steps: RefCell::new(steps.into()),
        thief: RefCell::new(None),
    };
    Reader::new(fake, Path::new("ring"), layout())
}

/// The times of the next sub-buffer's records, and the loss before them.
fn next(ring: &mut Reader<Fake>) -> Option<(Vec<u64>, Option<Loss>)> {
    let sub = ring.next_page().unwrap()?;
    let times = sub.records().map(|r| r.unwrap().timestamp).collect();
    Some((times, sub.lost()))
}

#[test]
fn sub_buffers_come_in_the_readers_order_and_grow() {
    let steps: Vec<Step> = Vec::from([
        Box::new(|image: &mut Image| {
            image.subbuf(2, &[10, 20], Some(7));
            image.reader(2, 16);
            image.put_long(meta::OVERRUN, 7);
        }) as Step,
        // More in the same one: only what is new, with the right times, and the loss not again.
        Box::new(|image: &mut Image| {
            image.subbuf(2, &[10, 20, 30], Some(7));
            image.reader(2, 24);
        }),
        // Nothing new.
        Box::new(|_: &mut Image| {}),
        Box::new(|image: &mut Image| {
            image.subbuf(0, &[40], None);
            image.reader(0, 8);
            image.put_long(meta::ENTRIES, 1);
            image.put_long(meta::READ, 4);
        }),
    ]);
    let mut ring = ring(Image::new(3), steps).unwrap();
    assert_eq!(
        next(&mut ring),
        Some((Vec::from([10, 20]), Some(Loss::Exact(7))))
    );
    assert_eq!(next(&mut ring), Some((Vec::from([30]), None)));
    assert_eq!(next(&mut ring), None);
    assert_eq!(next(&mut ring), Some((Vec::from([40]), None)));
    assert_eq!(next(&mut ring), None, "EAGAIN is nothing now");
    assert_eq!(
        ring.counts(),
        Counts {
            entries: 1,
            overrun: 7,
            read: 4
        }
    );
}

#[test]
fn what_the_kernel_has_not_called_read_is_not_looked_at() {
    let steps: Vec<Step> = Vec::from([
        // Committed are three, but the kernel says that two are read: the third comes with the next ioctl.
        Box::new(|image: &mut Image| {
            image.subbuf(1, &[1, 2, 3], None);
            image.reader(1, 16);
        }) as Step,
        Box::new(|image: &mut Image| image.reader(1, 24)),
    ]);
    let mut ring = ring(Image::new(2), steps).unwrap();
    assert_eq!(next(&mut ring), Some((Vec::from([1, 2]), None)));
    assert_eq!(next(&mut ring), Some((Vec::from([3]), None)));
}

#[test]
fn what_others_read_before_is_not_delivered_again() {
    let mut image = Image::new(2);
    image.subbuf(0, &[1, 2, 3], None);
    image.reader(0, 8);
    let steps: Vec<Step> = Vec::from([Box::new(|image: &mut Image| image.reader(0, 24)) as Step]);
    let mut ring = ring(image, steps).unwrap();
    assert_eq!(next(&mut ring), Some((Vec::from([2, 3]), None)));
}

#[test]
fn what_was_taken_last_can_be_had_again() {
    let mut image = Image::new(2);
    image.subbuf(0, &[1, 2, 3], Some(7));
    image.reader(0, 16);
    let steps: Vec<Step> = Vec::from([Box::new(|image: &mut Image| image.reader(0, 24)) as Step]);
    let mut ring = ring(image, steps).unwrap();
    let taken = |ring: &mut Reader<Fake>| -> Vec<u64> {
        let sub = ring.taken().unwrap().unwrap();
        sub.records().map(|r| r.unwrap().timestamp).collect()
    };
    assert_eq!(taken(&mut ring), [1, 2]);
    assert_eq!(next(&mut ring), Some((Vec::from([3]), None)));
    assert_eq!(taken(&mut ring), [1, 2, 3]);
}

#[test]
fn another_reader_of_the_same_ring_is_noticed() {
    let step: Step = Box::new(|image: &mut Image| {
        image.subbuf(0, &[1], None);
        image.reader(0, 8);
    });
    let mut ring = ring(Image::new(2), Vec::from([step])).unwrap();
    *ring.memory.thief.borrow_mut() = Some(1);
    assert_eq!(
        ring.next_page().unwrap_err().to_string(),
        "mapped ring: reader.id, which somebody else moved on, is 0"
    );
}

#[test]
fn meta_pages_that_cannot_be() {
    let error = |at, value| {
        let mut image = Image::new(2);
        image.put(at, value);
        ring(image, Vec::new()).err().unwrap().to_string()
    };
    assert_eq!(
        error(meta::META_PAGE_SIZE, 0),
        "mapped ring: meta_page_size is 0"
    );
    assert_eq!(
        error(meta::META_PAGE_SIZE, 66),
        "mapped ring: meta_page_size is 66"
    );
    assert_eq!(
        error(meta::META_PAGE_SIZE, 128),
        "mapped ring: nr_subbufs is 2"
    );
    assert_eq!(
        error(meta::SUBBUF_SIZE, 4096),
        "mapped ring: subbuf_size is 4096"
    );
    assert_eq!(error(meta::NR_SUBBUFS, 0), "mapped ring: nr_subbufs is 0");
    assert_eq!(error(meta::NR_SUBBUFS, 3), "mapped ring: nr_subbufs is 3");
    assert_eq!(
        error(meta::NR_SUBBUFS, u32::MAX),
        "mapped ring: nr_subbufs is 4294967295"
    );
    assert_eq!(error(meta::READER_ID, 2), "mapped ring: reader.id is 2");
    assert_eq!(
        error(meta::READER_READ, 49),
        "mapped ring: reader.read is 49"
    );

    let step = |id, read| -> Vec<Step> {
        Vec::from([Box::new(move |image: &mut Image| image.reader(id, read)) as Step])
    };
    let later = |steps| {
        let mut image = Image::new(2);
        image.reader(0, 8);
        let mut ring = ring(image, steps).unwrap();
        ring.next_page().unwrap_err().to_string()
    };
    assert_eq!(later(step(5, 0)), "mapped ring: reader.id is 5");
    assert_eq!(
        later(step(0, 0)),
        "mapped ring: reader.read is 0",
        "backwards"
    );
}
