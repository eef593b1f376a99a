//! What the error numbers of `perf_event_open` mean for a given event on a given machine.

use std::fmt;
use std::fs;

use crate::abi::{AttrFlags, EventAttr, EventType, OpenFlags, SampleType};

/// What decides about permission: read from `/proc`, or given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// `kernel.perf_event_paranoid`; `None` when it could not be read.
    pub paranoid: Option<i32>,
    /// The effective capability set; `None` when it could not be read.
    pub capabilities: Option<u64>,
}

/// `CAP_SYS_ADMIN`, which implies the next since before it existed.
const CAP_SYS_ADMIN: u32 = 21;
/// `CAP_PERFMON` (5.8).
const CAP_PERFMON: u32 = 38;

impl Rights {
    /// Those of this process, now.
    #[must_use]
    pub fn current() -> Self {
        let paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid")
            .ok()
            .and_then(|s| s.trim().parse().ok());
        let capabilities = fs::read_to_string("/proc/self/status")
            .ok()
            .and_then(|status| {
                let line = status
                    .lines()
                    .find_map(|line| line.strip_prefix("CapEff:"))?;
                u64::from_str_radix(line.trim(), 16).ok()
            });
        Rights {
            paranoid,
            capabilities,
        }
    }

    /// Whether `CAP_PERFMON` or `CAP_SYS_ADMIN` is effective.
    #[must_use]
    pub fn perfmon(&self) -> Option<bool> {
        self.capabilities
            .map(|set| set & (1 << CAP_PERFMON | 1 << CAP_SYS_ADMIN) != 0)
    }
}

/// Why an event was refused, as far as the error number, the event and the process's rights tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// In words: what is wrong, and what would help.
    pub text: String,
    /// The rights at that moment.
    pub rights: Rights,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where an event was to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) pid: i32,
    pub(crate) cpu: i32,
    pub(crate) flags: OpenFlags,
    /// As a member of another event's group.
    pub(crate) member: bool,
}

/// Explains the error number that `perf_event_open` gave for an attr.
pub(crate) fn explain(errno: i32, attr: &EventAttr, place: Place, rights: Rights) -> Explanation {
    let text = match errno {
        libc::EACCES | libc::EPERM => permission(errno, attr, place, rights),
        libc::EINVAL => invalid(attr, place),
        libc::E2BIG => format!(
            "the kernel knows a shorter perf_event_attr ({} bytes) and a field beyond it is set",
            attr.size
        ),
        libc::ENOENT => match attr.kind {
            EventType::TRACEPOINT => format!("there is no tracepoint with id {} (ids change with every boot)", attr.config),
            EventType::HARDWARE | EventType::HW_CACHE | EventType::RAW => {
                "this CPU, or this virtual machine, has no counter for the event".to_owned()
            }
            _ => format!("no PMU has type {}, or it does not have this event", attr.kind.0),
        },
        libc::ENODEV => match place.cpu {
            -1 => "the machine lacks the hardware that the event needs".to_owned(),
            cpu => format!("CPU {cpu} is offline, or lacks the hardware that the event needs"),
        },
        libc::EOPNOTSUPP => {
            "the PMU lacks a feature that was asked for: sampling without an interrupt, precise_ip, branch records, AUX output"
                .to_owned()
        }
        libc::ESRCH => format!("there is no process {}", place.pid),
        libc::EBADF => "the group descriptor (or that of the cgroup) is not open".to_owned(),
        libc::EBUSY => "another event has the PMU for itself alone".to_owned(),
        libc::ENOSPC => "every hardware breakpoint register is taken".to_owned(),
        libc::EMFILE => "the process has all the descriptors it may have: raise RLIMIT_NOFILE, one per CPU and event is needed"
            .to_owned(),
        libc::ENFILE => "the machine has all the descriptors it may have (fs.file-max)".to_owned(),
        libc::ENOSYS => "the kernel was built without perf events".to_owned(),
        libc::EOVERFLOW => "sample_max_stack is above kernel.perf_event_max_stack".to_owned(),
        libc::EFAULT => "the attr was not readable".to_owned(),
        libc::EINTR => "interrupted while the event was moved into its group: try again".to_owned(),
        libc::ENOMEM => "the kernel has no memory for the event".to_owned(),
        _ => "not among the errors that perf_event_open documents".to_owned(),
    };
    Explanation { text, rights }
}

