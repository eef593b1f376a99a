use super::{Player, Problem, Steps, SyntaxError, parse};
use crate::inject::{Broadcast, Context, InjectFlags, Injection, Raise};
use mcekit::{Addr, McgStatus, Misc, Record, Status, Vendor};

fn one(text: &str) -> Injection {
    let steps = parse(text.as_bytes()).unwrap();
    assert_eq!(steps.len(), 1, "{text}");
    *steps[0].injection()
}

fn wrong(text: &str) -> (u32, u32, Problem) {
    let SyntaxError {
        line,
        column,
        problem,
    } = parse(text.as_bytes()).unwrap_err();
    (line, column, problem)
}

#[test]
fn the_three_starts() {
    let record = Record::new(2, Status(Status::VAL)).with_cpu(1);
    for text in [
        "CPU 1 BANK 2 STATUS VAL",
        "cpu 1 2\nstatus val",
        "CPU 01 0x2 STATUS 0x8000000000000000",
    ] {
        assert_eq!(*one(text).record(), record, "{text}");
    }
    let record = Record::new(0, Status(Status::VAL)).with_cpu(0);
    assert_eq!(*one("MCE STATUS VAL # and no more").record(), record);
}

#[test]
fn a_panic_message_of_the_kernel() {
    let text = "\
[    8.150123] mce: [Hardware Error]: CPU 1: Machine Check Exception: 5 Bank 4: be00000000100135
[    8.150124] mce: [Hardware Error]: RIP !INEXACT! 10:<ffffffff811458f0> {page_add_file_rmap+0x0/0x70}
mce: [Hardware Error]: TSC 7b3b34c2 ADDR 7000000 MISC 8c
mce: [Hardware Error]: PROCESSOR 0:50654 TIME 1795349640 SOCKET 0 APIC 1f microcode 1
";
    let want = Record::new(
        4,
        Status(0xbe00_0000_0010_0135 | Status::ADDRV | Status::MISCV),
    )
    .with_cpu(1)
    .with_mcgstatus(McgStatus(5))
    .with_cs(0x10)
    .with_ip(0xffff_ffff_8114_58f0)
    .with_tsc(0x7b3b_34c2)
    .with_addr(Addr(0x700_0000))
    .with_misc(Misc(0x8c))
    .with_vendor(Vendor::INTEL)
    .with_cpuid(mcekit::CpuSignature(0x50654))
    .with_time(1_795_349_640)
    .with_socket(0)
    .with_apicid(0x1f)
    .with_microcode(1);
    let injection = one(text);
    assert_eq!(*injection.record(), want);
    assert_eq!(injection.raise(), Raise::Exception);
}

#[test]
fn registers_set_their_valid_bits_wherever_they_stand() {
    let status = Status::VAL | Status::EN | Status::ADDRV | Status::MISCV | 0x91;
    for text in [
        "CPU 0 STATUS corrected 0x91 ADDR 0x1000 MISC 0x8c",
        "CPU 0 ADDR 4096 MISC 0214 STATUS corrected 0x91",
    ] {
        let record = *one(text).record();
        assert_eq!(record.status().0, status, "{text}");
        assert_eq!(
            (record.addr(), record.misc()),
            (Some(Addr(0x1000)), Some(Misc(0x8c)))
        );
    }
}

#[test]
fn uncorrected_errors_are_exceptions_for_everyone() {
    let steps = parse(b"CPU 1 BANK 3 STATUS uncorrected SRAO 0xc0 MCGSTATUS MCIP RIPV").unwrap();
    let injection = steps[0].injection();
    assert!(steps[0].everywhere());
    let flags = InjectFlags::PROCESS | InjectFlags::EXCEPTION | InjectFlags::IRQ_BROADCAST;
    assert_eq!(injection.flags(), flags);

    let played = Player::new().play(&steps[0], &[0, 1, 2]);
    assert_eq!(
        played,
        [Injection::bystander(0), Injection::bystander(2), *injection]
    );
    assert_eq!(played[0].flags(), InjectFlags::EXCEPTION);

    let alone = parse(b"CPU 1 STATUS UC VAL NOBROADCAST").unwrap();
    assert_eq!(Player::new().play(&alone[0], &[0, 1]).len(), 1);
    assert_eq!(alone[0].injection().broadcast(), None);
}

