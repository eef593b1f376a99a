//! Marks as text.

use proptest::prelude::*;

use crate::marks::Mark;

const NAME: &str = "[a-z]{1,8}:[ -~]{1,20}";

proptest! {
    #[test]
    fn a_mark_is_what_its_text_says(boot in "[0-9a-f-]{1,36}", when in any::<u64>(), name in NAME) {
        for mark in [
            Mark::Reading(name.clone()),
            Mark::Watched(name.clone()),
            Mark::Followed { boot: boot.clone(), since: when, name: name.clone() },
            Mark::Left { boot: boot.clone(), at: when, name: name.clone() },
        ] {
            prop_assert_eq!(Mark::read(&mark.to_string()), mark);
        }
    }

    #[test]
    fn any_text_is_a_mark_and_stays_it(text in "((watch|follow|left|x) ?)?[ -~0-9]{0,20}") {
        prop_assert_eq!(Mark::read(&text).to_string(), text);
    }
}

#[test]
fn what_is_no_other_mark_is_a_source_that_was_being_read() {
    for text in [
        "",
        "mcelog:/dev/mcelog",
        "watch",
        "watch ",
        "follow",
        "follow a 1",
        "follow a x trace:mce",
        "follow a +1 trace:mce",
        "follow a 01 trace:mce",
        "follow  1 trace:mce",
        "left a 99999999999999999999 trace:mce",
        "journal:/var/log/a b",
    ] {
        assert_eq!(Mark::read(text), Mark::Reading(text.to_owned()), "{text}");
    }
}
