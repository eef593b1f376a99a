use alloc::string::{String, ToString};
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::{Abi, Format};

const FORMAT: &str = "name: test\nID: 7\nformat:\n\
    \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
    \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\
    \n\
    \tfield:char comm16[16];\toffset:8;\tsize:16;\tsigned:0;\n\
    \tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;\n\
    \tfield:__data_loc u8[] raw;\toffset:28;\tsize:4;\tsigned:0;\n\
    \tfield:__data_loc cpumask_t mask;\toffset:32;\tsize:4;\tsigned:0;\n\
    \tfield:u8 small;\toffset:36;\tsize:1;\tsigned:0;\n\
    \tfield:u16 words[2];\toffset:38;\tsize:4;\tsigned:0;\n\
    \tfield:const char * text;\toffset:48;\tsize:8;\tsigned:0;\n\
    \tfield:void * ip;\toffset:56;\tsize:8;\tsigned:0;\n\
    \tfield:u64 big;\toffset:64;\tsize:8;\tsigned:0;\n\
    \n\
    print fmt: \"%d\", REC->small\n";

fn format() -> Format {
    Format::parse_for(FORMAT.as_bytes(), Abi::LE64).unwrap()
}

/// What becomes of a text: checked and printed, or the error.
fn checked(text: &str) -> String {
    match text
        .parse::<Filter>()
        .and_then(|filter| filter.check(&format()).map(|()| filter))
    {
        Ok(filter) => filter.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn expressions_that_stand() {
    for text in [
        "small == 1",
        "common_pid != -1 && small < 255 || !(big & 18446744073709551615)",
        "(small == 1 || small == 2) && (small >= 3 && small <= 4)",
        "comm16 ~ \"ba*\" || name == 'with \"quotes\"' || text != \"it's\"",
        "CPU == CPUS{0-3,8} && mask & CPUS{1} && COMM == \"x\"",
        "ip.function == do_work.isra.0 || big.function != 18446744071562067968",
        "text.ustring ~ \"*lib*\"",
        "!(!(small == 1))",
    ] {
        assert_eq!(checked(text), text);
    }
}

#[test]
fn spellings_are_made_one() {
    for (text, printed) in [
        ("  small==0x1f&&big>=010 ", "small == 31 && big >= 8"),
        ("!small == 1", "!(small == 1)"),
        ("((small == 1))", "small == 1"),
        ("small&1", "small & 1"),
        ("comm16 == 'x'", "comm16 == \"x\""),
        ("mask & CPUS{ 3 , 1-2,0,7}", "mask & CPUS{0-3,7}"),
    ] {
        assert_eq!(checked(text), printed, "{text}");
    }
}

#[test]
fn texts_that_do_not_parse() {
    for (text, error) in [
        ("", "filter, byte 0: expected the name of a field"),
        (
            "small",
            "filter, byte 5: expected one of == != < <= > >= & ~",
        ),
        (
            "small && big",
            "filter, byte 6: expected one of == != < <= > >= & ~",
        ),
        (
            "small =",
            "filter, byte 6: expected one of == != < <= > >= & ~",
        ),
        (
            "small == ",
            "filter, byte 9: expected a number, a string in quotes or CPUS{…}",
        ),
        (
            "small == x",
            "filter, byte 9: expected a number, a string in quotes or CPUS{…}",
        ),
        (
            "small == 1 &&",
            "filter, byte 13: expected the name of a field",
        ),
        ("(small == 1", "filter, byte 11: expected &&, || or )"),
        (
            "small == 1)",
            "filter, byte 10: expected an end, for `)` closes nothing",
        ),
        (
            "small == 1 big == 2",
            "filter, byte 11: expected &&, || or an end",
        ),
        ("name == \"open", "filter, byte 8: expected a closing quote"),
        (
            "small == 0x",
            "filter, byte 9: expected a number of 64 bits",
        ),
        (
            "small == 12a",
            "filter, byte 9: expected a number of 64 bits",
        ),
        (
            "small == 09",
            "filter, byte 9: expected a number of 64 bits",
        ),
        (
            "big == 18446744073709551616",
            "filter, byte 7: expected a number of 64 bits",
        ),
        (
            "big == -9223372036854775809",
            "filter, byte 7: expected a number of 64 bits",
        ),
        ("mask & CPUS", "filter, byte 11: expected {"),
        (
            "mask & CPUS{}",
            "filter, byte 12: expected the number of a CPU",
        ),
        (
            "mask & CPUS{3-1}",
            "filter, byte 15: expected a range that ascends",
        ),
        ("mask & CPUS{1", "filter, byte 13: expected , or }"),
        (
            "ip.string == 1",
            "filter, byte 2: expected .ustring or .function",
        ),
    ] {
        assert_eq!(
            text.parse::<Filter>().unwrap_err().to_string(),
            error,
            "{text}"
        );
    }
}

#[test]
fn comparisons_that_cannot_be() {
    for (text, error) in [
        ("nope == 1", "event test has no field nope"),
        (
            "small == 300",
            "filter: field small: is compared with a number that does not fit it",
        ),
        (
            "small == -1",
            "filter: field small: is unsigned, and compares with no negative number",
        ),
        (
            "common_pid == 0x80000000",
            "filter: field common_pid: is compared with a number that does not fit it",
        ),
        (
            "small ~ 1",
            "filter: field small: is no string, as ~ needs it",
        ),
        ("small == \"x\"", "filter: field small: is no string"),
        (
            "name == 1",
            "filter: field name: is a string, and compares with one",
        ),
        (
            "comm16 < \"x\"",
            "filter: field comm16: is a string, and compares by ==, != and ~ only",
        ),
        (
            "name & CPUS{1}",
            "filter: field name: is a string, and compares with one",
        ),
        (
            "raw == 1",
            "filter: field raw: is a dynamic array, which no filter compares",
        ),
        (
            "words == 1",
            "filter: field words: is an array, which no filter compares",
        ),
        (
            "mask == 1",
            "filter: field mask: is a set of CPUs, and compares with CPUS{…}",
        ),
        (
            "small < CPUS{1}",
            "filter: field small: compares with CPUS{…} by ==, != and & only",
        ),
        (
            "small.ustring == \"x\"",
            "filter: field small: is no pointer to a string, as .ustring needs it",
        ),
        (
            "small.function == f",
            "filter: field small: is no address, as .function needs it",
        ),
        (
            "big.function < f",
            "filter: field big: compares with a function by == and != only",
        ),
        (
            "name.function == f",
            "filter: field name: is no address, as .function needs it",
        ),
    ] {
        assert_eq!(checked(text), error, "{text}");
    }
}

#[test]
fn expressions_built_wrongly() {
    let error = |filter: Filter| filter.check(&format()).unwrap_err().to_string();
    assert_eq!(
        error(Filter::All(vec![field("small").eq(1)])),
        "filter, byte 0: expected at least two terms to combine"
    );
    assert_eq!(
        error(field("name").eq("both \" and '")),
        "filter: field name: is compared with a string that holds both kinds of quotes"
    );
    assert_eq!(
        error(field("name").eq("a\nb")),
        "filter: field name: is compared with a string of more than one line"
    );
    assert_eq!(
        error(field("big").eq(Operand::Function("f".into()))),
        "filter: field big: needs .function to be compared with a function"
    );
    assert_eq!(
        error(field("a == 1 || b").eq(1)),
        "event test has no field a == 1 || b"
    );
    assert_eq!(
        error(field("ip").in_function("f; rm")),
        "filter: field ip: is compared with what cannot be a function's name"
    );
    let long = (0..400).fold(field("small").eq(1), |f, _| f.or(field("small").eq(2)));
    assert_eq!(error(long), "filter: length is over the limit of 4095");
}

#[test]
fn depth_is_limited() {
    let nested = |n: usize| "(".repeat(n) + "small == 1" + &")".repeat(n);
    assert_eq!(checked(&nested(MAX_DEPTH)), "small == 1");
    assert_eq!(
        checked(&nested(MAX_DEPTH + 1)),
        "filter: depth is over the limit of 64"
    );
    assert_eq!(
        checked(&("!".repeat(MAX_DEPTH + 1) + "small == 1")),
        "filter: depth is over the limit of 64"
    );
    let mut deep = field("small").eq(1);
    for _ in 0..=MAX_DEPTH {
        deep = !deep;
    }
    assert_eq!(
        deep.check(&format()).unwrap_err().to_string(),
        "filter: depth is over the limit of 64"
    );
}

#[test]
fn text_is_limited() {
    assert_eq!(
        checked(&" ".repeat(MAX_TEXT + 1)),
        "filter: length is over the limit of 4095"
    );
    let string = |n: usize| std::format!("name == \"{}\"", "x".repeat(n));
    assert_eq!(checked(&string(MAX_STRING)), string(MAX_STRING));
    assert_eq!(
        checked(&string(MAX_STRING + 1)),
        "filter: length of a string is over the limit of 255"
    );
}

fn tests() -> impl Strategy<Value = Filter> {
    let text = prop_oneof!["[a-z*?' ]{0,12}", "[a-z*?\" ]{0,12}"];
    prop_oneof![
        (any::<u8>(), 0..6usize).prop_map(|(n, op)| {
            let small = field("small");
            match op {
                0 => small.eq(n),
                1 => small.ne(n),
                2 => small.lt(n),
                3 => small.le(n),
                4 => small.ge(n),
                _ => small.bits(n),
            }
        }),
        any::<i32>().prop_map(|n| field("common_pid").gt(n)),
        any::<u64>().prop_map(|n| field("big").eq(n)),
        text.prop_map(|t| field("name").glob(&t)),
        prop::collection::vec(0..300u32, 1..9).prop_map(|list| field("mask").cpus(list)),
        "[a-z_][a-z0-9_.]{0,9}".prop_map(|name| field("ip").in_function(&name)),
    ]
}

fn filters() -> impl Strategy<Value = Filter> {
    tests().prop_recursive(6, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Any),
            inner.prop_map(|f| !f),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_parses_to_the_same(filter in filters()) {
        filter.check(&format()).unwrap();
        let text = filter.to_string();
        prop_assert_eq!(text.parse::<Filter>().unwrap(), filter);
    }

    #[test]
    fn any_text_is_refused_or_survives_printing(text in "[a-z0-9_ ()!=<>&|~\"'.,{}CPUS-]{0,40}") {
        if let Ok(filter) = text.parse::<Filter>() {
            prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
        }
    }
}
