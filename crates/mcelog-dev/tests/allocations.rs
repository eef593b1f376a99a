//! Reading allocates nothing once the device is open.
#![expect(
    unsafe_code,
    reason = "a global allocator that counts is written with unsafe"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use mcekit::{Record, Status};
use mcelog_dev::fake::Fake;
use mcelog_dev::{Event, OpenOptions};

thread_local! {
    /// Allocations of this thread.
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer is the system allocator's, of this layout, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_read_allocates_nothing() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    for round in 0..3 {
        for _ in 0..40 {
            fake.log(&Record::new(1, Status(0x9c00_0000_0000_0091)).with_cpu(0));
        }
        let before = COUNT.with(Cell::get);
        let (mut records, mut overflows) = (0, 0);
        while let Some(event) = device.next_event().unwrap() {
            match event {
                Event::Record(entry) => records += u32::from(entry.record().status().val()),
                Event::Overflow(_) => overflows += 1,
            }
        }
        let after = COUNT.with(Cell::get);
        assert_eq!((records, overflows), (32, 1));
        assert_eq!(after - before, 0, "round {round}");
    }
    let before = COUNT.with(Cell::get);
    drop(std::hint::black_box(vec![1_u8]));
    assert_eq!(COUNT.with(Cell::get) - before, 1, "the counter counts");
}
