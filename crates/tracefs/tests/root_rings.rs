//! Rings of the running kernel: read in all three ways, complete and equal, with every loss counted.

mod root;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use root::{Kernel, event, unique};
use tracefs::fs::{Instance, Kind, Method, Stream};
use tracefs::page::{Layout, Loss, SubBuffer};
use tracefs::{Error, Format};

const METHODS: [Method; 3] = [Method::Read, Method::Splice, Method::Map];

/// Makes `lseek` calls whose offsets count up: events that nobody else makes, and that say which they are.
struct Seeker {
    file: File,
    next: u64,
}

/// Byte of `common_flags`.
const FLAGS: usize = 2;

const SEEK: &str = "syscalls:sys_enter_lseek";

impl Seeker {
    fn new() -> Self {
        let file = File::open("/proc/self/exe").unwrap();
        Self { file, next: 0 }
    }

    fn seek(&mut self, times: u64) {
        for _ in 0..times {
            self.file.seek(SeekFrom::Start(self.next)).unwrap();
            self.next += 1;
        }
    }

    /// Lets an instance record this thread's calls.
    fn record(instance: &Instance) -> Format {
        let task = std::fs::read_link("/proc/thread-self").unwrap();
        let tid = task.file_name().unwrap().to_str().unwrap().to_owned();
        let event = event(instance, SEEK);
        let filter = format!("common_pid == {tid}");
        event.set_filter(&filter.parse().unwrap()).unwrap();
        event.set_enabled(true).unwrap();
        event.format().unwrap()
    }
}

/// Everything that a stream gives: the records' bytes, and what was lost.
#[derive(Default)]
struct Taken {
    records: Vec<Vec<u8>>,
    lost: u64,
    last: u64,
}

impl Taken {
    fn take(&mut self, stream: &mut Stream) {
        while let Some(event) = stream.next_event() {
            assert!(event.timestamp >= self.last, "not in time order");
            self.last = event.timestamp;
            match event.kind {
                Kind::Record(data) => self.records.push(data.to_vec()),
                Kind::Lost(Loss::Exact(n)) => self.lost += n,
                Kind::Lost(other) => panic!("lost {other:?}, which is no number"),
            }
        }
    }

    fn offsets(&self, format: &Format) -> Vec<u64> {
        let offset = format.accessor("offset").unwrap();
        self.records
            .iter()
            .map(|data| offset.u64(data).unwrap())
            .collect()
    }
}

#[test]
fn three_ways_are_equal_and_complete() {
    let Some(kernel) = Kernel::get() else { return };
    // The last is larger than a pipe.
    for subbuf in [4, 64, 256] {
        let instances = METHODS.map(|method| {
            let instance = kernel.instance();
            instance.set_subbuf_size_kb(subbuf).unwrap();
            instance.set_buffer_size_kb(8192).unwrap();
            (method, instance)
        });
        let mut streams = vec![];
        let mut format = None;
        for (method, instance) in &instances {
            streams.push(Stream::open(instance, *method).unwrap());
            format = Some(Seeker::record(instance));
        }
        let format = format.unwrap();
        let mut taken: [Taken; 3] = Default::default();
        let mut seeker = Seeker::new();
        // Reading while the last sub-buffer is being written, and after it was left.
        for _ in 0..10 {
            seeker.seek(2_000);
            for (stream, taken) in streams.iter_mut().zip(&mut taken) {
                stream.fill().unwrap();
                taken.take(stream);
            }
            seeker.seek(3);
            for (stream, taken) in streams.iter_mut().zip(&mut taken) {
                stream.fill().unwrap();
                taken.take(stream);
            }
        }
        for (_, instance) in &instances {
            instance.set_recording(false).unwrap();
        }
        for (stream, taken) in streams.iter_mut().zip(&mut taken) {
            stream.finish().unwrap();
            taken.take(stream);
            assert_eq!(taken.lost, 0);
            assert_eq!(taken.offsets(&format), (0..20_030).collect::<Vec<_>>());
        }
        let [read, splice, map] = &taken;
        for (other, how) in [(splice, "splice"), (map, "mapping")] {
            for (read, other) in read.records.iter().zip(&other.records) {
                // The flags are those of the moment at which each instance wrote its record.
                let same =
                    read[..FLAGS] == other[..FLAGS] && read[FLAGS + 1..] == other[FLAGS + 1..];
                assert!(same, "read and {how} differ: {read:?}, {other:?}");
            }
        }
    }
}

/// Writes more than a small ring holds, in bursts between readings; all must be delivered or counted.
fn lose(kernel: &Kernel, method: Method, overwrite: bool) {
    let instance = kernel.instance();
    instance.set_option("overwrite", overwrite).unwrap();
    instance.set_buffer_size_kb(16).unwrap();
    let mut stream = Stream::open(&instance, method).unwrap();
    let format = Seeker::record(&instance);
    let mut seeker = Seeker::new();
    let mut taken = Taken::default();
    for burst in [5, 3_000, 10, 50, 2_000, 700, 1_500, 1] {
        seeker.seek(burst);
        stream.fill().unwrap();
        taken.take(&mut stream);
    }
    seeker.seek(4_000);
    instance.set_recording(false).unwrap();
    stream.finish().unwrap();
    taken.take(&mut stream);

    let offsets = taken.offsets(&format);
    let what = format!("{method:?}, overwrite {overwrite}");
    assert!(offsets.is_sorted_by(|a, b| a < b), "{what}: none twice");
    assert!(
        taken.lost > 0,
        "{what}: nothing was lost, so nothing was tested"
    );
    assert_eq!(
        offsets.len() as u64 + taken.lost,
        seeker.next,
        "{what}: delivered and lost are all that were written"
    );
    // The oldest or the newest of the last burst survive.
    let last = *offsets.last().unwrap();
    assert_eq!(last == seeker.next - 1, overwrite, "{what}: last is {last}");
}

