//! Perf rings and the places of the running kernel.
//!
//! With MCEKIT_ROOT_TESTS=1, as root; without it nothing is run, and that is said.

use std::os::fd::AsFd as _;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcekit_source::probe::{Machine, probe};
use mcekit_source::{Event, FieldValue, Perf, Source, Trace, TraceOptions};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tracefs::fs::Tracefs;

fn wanted() -> bool {
    let wanted = std::env::var_os("MCEKIT_ROOT_TESTS").is_some_and(|v| v == "1");
    if !wanted {
        eprintln!("skipped: needs root and tracefs; set MCEKIT_ROOT_TESTS=1");
    }
    wanted
}

/// An event that is rare and that anybody can make: a program begins.
fn options() -> TraceOptions {
    TraceOptions {
        events: vec!["sched:sched_process_exec".into()],
        ..TraceOptions::default()
    }
}

/// Runs a program, and finds it among the events within ten seconds, sleeping on the descriptor.
fn finds_a_program(source: &mut dyn Source) {
    let child = Command::new("/bin/true").spawn().expect("/bin/true");
    let pid = i64::from(child.id());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let limit = SystemTime::now() + Duration::from_secs(10);
    loop {
        while let Some(event) = source.next().expect("the next event") {
            let Event::Generic(event) = event else {
                panic!("{event:?}")
            };
            let is_ours = |(name, value): &(String, FieldValue)| {
                name == "pid" && *value == FieldValue::Signed(pid)
            };
            if event.fields.iter().any(is_ours) {
                assert_eq!(
                    (&*event.system, &*event.name),
                    ("sched", "sched_process_exec")
                );
                let text = event.text.expect("a text");
                assert!(text.contains("filename=/bin/true"), "{text}");
                let (seconds, _) = event.time.expect("a time");
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .expect("a clock");
                assert!(now.as_secs().abs_diff(seconds) <= 10, "{seconds}");
                return;
            }
        }
        if let Some(cursor) = source.cursor() {
            source.commit(&cursor).expect("the commit");
        }
        assert!(SystemTime::now() < limit, "it was not told");
        let mut fds = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(1000u16)).expect("poll");
    }
}

#[test]
fn a_generic_event_through_perf_has_its_fields() {
    if wanted() {
        let tracefs = Tracefs::find().expect("tracefs, as root");
        let mut perf = Perf::open(&tracefs, &options(), 16).expect("perf rings");
        finds_a_program(&mut perf);
        assert!(perf.counted().expect("counters") >= 1);
    }
}

#[test]
fn a_generic_event_of_an_own_instance_has_its_fields() {
    if wanted() {
        let tracefs = Tracefs::find().expect("tracefs, as root");
        let mut own = Trace::own(&tracefs, "mcekit-own", &options()).expect("an instance");
        finds_a_program(&mut own);
        drop(own);
        assert!(
            tracefs.open_instance("mcekit-own").is_err(),
            "it was removed"
        );
    }
}

#[test]
fn every_place_of_this_machine_is_there_or_says_why_not() {
    if wanted() {
        let probe = probe(&Machine::default());
        eprintln!("{probe}");
        assert!(probe.candidates.len() >= 8);
        for candidate in &probe.candidates {
            if let Some(obstacle) = &candidate.obstacle {
                assert!(
                    !obstacle.why.is_empty() && !obstacle.how.is_empty(),
                    "{candidate:?}"
                );
            }
        }
        // Root can read the kernel's log everywhere.
        assert!(probe.best_live().is_some(), "{probe}");
    }
}
