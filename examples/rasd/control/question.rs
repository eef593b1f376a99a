//! A question for the history as it goes over the socket: the command line's, key by key.

use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::args;

/// The options of `rasd query`; each means what it means there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Question {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) socket: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bank: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) severity: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) at: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) identity: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) kind: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) newest: bool,
    /// The lines of the table, as JSON strings, in place of objects.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) table: bool,
}

/// The command line that the question is.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Line {
    #[command(flatten)]
    query: args::Query,
}

impl Question {
    /// What the command line asked.
    pub(crate) fn of(query: &args::Query) -> Self {
        Self {
            since: query.since.map(|time| time.to_string()),
            until: query.until.map(|time| time.to_string()),
            cpu: query.cpu,
            socket: query.socket,
            bank: query.bank,
            severity: query.severity.iter().map(|one| one.id().into()).collect(),
            class: query.class.clone(),
            at: query
                .places
                .iter()
                .map(|(place, number)| format!("{}={number}", place.name()))
                .collect(),
            identity: query.identity.map(|identity| identity.to_string()),
            kind: query.kind.iter().map(|kind| kind.name().into()).collect(),
            limit: query.limit,
            newest: query.newest,
            table: !query.json,
        }
    }

    /// What it asks, checked as the command line is.
    ///
    /// # Errors
    ///
    /// The command line's words for what is wrong.
    pub(crate) fn parse(&self) -> Result<args::Query, String> {
        let mut words = Vec::new();
        let mut say = |name: &str, value: &dyn std::fmt::Display| {
            // In one word: a value that begins with a dash is still a value.
            words.push(format!("--{name}={value}"));
        };
        let texts = [
            ("since", &self.since),
            ("until", &self.until),
            ("class", &self.class),
            ("identity", &self.identity),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                say(name, value);
            }
        }
        for (name, value) in [
            ("cpu", self.cpu),
            ("socket", self.socket),
            ("bank", self.bank.map(u32::from)),
        ] {
            if let Some(value) = value {
                say(name, &value);
            }
        }
        for (name, values) in [
            ("severity", &self.severity),
            ("at", &self.at),
            ("kind", &self.kind),
        ] {
            for value in values {
                say(name, value);
            }
        }
        if let Some(limit) = self.limit {
            say("limit", &limit);
        }
        words.extend(self.newest.then(|| "--newest".to_owned()));
        words.extend((!self.table).then(|| "--json".to_owned()));
        match Line::try_parse_from(words) {
            Ok(line) => Ok(line.query),
            Err(error) => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                Err(first.trim_start_matches("error: ").to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `rasd query` makes of its command line.
    fn typed(words: &[&str]) -> args::Query {
        Line::try_parse_from(words)
            .unwrap_or_else(|error| panic!("{error}"))
            .query
    }

    #[test]
    fn a_question_is_the_command_line_again() {
        for words in [
            &[][..],
            &["--json"],
            &[
                "--since",
                "1795349361",
                "--until",
                "2026-11-22T12:30:00",
                "--cpu",
                "3",
                "--socket",
                "1",
            ],
            &[
                "--bank",
                "5",
                "--severity",
                "fatal",
                "--severity",
                "corrected",
                "--class",
                "patrol-scrub",
            ],
            &[
                "--at",
                "channel=1",
                "--at",
                "dimm=0",
                "--kind",
                "record",
                "--kind",
                "loss",
            ],
            &[
                "--limit",
                "7",
                "--newest",
                "--identity",
                "00112233445566778899aabbccddeeff",
                "--json",
            ],
        ] {
            let query = typed(words);
            let question = Question::of(&query);
            let json = serde_json::to_string(&question).expect("JSON");
            let read: Question = serde_json::from_str(&json).expect("a question");
            assert_eq!(read, question);
            let again = read.parse().expect("a query");
            assert_eq!(format!("{again:?}"), format!("{query:?}"), "{words:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_as_on_the_command_line() {
        let wrong = |question: Question| question.parse().expect_err("wrong");
        let said = wrong(Question {
            severity: vec!["bad".into()],
            ..Question::default()
        });
        assert!(
            said.contains("'bad'") && said.contains("corrected"),
            "{said}"
        );
        let said = wrong(Question {
            class: Some("x".into()),
            at: vec!["--help".into()],
            ..Question::default()
        });
        assert!(said.contains("--help"), "{said}");
        assert!(serde_json::from_str::<Question>("{\"bank\":256}").is_err());
        assert!(serde_json::from_str::<Question>("{\"banks\":1}").is_err());
    }
}
