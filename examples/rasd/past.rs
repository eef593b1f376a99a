//! What earlier processes counted: the errors of the history that the thresholds still look back to.

use std::ops::ControlFlow;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mcekit_source::{Channel, Event, FieldValue, Generic, Observed};
use mcekit_store::db::{Kind, Query, Reader, Row, What};

use crate::monitor::Monitor;
use crate::say;
use crate::stats::Stats;
use crate::stop::Stop;

/// How long the start waits for the history to have what an earlier process left in the spool.
const WAIT: Duration = Duration::from_secs(5);

/// Counts the errors of the history for the thresholds. Where there is none, or it cannot be read now, they begin at zero;
/// which is said.
pub(crate) fn restore(monitor: &mut Monitor, history: &Path, stats: &Stats, stop: &Stop) {
    let horizon = monitor.horizon();
    if horizon.is_zero() || stats.stored.get() == 0 {
        return;
    }
    let start = Instant::now();
    let missing = || stats.stored.get().saturating_sub(stats.applied.get());
    while missing() > 0 && start.elapsed() < WAIT && !stop.asked() {
        thread::sleep(Duration::from_millis(5));
    }
    let missing = missing();
    if missing > 0 && !stop.asked() {
        say::warn(format_args!(
            "the history lacks the last {missing} events still, which the spool has: the thresholds begin without them"
        ));
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let query = Query {
        since: Some(now.saturating_sub(horizon).as_secs()),
        kinds: vec![Kind::Record, Kind::Event],
        ..Query::default()
    };
    let read = Reader::open(history).and_then(|reader| {
        reader.each(&query, |row| {
            if let (Some(event), Some(received)) = (event(row), row.received) {
                monitor.restore(&event, received);
            }
            ControlFlow::Continue(())
        })
    });
    if let Err(error) = read {
        say::warn(format_args!(
            "{error}; the thresholds begin at zero, as if there had been no errors before"
        ));
    }
}

/// A row as the event that it was.
fn event(row: &Row) -> Option<Event> {
    let channel = row.channel.as_deref().and_then(Channel::by_name);
    let channel = channel.unwrap_or(Channel::Replay);
    match &row.what {
        What::Record {
            record,
            earlier_boot,
            ..
        } => Some(Event::Record(Observed {
            record: *record,
            channel,
            earlier_boot: *earlier_boot,
        })),
        What::Event {
            system,
            name,
            cpu,
            time,
            fields,
            text,
        } => Some(Event::Generic(Generic {
            system: system.clone(),
            name: name.clone(),
            channel,
            cpu: *cpu,
            time: *time,
            fields: values(fields),
            text: text.clone(),
        })),
        What::Lost { .. } => None,
    }
}

/// The fields that are numbers or texts.
fn values(json: &str) -> Vec<(String, FieldValue)> {
    let Ok(object) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json)
    else {
        return Vec::new();
    };
    let value = |value: serde_json::Value| match value {
        serde_json::Value::Number(n) => n
            .as_u64()
            .map(FieldValue::Unsigned)
            .or(n.as_i64().map(FieldValue::Signed)),
        serde_json::Value::String(text) => Some(FieldValue::Text(text)),
        _ => None,
    };
    object
        .into_iter()
        .filter_map(|(name, json)| Some((name, value(json)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_as_they_count() {
        let fields = values(r#"{"error_type":0,"label":"A1","error_count":4,"x":-1,"bytes":[1]}"#);
        assert!(fields.contains(&("error_count".into(), FieldValue::Unsigned(4))));
        assert!(fields.contains(&("label".into(), FieldValue::Text("A1".into()))));
        assert!(fields.contains(&("x".into(), FieldValue::Signed(-1))));
        assert_eq!(fields.len(), 4);
        assert!(values("[]").is_empty());
    }
}
