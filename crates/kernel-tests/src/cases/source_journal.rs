//! systemd's journal as a channel: what the kernel prints, through journald's files and `journalctl -o export`, to `mcekit-source`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use mcekit_source::{Channel, Cursor, Event, Journal, Loss, Observed, Seek, Source};
use mcelog_dev::knobs::Knobs;

use crate::case::{Boot, Case, Cpu, Failure, How, Kernel, Outcome, ensure, same};
use crate::guest::systemd::run as program;
use crate::guest::{Guest, Injected};

pub(super) const CASE: Case = Case {
    name: "source_journal",
    about: "the kernel's words of an error come once out of systemd's journal, across a restart and a reboot; what is vacuumed is told as lost",
    kernels: &[Kernel::Stock612],
    cpus: Cpu::INTEL,
    how: How::Boots(&[
        Boot::new(follows).with_systemd(),
        Boot::new(goes_on).with_systemd(),
    ]),
};

/// Where the first boot leaves its place.
const PLACE: &str = "/var/lib/place";

/// How long an error may take from the bank to the journal's reader.
const PATIENCE: Duration = Duration::from_secs(20);

fn open() -> Result<Journal, Failure> {
    Ok(Journal::follow()?.settle(Duration::from_millis(300)))
}

/// The errors of this case: two of the first boot, one of the second.
fn error(number: u8) -> Injected {
    Injected {
        cpu: u32::from(number % 2),
        bank: 5 + number,
        status: 0xcc00_0040_0001_0091 | u64::from(number) << 18,
        addr: 0x12_3456_7000 + u64::from(number) * 0x1000,
        misc: 0x9086,
        ..Injected::default()
    }
}

/// Puts it into its bank, and has the kernel find and print it.
fn inject(guest: &Guest, number: u8) -> Outcome {
    for cpu in 0..2 {
        Knobs::new().cpu(cpu).set_print_all(true)?;
    }
    guest.poll_banks_often()?;
    guest.inject(&error(number));
    Ok(())
}

/// Takes what comes, until it has so many.
fn take(guest: &Guest, source: &mut Journal, many: usize) -> Result<Vec<Event>, Failure> {
    let mut events = Vec::new();
    let waited = guest.wait_for("events of the journal", PATIENCE, || {
        while let Some(event) = source.next()? {
            events.push(event);
        }
        Ok((events.len() >= many).then_some(()))
    });
    waited.map_err(|Failure(why)| Failure(format!("{why}: {events:?}")))?;
    same("events", events.len(), many)?;
    Ok(events)
}

/// Whether there is nothing but what was taken.
fn nothing_more(source: &mut Journal) -> Outcome {
    for _ in 0..10 {
        sleep(Duration::from_millis(100));
        if let Some(event) = source.next()? {
            return Err(Failure(format!("one more: {event:?}")));
        }
    }
    Ok(())
}

fn is(event: &Event, number: u8, earlier_boot: bool) -> Outcome {
    let Event::Record(Observed {
        record,
        channel,
        earlier_boot: earlier,
        ..
    }) = event
    else {
        return Err(Failure(format!("no record: {event:?}")));
    };
    let want = error(number);
    same("channel", *channel, Channel::Journal)?;
    same("of an earlier boot", *earlier, earlier_boot)?;
    same("cpu", record.cpu(), Some(want.cpu))?;
    same("bank", record.bank(), Some(want.bank))?;
    same("status", record.status().0, want.status)?;
    same("addr", record.addr().map(|a| a.0), Some(want.addr))?;
    same("misc", record.misc().map(|m| m.0), Some(want.misc))?;
    same("apicid", record.apicid(), Some(want.cpu))?;
    same("socket", record.socket(), Some(0))
}

/// Words of programs in the kernel's log: like an error's, with a line end, and with bytes that are no text.
fn forge() -> Outcome {
    for words in [
        &b"<0>mce: [Hardware Error]: CPU 0: Machine Check: 0 Bank 5: bea0000000000108\n"[..],
        b"<0>two\nlines\n",
        b"<0>no text: \xff\xfe\x80\n",
    ] {
        fs::write("/dev/kmsg", words)?;
    }
    Ok(())
}

/// How journalctl gives messages to a program: as a line, or with their length.
fn forms() -> Result<BTreeMap<&'static str, usize>, Failure> {
    program("journalctl", &["--sync"])?;
    let output = std::process::Command::new("journalctl")
        .args(["--output=export", "--no-pager", "_TRANSPORT=kernel"])
        .output()?
        .stdout;
    let mut forms = BTreeMap::new();
    for (form, begin) in [("line", &b"\nMESSAGE="[..]), ("length", b"\nMESSAGE\n")] {
        let found = output.windows(begin.len()).filter(|part| *part == begin);
        forms.insert(form, found.count());
    }
    Ok(forms)
}

fn follows(guest: &Guest) -> Outcome {
    let mut source = open()?;
    inject(guest, 0)?;
    is(&take(guest, &mut source, 1)?[0], 0, false)?;
    let cursor = source.cursor().ok_or_else(|| Failure::new("no cursor"))?;
    guest.keep("cursor", cursor.to_string().as_bytes());
    drop(source);

    // While nobody reads: a program's words, and another error.
    forge()?;
    inject(guest, 1)?;
    let cursor: Cursor = cursor.to_string().parse()?;
    let mut again = open()?;
    same("the seek", again.seek(&cursor)?, Seek::Resumed)?;
    is(&take(guest, &mut again, 1)?[0], 1, false)?;
    nothing_more(&mut again)?;
    ensure(again.untrusted() >= 3, "the forged lines were not counted")?;
    let forms = forms()?;
    guest.keep("forms", format!("{forms:?}").as_bytes());
    ensure(
        forms.get("length").is_some_and(|&many| many > 0),
        format!("journalctl gave no message with its length: {forms:?}"),
    )?;
    let cursor = again.cursor().ok_or_else(|| Failure::new("no cursor"))?;
    fs::write(PLACE, cursor.to_string())?;
    // The machine is switched off without a word.
    nix::unistd::sync();
    Ok(())
}

fn goes_on(guest: &Guest) -> Outcome {
    let cursor: Cursor = fs::read_to_string(PLACE)?.parse()?;
    inject(guest, 2)?;
    // Whoever begins reads the boot before this one, too.
    let mut new = open()?;
    let all = take(guest, &mut new, 3)?;
    for (event, (number, earlier)) in all.iter().zip([(0, true), (1, true), (2, false)]) {
        is(event, number, earlier)?;
    }
    drop(new);
    // Whoever was there before goes on.
    let mut again = open()?;
    again.seek(&cursor)?;
    is(&take(guest, &mut again, 1)?[0], 2, false)?;
    nothing_more(&mut again)?;
    drop(again);

    // The journal makes room, and what is at the cursor goes.
    ensure(
        Path::new("/var/log/journal").is_dir(),
        "the journal is not kept",
    )?;
    program("journalctl", &["--rotate"])?;
    sleep(Duration::from_secs(2));
    program("journalctl", &["--vacuum-time=1s"])?;
    let mut late = open()?;
    late.seek(&cursor)?;
    inject(guest, 3)?;
    let events = take(guest, &mut late, 2)?;
    let lost = matches!(&events[0], Event::Lost(lost) if lost.loss == Loss::Unknown);
    ensure(lost, format!("no loss: {events:?}"))?;
    is(&events[1], 3, false)
}
