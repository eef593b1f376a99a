//! Reading allocates nothing once the device is open.

use allocation_counter::measure;
use mcekit::{Record, Status};
use mcelog_dev::fake::Fake;
use mcelog_dev::{Event, OpenOptions};

#[test]
fn a_read_allocates_nothing() {
    let fake = Fake::new();
    let mut device = OpenOptions::new().open_with(&fake).unwrap();
    for round in 0..3 {
        for _ in 0..40 {
            fake.log(&Record::new(1, Status(0x9c00_0000_0000_0091)).with_cpu(0));
        }
        let (mut records, mut overflows) = (0, 0);
        let counted = measure(|| {
            while let Some(event) = device.next_event().unwrap() {
                match event {
                    Event::Record(entry) => records += u32::from(entry.record().status().val()),
                    Event::Overflow(_) => overflows += 1,
                }
            }
        });
        assert_eq!((records, overflows), (32, 1));
        assert_eq!(counted.count_total, 0, "round {round}");
    }
    let counted = measure(|| drop(std::hint::black_box(vec![1_u8])));
    assert_eq!(counted.count_total, 1, "the counter counts");
}
