//! Targets of `mcekit`.

use mcekit::wire::{MIN_LEN, Mce, NOT_CARRIED, Raw, Wire};
use mcekit::{
    Addr, Context, CpuSignature, Grade, Ipid, McgCap, McgStatus, Misc, Ppin, Present, Record,
    Status, Synd, Synd1, Synd2, Vendor,
};

use crate::Input;

/// Any record: every part present, absent, or at any value.
pub fn any(input: &mut Input<'_>) -> Record {
    let present = Present::from_bits_truncate(input.u32());
    Record::new(input.u8(), Status(input.u64()))
        .with_addr(Addr(input.u64()))
        .with_misc(Misc(input.u64()))
        .with_mcgstatus(McgStatus(input.u64()))
        .with_mcgcap(McgCap(input.u64()))
        .with_synd(Synd(input.u64()))
        .with_synd1(Synd1(input.u64()))
        .with_synd2(Synd2(input.u64()))
        .with_ipid(Ipid(input.u64()))
        .with_ip(input.u64())
        .with_cs(input.u8())
        .with_tsc(input.u64())
        .with_time(input.u64())
        .with_cpu(input.u32())
        .with_socket(input.u32())
        .with_apicid(input.u32())
        .with_cpuid(CpuSignature(input.u32()))
        .with_vendor(Vendor(input.u8()))
        .with_ppin(Ppin(input.u64()))
        .with_microcode(input.u32())
        .without(Present::all() - present)
}

/// Bytes as `struct mce`: what is read is what was there, and a record written again is the same record.
pub fn wire(data: &[u8]) {
    let Ok(wire) = Wire::read(data) else {
        assert!(data.len() < MIN_LEN);
        return;
    };
    assert_eq!(wire.len + wire.surplus, data.len());
    assert_eq!(wire.mce.status.to_le_bytes(), data[..8]);
    let record = wire.record();
    assert_eq!(Raw::new(data).map(Raw::record), Ok(record));
    assert!(!record.present().intersects(NOT_CARRIED));
    let again = Wire {
        mce: Mce::from(&record),
        ..wire
    };
    assert_eq!(again.record(), record);
    let bytes = wire.mce.to_bytes();
    let whole = Wire::read(&bytes).expect("the longest layout is long enough");
    assert_eq!(whole.mce, wire.mce);
}

/// Any record decodes: nothing empty, nothing from a register that is not valid, and every context has a grade.
pub fn decode(data: &[u8]) {
    let record = any(&mut Input(data));
    let decoding = record.decode();
    assert!(!decoding.to_string().is_empty());
    assert!(
        format!("{decoding:#}")
            .lines()
            .all(|line| !line.trim().is_empty())
    );
    if record.valid_addr().is_none() {
        assert_eq!(decoding.address, None);
    }
    if record.valid_misc().is_none() {
        assert_eq!(decoding.io_mca, None);
    }
    for context in Context::ALL {
        let grade = Grade::of(&record, context);
        assert!(!grade.rule.is_empty());
        assert_eq!(grade, Grade::of(&record, context));
    }
    assert!(decoding.flags().count() >= 7);
}
