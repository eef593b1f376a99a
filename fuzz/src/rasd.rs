//! The daemon's configuration, what is asked at its socket, and what it asks of the process that keeps rights.

use crate::config::Config;
use crate::marks::Mark;
use crate::question::Question;
use crate::request::{MAX_REQUEST, Request, RequestError, parse};
use crate::wire;

/// A configuration is read, or every mistake has a line and column that are there and says something on one line; and what
/// is read is written so that it reads as the same.
pub fn config(data: &[u8]) {
    match Config::read(data) {
        Ok(config) => {
            let written = config.to_string();
            let again = Config::read(written.as_bytes());
            assert_eq!(again.as_ref(), Ok(&config), "{written}");
            assert_eq!(config.to_string(), written);
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = data.iter().filter(|&&byte| byte == b'\n').count() + 1;
            let longest = data.split(|&byte| byte == b'\n').map(<[u8]>::len).max();
            let mut last = (1, 1);
            for problem in &problems {
                let place = (problem.line, problem.column);
                assert!((1..=lines).contains(&problem.line), "{problem}");
                assert!(
                    problem.column >= 1 && problem.column <= longest.unwrap_or(0) + 1,
                    "{problem}"
                );
                assert!(!problem.what.is_empty() && !problem.what.contains('\n'));
                assert!(last <= place, "{problem} stands behind {last:?}");
                last = place;
            }
        }
    }
}

/// Any text of the spool is a mark, whose text is the same again, and which names a source unless the text is empty.
pub fn marks(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mark = Mark::read(&text);
    assert_eq!(mark.to_string(), text);
    assert_eq!(mark.name().is_empty(), text.is_empty());
    assert!(
        mark.boot()
            .is_none_or(|boot| !boot.is_empty() && !boot.contains(' '))
    );
}

/// A request that is too long is refused as such. One that is read is written so that it reads as the same; and a question
/// that means something means the same when it is asked in our own words, or it is said on one line what is wrong.
pub fn request(data: &[u8]) {
    let request = match parse::<Question>(data) {
        Ok(request) => request,
        Err(error) => {
            assert_eq!(
                matches!(error, RequestError::TooLong),
                data.len() >= MAX_REQUEST,
                "{error}"
            );
            return;
        }
    };
    assert!(data.len() < MAX_REQUEST);
    let written = serde_json::to_vec(&request).expect("JSON");
    assert!(!written.contains(&b'\n'), "a request is one line");
    let again: Request<Question> = serde_json::from_slice(&written).expect("what we write");
    assert_eq!(again, request);
    let Request::Query(question) = request else {
        return;
    };
    match question.parse() {
        Ok(query) => {
            let ours = Question::of(&query);
            let query = ours.parse().expect("our own words");
            assert_eq!(Question::of(&query), ours, "{question:?}");
        }
        Err(said) => assert!(!said.is_empty() && !said.contains('\n'), "{question:?}"),
    }
}

/// What the process that keeps rights takes for a request is bounded, each value on one line, and no name twice; it is written
/// so that it reads as the same. And so is what the daemon takes for its answer.
pub fn runner(data: &[u8]) {
    if let Ok(request) = wire::Request::parse(data) {
        assert!(data.len() <= wire::MAX_REQUEST);
        if let wire::Request::Run { environment, .. } = &request {
            for (at, (name, value)) in environment.iter().enumerate() {
                assert!(
                    !value.contains(|c: char| c.is_control()),
                    "{name}={value:?}"
                );
                assert!(
                    environment
                        .iter()
                        .skip(at + 1)
                        .all(|(other, _)| other != name),
                    "{name} stands there twice"
                );
                assert!(
                    !["PATH", "IFS", "ENV", "BASH_ENV"].contains(&name.as_str())
                        && !name.starts_with("LD_"),
                    "{name}"
                );
            }
        }
        let written = serde_json::to_vec(&request).expect("JSON");
        assert_eq!(wire::Request::parse(&written).as_ref(), Ok(&request));
    }
    if let Ok(answer) = serde_json::from_slice::<wire::Answer>(data) {
        let written = serde_json::to_vec(&answer).expect("JSON");
        let again: wire::Answer = serde_json::from_slice(&written).expect("what we write");
        assert_eq!(again, answer);
    }
}
