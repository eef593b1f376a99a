//! What print fmts mean: C's arithmetic, the kernel's helpers, and what other libraries get wrong.

use proptest::prelude::*;
use tracefs::print::{Argument, Function, MAX_LINE, PrintFmt, Reason, Symbols, SystemCallStyle};
use tracefs::{Abi, Error, Format};

/// An event with fields of every kind.
fn format_for(print: &str, abi: Abi) -> Format {
    let text = format!(
        "name: any\nID: 1\nformat:\n\
         \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
         \tfield:int y;\toffset:4;\tsize:4;\tsigned:1;\n\
         \tfield:u32 a;\toffset:8;\tsize:4;\tsigned:0;\n\
         \tfield:s8 b;\toffset:12;\tsize:1;\tsigned:1;\n\
         \tfield:u8 mac[6];\toffset:13;\tsize:6;\tsigned:0;\n\
         \tfield:u64 u;\toffset:24;\tsize:8;\tsigned:0;\n\
         \tfield:__data_loc char[] s;\toffset:32;\tsize:4;\tsigned:0;\n\
         \tfield:__rel_loc u16[] r;\toffset:36;\tsize:4;\tsigned:0;\n\
         \tfield:const char * p;\toffset:40;\tsize:8;\tsigned:0;\n\
         \tfield:__data_loc cpumask_t m;\toffset:48;\tsize:4;\tsigned:0;\n\
         \tfield:bool f;\toffset:52;\tsize:1;\tsigned:0;\n\n\
         print fmt: {print}\n"
    );
    Format::parse_for(text.as_bytes(), abi).unwrap()
}

struct Fields {
    y: i32,
    a: u32,
    b: i8,
    u: u64,
    p: u64,
    s: &'static str,
}

const FIELDS: Fields = Fields {
    y: -3,
    a: 0xffff_fff0,
    b: -2,
    u: 0x1234_5678_9abc_def0,
    p: 0,
    s: "text",
};

fn record(fields: &Fields) -> Vec<u8> {
    let mut data = vec![0; 56];
    data[4..8].copy_from_slice(&fields.y.to_le_bytes());
    data[8..12].copy_from_slice(&fields.a.to_le_bytes());
    data[12] = fields.b as u8;
    data[13..19].copy_from_slice(&[0x00, 0x1b, 0x21, 0xaa, 0xbb, 0xcc]);
    data[24..32].copy_from_slice(&fields.u.to_le_bytes());
    data[40..48].copy_from_slice(&fields.p.to_le_bytes());
    data[52] = 1;
    let s = data.len() as u32;
    data.extend_from_slice(fields.s.as_bytes());
    data.push(0);
    data[32..36].copy_from_slice(&((fields.s.len() as u32 + 1) << 16 | s).to_le_bytes());
    let r = data.len() as u32 - 40;
    data.extend_from_slice(&[1, 0, 2, 0, 0xff, 0xff]);
    data[36..40].copy_from_slice(&(6 << 16 | r).to_le_bytes());
    let m = data.len() as u32;
    data.extend_from_slice(&[0b1111, 0, 0, 0x80, 1, 0, 0, 0]);
    data[48..52].copy_from_slice(&(8 << 16 | m).to_le_bytes());
    data
}

fn render_with(print: &str, fields: &Fields, symbols: &Symbols) -> (String, u32) {
    let format = format_for(print, Abi::LE64);
    let print = PrintFmt::compile(&format, symbols).unwrap();
    let mut text = String::new();
    let rendered = print.render(&record(fields), &mut text).unwrap();
    (text, rendered.fallbacks)
}

#[track_caller]
fn check(print: &str, expected: &str) {
    assert_eq!(
        render_with(print, &FIELDS, &Symbols::new()),
        (expected.to_owned(), 0),
        "{print}"
    );
}

