//! One boot: QEMU, its two serial lines and its monitor.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Trouble;
use super::initramfs::{Entry, archive};
use super::kernels::Files;
use super::transcript::{Line, Stream, Transcript};
use crate::case::Machine;
use crate::guest::{PLAN, RASD, systemd};

/// One host thread for all guest CPUs: with several, kernels that patch their own code
/// (static keys, and so every tracepoint that is enabled) now and then die of a stray int3.
const ACCEL: &str = "tcg,thread=single";

/// The emulator that Debian calls `qemu-system-x86`.
const QEMU: &str = "qemu-system-x86_64";

/// QEMU connects to its sockets at once, or never.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// What to boot.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) machine: Machine,
    pub(super) kernel: &'a Files,
    pub(super) guest: &'a Path,
    /// The daemon, where the boot wants it.
    pub(super) rasd: Option<&'a Path>,
    /// The disk is the root, with systemd.
    pub(super) systemd: bool,
    /// When the plan is done, the guest goes down by itself.
    pub(super) powers_off: bool,
    /// Case and number of its boot.
    pub(super) cases: Vec<(&'static str, usize)>,
    pub(super) cpus: u8,
    pub(super) append: &'a str,
    /// The file behind the persistent error store, if there is to be one.
    pub(super) erst: Option<&'a Path>,
    /// The file behind the disk, if there is to be one.
    pub(super) disk: Option<&'a Path>,
    /// How often the guest restarts itself.
    pub(super) restarts: u8,
}

/// How a case's process ended, as the guest's init tells it.
#[derive(Debug)]
pub(super) struct CaseEnd {
    pub(super) name: String,
    pub(super) seconds: f64,
    /// `None` where it passed.
    pub(super) why: Option<String>,
}

/// How the boot itself ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BootEnd {
    /// The guest did all of its plan.
    Done,
    /// QEMU ended: the kernel panicked, or never came up.
    Gone,
    /// The time was over.
    TimedOut,
    /// It came up once more than it was to.
    Restarted,
    /// It did all of its plan, and came up less often than it was to.
    NotRestarted,
}

/// What a boot leaves.
#[derive(Debug)]
pub(super) struct Booted {
    pub(super) transcript: Transcript,
    pub(super) cases: Vec<CaseEnd>,
    /// Name, value and unit.
    pub(super) figures: Vec<String>,
    pub(super) end: BootEnd,
    pub(super) seconds: f64,
}

/// Boots, runs the plan, stops.
pub(super) fn run(plan: &Plan<'_>, deadline: Instant, verbose: bool) -> Result<Booted, Trouble> {
    let folder = tempfile::tempdir()?;
    let initrd = folder.path().join("initrd");
    fs::write(&initrd, root(plan)?)?;
    let mut guest = Emulator::start(plan, &initrd, folder.path(), verbose)?;
    let end = guest.follow(deadline, plan.powers_off)?;
    guest.stop();
    Ok(Booted {
        seconds: guest.started.elapsed().as_secs_f64(),
        transcript: std::mem::take(&mut guest.transcript),
        cases: std::mem::take(&mut guest.cases),
        figures: std::mem::take(&mut guest.figures),
        end,
    })
}

