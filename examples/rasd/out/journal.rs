//! The journal's native protocol: one datagram a message, with the registers as fields; and syslog's, where there is no
//! journal (systemd's docs, JOURNAL_NATIVE_PROTOCOL; RFC 3164).

use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use mcekit_source::Event;

use crate::explain::cpu::Tables;
use crate::facts::Facts;
use crate::notes::Priority;

use super::news::{News, missing, plain, priority};
use super::queue::LeftOut;

/// What `journalctl MESSAGE_ID=` finds: all machine checks, all notes of thresholds and the like.
const MACHINE_CHECK: &str = "2f9c8c3e9ad64f0eb2f8fb1a4d7c6a51";
const OTHER_EVENT: &str = "6b1d04f0b7b94a6c8d3c0a7fb1d2e9c4";
const LOSS: &str = "d54a0e9c3f1b47d28f6a1e7390c5b2a8";
const NOTE: &str = "90e3a7b6c2d1438fb5e4f60718a9d3c2";

/// syslog's number for daemons.
const DAEMON: u8 = 3;

/// Texts longer than this are cut: a datagram has to fit in the socket's buffer.
const LONGEST: usize = 16 << 10;

/// A message in both protocols.
#[derive(Debug)]
pub(crate) struct Message {
    priority: Priority,
    text: String,
    fields: Vec<u8>,
}

/// Sends messages to whoever listens.
#[derive(Debug)]
pub(crate) struct Sender {
    socket: UnixDatagram,
    journal: PathBuf,
    syslog: PathBuf,
    tables: Tables,
}

impl Sender {
    pub(crate) fn new(socket: UnixDatagram, journal: PathBuf, syslog: PathBuf) -> Self {
        Self {
            socket,
            journal,
            syslog,
            tables: Tables::new(None),
        }
    }

    /// The message for news.
    pub(crate) fn message(&mut self, news: &News) -> Message {
        let (delivered, name) = match news {
            News::Note(priority, text, _) => return note(*priority, text),
            News::Event(delivered, name) => (delivered, name.as_deref()),
        };
        let text = plain(delivered, name, &mut self.tables);
        let mut fields = Vec::new();
        let mut put = |key: &str, value: &dyn std::fmt::Display| {
            field(&mut fields, key, &value.to_string());
        };
        put("MCE_SEQ", &delivered.seq);
        let priority = match &delivered.event {
            Event::Record(observed) => {
                let record = &observed.record;
                let facts = Facts::of(record, &mut self.tables);
                put("MESSAGE_ID", &MACHINE_CHECK);
                put("MCE_CHANNEL", &observed.channel);
                put("MCE_SEVERITY", &facts.severity.id());
                put("MCE_CLASS", &facts.class);
                if let Some(identity) = delivered.identity {
                    put("MCE_IDENTITY", &identity);
                }
                if let Some(unit) = facts.unit {
                    put("MCE_UNIT", &unit);
                }
                let mut hex = |key: &str, value: Option<u64>| {
                    if let Some(value) = value {
                        put(key, &format_args!("{value:#018x}"));
                    }
                };
                hex("MCE_STATUS", Some(record.status().0));
                hex("MCE_ADDR", record.addr().map(u64::from));
                hex("MCE_MISC", record.misc().map(u64::from));
                hex("MCE_SYND", record.synd().map(u64::from));
                hex("MCE_IPID", record.ipid().map(u64::from));
                hex("MCE_MCGSTATUS", record.mcgstatus().map(u64::from));
                hex("MCE_PPIN", record.ppin().map(u64::from));
                let slot = facts.slot.unwrap_or_default();
                for (key, value) in [
                    ("MCE_CPU", record.cpu()),
                    ("MCE_BANK", record.bank().map(u32::from)),
                    ("MCE_SOCKET", record.socket()),
                    ("MCE_APICID", record.apicid()),
                    ("MCE_IMC", slot.imc),
                    ("MCE_CHANNEL_NUMBER", slot.channel),
                    ("MCE_DIMM", slot.dimm),
                ] {
                    if let Some(value) = value {
                        put(key, &value);
                    }
                }
                if let Some(time) = record.time() {
                    put("MCE_TIME", &time);
                }
                if let Some(name) = name {
                    put("MCE_DIMM_NAME", &name);
                }
                priority(facts.severity)
            }
            Event::Generic(event) => {
                put("MESSAGE_ID", &OTHER_EVENT);
                put("MCE_CHANNEL", &event.channel);
                put(
                    "MCE_EVENT",
                    &format_args!("{}:{}", event.system, event.name),
                );
                match Facts::of_generic(event) {
                    Some(facts) => {
                        put("MCE_SEVERITY", &facts.severity.id());
                        put("MCE_CLASS", &facts.class);
                        priority(facts.severity)
                    }
                    None => Priority::Notice,
                }
            }
            Event::Lost(lost) => {
                put("MESSAGE_ID", &LOSS);
                put("MCE_CHANNEL", &lost.channel);
                put("MCE_LOST", &lost.loss);
                Priority::Warning
            }
            _ => Priority::Notice,
        };
        Message {
            priority,
            text,
            fields,
        }
    }

