//! Rows of `mce_record`.

use mcekit::{
    Addr, CpuSignature, Ipid, McgCap, McgStatus, Misc, Ppin, Record, Status, Synd, Synd1, Synd2,
    Vendor,
};
use mcekit_source::Observed;
use rusqlite::{Connection, ToSql};

use super::signed;
use super::texts::Texts;
use crate::entry::Delivered;

/// The columns in the order in which they are bound.
const INSERT: &str = "INSERT INTO mce_record (timestamp, mcgcap, mcgstatus, status, addr, misc, ip, tsc, walltime, ppin, \
    cpu, cpuid, apicid, socketid, cs, bank, cpuvendor, microcode, bank_name, error_msg, mcgstatus_msg, mcistatus_msg, \
    mcastatus_msg, user_action, mc_location, synd, ipid, synd1, synd2, seq, received, received_ns, channel, earlier_boot, \
    number, identity) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
    ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36)";

/// The columns that make up a record, for reading.
pub(super) const REGISTERS: &str = "status, bank, addr, misc, mcgstatus, mcgcap, synd, synd1, synd2, ipid, ip, cs, tsc, \
    walltime, cpu, socketid, apicid, cpuid, cpuvendor, ppin, microcode";

pub(super) fn insert(
    conn: &Connection,
    delivered: &Delivered,
    observed: &Observed,
    number: u32,
    timestamp: &str,
    texts: &Texts,
    location: &str,
) -> rusqlite::Result<()> {
    let record = &observed.record;
    let mut statement = conn.prepare_cached(INSERT)?;
    let mut at = 0;
    let mut put = |value: &dyn ToSql| {
        at += 1;
        statement.raw_bind_parameter(at, value)
    };
    let status = record
        .present()
        .contains(mcekit::Present::STATUS)
        .then(|| signed(record.status().0));
    put(&timestamp)?;
    put(&record.mcgcap().map(|value| signed(value.0)))?;
    put(&record.mcgstatus().map(|value| signed(value.0)))?;
    put(&status)?;
    put(&record.addr().map(|value| signed(value.0)))?;
    put(&record.misc().map(|value| signed(value.0)))?;
    put(&record.ip().map(signed))?;
    put(&record.tsc().map(signed))?;
    put(&record.time().map(signed))?;
    put(&record.ppin().map(|value| signed(value.0)))?;
    put(&record.cpu())?;
    put(&record.cpuid().map(|value| value.0))?;
    put(&record.apicid())?;
    put(&record.socket())?;
    put(&record.cs())?;
    put(&record.bank())?;
    put(&record.vendor().map(|value| value.0))?;
    put(&record.microcode())?;
    put(&texts.bank_name)?;
    put(&texts.error_msg)?;
    put(&texts.mcgstatus_msg)?;
    put(&texts.mcistatus_msg)?;
    put(&texts.mcastatus_msg)?;
    put(&texts.user_action)?;
    put(&location)?;
    put(&record.synd().map(|value| signed(value.0)))?;
    put(&record.ipid().map(|value| signed(value.0)))?;
    put(&record.synd1().map(|value| signed(value.0)))?;
    put(&record.synd2().map(|value| signed(value.0)))?;
    put(&signed(delivered.seq))?;
    put(&signed(delivered.received.0))?;
    put(&delivered.received.1)?;
    put(&observed.channel.name())?;
    put(&observed.earlier_boot)?;
    put(&number)?;
    put(&delivered.identity.map(|identity| identity.0))?;
    statement.raw_execute()?;
    Ok(())
}

/// The record of a row that begins with [`REGISTERS`]. What is NULL, or no number that fits, is absent.
pub(super) fn read(row: &rusqlite::Row<'_>) -> Record {
    let number = |at| row.get::<_, i64>(at).ok().map(i64::cast_unsigned);
    // rasdaemon writes numbers of 32 bits with a sign.
    let small = |at| {
        let n = row.get::<_, i64>(at).ok()?;
        let signed = || i32::try_from(n).ok().map(i32::cast_unsigned);
        u32::try_from(n).ok().or_else(signed)
    };
    let byte = |at| number(at).and_then(|n| u8::try_from(n).ok());
    let mut record = Record::empty();
    macro_rules! take {
        ($($at:literal $of:ident $with:ident $new:expr);* $(;)?) => {$(
            if let Some(value) = $of($at) {
                record = record.$with($new(value));
            }
        )*};
    }
    let same64 = |n: u64| n;
    let same32 = |n: u32| n;
    let same8 = |n: u8| n;
    take! {
        0 number with_status Status;
        1 byte with_bank same8;
        2 number with_addr Addr;
        3 number with_misc Misc;
        4 number with_mcgstatus McgStatus;
        5 number with_mcgcap McgCap;
        6 number with_synd Synd;
        7 number with_synd1 Synd1;
        8 number with_synd2 Synd2;
        9 number with_ipid Ipid;
        10 number with_ip same64;
        11 byte with_cs same8;
        12 number with_tsc same64;
        13 number with_time same64;
        14 small with_cpu same32;
        15 small with_socket same32;
        16 small with_apicid same32;
        17 small with_cpuid CpuSignature;
        18 byte with_vendor Vendor;
        19 number with_ppin Ppin;
        20 small with_microcode same32;
    }
    record
}