/// The guest's root file system.
fn root(plan: &Plan<'_>) -> Result<Vec<u8>, Trouble> {
    let program = fs::read(plan.guest).map_err(Trouble::while_doing(plan.guest.display()))?;
    let mut text = format!("{}\n", plan.machine);
    for (name, boot) in &plan.cases {
        text.push_str(&format!("{name} {boot}\n"));
    }
    let mut order = String::new();
    let mut modules = Vec::new();
    for path in &plan.kernel.modules {
        let data = fs::read(path).map_err(Trouble::while_doing(path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        order.push_str(&format!("{name}\n"));
        modules.push((format!("modules/{name}"), data));
    }
    let mut entries = vec![
        ("dev", Entry::Folder),
        // Before the kernel's own /dev is mounted, a program starts with these.
        ("dev/console", Entry::Device(5, 1)),
        ("dev/null", Entry::Device(1, 3)),
        ("proc", Entry::Folder),
        ("sys", Entry::Folder),
        ("tmp", Entry::Folder),
        ("modules", Entry::Folder),
        ("modules/order", Entry::File(order.as_bytes())),
        (PLAN.trim_start_matches('/'), Entry::File(text.as_bytes())),
        ("init", Entry::Program(&program)),
        ("trigger", Entry::Link("/init")),
    ];
    let rasd = plan
        .rasd
        .map(|path| fs::read(path).map_err(Trouble::while_doing(path.display())))
        .transpose()?;
    if let Some(program) = &rasd {
        entries.push((RASD.trim_start_matches('/'), Entry::Program(program)));
    }
    if plan.systemd {
        entries.push((systemd::MARK.trim_start_matches('/'), Entry::File(b"")));
    }
    entries.extend(
        modules
            .iter()
            .map(|(name, data)| (name.as_str(), Entry::File(data))),
    );
    Ok(archive(&entries))
}

struct Emulator {
    process: Child,
    monitor: Monitor,
    lines: Receiver<(Stream, Option<String>)>,
    started: Instant,
    verbose: bool,
    machine: Machine,
    transcript: Transcript,
    cases: Vec<CaseEnd>,
    figures: Vec<String>,
    /// The case that the guest says it is in.
    running: Option<(String, Instant)>,
    /// Why it fails, in its own words.
    why: Option<String>,
    /// How often the guest may yet come up.
    to_come: u8,
}

impl Emulator {
    fn start(
        plan: &Plan<'_>,
        initrd: &Path,
        folder: &Path,
        verbose: bool,
    ) -> Result<Self, Trouble> {
        let socket = |name: &str| -> Result<(PathBuf, UnixListener), Trouble> {
            let path = folder.join(name);
            let listener = UnixListener::bind(&path).map_err(Trouble::while_doing("a socket"))?;
            listener.set_nonblocking(true)?;
            Ok((path, listener))
        };
        let (console_path, console) = socket("console")?;
        let (words_path, words) = socket("words")?;
        let (monitor_path, monitor) = socket("monitor")?;
        let parameters = format!(
            "console=ttyS0 panic=-1 no_timer_check {} {}",
            plan.machine.kernel.parameters(),
            plan.append
        );
        let mut command = Command::new(QEMU);
        command
            .args([
                "-accel",
                ACCEL,
                "-machine",
                "pc",
                "-cpu",
                plan.machine.cpu.qemu(),
            ])
            .args(["-smp", &plan.cpus.to_string(), "-m", "512"])
            .args(["-nodefaults", "-display", "none"])
            .args((plan.restarts == 0).then_some("-no-reboot"))
            .arg("-kernel")
            .arg(&plan.kernel.vmlinuz)
            .arg("-initrd")
            .arg(initrd)
            .args(["-append", &parameters])
            .args(["-serial", &format!("unix:{}", console_path.display())])
            .args(["-serial", &format!("unix:{}", words_path.display())])
            .args(["-qmp", &format!("unix:{}", monitor_path.display())]);
        if let Some(store) = plan.erst {
            let store = store.display();
            command
                .args([
                    "-object",
                    &format!("memory-backend-file,id=erst,mem-path={store},size=0x20000,share=on"),
                ])
                .args(["-device", "acpi-erst,memdev=erst"]);
        }
        if let Some(disk) = plan.disk {
            command
                .args([
                    "-drive",
                    &format!("id=disk,if=none,format=raw,file={}", disk.display()),
                ])
                .args(["-device", "virtio-blk-pci,drive=disk"]);
        }
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Trouble::while_doing(format!(
                "{QEMU} (is qemu-system-x86 installed?)"
            )))?;
        let started = Instant::now();
        let mut take = |listener: &UnixListener| accept(listener, &mut process);
        let (console, words, monitor) = (take(&console)?, take(&words)?, take(&monitor)?);
        let (sender, lines) = mpsc::channel();
        pump(Stream::Console, console, sender.clone());
        pump(Stream::Words, words, sender);
        Ok(Self {
            process,
            monitor: Monitor::new(monitor)?,
            lines,
            started,
            verbose,
            machine: plan.machine,
            transcript: Transcript::default(),
            cases: Vec::new(),
            figures: Vec::new(),
            running: None,
            why: None,
            to_come: plan.restarts.saturating_add(1),
        })
    }

    fn note(&mut self, stream: Stream, text: String) {
        let at = self.started.elapsed().as_secs_f64();
        let line = Line { at, stream, text };
        if self.verbose {
            println!("{} {line}", self.machine);
        }
        self.transcript.lines.push(line);
    }

    fn follow(&mut self, deadline: Instant, powers_off: bool) -> Result<BootEnd, Trouble> {
        let mut open = 2;
        while open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            let (stream, text) = match self.lines.recv_timeout(left) {
                Ok((stream, Some(text))) => (stream, text),
                Ok((_, None)) => {
                    open -= 1;
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => return Ok(BootEnd::TimedOut),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let end = match stream {
                Stream::Words => self.word(&text)?,
                _ => None,
            };
            if let Some(end) = end {
                // It goes down by itself if all is well.
                let failed = self.cases.iter().any(|case| case.why.is_some());
                if !matches!(end, BootEnd::Done) || failed || !powers_off {
                    return Ok(end);
                }
                continue;
            }
            self.note(stream, text);
        }
        // A case that the kernel's end cut off is told by what the boot was to do.
        if let Some((name, since)) = self.running.take() {
            self.cases.push(CaseEnd {
                name,
                seconds: since.elapsed().as_secs_f64(),
                why: Some("the guest ended".to_owned()),
            });
        }
        Ok(BootEnd::Gone)
    }

    /// Takes a line of the guest. The boot's end, if it says that.
    fn word(&mut self, text: &str) -> Result<Option<BootEnd>, Trouble> {
        let Some(text) = text.strip_prefix('@') else {
            return Ok(None);
        };
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "mce" | "hmp" => {
                let command = if word == "mce" { text } else { rest };
                let answer = self.monitor.human(command);
                self.note(Stream::Monitor, format!("{command}  {answer}"));
            }
            "case" => self.running = Some((rest.to_owned(), Instant::now())),
            "why" => self.why = Some(rest.to_owned()),
            "pass" | "fail" => {
                let mut parts = rest.splitn(3, ' ');
                let name = parts.next().unwrap_or_default().to_owned();
                let seconds = parts
                    .next()
                    .and_then(|s| s.parse().ok())
                    .unwrap_or_default();
                let status = parts.next().unwrap_or_default().to_owned();
                let said = self.why.take();
                let why = (word == "fail").then(|| said.unwrap_or(status));
                self.cases.push(CaseEnd { name, seconds, why });
                self.running = None;
            }
            "figure" => self.figures.push(rest.to_owned()),
            "keep" => {
                let (name, hex) = rest.split_once(' ').unwrap_or((rest, ""));
                let bytes = from_hex(hex)
                    .ok_or_else(|| Trouble::new(format!("{name}: the guest's hex is damaged")))?;
                self.transcript.kept.insert(name.to_owned(), bytes);
            }
            "broken" => return Err(Trouble::new(format!("the guest's init: {rest}"))),
            "up" => match self.to_come.checked_sub(1) {
                Some(left) => self.to_come = left,
                None => return Ok(Some(BootEnd::Restarted)),
            },
            "done" if self.to_come > 0 => return Ok(Some(BootEnd::NotRestarted)),
            "done" => return Ok(Some(BootEnd::Done)),
            _ => {}
        }
        Ok(None)
    }

    fn stop(&mut self) {
        self.monitor.call("quit", &json!({}));
        let limit = Instant::now() + Duration::from_secs(3);
        while Instant::now() < limit {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        // It is ours and has had its time; that it cannot be killed is no news to anyone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.bytes().all(|b| b.is_ascii_hexdigit());
    if !digits || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

fn accept(listener: &UnixListener, process: &mut Child) -> Result<UnixStream, Trouble> {
    let limit = Instant::now() + CONNECT_LIMIT;
    loop {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false)?;
            return Ok(stream);
        }
        if process.try_wait()?.is_some() || Instant::now() > limit {
            let mut said = String::new();
            let _ = process.kill();
            if let Some(mut stderr) = process.stderr.take() {
                stderr.read_to_string(&mut said)?;
            }
            return Err(Trouble::new(format!(
                "QEMU does not start: {}",
                said.trim()
            )));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn pump(stream: Stream, from: UnixStream, to: Sender<(Stream, Option<String>)>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        // Whoever stopped listening needs no more lines.
        while matches!(from.read_until(b'\n', &mut line), Ok(n) if n > 0) {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\r', '\n']).to_owned();
            if to.send((stream, Some(text))).is_err() {
                return;
            }
            line.clear();
        }
        let _ = to.send((stream, None));
    });
}

/// As much of QEMU's machine protocol as it takes to run the human monitor's commands.
struct Monitor {
    read: BufReader<UnixStream>,
    write: UnixStream,
}

impl Monitor {
    fn new(stream: UnixStream) -> Result<Self, Trouble> {
        stream.set_read_timeout(Some(CONNECT_LIMIT))?;
        let mut monitor = Self {
            read: BufReader::new(stream.try_clone()?),
            write: stream,
        };
        let mut greeting = String::new();
        monitor.read.read_line(&mut greeting)?;
        monitor.call("qmp_capabilities", &json!({}));
        Ok(monitor)
    }

    /// The answer, or nothing if QEMU is gone: the caller sees that by the other streams.
    fn call(&mut self, command: &str, arguments: &Value) -> Option<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.write, "{request}").ok()?;
        let mut line = String::new();
        loop {
            line.clear();
            if self.read.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let answer: Value = serde_json::from_str(&line).ok()?;
            // Events come between the answers.
            if let Some(value) = answer.get("return").or_else(|| answer.get("error")) {
                return Some(value.clone());
            }
        }
    }

    fn human(&mut self, command: &str) -> String {
        let arguments = json!({ "command-line": command });
        match self.call("human-monitor-command", &arguments) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(other) => other.to_string(),
            None => "(no answer)".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::from_hex;

    #[test]
    fn hex_is_bytes_or_damaged() {
        assert_eq!(from_hex("00ff10"), Some(vec![0, 255, 16]));
        assert_eq!(from_hex(""), Some(Vec::new()));
        for damaged in ["0", "0g", "0ü0", "+1"] {
            assert_eq!(from_hex(damaged), None, "{damaged}");
        }
    }
}
