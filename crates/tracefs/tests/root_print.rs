//! Lines as the running kernel prints them: the same records, as `trace` shows them and as their raw bytes
//! are rendered here.

mod root;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::process::{Command, Stdio};

use root::{Kernel, event};
use tracefs::fs::{Instance, Method};
use tracefs::print::{PrintFmt, Symbols};

/// Systems that `trace` shows otherwise than by their print fmt: ftrace's own entries, and system calls
/// (`sys_read(fd: 3, …)`).
const OTHERWISE: [&str; 2] = ["ftrace", "syscalls"];

/// Variables of the kernel that a print fmt may name and nobody outside can read: where its page structs
/// begin (random at each boot), and the time now.
const VARIABLES: [&str; 3] = ["vmemmap_base", "page_offset_base", "jiffies"];

/// One line of `trace` without what stands before the event's name; more than one if the text holds line
/// feeds.
#[derive(Debug)]
struct Line {
    micros: u64,
    text: String,
}

/// `TASK-PID [CPU] FLAGS SECONDS.MICROS: NAME: …`: the CPU and the rest.
fn head(line: &str) -> Option<(u32, Line)> {
    // A task's name may hold anything, brackets too: look for the first thing that fits.
    line.match_indices(" [").find_map(|(at, _)| {
        let (cpu, rest) = line[at + 2..].split_once("] ")?;
        let (flags, rest) = rest.split_once(' ')?;
        let (stamp, text) = rest.trim_start().split_once(": ")?;
        let (seconds, micros) = stamp.split_once('.')?;
        (flags.len() == 5 && micros.len() == 6).then_some(())?;
        let micros = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
        let text = text.to_owned();
        Some((cpu.parse().ok()?, Line { micros, text }))
    })
}

fn printed(text: &str) -> BTreeMap<u32, Vec<Line>> {
    let mut lines: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if let Some((cpu, line)) = head(line) {
            lines.entry(cpu).or_default().push(line);
            current = Some(cpu);
        } else if let Some(cpu) = current
            && let Some(last) = lines.get_mut(&cpu).and_then(|list| list.last_mut())
        {
            last.text.push('\n');
            last.text.push_str(line);
        } else {
            assert!(line.starts_with('#') || line.is_empty(), "{line:?}");
        }
    }
    lines
}

/// Makes the kernel do many different things.
fn work() {
    let dir = std::env::temp_dir().join(root::unique("mcekit-work"));
    fs::create_dir(&dir).unwrap();
    for n in 0..20 {
        let path = dir.join(format!("file {n}"));
        fs::write(&path, vec![n; 40_000]).unwrap();
        fs::rename(&path, dir.join("renamed")).unwrap();
        fs::File::open(dir.join("renamed"))
            .unwrap()
            .sync_all()
            .unwrap();
        let status = Command::new("true").stdout(Stdio::null()).status();
        assert!(status.unwrap().success());
    }
    fs::remove_dir_all(&dir).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut to = std::net::TcpStream::connect(address).unwrap();
            std::io::Write::write_all(&mut to, &[1; 5000]).unwrap();
        });
        let (mut from, _) = listener.accept().unwrap();
        std::io::copy(&mut from, &mut std::io::sink()).unwrap();
    });
    let memory = vec![1u8; 8 << 20];
    std::thread::sleep(std::time::Duration::from_millis(
        50 + u64::from(memory[4096]),
    ));
}

/// What became of the lines of one event.
#[derive(Default)]
struct Tally {
    equal: usize,
    inexact: usize,
    different: Vec<(String, String)>,
}

