//! Rows of events that are no machine checks: whole in `rasd_event`, and in rasdaemon's table of the event where it has
//! one.

use std::fmt::Write;

use mcekit_source::{FieldValue, Generic};
use rusqlite::{Connection, ToSql, params, params_from_iter};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::signed;
use crate::entry::Delivered;

pub(super) fn insert(
    conn: &Connection,
    delivered: &Delivered,
    generic: &Generic,
    timestamp: &str,
) -> rusqlite::Result<()> {
    let mut fields = String::new();
    // Writing to a String cannot fail.
    let _ = mcekit::write_json(&mut fields, &Fields(&generic.fields));
    let (time, time_ns) = generic.time.unzip();
    conn.prepare_cached(
        "INSERT INTO rasd_event (seq, received, received_ns, channel, system, name, cpu, time, time_ns, fields, text) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        signed(delivered.seq),
        signed(delivered.received.0),
        delivered.received.1,
        generic.channel.name(),
        generic.system,
        generic.name,
        generic.cpu,
        time.map(signed),
        time_ns,
        fields,
        generic.text
    ])?;
    rasdaemons(conn, &Event(generic), timestamp)
}

/// Fields as a JSON object, in their order.
struct Fields<'a>(&'a [(String, FieldValue)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// An event's fields by name.
struct Event<'a>(&'a Generic);

impl Event<'_> {
    fn get(&self, name: &str) -> Option<&FieldValue> {
        let mut fields = self.0.fields.iter();
        fields.find(|(of, _)| of == name).map(|(_, value)| value)
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            FieldValue::Unsigned(n) => Some(signed(*n)),
            FieldValue::Signed(n) => Some(*n),
            FieldValue::Text(_) | FieldValue::Bytes(_) => None,
        }
    }

    /// A layer's index; -1 where there is none, in whatever width the kernel gave it.
    fn layer(&self, name: &str) -> Option<i64> {
        // One byte, that older readers hand out without its sign.
        self.number(name).map(|n| (n as i8).into())
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            FieldValue::Text(text) => Some(text),
            _ => None,
        }
    }

    fn bytes(&self, name: &str) -> Option<&[u8]> {
        match self.get(name)? {
            FieldValue::Bytes(bytes) => Some(bytes),
            FieldValue::Text(text) => Some(text.as_bytes()),
            _ => None,
        }
    }
}

