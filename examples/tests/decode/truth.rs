//! The truth test: one error in every encoding decodes to one result.

use crate::harness::{dir, run};
use mcekit::wire::{LENGTHS, Mce};
use mcekit::{Addr, CpuSignature, McgCap, McgStatus, Misc, Record, Status, Vendor};
use serde_json::Value;

/// An error that every encoding can carry.
fn error() -> Record {
    Record::new(13, Status(0x8c00_0042_0080_0090))
        .with_misc(Misc(0x0d03_451d_e481_9486))
        .with_addr(Addr(0x1ef_a4c7_cc40))
        .with_mcgstatus(McgStatus(0))
        .with_mcgcap(McgCap(0x0f00_0c1c))
        .with_cpu(32)
        .with_socket(1)
        .with_apicid(0x80)
        .with_time(1_685_541_979)
        .with_vendor(Vendor::INTEL)
        .with_cpuid(CpuSignature(0x606a6))
}

const KERNEL_LOG: &str = "\
[202137.695915] mce: [Hardware Error]: CPU 32: Machine Check: 0 Bank 13: 8c00004200800090
[202137.695917] mce: [Hardware Error]: TSC 0 ADDR 1efa4c7cc40 MISC d03451de4819486
[202137.695919] mce: [Hardware Error]: PROCESSOR 0:606a6 TIME 1685541979 SOCKET 1 APIC 80
";

const EDAC: &str = "\
May 31 10:06:19 host kernel: EDAC i10nm MC4: HANDLING MCE MEMORY ERROR
May 31 10:06:19 host kernel: EDAC i10nm MC4: CPU 32: Machine Check Event: 0x0 Bank 13: 0x8c00004200800090
May 31 10:06:19 host kernel: EDAC i10nm MC4: TSC 0x0
May 31 10:06:19 host kernel: EDAC i10nm MC4: ADDR 0x1efa4c7cc40
May 31 10:06:19 host kernel: EDAC i10nm MC4: MISC 0xd03451de4819486
May 31 10:06:19 host kernel: EDAC i10nm MC4: PROCESSOR 0:0x606a6 TIME 1685541979 SOCKET 1 APIC 0x80
";

const TRACE: &str = "\
     kworker/32:1-812     [032] ..... 202137.695920: mce_record: CPU: 32, MCGc/s: f000c1c/0, MC13: 8c00004200800090, \
IPID: 0000000000000000, ADDR/MISC/SYND: 000001efa4c7cc40/0d03451de4819486/0000000000000000, \
RIP: 00:<0000000000000000>, TSC: 0, PROCESSOR: 0:606a6, TIME: 1685541979, SOCKET: 1, APIC: 128
";

const MCELOG: &str = "\
Hardware event. This is not a software error.
MCE 0
CPU 32 BANK 13
MISC d03451de4819486 ADDR 1efa4c7cc40
TIME 1685541979 Wed May 31 14:06:19 2023
MCG status:
MCi status:
Corrected error
MCi_MISC register valid
MCi_ADDR register valid
MCA: MEMORY CONTROLLER RD_CHANNEL0_ERR
Transaction: Memory read error
STATUS 8c00004200800090 MCGSTATUS 0
MCGCAP f000c1c APICID 80 SOCKETID 1
CPUID Vendor Intel Family 6 Model 106 Step 6
";

const REGISTERS: &str = "--status 8c00004200800090 --bank 13 --misc d03451de4819486 --addr 0x1efa4c7cc40 --mcgstatus 0 --mcgcap f000c1c \
                         --cpu-number 32 --socket 1 --apicid 128 --time 1685541979 --cpu 6/6ah/6";

fn decoded(args: &[&str], input: &[u8]) -> Value {
    let args = [&["--format", "ndjson"], args].concat();
    let output = run("decode", &args, input);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let mut line: Value = serde_json::from_str(&text).unwrap();
    line["decoded"].take()
}

#[test]
fn one_error_in_every_encoding_is_one_result() {
    let json = serde_json::to_vec(&error()).unwrap();
    let expected = decoded(&[], &json);
    assert_eq!(expected["unit"], "iMC");
    assert_eq!(expected["dimm_address"]["row"], "0x3bc90");
    let bytes = Mce::from(&error()).to_bytes();
    for len in LENGTHS.into_iter().filter(|&len| len >= 88) {
        assert_eq!(
            decoded(&[], &bytes[..len]),
            expected,
            "struct mce of {len} bytes"
        );
    }
    for (name, text) in [("trace", TRACE), ("mcelog", MCELOG)] {
        assert_eq!(decoded(&[], text.as_bytes()), expected, "{name}");
    }
    let registers: Vec<_> = REGISTERS.split_whitespace().collect();
    assert_eq!(decoded(&registers, b""), expected, "registers");
    // The kernel's log does not give MCG_CAP, without which mcelog counts nothing.
    let without_counts = |mut decoded: Value| {
        decoded["location"]["mcelog"].take();
        decoded
    };
    let expected = without_counts(expected);
    for (name, text) in [("kernel log", KERNEL_LOG), ("EDAC", EDAC)] {
        let decoded = without_counts(decoded(&[], text.as_bytes()));
        assert_eq!(decoded, expected, "{name}");
    }
}

/// What a kernel kept of a fatal error, and what it printed before it died.
#[test]
fn the_struct_and_the_log_of_one_real_error_agree() {
    let path = |name: &str| dir("fixtures/decode").join(name).display().to_string();
    let kept = decoded(&[&path("mce-erst-7710967937145765889")], b"");
    let printed = decoded(&[&path("linux-6.1-intel-fatal.txt")], b"");
    // The two boots had one error each, the same; the struct has MCG_CAP beside what is printed.
    for key in [
        "class",
        "level",
        "transaction",
        "request",
        "uc",
        "pcc",
        "mcg",
        "model",
        "unit",
    ] {
        assert_eq!(kept[key], printed[key], "{key}");
    }
}
