//! Events, filters and knobs of the running kernel.

mod root;

use std::os::unix::process::CommandExt;

use root::{Kernel, event, unique};
use tracefs::fs::{BufferSize, EnableState, Method, Stream};
use tracefs::{Error, Format};

#[test]
fn every_event_is_listed_with_its_id() {
    let Some(kernel) = Kernel::get() else { return };
    let top = kernel.tracefs.top();
    let mut ids = std::collections::HashMap::new();
    for system in kernel.tracefs.systems().unwrap() {
        for name in kernel.tracefs.events(&system).unwrap() {
            let event = top.event(&name).unwrap();
            let format = event.format().unwrap();
            assert_eq!(format.name(), name.event());
            match event.id() {
                Ok(id) => {
                    assert_eq!(format.id(), id, "{name}");
                    if let Some(other) = ids.insert(id, name.clone()) {
                        // ftrace shares an id between events that are two views of one.
                        assert_eq!(name.system(), "ftrace", "{name} and {other} have one id");
                    }
                }
                Err(Error::Unsupported { .. }) => assert_eq!(name.system(), "ftrace"),
                Err(e) => panic!("{name}: {e}"),
            }
        }
    }
    assert!(ids.len() > 100, "only {} events", ids.len());
    let (id, name) = ids.iter().max().unwrap();
    assert_eq!(
        kernel.tracefs.event_by_id(*id).unwrap().as_ref(),
        Some(name)
    );
    assert_eq!(kernel.tracefs.event_by_id(u32::MAX).unwrap(), None);
}

const CHILD: &str = "MCEKIT_TEST_LOOKS_AS_NOBODY";

/// The other process of the test below, without rights.
#[test]
fn looks_as_nobody() {
    let Some(root) = std::env::var_os(CHILD) else {
        return;
    };
    let error = tracefs::fs::Tracefs::at(&root).unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
    let mounts = format!("nodev {} tracefs rw 0 0\n", root.display());
    let error = tracefs::fs::Tracefs::find_in(mounts.as_bytes()).unwrap_err();
    assert!(
        error.to_string().ends_with(": permission denied"),
        "{error}"
    );
}

