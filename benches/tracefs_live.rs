//! The three ways to read a ring of the running kernel, beside each other: read(), splice() and the mapping, a
//! sub-buffer of 4 KiB and of 64 KiB. Nanoseconds are those of emptying a ring that was filled before.
//!
//! The only bench that reads the live machine: it needs root and tracefs, makes an instance of its own and removes
//! it. Where that cannot be, it says so and measures nothing. `MCEKIT_ROOT_TESTS=1` makes that a failure.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tracefs::Error;
use tracefs::fs::{Instance, Method, Tracefs};

/// Records in each filling of the ring.
const RECORDS: u64 = 20_000;

fn instance() -> Result<Instance, Error> {
    let instance =
        Tracefs::find()?.create_instance(&format!("mcekit-bench-{}", std::process::id()))?;
    // All of them are to come out.
    instance.set_option("overwrite", false)?;
    Ok(instance)
}

fn fill(instance: &Instance) {
    instance.clear().expect("an instance of one's own");
    instance.set_recording(true).expect("as above");
    for _ in 0..RECORDS {
        instance.mark("twenty bytes of text").expect("as above");
    }
    instance.set_recording(false).expect("as above");
}

/// Empties all rings: how many records came out, and how long that took.
fn empty(instance: &Instance, method: Method) -> Result<(u64, Duration), Error> {
    let (mut records, mut sum) = (0, 0);
    let mut time = Duration::ZERO;
    for cpu in instance.cpus()? {
        let mut pages = match instance.pages(cpu, method) {
            Err(Error::NoRing { .. }) => continue,
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
    black_box(sum);
    Ok((records, time))
}

fn live(c: &mut Criterion) {
    let instance = match instance() {
        Ok(instance) => instance,
        Err(error) => {
            let must = std::env::var_os("MCEKIT_ROOT_TESTS").is_some_and(|v| v == "1");
            assert!(!must, "MCEKIT_ROOT_TESTS=1, and there is no ring: {error}");
            eprintln!("tracefs_live: nothing measured, it needs root and tracefs: {error}");
            return;
        }
    };
    for kb in [4, 64] {
        if instance.set_subbuf_size_kb(kb).is_err() && kb != 4 {
            eprintln!("tracefs_live: this kernel has sub-buffers of one size only");
            continue;
        }
        instance.set_buffer_size_kb(4 << 10).expect("memory");
        let mut group = c.benchmark_group(format!("empty a live ring, {kb} KiB"));
        group.throughput(Throughput::Elements(RECORDS));
        group.sample_size(10);
        for (name, method) in [
            ("read", Method::Read),
            ("splice", Method::Splice),
            ("mapping", Method::Map),
        ] {
            fill(&instance);
            match empty(&instance, method) {
                Err(Error::Unsupported { .. }) => {
                    eprintln!("tracefs_live: this kernel maps no rings (Linux 6.10)");
                    continue;
                }
                result => assert_eq!(result.expect("a ring").0, RECORDS, "all of them come out"),
            }
            group.bench_function(name, |b| {
                b.iter_custom(|rounds| {
                    let mut time = Duration::ZERO;
                    for _ in 0..rounds {
                        fill(&instance);
                        time += empty(&instance, method).expect("as before").1;
                    }
                    time
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, live);
criterion_main!(benches);