#[test]
fn what_is_held_replaces_the_bystander() {
    let text = b"CPU 0 STATUS UC VAL 1 HOLD\nCPU 1 STATUS UC VAL 2 IN_IRQ NMIBROADCAST\nCPU 1 STATUS UC VAL";
    let steps = parse(text).unwrap();
    let mut player = Player::new();
    let cpus = [0, 1, 2];
    let held = player.play(&steps[0], &cpus);
    assert_eq!((held.len(), held[0].context()), (1, Context::Held));
    let second = player.play(&steps[1], &cpus);
    assert_eq!(second, [Injection::bystander(2), *steps[1].injection()]);
    assert_eq!(second[1].context(), Context::Irq);
    assert_eq!(second[1].broadcast(), Some(Broadcast::Nmi));
    assert_eq!(
        player.play(&steps[2], &cpus).len(),
        3,
        "nothing is held any more"
    );
    assert_eq!(steps[2].line(), 3);
}

#[test]
fn poll_and_exception_by_word() {
    assert_eq!(one("CPU 0 STATUS VAL UC POLL").raise(), Raise::Poll);
    assert_eq!(one("CPU 0 STATUS VAL EXCP").raise(), Raise::Exception);
}

#[test]
fn errors_have_their_place() {
    let word = |w: &str| Problem::UnknownWord(w.to_owned());
    let number = |w: &str| Problem::BadNumber(w.to_owned());
    for (text, want) in [
        ("STATUS VAL", (1, 1, Problem::Expected("CPU or MCE"))),
        ("CPU", (1, 4, Problem::Expected("a number"))),
        ("CPU x STATUS VAL", (1, 5, number("x"))),
        (
            "CPU 0\n\n  BANK 256 STATUS VAL",
            (
                3,
                8,
                Problem::TooLarge {
                    number: 256,
                    what: "a bank",
                },
            ),
        ),
        (
            "CPU 4294967296",
            (
                1,
                5,
                Problem::TooLarge {
                    number: 4_294_967_296,
                    what: "a cpu",
                },
            ),
        ),
        ("CPU 0 STATUS VAL\nADDR 08", (2, 6, number("08"))),
        (
            "CPU 0 STATUS 0x10000000000000000",
            (1, 14, number("0x10000000000000000")),
        ),
        ("CPU 0 STATUS VAL BANG 1", (1, 18, word("BANG"))),
        (
            "CPU 0 STATUS",
            (1, 13, Problem::Expected("a number or the name of a bit")),
        ),
        (
            "# a comment\nCPU 0 BANK 1\nCPU 1 STATUS VAL",
            (2, 1, Problem::NoStatus),
        ),
        (
            "CPU 0 STATUS VAL; BANK 1",
            (1, 17, Problem::Character(b';')),
        ),
        (
            "CPU 0 STATUS VAL RIP 1:{f",
            (1, 24, Problem::Unclosed(b'{')),
        ),
        (
            "CPU 0 STATUS VAL RIP 0x100:1",
            (
                1,
                22,
                Problem::TooLarge {
                    number: 256,
                    what: "a segment",
                },
            ),
        ),
        (
            "CPU 0: Machine Check Exception 5",
            (1, 32, Problem::Expected("':'")),
        ),
    ] {
        assert_eq!(wrong(text), want, "{text}");
    }
}

#[test]
fn after_an_error_nothing_more() {
    let mut steps = Steps::new(b"CPU 0 STATUS VAL CPU 1 nonsense CPU 2 STATUS VAL");
    assert!(steps.next().unwrap().is_ok());
    assert!(steps.next().unwrap().is_err());
    assert_eq!(steps.next(), None);
}