#[test]
fn loss_is_counted_exactly() {
    let Some(kernel) = Kernel::get() else { return };
    for method in METHODS {
        for overwrite in [true, false] {
            lose(&kernel, method, overwrite);
        }
    }
}

/// Marks of a length with which a sub-buffer fills up to the last byte: then the kernel has no room to say
/// how many were lost, and only its counters know.
#[test]
fn loss_is_counted_where_a_sub_buffer_only_flags_it() {
    let Some(kernel) = Kernel::get() else { return };
    let mut flagged = 0;
    for len in (1..64).step_by(4) {
        let text = "x".repeat(len);
        let instance = kernel.instance();
        instance.set_buffer_size_kb(16).unwrap();
        let burst = |n: u64| (0..n).for_each(|_| instance.mark(&text).unwrap());

        // What the pages say by themselves.
        burst(2_000);
        for cpu in instance.cpus().unwrap() {
            flagged += flags(&instance, cpu, &instance.layout().unwrap());
        }
        instance.clear().unwrap();

        let mut stream = Stream::open(&instance, Method::Read).unwrap();
        let mut taken = Taken::default();
        let mut written = 0;
        for n in [1_500, 20, 1_700, 1_600] {
            burst(n);
            written += n;
            stream.fill().unwrap();
            taken.take(&mut stream);
        }
        instance.set_recording(false).unwrap();
        stream.finish().unwrap();
        taken.take(&mut stream);
        assert!(taken.lost > 0);
        assert_eq!(
            taken.records.len() as u64 + taken.lost,
            written,
            "marks of {len}"
        );
    }
    assert!(
        flagged > 0,
        "no length filled a sub-buffer to the last byte"
    );
}

/// Sub-buffers of a CPU that say that something was lost, but not how much.
fn flags(instance: &Instance, cpu: u32, layout: &Layout) -> usize {
    let path = format!("{}/per_cpu/cpu{cpu}", instance.root().display());
    let stats = instance.stats(cpu).unwrap();
    if stats.entries == 0 {
        return 0;
    }
    let mut file = File::open(path + "/trace_pipe_raw").unwrap();
    let mut page = vec![0; layout.size()];
    let n = file.read(&mut page).unwrap();
    let sub = SubBuffer::parse(&page[..n], layout).unwrap();
    usize::from(sub.lost() == Some(Loss::Unknown))
}

#[test]
fn one_record_wakes_a_sleeper() {
    let Some(kernel) = Kernel::get() else { return };
    let instance = kernel.instance();
    for method in METHODS {
        let mut stream = Stream::open(&instance, method).unwrap();
        assert!(
            !stream.wait(Some(Duration::ZERO)).unwrap(),
            "{method:?}: empty"
        );
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(50));
                instance.mark("wake up").unwrap();
            });
            let woken = stream.wait(Some(Duration::from_secs(20))).unwrap();
            assert!(woken, "{method:?}");
        });
        stream.fill().unwrap();
        stream.finish().unwrap();
        let event = stream.next_event().unwrap();
        let Kind::Record(data) = event.kind else {
            panic!("{event:?}");
        };
        assert!(data.windows(7).any(|w| w == b"wake up"), "{method:?}");
    }
}

#[test]
fn a_ring_in_use_cannot_be_changed() {
    let Some(kernel) = Kernel::get() else { return };
    let name = unique("mcekit-busy");
    let instance = kernel.tracefs.create_instance(&name).unwrap();
    let mapped = instance.pages(0, Method::Map).unwrap();
    assert!(matches!(
        instance.set_cpu_buffer_size_kb(0, 64),
        Err(Error::Busy { .. })
    ));
    assert!(matches!(instance.remove(), Err(Error::Busy { .. })));
    drop(mapped);
    let instance = kernel.tracefs.open_instance(&name).unwrap();
    instance.set_cpu_buffer_size_kb(0, 64).unwrap();
    instance.remove().unwrap();
    assert!(matches!(
        kernel.tracefs.open_instance(&name),
        Err(Error::NoInstance { .. })
    ));
}

const CHILD: &str = "MCEKIT_TEST_LEAVES_INSTANCE";

/// The other process of the test below.
#[test]
fn leaves_an_instance_behind() {
    let Some(name) = std::env::var_os(CHILD) else {
        return;
    };
    let kernel = Kernel::get().unwrap();
    let name = name.into_string().unwrap();
    let instance = kernel.tracefs.create_instance(&name).unwrap();
    Seeker::record(&instance);
    Seeker::new().seek(300);
    event(&instance, SEEK).set_enabled(false).unwrap();
    drop(instance.keep());
}

#[test]
fn an_instance_left_behind_is_read_later() {
    let Some(kernel) = Kernel::get() else { return };
    let name = unique("mcekit-kept");
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "leaves_an_instance_behind"])
        .env(CHILD, &name)
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());

    let instance = kernel.tracefs.open_instance(&name).unwrap();
    let format = event(&instance, SEEK).format().unwrap();
    let mut stream = Stream::open(&instance, Method::Read).unwrap();
    let mut taken = Taken::default();
    stream.finish().unwrap();
    taken.take(&mut stream);
    drop(stream);
    instance.remove().unwrap();
    assert_eq!(taken.offsets(&format), (0..300).collect::<Vec<_>>());
    assert_eq!(taken.lost, 0);
}
