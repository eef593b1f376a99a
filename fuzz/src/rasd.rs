//! The daemon's configuration.

use crate::config::Config;

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