/// The words for a number, by its place in the list.
fn word(words: &[&'static str], n: Option<i64>) -> Option<&'static str> {
    words.get(usize::try_from(n?).ok()?).copied()
}

/// `enum hw_event_mc_err_type` (include/linux/edac.h).
const MC_TYPES: [&str; 5] = ["Corrected", "Uncorrected", "Deferred", "Fatal", "Info"];

/// CPER severities, by number (UEFI, appendix N).
const CPER: [&str; 4] = ["Recoverable", "Fatal", "Corrected", "Informational"];

/// `AER_NONFATAL`, `AER_FATAL`, `AER_CORRECTABLE` (include/linux/aer.h).
const AER: [&str; 3] = [
    "Uncorrected (Non-Fatal)",
    "Uncorrected (Fatal)",
    "Corrected",
];

/// PCIe's correctable error status register, bit by bit.
const AER_CORRECTED: [(u8, &str); 8] = [
    (0, "Receiver Error"),
    (6, "Bad TLP"),
    (7, "Bad DLLP"),
    (8, "RELAY_NUM Rollover"),
    (12, "Replay Timer Timeout"),
    (13, "Advisory Non-Fatal"),
    (14, "Corrected Internal Error"),
    (15, "Header Log Overflow"),
];

/// PCIe's uncorrectable error status register, bit by bit.
const AER_UNCORRECTED: [(u8, &str); 17] = [
    (4, "Data Link Protocol"),
    (5, "Surprise Link Down"),
    (12, "Poisoned TLP"),
    (13, "Flow Control Protocol"),
    (14, "Completion Timeout"),
    (15, "Completer Abort"),
    (16, "Unexpected Completion"),
    (17, "Receiver Overflow"),
    (18, "Malformed TLP"),
    (19, "ECRC"),
    (20, "Unsupported Request"),
    (21, "ACS Violation"),
    (22, "Uncorrected Internal"),
    (23, "MC Blocked TLP"),
    (24, "AtomicOp Egress Blocked"),
    (25, "TLP Prefix Blocked"),
    (26, "Poisoned TLP Egress Blocked"),
];

/// The names of the bits that are set.
fn bits(status: i64, names: &[(u8, &str)]) -> String {
    let mut out = String::new();
    for bit in (0..64).filter(|bit| status >> bit & 1 != 0) {
        let between = if out.is_empty() { "" } else { ", " };
        let known = names.iter().find(|(of, _)| *of == bit);
        // Writing to a String cannot fail.
        let _ = match known {
            Some((_, name)) => write!(out, "{between}{name}"),
            None => write!(out, "{between}BIT{bit}"),
        };
    }
    out
}

/// The row of rasdaemon's own table, for the events that it has one for.
fn rasdaemons(conn: &Connection, event: &Event<'_>, timestamp: &str) -> rusqlite::Result<()> {
    let mut row = Row {
        columns: vec![("timestamp", Box::new(timestamp.to_owned()))],
    };
    let table = match (event.0.system.as_str(), event.0.name.as_str()) {
        ("ras", "mc_event") => {
            row.put("err_count", event.number("error_count"));
            let kind = word(&MC_TYPES, event.number("error_type"));
            row.put(
                "err_type",
                kind.or(event.text("error_type")).map(str::to_owned),
            );
            row.text(event, "err_msg", "msg");
            row.text(event, "label", "label");
            row.put("mc", event.number("mc_index"));
            for layer in ["top_layer", "middle_layer", "lower_layer"] {
                row.put(layer, event.layer(layer));
            }
            row.put("address", event.number("address"));
            row.put("grain", event.number("grain_bits"));
            row.put("syndrome", event.number("syndrome"));
            row.text(event, "driver_detail", "driver_detail");
            "mc_event"
        }
        ("ras", "aer_event") => {
            let severity = event.number("severity");
            let names: &[_] = if severity == Some(2) {
                &AER_CORRECTED
            } else {
                &AER_UNCORRECTED
            };
            row.text(event, "dev_name", "dev_name");
            row.put("err_type", word(&AER, severity).map(str::to_owned));
            row.put(
                "err_msg",
                event.number("status").map(|status| bits(status, names)),
            );
            "aer_event"
        }
        ("ras", "extlog_mem_event") => {
            row.put("etype", event.number("etype"));
            row.put("error_count", event.number("err_seq"));
            row.put("severity", event.number("sev"));
            row.put("address", event.number("pa"));
            row.bytes(event, "fru_id", "fru_id");
            row.text(event, "fru_text", "fru_text");
            row.bytes(event, "cper_data", "data");
            "extlog_event"
        }
        ("ras" | "memory_failure", "memory_failure_event") => {
            row.put("pfn", event.number("pfn").map(|pfn| format!("{pfn:#x}")));
            // The kernel's own words for the two, where the channel gives its text: their numbers moved between versions.
            let said = event.0.text.as_deref().unwrap_or_default();
            let (page, result) = failure(said);
            row.put("page_type", page.or_else(|| number_text(event, "type")));
            row.put(
                "action_result",
                result.or_else(|| number_text(event, "result")),
            );
            "memory_failure_event"
        }
        ("ras", "non_standard_event") => {
            row.bytes(event, "sec_type", "sec_type");
            row.bytes(event, "fru_id", "fru_id");
            row.text(event, "fru_text", "fru_text");
            row.put(
                "severity",
                word(&CPER, event.number("sev")).map(str::to_owned),
            );
            row.bytes(event, "error", "buf");
            "non_standard_event"
        }
        ("ras", "arm_event") => {
            for name in ["affinity", "mpidr", "running_state", "psci_state"] {
                row.put(name, event.number(name));
            }
            row.bytes(event, "err_info", "pei_buf");
            row.bytes(event, "context_info", "ctx_buf");
            row.bytes(event, "vendor_info", "oem_buf");
            "arm_event"
        }
        _ => return Ok(()),
    };
    row.insert(conn, table)
}

/// `pfn 0x123: recovery action for dirty LRU page: Recovered`, as the kernel prints it.
fn failure(text: &str) -> (Option<String>, Option<String>) {
    let said = text
        .split_once("recovery action for ")
        .and_then(|(_, rest)| rest.rsplit_once(": "));
    match said {
        Some((page, result)) => (Some(page.to_owned()), Some(result.trim_end().to_owned())),
        None => (None, None),
    }
}

fn number_text(event: &Event<'_>, name: &str) -> Option<String> {
    match event.get(name)? {
        FieldValue::Text(text) => Some(text.clone()),
        _ => event.number(name).map(|n| n.to_string()),
    }
}

/// A row in the making.
struct Row {
    columns: Vec<(&'static str, Box<dyn ToSql>)>,
}

impl Row {
    fn put(&mut self, column: &'static str, value: Option<impl ToSql + 'static>) {
        if let Some(value) = value {
            self.columns.push((column, Box::new(value)));
        }
    }

    fn text(&mut self, event: &Event<'_>, column: &'static str, field: &str) {
        self.put(column, event.text(field).map(str::to_owned));
    }

    fn bytes(&mut self, event: &Event<'_>, column: &'static str, field: &str) {
        self.put(column, event.bytes(field).map(<[u8]>::to_vec));
    }

    fn insert(self, conn: &Connection, table: &str) -> rusqlite::Result<()> {
        let (names, values): (Vec<_>, Vec<_>) = self.columns.into_iter().unzip();
        let marks = vec!["?"; names.len()].join(", ");
        let text = format!(
            "INSERT INTO {table} ({}) VALUES ({marks})",
            names.join(", ")
        );
        conn.prepare_cached(&text)?
            .execute(params_from_iter(values))?;
        Ok(())
    }
}
