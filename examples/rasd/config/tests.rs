use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// The file that explains itself.
const EXAMPLE: &str = include_str!("../rasd.toml");

/// The mistakes of a text, one a line.
fn problems(text: &str) -> String {
    let mut all = String::new();
    if let Err(problems) = Config::read(text.as_bytes()) {
        for problem in problems {
            _ = writeln!(all, "{problem}");
        }
    }
    all
}

#[test]
fn no_file_and_an_empty_one_are_the_same() {
    assert_eq!(Config::read(b""), Ok(Config::default()));
}

#[test]
fn the_example_has_every_key_with_its_default() {
    assert_eq!(Config::read(EXAMPLE.as_bytes()), Ok(Config::default()));
    let is_key = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let example: Vec<_> = EXAMPLE.lines().filter(is_key).collect();
    let effective = Config::default().to_string();
    let effective: Vec<_> = effective.lines().filter(is_key).collect();
    assert_eq!(example, effective);
}

#[test]
fn what_is_written_reads_as_the_same() {
    let text = r#"
        page-offline = { mode = "dry-run" }
        thresholds.dimm.corrected = "24/1d"
        thresholds.cache.corrected = "off"
        thresholds.page.trigger = ["/bin/true", "a \"b\"\t\u0007\\", ""]
        output.ndjson.to = "-"
        output.log.file = "/var/log/ra\u0053d \"x\".log"
        labels.dimms = { "0/1/2/0" = "A1", "1/-/3/-" = "Ünlü" }
        metrics = { listen = "[::1]:9273", interval = "1500 ms" }
        triggers.output = "2 kB"
        triggers.timeout = "90min"
    "#;
    let config = Config::read(text.as_bytes()).unwrap();
    assert_eq!(
        config.thresholds.dimm.corrected,
        Some(Rate::new(24, Time::hours(24)))
    );
    assert_eq!(config.triggers.output, Size(2000));
    assert_eq!(config.triggers.timeout, Time::seconds(5400));
    let written = config.to_string();
    assert_eq!(Config::read(written.as_bytes()), Ok(config), "{written}");
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let text = "[thresholds.dimm]\n\
                corected = \"10 / 24h\"\n\
                uncorrected = \"10 per day\"\n\
                trigger = [\"rasd-trigger\"]\n\
                [thresholds.page]\n\
                corrected = 10\n\
                trigger = [\"/bin/true\", 1]\n\
                [thresholds]\n\
                parts = 1\n\
                [metrics]\n\
                listen = \"0.0.0.0:80\"\n\
                places = 0\n\
                [output]\n\
                terminal = \"no\"\n\
                limits.report = \"60\"\n\
                log.file = \"rasd.log\"\n\
                [labels]\n\
                dimms = { \"A1\" = \"B\" }\n";
    assert_eq!(
        problems(text),
        "2:1: thresholds.dimm.corected: no such key; did you mean `corrected`?\n\
         3:15: thresholds.dimm.uncorrected: `10 per day` is no rate; expected a count and a time, such as \"10 / 24h\"; or \"off\"\n\
         4:11: thresholds.dimm.trigger: this cannot be run; expected a program and its arguments, such as \
         [\"/etc/rasd/dimm-error\", \"--page-me\"]; no shell reads them, and the program is named by its whole path; or \"off\"\n\
         6:13: thresholds.page.corrected: 10 has no unit; expected a count and a time, such as \"10 / 24h\"; or \"off\"\n\
         7:25: thresholds.page.trigger: an integer is no argument; expected a program and its arguments, such as \
         [\"/etc/rasd/dimm-error\", \"--page-me\"]; no shell reads them, and the program is named by its whole path; or \"off\"\n\
         9:1: thresholds.parts: no such key; the keys here are `again`, `dimm`, `page`, `socket`, `cache`, `bus`, `iomca`, `unknown`\n\
         11:10: metrics.listen: 0.0.0.0:80 can be reached by others; expected 127.0.0.1 or ::1, or `allow-remote = true` beside it\n\
         12:10: metrics.places: 0 is not from 1 to 100000; expected a number from 1 to 100000\n\
         14:12: output.terminal: expected a table, with keys such as `enabled`, not a string\n\
         15:17: output.limits.report: `60` has no unit; expected a time such as \"30s\", \"5m\" or \"24h\"\n\
         16:12: output.log.file: the path does not begin with `/`; expected a path from the root on, such as \"/var/log/rasd.log\"; or \"off\"\n\
         18:11: labels.dimms: `A1` is no slot; expected names by slot, \"socket/controller/channel/dimm\" = \"P1-DIMMA1\" \
         (`-` where the registers do not name the controller or the slot)\n"
    );
}

#[test]
fn what_is_no_toml_is_named_with_its_place_and_the_rest_is_looked_at() {
    let text = "[metrics]\nfile = /tmp/x\ninterval = \"1 fortnight\"\n";
    let problems = problems(text);
    assert!(problems.starts_with("2:"), "{problems}");
    assert!(
        problems.contains("3:12: metrics.interval: `fortnight` is no unit of time"),
        "{problems}"
    );
    let latin = Config::read(b"# caf\xe9\n").unwrap_err();
    assert_eq!(latin[0].to_string(), "1:6: this is not UTF-8");
    assert!(Config::read(&vec![b' '; MAX_LEN + 1]).is_err());
}

#[test]
fn pages_go_out_of_use_by_a_threshold_only() {
    let none = "page-offline.mode = \"soft\"\nthresholds.page.corrected = \"off\"\n";
    assert!(
        problems(none).starts_with("1:1: page-offline: no page would ever"),
        "{}",
        problems(none)
    );
}

#[test]
fn standard_output_is_for_people_or_for_programs() {
    let both = "[output]\nndjson.to = \"-\"\nterminal.enabled = \"always\"\n";
    assert!(
        problems(both).starts_with("2:1: output.ndjson: standard output cannot be both"),
        "{}",
        problems(both)
    );
    assert_eq!(problems("output.ndjson.to = \"-\"\n"), "");
}

#[test]
fn columns_count_characters() {
    assert_eq!(read::place("é = é!".as_bytes(), 7), (1, 6));
    assert_eq!(read::place(b"a\nb", 99), (2, 2));
}

proptest! {
    #[test]
    fn units_read_as_they_are_written(ms in 1_u64..10_000_000_000, count in 1_u32.., bytes in 1_u64..1 << 50) {
        let time: Time = format!("{ms} ms").parse().unwrap();
        prop_assert_eq!(time.to_string().parse(), Ok(time));
        let rate = Rate::new(count, time);
        prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
    }
}
