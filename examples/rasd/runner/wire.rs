//! What the daemon asks of the process that keeps rights, and what that answers: one message, one line of JSON.
//!
//! The daemon has no rights left when it asks, because it reads what came from outside. So what it can ask for is narrow:
//! a program of the configuration by its number, with values under names that are known, each of the form that its name
//! has; or a page.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::kind::PartKind;

/// No request is longer. The longest value is a list of the CPUs that share a cache.
pub(crate) const MAX_REQUEST: usize = 48 << 10;

/// No answer is longer: what a program printed, three bytes of UTF-8 and their quoting for each of its own.
pub(crate) const MAX_ANSWER: usize = 128 << 10;

/// The longest text.
const MAX_TEXT: usize = 1024;
/// The longest list of CPUs.
const MAX_CPUS: usize = 32 << 10;
/// The longest word.
const MAX_WORD: usize = 64;

/// What a value of the environment looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Decimal digits.
    Number,
    /// Hexadecimal digits, perhaps behind `0x`.
    Hex,
    /// Letters, digits, `-` and `_`.
    Word,
    /// Numbers with spaces between them, or a word.
    Cpus,
    /// A line of text.
    Text,
}

/// Every name of the environment.
const NAMES: &[(&str, Form)] = &[
    ("ADDR", Form::Hex),
    ("AFFECTED_CPUS", Form::Cpus),
    ("AGETIME", Form::Number),
    ("BUS", Form::Hex),
    ("CECOUNT", Form::Number),
    ("CHANNEL", Form::Number),
    ("CPU", Form::Number),
    ("DEVICE", Form::Hex),
    ("DIMM", Form::Number),
    ("DMI_LOCATION", Form::Text),
    ("DMI_NAME", Form::Text),
    ("FUNCTION", Form::Hex),
    ("LASTEVENT", Form::Number),
    ("LEVEL", Form::Word),
    ("LOCATION", Form::Text),
    ("MCGCAP", Form::Hex),
    ("MCGSTATUS", Form::Hex),
    ("MESSAGE", Form::Text),
    ("MISC", Form::Hex),
    ("ORIGIN", Form::Word),
    ("PARTICIPATION", Form::Word),
    ("RASD_IMC", Form::Number),
    ("RASD_KIND", Form::Word),
    ("RASD_LABEL", Form::Text),
    ("RASD_PAGE", Form::Hex),
    ("RASD_PAGE_FRAME", Form::Hex),
    ("RASD_SEVERITY", Form::Word),
    ("RASD_THRESHOLD", Form::Text),
    ("REQUEST", Form::Word),
    ("SEG", Form::Hex),
    ("SET", Form::Hex),
    ("SOCKETID", Form::Number),
    ("STATUS", Form::Hex),
    ("THRESHOLD", Form::Text),
    ("THRESHOLD_COUNT", Form::Number),
    ("TIMEOUT", Form::Word),
    ("TOTALCOUNT", Form::Number),
    ("TYPE", Form::Word),
    ("UCCOUNT", Form::Number),
];

impl Form {
    fn of(name: &str) -> Option<Self> {
        let at = NAMES.binary_search_by_key(&name, |(name, _)| name).ok()?;
        NAMES.get(at).map(|(_, form)| *form)
    }

    fn fits(self, value: &str) -> bool {
        let word = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            (1..=MAX_WORD).contains(&text.len()) && text.bytes().all(plain)
        };
        let digits = |text: &str, most: usize, is: fn(&u8) -> bool| {
            (1..=most).contains(&text.len()) && text.as_bytes().iter().all(is)
        };
        match self {
            Self::Number => digits(value, 20, u8::is_ascii_digit),
            Self::Hex => {
                let text = value.strip_prefix("0x").unwrap_or(value);
                digits(text, 16, u8::is_ascii_hexdigit)
            }
            Self::Word => word(value),
            Self::Cpus => {
                let is_list = |byte: u8| byte.is_ascii_digit() || byte == b' ';
                value.len() <= MAX_CPUS && value.bytes().all(is_list) || word(value)
            }
            Self::Text => value.len() <= MAX_TEXT && !value.chars().any(char::is_control),
        }
    }
}

/// A value as it can be asked for: of a text, the first part, without control characters; and nothing of what has not the
/// form that its name wants.
pub(crate) fn fit(name: &'static str, value: String) -> Option<(String, String)> {
    let form = Form::of(name)?;
    let value = if form == Form::Text && !form.fits(&value) {
        let mut text = String::new();
        for c in value.chars() {
            let c = if c.is_control() { '\u{fffd}' } else { c };
            if text.len() + c.len_utf8() > MAX_TEXT {
                break;
            }
            text.push(c);
        }
        text
    } else {
        value
    };
    form.fits(&value).then(|| (name.to_owned(), value))
}