    /// The message for what is missing.
    pub(crate) fn missing(&self, left_out: LeftOut) -> Message {
        note(Priority::Warning, &missing(left_out))
    }

    /// Sends it to the journal; where there is none, to syslog. May wait for room.
    ///
    /// # Errors
    ///
    /// The journal's, where syslog is not there either.
    pub(crate) fn send(&self, message: &Message) -> io::Result<()> {
        let native = message.native();
        let Err(error) = self.socket.send_to(&native, &self.journal) else {
            return Ok(());
        };
        let plain = message.syslog();
        match self.socket.send_to(plain.as_bytes(), &self.syslog) {
            Ok(_) => Ok(()),
            Err(_) => Err(error),
        }
    }
}

fn note(priority: Priority, text: &str) -> Message {
    let mut fields = Vec::new();
    field(&mut fields, "MESSAGE_ID", NOTE);
    Message {
        priority,
        text: text.to_owned(),
        fields,
    }
}

impl Message {
    fn native(&self) -> Vec<u8> {
        let mut bytes = self.fields.clone();
        field(&mut bytes, "MESSAGE", cut(&self.text));
        field(&mut bytes, "PRIORITY", &(self.priority as u8).to_string());
        field(&mut bytes, "SYSLOG_IDENTIFIER", "rasd");
        field(&mut bytes, "SYSLOG_FACILITY", &DAEMON.to_string());
        bytes
    }

    fn syslog(&self) -> String {
        let number = DAEMON * 8 + self.priority as u8;
        let line: String = cut(&self.text)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        format!("<{number}>rasd[{}]: {line}", std::process::id())
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// One field: on a line where it has no line end itself, else with its length.
fn field(bytes: &mut Vec<u8>, key: &str, value: &str) {
    bytes.extend_from_slice(key.as_bytes());
    if value.contains('\n') {
        bytes.push(b'\n');
        bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
    } else {
        // Writing to memory does not fail.
        _ = writeln!(bytes, "={value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_on_a_line_or_have_their_length() {
        let mut bytes = Vec::new();
        field(&mut bytes, "A", "x=y");
        field(&mut bytes, "B", "1\n2");
        assert_eq!(bytes, b"A=x=y\nB\n\x03\0\0\0\0\0\0\x001\n2\n");
    }

    #[test]
    fn a_message_is_one_line_of_syslog() {
        let message = note(Priority::Warning, &format!("a\nb{}", "é".repeat(LONGEST)));
        let line = message.syslog();
        assert!(line.starts_with("<28>rasd["), "{line}");
        assert!(line.len() < LONGEST + 40 && !line.contains('\n'));
    }
}
