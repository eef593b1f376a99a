//! What the daemon answers.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use mcekit_store::db::Reader;

use super::{Answers, Question};
use crate::explain::out::Out;
use crate::query::Writer;
use crate::status::Told;

/// The daemon's answers.
pub(crate) struct Daemon {
    pub(crate) told: Told,
    /// The history.
    pub(crate) history: PathBuf,
}

impl Answers for Daemon {
    type Query = Question;

    fn status(&self) -> String {
        // A report holds nothing that JSON cannot say.
        serde_json::to_string(&self.told.report()).unwrap_or_default()
    }

    fn query(&self, question: &Question, out: &mut dyn Write) -> Result<u64, String> {
        let query = question.parse()?;
        let reader = Reader::open(&self.history).map_err(|error| error.to_string())?;
        let mut writer = Writer::new(query.json);
        let mut line = Out::memory();
        let mut rows = 0;
        let mut send = |line: &Out| -> std::io::Result<()> {
            let text = line.text();
            if question.table {
                serde_json::to_writer(&mut *out, text.trim_end_matches('\n'))?;
                out.write_all(b"\n")
            } else {
                out.write_all(text.as_bytes())
            }
        };
        let mut broken = None;
        if question.table {
            line.str(crate::query::HEAD);
            send(&line).map_err(|error| error.to_string())?;
            rows += 1;
        }
        reader
            .each(&(&query).into(), |row| {
                line.clear();
                writer.row(row, &mut line);
                match send(&line) {
                    Ok(()) => {
                        rows += 1;
                        ControlFlow::Continue(())
                    }
                    Err(error) => {
                        broken = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })
            .map_err(|error| error.to_string())?;
        broken.map_or(Ok(rows), |error| Err(error.to_string()))
    }
}