#[test]
fn who_may_not_look_is_told_so() {
    let Some(kernel) = Kernel::get() else { return };
    // Where nobody can run it from, whatever the permissions of the build directory.
    let dir = std::env::temp_dir().join(unique("mcekit-nobody"));
    std::fs::create_dir(&dir).unwrap();
    let program = dir.join("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = std::process::Command::new(&program)
        .args(["--exact", "looks_as_nobody"])
        .env(CHILD, kernel.tracefs.root())
        .current_dir("/")
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn an_event_is_enabled_and_disabled() {
    let Some(kernel) = Kernel::get() else { return };
    let instance = kernel.instance();
    let switch = event(&instance, "sched:sched_switch");
    assert_eq!(switch.enabled().unwrap(), EnableState::Off);
    switch.set_enabled(true).unwrap();
    assert_eq!(switch.enabled().unwrap(), EnableState::On);
    assert_eq!(
        instance.system_enabled("sched").unwrap(),
        EnableState::Mixed
    );
    instance.set_system_enabled("sched", true).unwrap();
    assert_eq!(instance.system_enabled("sched").unwrap(), EnableState::On);
    instance.set_system_enabled("sched", false).unwrap();
    assert_eq!(switch.enabled().unwrap(), EnableState::Off);
    let missing = instance.event(&"sched:no_such_thing".parse().unwrap());
    assert!(matches!(missing, Err(Error::NoEvent { .. })));
}

#[test]
fn a_filter_that_passes_the_check_passes_the_kernel() {
    let Some(kernel) = Kernel::get() else { return };
    let instance = kernel.instance();
    let switch = event(&instance, "sched:sched_switch");
    for text in [
        "prev_prio < 100",
        "prev_pid == 1 || next_pid == 1 && prev_state & 0x3",
        "!(prev_comm ~ \"kworker*\" || next_comm == 'it\"s')",
        "common_pid != -1 && (CPU == 0 || COMM != \"x y\")",
        "prev_prio >= -2147483648 && prev_prio <= 2147483647",
        "((!((prev_pid > 1)))) && !!prev_pid != 7",
    ] {
        let filter: tracefs::filter::Filter = text.parse().unwrap();
        switch.set_filter(&filter).unwrap();
        assert_eq!(switch.filter().unwrap(), Some(filter.to_string()));
    }
    switch.clear_filter().unwrap();
    assert_eq!(switch.filter().unwrap(), None);
    // Strings of the other kinds.
    let exec = event(&instance, "sched:sched_process_exec");
    exec.set_filter(&"filename ~ \"/bin/*\"".parse().unwrap())
        .unwrap();
}

#[test]
fn what_the_kernel_refuses_comes_back_in_its_words() {
    let Some(kernel) = Kernel::get() else { return };
    let instance = kernel.instance();
    let switch = event(&instance, "sched:sched_switch");
    switch.set_filter_text("prev_prio < 100").unwrap();
    for (text, words) in [
        ("nope == 1", "Field not found"),
        ("prev_prio == \"x\"", "Expecting numeric field"),
        ("prev_comm == 1", "Expecting string field"),
        ("prev_prio ~ 1", "Illegal operation for field type"),
        ("(prev_prio == 1", "Too many '('"),
        ("prev_prio == 1)", "Too few '('"),
        ("prev_comm == \"x", "Missing matching quote"),
    ] {
        let error = switch.set_filter_text(text).unwrap_err();
        let Error::Refused {
            value, complaint, ..
        } = &error
        else {
            panic!("{text}: {error:?}");
        };
        assert_eq!(value, text);
        assert!(complaint.starts_with(words), "{text}: {complaint:?}");
        assert!(error.to_string().contains(words));
        assert_eq!(
            switch.filter().unwrap().as_deref(),
            Some("prev_prio < 100"),
            "the filter set before is in force again"
        );
        // Where this crate would have said so first, the kernel would have agreed.
        let ours = text
            .parse::<tracefs::filter::Filter>()
            .and_then(|filter| filter.check(&switch.format()?));
        assert!(ours.is_err(), "{text}");
    }
    let log = instance.error_log().unwrap();
    assert_eq!(log.last().unwrap().command, "prev_comm == \"x");
    assert_eq!(log.last().unwrap().message, "Missing matching quote");
}

#[test]
fn a_filter_selects_records() {
    let Some(kernel) = Kernel::get() else { return };
    let instance = kernel.instance();
    let seek = event(&instance, "syscalls:sys_enter_lseek");
    let task = std::fs::read_link("/proc/thread-self").unwrap();
    let tid = task.file_name().unwrap().to_str().unwrap();
    let filter = format!("common_pid == {tid} && offset & 0x7 && offset < 100");
    seek.set_filter(&filter.parse().unwrap()).unwrap();
    seek.set_enabled(true).unwrap();
    let mut file = std::fs::File::open("/proc/self/exe").unwrap();
    for offset in 0..1000 {
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(offset)).unwrap();
    }
    instance.set_recording(false).unwrap();
    let format: Format = seek.format().unwrap();
    let offset = format.accessor("offset").unwrap();
    let mut stream = Stream::open(&instance, Method::Read).unwrap();
    stream.finish().unwrap();
    let mut seen = vec![];
    while let Some(event) = stream.next_event() {
        let tracefs::fs::Kind::Record(data) = event.kind else {
            panic!("{event:?}");
        };
        seen.push(offset.u64(data).unwrap());
    }
    let expected: Vec<u64> = (0..100).filter(|n| n % 8 != 0).collect();
    assert_eq!(seen, expected);
}

#[test]
fn triggers_come_and_go() {
    let Some(kernel) = Kernel::get() else { return };
    let instance = kernel.instance();
    let switch = event(&instance, "sched:sched_switch");
    switch.add_trigger("traceoff:3 if prev_prio < 0").unwrap();
    switch.add_trigger("stacktrace:1").unwrap();
    let set = switch.triggers().unwrap();
    assert_eq!(set.len(), 2, "{set:?}");
    assert!(
        set.iter()
            .any(|t| t.starts_with("traceoff:count=3 if prev_prio < 0"))
    );
    switch.remove_trigger("stacktrace:1").unwrap();
    assert_eq!(switch.triggers().unwrap().len(), 1);
    // One of a kind: `traceon` is the same to the kernel as `traceoff`.
    assert!(matches!(
        switch.add_trigger("traceon"),
        Err(Error::Refused { .. })
    ));
    assert!(matches!(
        switch.add_trigger("bogus"),
        Err(Error::Refused { .. })
    ));
}

#[test]
fn knobs_do_what_they_say() {
    let Some(kernel) = Kernel::get() else { return };
    let name = unique("mcekit-knobs");
    let instance = kernel.tracefs.create_instance(&name).unwrap();
    assert_eq!(instance.clocks().unwrap().current, "local");
    instance.set_clock("boot").unwrap();
    assert_eq!(instance.clocks().unwrap().current, "boot");
    assert!(matches!(
        instance.set_clock("sundial"),
        Err(Error::Refused { .. })
    ));

    instance.set_buffer_size_kb(100).unwrap();
    assert!(matches!(
        instance.buffer_size_kb().unwrap(),
        BufferSize::Each(100..=104)
    ));
    instance.set_cpu_buffer_size_kb(0, 200).unwrap();
    if instance.cpus().unwrap().len() > 1 {
        assert_eq!(instance.buffer_size_kb().unwrap(), BufferSize::Differing);
    }
    assert!(matches!(
        instance.cpu_buffer_size_kb(0).unwrap(),
        BufferSize::Each(200..=204)
    ));

    instance.set_subbuf_size_kb(32).unwrap();
    assert_eq!(instance.subbuf_size_kb().unwrap(), 32);
    assert_eq!(instance.layout().unwrap().size(), 32 << 10);
    assert!(matches!(
        instance.set_subbuf_size_kb(1 << 20),
        Err(Error::Refused { .. })
    ));
    // The others have their own.
    assert_eq!(kernel.tracefs.top().layout().unwrap().size(), 4096);

    instance.set_buffer_percent(0).unwrap();
    assert_eq!(instance.buffer_percent().unwrap(), 0);
    assert!(matches!(
        instance.set_buffer_percent(101),
        Err(Error::Refused { .. })
    ));
    assert!(instance.option("overwrite").unwrap());
    instance.set_option("overwrite", false).unwrap();
    assert!(!instance.option("overwrite").unwrap());
    assert!(matches!(
        instance.option("no-such-option"),
        Err(Error::Unsupported { .. })
    ));

    instance.mark("one").unwrap();
    let entries = |instance: &tracefs::fs::Instance| -> u64 {
        let cpus = instance.cpus().unwrap();
        cpus.iter()
            .map(|cpu| instance.stats(*cpu).unwrap().entries)
            .sum()
    };
    assert_eq!(entries(&instance), 1);
    instance.clear().unwrap();
    assert_eq!(entries(&instance), 0);
    assert_eq!(instance.last_boot_info().unwrap(), None);
    assert!(kernel.tracefs.instances().unwrap().contains(&name));
    drop(instance);
    assert!(!kernel.tracefs.instances().unwrap().contains(&name));
}

#[test]
fn a_systems_filter_does_what_the_kernel_does_with_it() {
    let Some(kernel) = Kernel::get() else { return };
    let instance = kernel.instance();
    let filter_of = |name: &str| event(&instance, name).filter().unwrap();
    let set = |filter: &str| instance.set_system_filter("sched", &filter.parse().unwrap());

    // Which of the events took it is what was foretold, for all of them.
    let fitting = set("prev_prio < 100").unwrap();
    assert!(fitting.iter().any(|name| name.event() == "sched_switch"));
    for name in kernel.tracefs.events("sched").unwrap() {
        let filter = filter_of(&name.to_string());
        let expected = fitting.contains(&name).then_some("prev_prio < 100");
        assert_eq!(filter.as_deref(), expected, "{name}");
    }
    // An event that a later filter does not fit has none any more.
    let fitting = set("pid > 1").unwrap();
    assert!(!fitting.iter().any(|name| name.event() == "sched_switch"));
    assert_eq!(filter_of("sched:sched_switch"), None);
    assert_eq!(filter_of("sched:sched_waking").as_deref(), Some("pid > 1"));

    assert!(matches!(set("nope == 1"), Err(Error::NoField { .. })));
    // What only the kernel refuses leaves the filters as they were, and has its words.
    let refused = set("pid == 1 && CPU & CPUS{99999999}");
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    assert_eq!(filter_of("sched:sched_waking").as_deref(), Some("pid > 1"));

    instance.clear_system_filter("sched").unwrap();
    assert_eq!(filter_of("sched:sched_waking"), None);
}

#[test]
fn all_events_are_switched_at_once() {
    let Some(kernel) = Kernel::get() else { return };
    let instance = kernel.instance();
    instance.set_recording(false).unwrap();
    assert_eq!(instance.all_enabled().unwrap(), EnableState::Off);
    event(&instance, "sched:sched_switch")
        .set_enabled(true)
        .unwrap();
    assert_eq!(instance.all_enabled().unwrap(), EnableState::Mixed);
    instance.set_all_enabled(false).unwrap();
    assert_eq!(instance.all_enabled().unwrap(), EnableState::Off);
}
