//! The tables: rasdaemon's, as its readers expect them, with columns of ours behind; and our own.
//!
//! rasdaemon names its columns in every statement, and adds to a table what it lacks. So do we: a database can change
//! hands.

use std::path::Path;

use rusqlite::Connection;

use super::failed;
use crate::{Error, Result};

/// The version of our part of the schema, as `PRAGMA user_version`. rasdaemon leaves it 0.
pub(super) const VERSION: u32 = 1;

/// A table: its name, its columns with their types, and what comes behind them.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, &'static str)],
}

/// rasdaemon's record of a machine check (ras-record.c, 0.8.5); from `synd` on, what it does not keep.
pub(super) const MCE_RECORD: Table = Table {
    name: "mce_record",
    columns: &[
        ("id", "INTEGER PRIMARY KEY"),
        ("timestamp", "TEXT"),
        ("mcgcap", "INTEGER"),
        ("mcgstatus", "INTEGER"),
        ("status", "INTEGER"),
        ("addr", "INTEGER"),
        ("misc", "INTEGER"),
        ("ip", "INTEGER"),
        ("tsc", "INTEGER"),
        ("walltime", "INTEGER"),
        ("ppin", "INTEGER"),
        ("cpu", "INTEGER"),
        ("cpuid", "INTEGER"),
        ("apicid", "INTEGER"),
        ("socketid", "INTEGER"),
        ("cs", "INTEGER"),
        ("bank", "INTEGER"),
        ("cpuvendor", "INTEGER"),
        ("microcode", "INTEGER"),
        ("bank_name", "TEXT"),
        ("error_msg", "TEXT"),
        ("mcgstatus_msg", "TEXT"),
        ("mcistatus_msg", "TEXT"),
        ("mcastatus_msg", "TEXT"),
        ("user_action", "TEXT"),
        ("mc_location", "TEXT"),
        ("synd", "INTEGER"),
        ("ipid", "INTEGER"),
        ("synd1", "INTEGER"),
        ("synd2", "INTEGER"),
        ("seq", "INTEGER"),
        ("received", "INTEGER"),
        ("received_ns", "INTEGER"),
        ("channel", "TEXT"),
        ("earlier_boot", "INTEGER"),
        ("number", "INTEGER"),
        ("identity", "BLOB"),
    ],
};

/// All tables.
pub(super) const TABLES: &[Table] = &[
    MCE_RECORD,
    Table {
        name: "mc_event",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("timestamp", "TEXT"),
            ("err_count", "INTEGER"),
            ("err_type", "TEXT"),
            ("err_msg", "TEXT"),
            ("label", "TEXT"),
            ("mc", "INTEGER"),
            ("top_layer", "INTEGER"),
            ("middle_layer", "INTEGER"),
            ("lower_layer", "INTEGER"),
            ("address", "INTEGER"),
            ("grain", "INTEGER"),
            ("syndrome", "INTEGER"),
            ("driver_detail", "TEXT"),
        ],
    },
    Table {
        name: "aer_event",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("timestamp", "TEXT"),
            ("dev_name", "TEXT"),
            ("err_type", "TEXT"),
            ("err_msg", "TEXT"),
        ],
    },
    Table {
        name: "extlog_event",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("timestamp", "TEXT"),
            ("etype", "INTEGER"),
            ("error_count", "INTEGER"),
            ("severity", "INTEGER"),
            ("address", "INTEGER"),
            ("fru_id", "BLOB"),
            ("fru_text", "TEXT"),
            ("cper_data", "BLOB"),
        ],
    },
    Table {
        name: "memory_failure_event",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("timestamp", "TEXT"),
            ("pfn", "TEXT"),
            ("page_type", "TEXT"),
            ("action_result", "TEXT"),
        ],
    },
    Table {
        name: "non_standard_event",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("timestamp", "TEXT"),
            ("sec_type", "BLOB"),
            ("fru_id", "BLOB"),
            ("fru_text", "TEXT"),
            ("severity", "TEXT"),
            ("error", "BLOB"),
        ],
    },
    Table {
        name: "arm_event",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("timestamp", "TEXT"),
            ("error_count", "INTEGER"),
            ("affinity", "INTEGER"),
            ("mpidr", "INTEGER"),
            ("running_state", "INTEGER"),
            ("psci_state", "INTEGER"),
            ("err_info", "BLOB"),
            ("context_info", "BLOB"),
            ("vendor_info", "BLOB"),
            ("error_type", "TEXT"),
            ("error_flags", "TEXT"),
            ("error_info", "INTEGER"),
            ("virt_fault_addr", "INTEGER"),
            ("phy_fault_addr", "INTEGER"),
        ],
    },
    // Every event that is no machine check, whole.
    Table {
        name: "rasd_event",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("seq", "INTEGER"),
            ("received", "INTEGER"),
            ("received_ns", "INTEGER"),
            ("channel", "TEXT"),
            ("system", "TEXT"),
            ("name", "TEXT"),
            ("cpu", "INTEGER"),
            ("time", "INTEGER"),
            ("time_ns", "INTEGER"),
            ("fields", "TEXT"),
            ("text", "TEXT"),
        ],
    },
    // What is missing. `kind`: exact, at-least, unknown.
    Table {
        name: "rasd_loss",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("seq", "INTEGER"),
            ("received", "INTEGER"),
            ("received_ns", "INTEGER"),
            ("channel", "TEXT"),
            ("kind", "TEXT"),
            ("count", "INTEGER"),
            ("why", "TEXT"),
        ],
    },
    // Reports of errors that another channel had told of.
    Table {
        name: "rasd_again",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("received", "INTEGER"),
            ("received_ns", "INTEGER"),
            ("identity", "BLOB"),
            ("channel", "TEXT"),
            ("number", "INTEGER"),
        ],
    },
    Table {
        name: "rasd_cursor",
        columns: &[("source", "TEXT PRIMARY KEY"), ("cursor", "TEXT")],
    },
    // One row: the last frame and the last event that are in here, with a checksum of the two. `recheck`: up to this
    // event, rows may be here that the frame's number does not tell of (see salvage.rs).
    Table {
        name: "rasd_applied",
        columns: &[
            ("id", "INTEGER PRIMARY KEY"),
            ("frame", "INTEGER"),
            ("entry", "INTEGER"),
            ("checksum", "INTEGER"),
            ("recheck", "INTEGER"),
        ],
    },
];