fn permission(errno: i32, attr: &EventAttr, place: Place, rights: Rights) -> String {
    let level = rights
        .paranoid
        .map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    if rights.perfmon() == Some(true) {
        return "the process has CAP_PERFMON or CAP_SYS_ADMIN: a security module, seccomp, lockdown, or a user namespace \
                (its capabilities do not count here) forbids it, or the other process belongs to someone else"
            .to_owned();
    }
    let have = match rights.perfmon() {
        Some(_) => "is missing",
        None => "may be missing",
    };
    let (what, most) =
        if attr.kind == EventType::TRACEPOINT && attr.sample_type.contains(SampleType::RAW) {
            ("a tracepoint's raw data", -1)
        } else if place.pid == -1 || place.flags.contains(OpenFlags::PID_CGROUP) {
            ("events of a whole CPU", 0)
        } else if !attr.flags.contains(AttrFlags::EXCLUDE_KERNEL) {
            ("events within the kernel (exclude_kernel is not set)", 1)
        } else {
            ("this event", 2)
        };
    if place.pid > 0 && errno == libc::EACCES && rights.paranoid.is_some_and(|n| n <= most) {
        return format!(
            "process {} belongs to someone else: CAP_PERFMON, or PTRACE access to it, {have}",
            place.pid
        );
    }
    format!(
        "for {what}, CAP_PERFMON (CAP_SYS_ADMIN before 5.8) {have}, and kernel.perf_event_paranoid is {level}: at most \
         {most} allows it without"
    )
}

