//! Lines of JSON: a record each, or an object that has one as `record`. What has none (a loss, another event) is passed over.

use mcekit::{Present, Record};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    record: Option<Record>,
}

/// The record of a line; `None` where it has none.
pub(super) fn record(line: &[u8]) -> Result<Option<Record>, serde_json::Error> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    // A record as it is begins so where this project wrote it: it needs not be read twice.
    if !line.starts_with(b"{\"status\":")
        && let Some(record) = serde_json::from_slice::<Line>(line)?.record
    {
        return Ok(Some(record));
    }
    let record: Record = serde_json::from_slice(line)?;
    Ok(record.present().contains(Present::STATUS).then_some(record))
}

/// Whether one of the whole lines that an input begins with has a record. Crash logs are JSON too, and the log reader's.
pub(super) fn begins(head: &[u8]) -> bool {
    let mut lines = head.split(|&byte| byte == b'\n');
    lines.any(|line| matches!(record(line), Ok(Some(_))))
}
