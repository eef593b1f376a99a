//! The three ways to read a ring, timed on the running kernel: nanoseconds a record, for sub-buffers of
//! several sizes. Needs root; changes nothing but an instance of its own.
//!
//! ```text
//! cargo run --release --example rings
//! ```
//!
//! The bench `tracefs_live` measures the same with criterion; this prints a table at once, for more sizes.

use std::error::Error;
use std::time::{Duration, Instant};

use tracefs::fs::{Instance, Method, Tracefs};

/// Records in each filling of the ring.
const RECORDS: u64 = 100_000;
/// Fillings; the fastest counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let tracefs = Tracefs::find()?;
    let instance = tracefs.create_instance(&format!("rings-{}", std::process::id()))?;
    instance.set_option("overwrite", false)?;
    println!(
        "{:>10} {:>8} {:>8} {:>8}   ns a record",
        "sub-buffer", "read", "splice", "mapping"
    );
    for kb in [4, 16, 64, 256] {
        instance.set_subbuf_size_kb(kb)?;
        instance.set_buffer_size_kb(16 << 10)?;
        print!("{kb:>6} KiB");
        for method in [Method::Read, Method::Splice, Method::Map] {
            let mut best = f64::INFINITY;
            for _ in 0..ROUNDS {
                let (records, time) = round(&instance, method)?;
                assert_eq!(records, RECORDS, "all of them come out");
                best = best.min(time.as_nanos() as f64 / records as f64);
            }
            print!(" {best:>8.1}");
        }
        println!();
    }
    Ok(())
}

/// Fills the rings and empties them again: how many records came out, and how long that took.
fn round(instance: &Instance, method: Method) -> Result<(u64, Duration), Box<dyn Error>> {
    instance.clear()?;
    instance.set_recording(true)?;
    for _ in 0..RECORDS {
        instance.mark("twenty bytes of text")?;
    }
    instance.set_recording(false)?;
    let (mut records, mut sum) = (0, 0);
    let mut time = Duration::ZERO;
    for cpu in instance.cpus()? {
        let mut pages = match instance.pages(cpu, method) {
            // A CPU that has never been online.
            Err(tracefs::Error::NoRing { .. }) => continue,
            other => other?,
        };
        let begin = Instant::now();
        while let Some(sub) = pages.next_page()? {
            for record in sub.records() {
                sum ^= record?.timestamp;
                records += 1;
            }
        }
        time += begin.elapsed();
    }
    std::hint::black_box(sum);
    Ok((records, time))
}