fn invalid(attr: &EventAttr, place: Place) -> String {
    let flags = attr.flags;
    let why = if place.pid == -1 && place.cpu == -1 {
        "either a task or a CPU must be given"
    } else if flags.contains(AttrFlags::FREQ) && attr.sample_period == 0 {
        "a frequency of 0"
    } else if flags.contains(AttrFlags::FREQ) {
        "a frequency above kernel.perf_event_max_sample_rate, or another field out of range"
    } else if flags.contains(AttrFlags::USE_CLOCKID) && !matches!(attr.clockid, 0 | 1 | 4 | 7 | 11)
    {
        "that clock cannot stamp records: realtime, monotonic, monotonic raw, boottime and tai can"
    } else if attr.sample_period > i64::MAX as u64 {
        "a sample period of more than 63 bits"
    } else if place.flags.contains(OpenFlags::PID_CGROUP) && place.cpu == -1 {
        "an event of a cgroup needs a CPU"
    } else if place.member {
        "the event differs from its group's leader in task, CPU or clock, the leader is itself a member, or it asks for what \
         only a leader may: pinned, exclusive, inherit with another setting"
    } else if place.cpu >= 0 && place.pid == -1 && attr.kind == EventType::BREAKPOINT {
        "a breakpoint's type, address or length"
    } else if attr.kind == EventType::TRACEPOINT {
        return format!(
            "there is no tracepoint with id {} (ids change with every boot), or a bit is newer than the kernel",
            attr.config
        );
    } else {
        "a reserved bit is set, or a bit is newer than the kernel"
    };
    why.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Rights = Rights {
        paranoid: Some(2),
        capabilities: Some(0),
    };

    fn tracepoint() -> EventAttr {
        EventAttr {
            kind: EventType::TRACEPOINT,
            config: 77,
            sample_type: SampleType::RAW,
            ..EventAttr::default()
        }
    }

    fn cpu(cpu: i32) -> Place {
        Place {
            pid: -1,
            cpu,
            flags: OpenFlags::empty(),
            member: false,
        }
    }

    #[test]
    fn a_refused_tracepoint_names_the_capability_and_the_level() {
        let text = explain(libc::EACCES, &tracepoint(), cpu(0), NOBODY).text;
        assert!(
            text.contains("CAP_PERFMON") && text.contains("is missing"),
            "{text}"
        );
        assert!(
            text.contains("perf_event_paranoid is 2: at most -1"),
            "{text}"
        );
    }

    #[test]
    fn the_level_asked_for_follows_the_event() {
        let software = EventAttr {
            kind: EventType::SOFTWARE,
            ..EventAttr::default()
        };
        let own = Place {
            pid: 0,
            cpu: -1,
            flags: OpenFlags::empty(),
            member: false,
        };
        assert!(
            explain(libc::EACCES, &software, cpu(0), NOBODY)
                .text
                .contains("at most 0")
        );
        assert!(
            explain(libc::EACCES, &software, own, NOBODY)
                .text
                .contains("at most 1")
        );
        let other = Place { pid: 1, ..own };
        let open = Rights {
            paranoid: Some(-1),
            ..NOBODY
        };
        assert!(
            explain(libc::EACCES, &software, other, open)
                .text
                .contains("someone else")
        );
        let root = Rights {
            capabilities: Some(1 << 21),
            ..NOBODY
        };
        assert!(
            explain(libc::EPERM, &software, cpu(0), root)
                .text
                .contains("security module")
        );
        assert!(
            explain(libc::EPERM, &software, cpu(0), Rights::default())
                .text
                .contains("may be missing")
        );
    }

    #[test]
    fn every_documented_number_has_words() {
        for errno in [
            libc::E2BIG,
            libc::EACCES,
            libc::EBADF,
            libc::EBUSY,
            libc::EFAULT,
            libc::EINTR,
            libc::EINVAL,
            libc::EMFILE,
            libc::ENODEV,
            libc::ENOENT,
            libc::ENOSPC,
            libc::ENOSYS,
            libc::EOPNOTSUPP,
            libc::EOVERFLOW,
            libc::EPERM,
            libc::ESRCH,
            libc::ENFILE,
            libc::ENOMEM,
        ] {
            let text = explain(errno, &tracepoint(), cpu(3), NOBODY).text;
            assert!(!text.contains("not among"), "{errno}: {text}");
        }
        assert!(
            explain(libc::ENOENT, &tracepoint(), cpu(0), NOBODY)
                .text
                .contains("id 77")
        );
        assert!(
            explain(libc::ENODEV, &tracepoint(), cpu(3), NOBODY)
                .text
                .contains("CPU 3")
        );
        assert!(
            explain(libc::EXDEV, &tracepoint(), cpu(3), NOBODY)
                .text
                .contains("not among")
        );
    }

    #[test]
    fn an_invalid_argument_is_found() {
        let none = Place {
            pid: -1,
            cpu: -1,
            flags: OpenFlags::empty(),
            member: false,
        };
        assert!(
            explain(libc::EINVAL, &tracepoint(), none, NOBODY)
                .text
                .contains("a task or a CPU")
        );
        let cpu_clock = EventAttr {
            flags: AttrFlags::USE_CLOCKID,
            clockid: 2,
            ..tracepoint()
        };
        assert!(
            explain(libc::EINVAL, &cpu_clock, cpu(0), NOBODY)
                .text
                .contains("that clock")
        );
        let freq = EventAttr {
            flags: AttrFlags::FREQ,
            ..tracepoint()
        };
        assert!(
            explain(libc::EINVAL, &freq, cpu(0), NOBODY)
                .text
                .contains("frequency of 0")
        );
        let member = Place {
            member: true,
            ..cpu(0)
        };
        let text = explain(libc::EINVAL, &tracepoint(), member, NOBODY).text;
        assert!(text.contains("leader"), "{text}");
    }

    #[test]
    fn this_process_has_rights_that_can_be_read() {
        assert!(Rights::current().capabilities.is_some());
    }
}
