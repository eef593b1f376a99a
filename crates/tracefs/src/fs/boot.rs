//! Instances that the kernel made while it booted (`trace_instance=`, Linux 6.3 and later).

use std::string::String;
use std::vec::Vec;

/// One `trace_instance=NAME[^FLAG…][@MEMORY][,EVENT…]` of a kernel command line, or `NAME=OTHER` (seen on 7.3): a copy of
/// what another instance's memory has of the boot before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BootInstance {
    /// The instance's name.
    pub name: String,
    /// Flags such as `traceoff`.
    pub flags: Vec<String>,
    /// Memory in which the ring survives a warm reboot (6.12): `START:SIZE`, or the name of a
    /// `reserve_mem`. Such an instance cannot be removed.
    pub memory: Option<String>,
    /// The instance whose ring was copied into this one before it began to record this boot. A copy is read-only, and
    /// the kernel removes it once it was read through.
    pub copy_of: Option<String>,
    /// The events that were enabled in it: `system:event`, `system` or `event`.
    pub events: Vec<String>,
}

/// The instances in the text of `/proc/cmdline`, or of another machine's.
///
/// ```
/// let found = tracefs::fs::parse_cmdline("quiet trace_instance=ras^traceoff@keep,mce:mce_record");
/// assert_eq!(found[0].name, "ras");
/// assert_eq!(found[0].memory.as_deref(), Some("keep"));
/// assert_eq!(found[0].events, ["mce:mce_record"]);
/// ```
#[must_use]
pub fn parse_cmdline(cmdline: &str) -> Vec<BootInstance> {
    let mut found = Vec::new();
    for word in words(cmdline) {
        // What follows `--` is for init.
        if word == "--" {
            break;
        }
        let Some(value) = word.strip_prefix("trace_instance=") else {
            continue;
        };
        let mut parts = value.split(',');
        let head = parts.next().unwrap_or_default();
        let (head, memory) = match head.split_once('@') {
            Some((head, memory)) => (head, Some(memory.into())),
            None => (head, None),
        };
        let (head, copy_of) = match head.split_once('=') {
            Some((head, other)) => (head, Some(other.into())),
            None => (head, None),
        };
        let mut head = head.split('^');
        let name = head.next().unwrap_or_default();
        if name.is_empty() {
            continue;
        }
        found.push(BootInstance {
            name: name.into(),
            flags: head.map(Into::into).collect(),
            memory,
            copy_of,
            events: parts.filter(|e| !e.is_empty()).map(Into::into).collect(),
        });
    }
    found
}

/// The words of a command line; quotes hold blanks together, and are no part of the value.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|w| !w.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_told_apart() {
        let found = parse_cmdline(
            "root=/dev/vda trace_instance=mce,mce:mce_record,ras trace_instance=boot^traceoff^traceprintk@0x1000:12M \
             trace_instance= \"trace_instance=q,sched\" trace_instance=before=boot trace_event=x -- trace_instance=no\n",
        );
        assert_eq!(found.len(), 4);
        assert_eq!(found[0].name, "mce");
        assert_eq!(found[0].events, ["mce:mce_record", "ras"]);
        assert_eq!((&found[0].memory, found[0].flags.len()), (&None, 0));
        assert_eq!(found[1].flags, ["traceoff", "traceprintk"]);
        assert_eq!(found[1].memory.as_deref(), Some("0x1000:12M"));
        assert_eq!((&*found[2].name, &found[2].copy_of), ("q", &None));
        assert_eq!(found[3].name, "before");
        assert_eq!(found[3].copy_of.as_deref(), Some("boot"));
    }
}