#[test]
fn arithmetic_is_that_of_c() {
    check(r#""%d", REC->y < 0"#, "1");
    check(r#""%d", REC->y ^ 1"#, "-4");
    check(r#""%d", REC->a < 0"#, "0");
    // The int becomes unsigned: -3 is large.
    check(r#""%d", REC->y > REC->a"#, "1");
    check(r#""%d", 1 << 4 >> 2"#, "4");
    check(r#""%u", REC->a << 4 >> 2"#, "1073741760");
    // 32 bits wrap at 32.
    check(r#""%llx", (u64)(REC->a * 2)"#, "ffffffe0");
    check(r#""%llx", (u64)REC->a * 2"#, "1ffffffe0");
    check(r#""%d %u", REC->b, REC->b"#, "-2 4294967294");
    check(r#""%d", (u8)REC->b"#, "254");
    check(r#""%lx", (unsigned long)REC->b"#, "fffffffffffffffe");
    check(r#""%d", -7 / 2 * 2 + -7 % 2"#, "-7");
    check(r#""%d", 2 + 3 * 4 - 10 / 2 & 6 | 8"#, "8");
    check(r#""%d", REC->y ? REC->f ? 1 : 2 : 3"#, "1");
    check(r#""%d", !REC->y || REC->a && 0"#, "0");
    check(r#""%lx", ~0UL >> (64 - 1 - 3)"#, "f");
    check(
        r#""%d", sizeof(REC->u) + sizeof(u16) + sizeof(struct { int:(-!!(0)); })"#,
        "10",
    );
    check(r#""%d", (bool)256"#, "1");
    // Division by zero is no crash.
    check(r#""%d", 5 / (REC->y + 3) % (REC->y + 3)"#, "0");
}

#[test]
fn strings_and_arrays_are_indexed() {
    check(
        r#""%s%s", __get_str(s)[0] ? " " : "", __get_str(s)"#,
        " text",
    );
    check(r#""%c %x", __get_str(s)[2], REC->mac[1]"#, "x 1b");
    check(r#""%d", ((u16 *)__get_rel_dynamic_array(r))[1]"#, "2");
    check(r#""%d", *((u16 *)__get_rel_dynamic_array(r) + 1)"#, "2");
    check(
        r#""%d %d", __get_rel_dynamic_array_len(r), __get_dynamic_array_len(s)"#,
        "6 5",
    );
}

#[test]
fn helpers_print_as_the_kernels() {
    let flags =
        r#""%s", __print_flags(REC->u & 0xf7, "|", { 3, "LOW" }, { 1, "ONE" }, { 0x10, "BIT" })"#;
    // u & 0xf7 is 0xf0: no bit of LOW; what is left is a number.
    check(flags, "BIT|0xe0");
    check(
        r#""%s", __print_flags(7, "|", { 3, "LOW" }, { 1, "ONE" }, { 4, "FOUR" })"#,
        "LOW|FOUR",
    );
    check(r#""%s", __print_flags(0, "|", { 0, "NONE" })"#, "");
    check(
        r#""%s", __print_symbolic(REC->y, { 1, "one" })"#,
        "0xfffffffffffffffd",
    );
    check(
        r#""%s", __print_symbolic(REC->y, { -3, "three" }, { -3, "again" })"#,
        "three",
    );
    check(r#""%s", __print_hex(REC->mac, 3)"#, "00 1b 21");
    check(r#""%s", __print_hex_str(REC->mac, 3)"#, "001b21");
    check(
        r#""%s", __print_array(__get_rel_dynamic_array(r), 3, 2)"#,
        "{0x1,0x2,0xffff}",
    );
    check(r#""%s", __print_dynamic_array(r, 2)"#, "{0x1,0x2,0xffff}");
    check(
        r#""%s %s", __get_cpumask(m), __get_bitmask(m)"#,
        "00000001,8000000f 00000001,8000000f",
    );
    check(
        r#""%llu.%09u", __print_ns_to_secs(REC->u), __print_ns_without_secs(REC->u)"#,
        "1311768467.463790320",
    );
    check(
        r#""%s", __print_hex_dump("x ", DUMP_PREFIX_OFFSET, 16, 1, REC->mac, 6, 1)"#,
        "\nx 00000000: 00 1b 21 aa bb cc                                ..!...\n",
    );
}

#[test]
fn printf_is_the_kernels() {
    check(
        r#""[%5d|%-5d|%05d|%+d|% d]", 42, 42, 42, 42, 42"#,
        "[   42|42   |00042|+42| 42]",
    );
    check(
        r#""[%#x|%#o|%#X|%#x]", 255, 8, 255, 0"#,
        "[0xff|010|0XFF|0x0]",
    );
    check(
        r#""[%.3d|%8.3d|%*d|%-*d|]", 7, 7, 4, 7, 3, 7"#,
        "[007|     007|   7|7  |]",
    );
    check(
        r#""[%10s|%-10s|%.2s|%.*s]", __get_str(s), __get_str(s), __get_str(s), 3, __get_str(s)"#,
        "[      text|text      |te|tex]",
    );
    check(
        r#""[%8s]", __print_flags(1, "|", { 1, "A" })"#,
        "[       A]",
    );
    check(
        r#""100%% %c%hhx %hx %zu", 'x', 0x1234, 0x12345, sizeof(u64)"#,
        "100% x34 2345 8",
    );
    check(
        r#""%pM %pm %pMF %pMR", REC->mac, REC->mac, REC->mac, REC->mac"#,
        "00:1b:21:aa:bb:cc 001b21aabbcc 00-1b-21-aa-bb-cc cc:bb:aa:21:1b:00",
    );
    check(
        r#""%*ph %*phC %4phN", 3, REC->mac, 2, REC->mac, REC->mac"#,
        "00 1b 21 00:1b 001b21aa",
    );
    check(
        r#""%*pbl %pI4 %pi4", 32, __get_dynamic_array(m), REC->mac + 1, REC->mac + 1"#,
        "0-3,31 27.33.170.187 027.033.170.187",
    );
    check(
        r#""%p %px", REC->p, REC->u"#,
        "0000000000000000 123456789abcdef0",
    );
    check(r#""%s|%d|", REC->p, 1"#, "(null)|1|");
    check(r#""a\tb\"c\x41\101" "d""#, "a\tb\"cAAd");
    check(r#""%pe", (void *)REC->p - 12"#, "-ENOMEM");
    // The letters after %pM belong to it, whatever they are.
    check(r#""%pMpmk_len=%d", REC->mac, 4"#, "00:1b:21:aa:bb:cc_len=4");
}

#[test]
fn statement_expressions_run() {
    check(
        r#""%d", ({ int x = REC->y; int y = 128; x < y ? x : y; })"#,
        "-3",
    );
    check(
        r#""%s", ({ char *t; switch (REC->b) { case 1: case -2: t = "two"; break; default: t = "none"; } t; })"#,
        "two",
    );
    check(
        r#""%d", ({ int i = 1; if (REC->f) i = 2; else i = 3; if (i > 2) { i = 9; } i; })"#,
        "2",
    );
    check(
        r#""<%6s>", ({ const char *ret = trace_seq_buffer_ptr(p); trace_seq_printf(p, "n%d%c!", 5, 0); ret; })"#,
        "<    n5>",
    );
    check(
        r#""%s", ({ static const char *names[] = { "zero", "one" }; names[REC->f]; })"#,
        "one",
    );
}

#[test]
fn what_is_not_known_does_not_lose_the_line() {
    let symbols = Symbols::new();
    let case = |print: &str| render_with(print, &FIELDS, &symbols);
    assert_eq!(
        case(r#""a %d b %s c %x", REC->y, some_function(REC->a, REC->y + 4, REC->mac), 16"#),
        (
            "a -3 b some_function(0xfffffff0, 1, 001b21aabbcc) c 10".into(),
            1
        )
    );
    assert_eq!(
        case(r#""%d|%d", SOME_NAME + 1, 2"#),
        ("<SOME_NAME + 1>|2".into(), 1)
    );
    assert_eq!(
        case(r#""%d|%d", REC->nothing, 2"#),
        ("<REC->nothing>|2".into(), 1)
    );
    assert_eq!(
        case(r#""%d|%d", REC->p->member, 2"#),
        ("<REC->p->member>|2".into(), 1)
    );
    assert_eq!(case(r#""%d|%d", REC-> + (, ), 2"#).1, 1);
    assert_eq!(case(r#""%d %d", 1"#), ("1 <>".into(), 1));
    assert_eq!(
        case(r#""%s", __print_symbolic(REC->f, { SOME_NAME, "some" })"#),
        ("0x1".into(), 1)
    );
    let fields = Fields {
        p: 0xffff_8880_0123_4567,
        ..FIELDS
    };
    assert_eq!(
        render_with(r#""%s!", REC->p"#, &fields, &symbols),
        ("0xffff888001234567!".into(), 1)
    );
    let deep = format!("\"%d\", {}1{}", "(".repeat(500), ")".repeat(500));
    assert_eq!(case(&deep).1, 1);

    let format = format_for(r#""%d %s", REC->y, f(1)"#, Abi::LE64);
    let print = PrintFmt::compile(&format, &symbols).unwrap();
    let unresolved: Vec<_> = print.unresolved().collect();
    assert_eq!(unresolved.len(), 1);
    assert_eq!(
        (unresolved[0].source, unresolved[0].reason),
        ("f(1)", Reason::Function)
    );
}

#[test]
fn symbols_are_used() {
    let mut symbols = Symbols::new();
    symbols
        .constant("SOME_NAME", -3)
        .function(
            "twice",
            Function::Number {
                call: |args: &[Argument<'_>]| Some(args.first()?.number()? * 2),
                size: 4,
                signed: true,
            },
        )
        .hz(250)
        .printk_formats("0xffff888001234567 : \"a\\tstring\"\n")
        .kallsyms(
            "ffffffff81000000 T _text\nffffffff81000040 t other [mod]\nffffffff81000080 T end\n",
        );
    let fields = Fields {
        p: 0xffff_8880_0123_4567,
        u: 0xffff_ffff_8100_0050,
        ..FIELDS
    };
    let print = r#""%s %d %u %s %pS %ps %pB", __print_symbolic(REC->y, { SOME_NAME, "some" }), twice(21), jiffies_to_msecs(3), REC->p, REC->u, REC->u, REC->u"#;
    assert_eq!(
        render_with(print, &fields, &symbols),
        (
            "some 42 12 a\tstring other+0x10/0x40 [mod] other [mod] other+0x10/0x40 [mod]".into(),
            0
        )
    );
}

#[test]
fn records_of_other_machines_are_read() {
    let format = format_for(r#""%d %lx %zu", REC->y, -1L, sizeof(long)"#, Abi::BE32);
    let mut data = vec![0; 56];
    data[4..8].copy_from_slice(&(-7i32).to_be_bytes());
    let print = PrintFmt::compile(&format, &Symbols::new()).unwrap();
    assert_eq!(print.display(&data).to_string(), "-7 ffffffff 4");
}

#[test]
fn a_line_has_a_limit() {
    let (text, _) = render_with(r#""%*d", 1000000, 1"#, &FIELDS, &Symbols::new());
    assert_eq!(text.len(), MAX_LINE);
    let many = format!("\"{}\"{}", "%1000d".repeat(200), ", 1".repeat(200));
    assert_eq!(
        render_with(&many, &FIELDS, &Symbols::new()).0.len(),
        MAX_LINE
    );
}

#[test]
fn contradictions_of_formats_say_where() {
    let parse = |fields: &str| {
        let text = format!("name: any\nID: 1\nformat:\n{fields}\nprint fmt: \"\"\n");
        Format::parse(text.as_bytes()).map(|_| ())
    };
    let first = "\tfield:int a;\toffset:0;\tsize:4;\tsigned:1;\n";
    assert!(matches!(
        parse(&format!("{first}\tfield:int b;\toffset:2;\tsize:4;\tsigned:1;\n")),
        Err(Error::FieldOverlap { line: 5, ref field, ref other }) if field == "b" && other == "a"
    ));
    for (line, why) in [
        (
            "\tfield:int x[3];\toffset:0;\tsize:8;\tsigned:1;\n",
            "multiple",
        ),
        (
            "\tfield:u64 x[4];\toffset:0;\tsize:4;\tsigned:0;\n",
            "its elements",
        ),
        (
            "\tfield:__data_loc char[] x;\toffset:0;\tsize:8;\tsigned:0;\n",
            "4 bytes",
        ),
        (
            "\tfield:int x;\toffset:4294967295;\tsize:4;\tsigned:0;\n",
            "beyond",
        ),
    ] {
        let error = parse(line).unwrap_err();
        assert!(
            matches!(&error, Error::FieldPlace { line: 4, .. }),
            "{error}"
        );
        assert!(error.to_string().contains(why), "{error}");
    }
    for line in [
        "\tfield:int x\toffset:0;\n",
        "\tfield:int x;\toffset:;\tsize:4;\n",
        "\tfield:;\toffset:0;\tsize:4;\tsigned:0;\n",
        "\tfield:int x;\toffset:99999999999;\tsize:4;\n",
        "nonsense\n",
    ] {
        assert!(
            matches!(parse(line), Err(Error::FormatSyntax { line: 4, .. })),
            "{line:?}"
        );
    }
}

proptest! {
    /// Numbers print as Rust prints them.
    #[test]
    fn numbers_print_alike(y: i32, a: u32, u: u64, width in 0usize..30) {
        let fields = Fields { y, a, u, ..FIELDS };
        let print = format!("\"%d|%u|%llu|%lld|%x|%llX|%0{width}llx|%{width}d|%-{width}u|%#0{width}llx\", REC->y, REC->a, REC->u, REC->u, REC->a, REC->u, REC->u, REC->y, REC->a, REC->u");
        let print = print.replace("%00llx", "%0llx").replace("%#00llx", "%#0llx").replace("%0d", "%d").replace("%-0u", "%-u");
        let (text, fallbacks) = render_with(&print, &fields, &Symbols::new());
        let signed = u as i64;
        let expected = format!("{y}|{a}|{u}|{signed}|{a:x}|{u:X}|{u:0width$x}|{y:width$}|{a:<width$}|{u:#0width$x}");
        prop_assert_eq!((text, fallbacks), (expected, 0));
    }

    /// Arithmetic gives what Rust's wrapping arithmetic of the same types gives.
    #[test]
    fn arithmetic_wraps_alike(y: i32, a: u32, u: u64, shift in 0u32..32) {
        let fields = Fields { y, a, u, ..FIELDS };
        let print = format!("\"%d|%u|%llu|%d|%llu|%u\", REC->y * 3 - 1, REC->a + REC->y, REC->u - REC->a, REC->y >> {shift}, REC->u << {shift} ^ REC->y, REC->a / 7 % 5");
        let (text, _) = render_with(&print, &fields, &Symbols::new());
        let expected = format!(
            "{}|{}|{}|{}|{}|{}",
            y.wrapping_mul(3).wrapping_sub(1),
            a.wrapping_add(y as u32),
            u.wrapping_sub(u64::from(a)),
            y >> shift,
            u << shift ^ y as u64,
            a / 7 % 5,
        );
        prop_assert_eq!(text, expected);
    }
}

/// Lines of `trace` on Linux 6.12 and 6.18 for the same call.
#[test]
fn system_calls_read_as_in_trace() {
    let read = |name: &str| {
        let path = format!("fixtures/formats/6.18/syscalls/{name}/format");
        Format::parse_for(&std::fs::read(path).unwrap(), Abi::LE64).unwrap()
    };
    let enter = read("sys_enter_openat");
    let mut data = vec![0; enter.extent()];
    for (name, value) in [
        ("dfd", 0xffff_ff9c_u64),
        ("filename", 0x5603_1095_e527),
        ("flags", 9),
    ] {
        let offset = enter.field(name).unwrap().offset();
        data[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }
    let line = |format: &Format, style, data: &[u8]| {
        let print = PrintFmt::system_call(format, style).unwrap();
        print.display(data).to_string()
    };
    assert_eq!(
        line(&enter, SystemCallStyle::Bare, &data),
        "sys_openat(dfd: ffffff9c, filename: 56031095e527, flags: 9, mode: 0)"
    );
    assert_eq!(
        line(&enter, SystemCallStyle::Marked, &data),
        "sys_openat(dfd: 0xffffff9c, filename: 0x56031095e527, flags: 9, mode: 0)"
    );
    let exit = read("sys_exit_openat");
    let mut data = vec![0; exit.extent()];
    data[exit.field("ret").unwrap().offset()] = 3;
    assert_eq!(
        line(&exit, SystemCallStyle::Marked, &data),
        "sys_openat -> 0x3"
    );
    assert!(PrintFmt::system_call(&format_for("\"\"", Abi::LE64), SystemCallStyle::Bare).is_none());
}

/// `a ?: b` evaluates `a` twice here; nested in itself it is bounded by the steps.
#[test]
fn what_doubles_with_each_level_is_bounded() {
    let mut expression = String::from("REC->y");
    for _ in 0..80 {
        expression = format!("({expression} ?: 1)");
    }
    let format = format_for(&format!("\"%d\", {expression}"), Abi::LE64);
    let print = PrintFmt::compile(&format, &Symbols::new()).unwrap();
    let mut text = String::new();
    assert!(print.render(&record(&FIELDS), &mut text).unwrap().cut);
    assert_eq!(print.unresolved().count(), 0);
}

/// Each level is tried as a type first, then as a value.
#[test]
fn what_is_tried_twice_with_each_level_is_bounded() {
    let mut expression = String::from("1");
    for _ in 0..60 {
        expression = format!("(typeof(({expression}) 2) 3)");
    }
    let format = format_for(&format!("\"%d %d\", {expression}, 5"), Abi::LE64);
    let print = PrintFmt::compile(&format, &Symbols::new()).unwrap();
    assert!(print.unresolved().count() > 0);
}

/// Constant expressions as macros leave them behind.
fn constant_expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<u32>().prop_map(|n| n.to_string()),
        (any::<u64>(), prop_oneof!["", "U", "UL", "ull", "L"])
            .prop_map(|(n, suffix)| format!("{n:#x}{suffix}")),
        (0..64u32).prop_map(|n| n.to_string()),
        Just("ATA_CMD_READ".to_owned()),
        Just("true".to_owned()),
        Just("sizeof(int)".to_owned()),
        Just("'x'".to_owned()),
    ];
    leaf.prop_recursive(6, 40, 3, |inner| {
        let op = prop_oneof![
            "<<", ">>", "[|]", "&", "\\^", "[+]", "-", "[*]", "/", "<", "==", "&&"
        ];
        let cast = prop_oneof![
            "u8",
            "s16",
            "int",
            " unsigned long",
            "gfp_t",
            "bool",
            "unsigned char ",
            "__u64"
        ];
        prop_oneof![
            inner.clone().prop_map(|e| format!("({e})")),
            inner.clone().prop_map(|e| format!("((( {e} )))")),
            inner.clone().prop_map(|e| format!("~({e})")),
            inner
                .clone()
                .prop_map(|e| format!("-{e}").replace("--", "- -")),
            (cast, inner.clone()).prop_map(|(ty, e)| format!("({ty})({e})")),
            (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} ({b})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    /// A row's value is read by a shorter way than an argument; both come to the same.
    #[test]
    fn a_row_means_what_an_argument_means(expression in constant_expression(), word in any::<bool>()) {
        let abi = Abi {
            word: if word { tracefs::Word::W64 } else { tracefs::Word::W32 },
            ..Abi::LE64
        };
        for print in [
            format!("\"%s\", __print_symbolic_u64({expression}, {{ {expression}, \"hit\" }})"),
            // An escape makes the row go the long way.
            format!("\"%s\", __print_symbolic_u64({expression}, {{ {expression}, \"h\\x69t\" }})"),
        ] {
            let format = format_for(&print, abi);
            let print = PrintFmt::compile(&format, &Symbols::new()).unwrap();
            prop_assert_eq!(print.unresolved().count(), 0, "{}", expression);
            prop_assert_eq!(print.display(&record(&FIELDS)).to_string(), "hit", "{}", expression);
        }
    }
}