/// Brings a database to this version: a new one, one of rasdaemon's of any age, or an earlier one of ours.
///
/// # Errors
///
/// [`Error::Version`] for a later one; [`Error::Foreign`] for another program's. Neither is changed.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<()> {
    let sql = |error| failed(path, error);
    let version = conn
        .query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0))
        .map_err(sql)?
        .cast_unsigned();
    if version > VERSION {
        return Err(Error::Version {
            path: path.to_owned(),
            found: version,
            known: VERSION,
        });
    }
    if version == VERSION && complete(conn).map_err(sql)? {
        return Ok(());
    }
    let names = tables(conn).map_err(sql)?;
    let known = |name: &String| TABLES.iter().any(|table| table.name == name);
    if !names.is_empty() && !names.iter().any(known) {
        return Err(Error::Foreign {
            path: path.to_owned(),
            what: format!(
                "a database of something else: it has the table `{}`, and none of machine checks; give another path",
                names.first().map_or("", String::as_str)
            ),
        });
    }
    let transaction = conn
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(sql)?;
    for table in TABLES {
        let has = columns(&transaction, table.name).map_err(sql)?;
        if has.is_empty() {
            let columns: Vec<String> = table
                .columns
                .iter()
                .map(|(name, kind)| format!("{name} {kind}"))
                .collect();
            let text = format!("CREATE TABLE {} ({})", table.name, columns.join(", "));
            transaction.execute(&text, []).map_err(sql)?;
            continue;
        }
        if !has.iter().any(|name| name == table.columns[0].0) {
            return Err(Error::Foreign {
                path: path.to_owned(),
                what: format!(
                    "its table `{}` is another program's: it has no column `{}`; give another path",
                    table.name, table.columns[0].0
                ),
            });
        }
        for (name, kind) in table.columns {
            if !has.iter().any(|has| has == name) {
                let text = format!("ALTER TABLE {} ADD COLUMN {name} {kind}", table.name);
                transaction.execute(&text, []).map_err(sql)?;
            }
        }
    }
    transaction
        .pragma_update(None, "user_version", VERSION)
        .map_err(sql)?;
    transaction.commit().map_err(sql)
}

/// Whether every table has every column: what a half-restored file may lack.
fn complete(conn: &Connection) -> rusqlite::Result<bool> {
    for table in TABLES {
        let has = columns(conn, table.name)?;
        let missing = |(name, _): &(&str, &str)| !has.iter().any(|has| has == name);
        if table.columns.iter().any(missing) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The names of the tables that are there.
fn tables(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let text = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = conn.prepare(text)?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

/// The columns of a table; none where it is not there.
pub(super) fn columns(conn: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = conn.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    names.collect()
}