fn compare(
    instance: &Instance,
    formats: &HashMap<u16, (String, PrintFmt)>,
) -> BTreeMap<String, Tally> {
    let text = fs::read(instance.root().join("trace")).unwrap();
    let printed = printed(&String::from_utf8_lossy(&text));
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for cpu in instance.cpus().unwrap() {
        let mut lines = printed.get(&cpu).map_or(&[][..], Vec::as_slice).iter();
        let mut pages = instance.pages(cpu, Method::Read).unwrap();
        while let Some(sub) = pages.next_page().unwrap() {
            assert_eq!(sub.lost(), None);
            for record in sub.records() {
                let record = record.unwrap();
                let line = lines.next().expect("as many records as lines");
                let micros = (record.timestamp + 500) / 1000;
                assert_eq!(line.micros, micros, "cpu {cpu}: {line:?}");
                let id = record.event_id(sub.endian()).unwrap();
                let (name, print) = formats.get(&id).expect("only events that were enabled");
                let tally = tallies.entry(name.clone()).or_default();
                let mut ours = format!("{}: ", name.split_once(':').unwrap().1);
                let rendered = print.render(record.data, &mut ours).unwrap();
                // The kernel ends a line with one line feed, whether the text had one or not.
                if ours == line.text || ours.strip_suffix('\n') == Some(&line.text) {
                    tally.equal += 1;
                } else if !rendered.is_exact() {
                    tally.inexact += 1;
                } else {
                    tally.different.push((line.text.clone(), ours));
                }
            }
        }
        assert_eq!(lines.count(), 0, "cpu {cpu}: as many lines as records");
    }
    tallies
}

#[test]
fn lines_are_the_kernels_own() {
    let Some(kernel) = Kernel::get() else { return };
    let instance = kernel.instance();
    instance.set_option("overwrite", false).unwrap();
    // Hashed pointers cannot be computed outside the kernel.
    instance.set_option("hash-ptr", false).unwrap();
    instance.set_buffer_size_kb(8192).unwrap();

    let mut symbols = Symbols::new();
    symbols.kallsyms(&fs::read_to_string("/proc/kallsyms").unwrap());
    let strings = kernel.tracefs.root().join("printk_formats");
    symbols.printk_formats(&fs::read_to_string(strings).unwrap_or_default());
    if let Ok(btf) = fs::read("/sys/kernel/btf/vmlinux") {
        symbols.btf(&btf).unwrap();
    }

    instance.set_recording(false).unwrap();
    let mut formats = HashMap::new();
    for system in kernel.tracefs.systems().unwrap() {
        if OTHERWISE.contains(&system.as_str()) {
            continue;
        }
        for name in kernel.tracefs.events(&system).unwrap() {
            let event = event(&instance, &name.to_string());
            // Some refuse: they are for perf only, or need hardware.
            if event.set_enabled(true).is_err() {
                continue;
            }
            let format = event.format().unwrap();
            let print = PrintFmt::compile(&format, &symbols).unwrap();
            formats.insert(format.id().try_into().unwrap(), (name.to_string(), print));
        }
    }
    instance.set_recording(true).unwrap();
    work();
    instance.set_recording(false).unwrap();

    let tallies = compare(&instance, &formats);
    let (mut equal, mut inexact, mut different) = (0, 0, 0);
    let mut unexplained = vec![];
    for (name, tally) in &tallies {
        equal += tally.equal;
        inexact += tally.inexact;
        different += tally.different.len();
        if let Some((kernel, ours)) = tally.different.first() {
            eprintln!(
                "{name}: {} of {} differ:\n  kernel {kernel:?}\n  ours   {ours:?}",
                tally.different.len(),
                tally.equal + tally.different.len()
            );
        }
        if tally.inexact > 0 {
            let format = event(&instance, name).format().unwrap();
            let text = format.print_text().unwrap_or_default();
            let named: Vec<_> = VARIABLES.iter().filter(|v| text.contains(**v)).collect();
            eprintln!("{name}: {} with a fallback for {named:?}", tally.inexact);
            if named.is_empty() {
                unexplained.push(name);
            }
        }
    }
    eprintln!(
        "{} events: {equal} lines equal, {inexact} with a fallback, {different} different",
        tallies.len()
    );
    assert!(tallies.len() > 40 && equal > 5_000, "too little happened");
    assert_eq!(different, 0);
    assert!(
        unexplained.is_empty(),
        "fallbacks without need: {unexplained:?}"
    );
}