/// Something to do, with a number by which the answer names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Run the program of a kind of parts.
    Run {
        id: u64,
        trigger: PartKind,
        environment: Vec<(String, String)>,
    },
    /// Take the page at this physical address out of use.
    Offline { id: u64, page: u64 },
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// Why it is none, in words.
    pub(crate) fn parse(message: &[u8]) -> Result<Self, String> {
        if message.len() > MAX_REQUEST {
            return Err("it is too long".into());
        }
        let request: Self = serde_json::from_slice(message).map_err(|error| error.to_string())?;
        if let Self::Run { environment, .. } = &request {
            let mut names = BTreeSet::new();
            for (name, value) in environment {
                let form = Form::of(name).ok_or("a name is not known")?;
                if !form.fits(value) {
                    return Err(format!("{name} has not the form of its values"));
                }
                if !names.insert(name) {
                    return Err(format!("{name} stands there twice"));
                }
            }
        }
        Ok(request)
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    Status(i32),
    Signal(i32),
    /// It cannot be waited for: the error's number.
    Unknown(i32),
}

/// Why a page was not taken out of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kept {
    /// The kernel said no: the error's number.
    Kernel(i32),
    /// The configuration does not want it.
    NotConfigured,
    /// That is no address of a page.
    NoPage,
    /// There were as many as the configuration allows.
    TooMany,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Answer {
    /// A program takes too long, and was told to end. Its end is still to come.
    Overdue { id: u64 },
    /// A program ended.
    Ended {
        id: u64,
        end: End,
        milliseconds: u64,
        /// The first of what it printed, on one line.
        printed: String,
        /// How many bytes it printed further.
        more: u64,
    },
    /// A program could not be started: the error's number.
    NotStarted { id: u64, error: i32 },
    /// The kernel took the page out of use.
    Offline { id: u64 },
    /// It is still in use.
    Kept { id: u64, why: Kept },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(environment: &[(&str, &str)]) -> Result<Request, String> {
        let request = Request::Run {
            id: 7,
            trigger: PartKind::Dimm,
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
        };
        Request::parse(&serde_json::to_vec(&request).unwrap())
    }

    #[test]
    fn names_are_in_order_and_each_stands_there_once() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn values_have_the_form_of_their_names() {
        for good in [
            ("SOCKETID", "1"),
            ("AFFECTED_CPUS", "0 1 17"),
            ("AFFECTED_CPUS", "unknown"),
            ("RASD_PAGE", "0x12345000"),
            ("MESSAGE", "$(reboot) `x` \"'; a text is text"),
        ] {
            assert!(run(&[good]).is_ok(), "{good:?}");
        }
        for bad in [
            ("SOCKETID", "1; reboot"),
            ("SOCKETID", ""),
            ("AFFECTED_CPUS", "0 1 $(reboot)"),
            ("RASD_PAGE", "0x"),
            ("LEVEL", "a b"),
            ("MESSAGE", "two\nlines"),
            ("PATH", "/tmp"),
            ("LD_PRELOAD", "/tmp/x.so"),
            ("", "x"),
        ] {
            assert!(run(&[bad]).is_err(), "{bad:?}");
        }
        assert!(run(&[("DIMM", "0"), ("DIMM", "0")]).is_err());
        assert!(run(&[("MESSAGE", &"x".repeat(MAX_TEXT + 1))]).is_err());
    }

    #[test]
    fn what_is_asked_for_fits() {
        let text = "é\u{1b}[2J".repeat(1000);
        let (name, value) = fit("MESSAGE", text).unwrap();
        assert!(value.len() <= MAX_TEXT && value.len() > MAX_TEXT - 4);
        assert!(run(&[(&name, &value)]).is_ok());
        assert_eq!(fit("CHANNEL", "?".into()), None);
        assert_eq!(fit("HOME", "/".into()), None);
        // All CPUs that are ever listed.
        let all: Vec<String> = (0..4096).map(|cpu| cpu.to_string()).collect();
        let (name, value) = fit("AFFECTED_CPUS", all.join(" ")).unwrap();
        assert!(run(&[(&name, &value)]).is_ok());
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for text in [
            "",
            "{}",
            "{\"run\":{\"id\":1,\"trigger\":\"shell\",\"environment\":[]}}",
            "{\"run\":{\"id\":1,\"trigger\":\"dimm\",\"environment\":[],\"argv\":[\"/bin/sh\"]}}",
            "{\"run\":{\"id\":1,\"trigger\":\"/bin/sh\",\"environment\":[]}}",
            "{\"offline\":{\"id\":1,\"page\":-4096}}",
            "{\"offline\":{\"id\":1,\"page\":4096}} {}",
        ] {
            assert!(Request::parse(text.as_bytes()).is_err(), "{text}");
        }
        let long = format!(
            "{}{{\"offline\":{{\"id\":1,\"page\":0}}}}",
            " ".repeat(MAX_REQUEST)
        );
        assert!(Request::parse(long.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn what_fits_is_asked_for(value in ".{0,2000}", name in 0..NAMES.len()) {
            let name = NAMES[name].0;
            if let Some((name, value)) = fit(name, value) {
                prop_assert!(run(&[(&name, &value)]).is_ok());
            }
        }
    }
}
