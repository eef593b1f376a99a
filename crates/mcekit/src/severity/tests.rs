//! One case for each rule, so that each rule is reached.

use super::*;
use crate::regs::McgCap;
use std::collections::BTreeSet;

const VAL_EN: u64 = Status::VAL | Status::EN;
const MCIP_RIPV: u64 = McgStatus::MCIP | McgStatus::RIPV;
const MCIP_BOTH: u64 = MCIP_RIPV | McgStatus::EIPV;

fn intel_record(status: u64, mcg: u64, ser: bool) -> Record {
    Record::new(13, Status(status))
        .with_vendor(Vendor::INTEL)
        .with_cpuid(CpuSignature(0x50654))
        .with_mcgstatus(McgStatus(mcg))
        .with_mcgcap(McgCap(if ser { McgCap::SER_P } else { 0 }))
}

#[test]
fn every_rule_of_the_list_is_reached() {
    let sar = VAL_EN | UC_S_AR;
    let cases = [
        (0, 0, true, Context::Poll),
        (Status::VAL, 0, true, Context::User),
        (VAL_EN | Status::PCC, MCIP_BOTH, true, Context::User),
        (VAL_EN, 0, true, Context::User),
        (VAL_EN, McgStatus::MCIP, true, Context::User),
        (
            VAL_EN,
            McgStatus::MCIP | McgStatus::EIPV,
            true,
            Context::Kernel,
        ),
        (VAL_EN, MCIP_BOTH, false, Context::Poll),
        (VAL_EN | UC | 0xc3, MCIP_BOTH, true, Context::User),
        (VAL_EN | UC | L3_WRITEBACK, MCIP_BOTH, true, Context::User),
        (VAL_EN | ADDR | 0x0010_00c1, MCIP_BOTH, true, Context::Poll),
        (VAL_EN | UC, MCIP_BOTH, true, Context::User),
        (VAL_EN | UC_AR, MCIP_BOTH, true, Context::User),
        (VAL_EN, MCIP_BOTH, true, Context::User),
        (sar | OVER, MCIP_BOTH, true, Context::User),
        (sar | ADDR, MCIP_RIPV, true, Context::User),
        (
            sar | ADDR | DATA_LOAD,
            MCIP_BOTH,
            true,
            Context::KernelRecoverable,
        ),
        (sar | ADDR | DATA_LOAD, MCIP_BOTH, true, Context::User),
        (
            sar | ADDR | INSTRUCTION_FETCH,
            MCIP_BOTH,
            true,
            Context::User,
        ),
        (sar | ADDR | DATA_LOAD, MCIP_BOTH, true, Context::Kernel),
        (
            sar | ADDR | INSTRUCTION_FETCH,
            MCIP_BOTH,
            true,
            Context::Kernel,
        ),
        (sar, MCIP_BOTH, true, Context::User),
        (VAL_EN | UC | Status::S, MCIP_BOTH, true, Context::User),
        (
            VAL_EN | UC | Status::S | OVER,
            MCIP_BOTH,
            true,
            Context::User,
        ),
        (VAL_EN | UC | OVER, MCIP_BOTH, false, Context::User),
        (VAL_EN | UC, MCIP_BOTH, false, Context::User),
        (VAL_EN | Status::S, MCIP_BOTH, true, Context::User),
    ];
    let reached: BTreeSet<_> = cases
        .iter()
        .map(|&(status, mcg, ser, context)| {
            Grade::of(&intel_record(status, mcg, ser), context).rule
        })
        .collect();
    let all: BTreeSet<_> = RULES
        .iter()
        .chain([&NO_MATCH])
        .map(|rule| rule.message)
        .collect();
    assert_eq!(reached, all);
}

#[test]
fn uncorrected_in_the_kernel_is_fatal() {
    let record = intel_record(VAL_EN | UC, MCIP_BOTH, false);
    assert_eq!(
        Grade::of(&record, Context::User).severity,
        Severity::Uncorrected
    );
    assert_eq!(
        Grade::of(&record, Context::Kernel).severity,
        Severity::Panic
    );
    assert_eq!(Grade::of(&record, Context::Poll).severity, Severity::Panic);
}

#[test]
fn amd_by_its_questions() {
    let record = |status| {
        Record::new(0, Status(status))
            .with_vendor(Vendor::AMD)
            .with_cpuid(CpuSignature::new(0x19, 1, 0))
    };
    let severity = |status, context| Grade::of(&record(status), context).severity;
    assert_eq!(
        severity(VAL_EN | UC | Status::PCC, Context::User),
        Severity::Panic
    );
    assert_eq!(
        severity(VAL_EN | Status::DEFERRED, Context::Poll),
        Severity::Deferred
    );
    assert_eq!(severity(VAL_EN, Context::Kernel), Severity::Keep);
    assert_eq!(
        severity(VAL_EN | UC | OVER, Context::User),
        Severity::ActionRequired
    );
    assert_eq!(severity(VAL_EN | UC, Context::Kernel), Severity::Panic);
    let old = record(VAL_EN | UC | OVER).with_cpuid(CpuSignature::new(0x15, 2, 0));
    assert_eq!(
        Grade::of(&old, Context::User).rule,
        "Overflowed uncorrected error without MCA Overflow Recovery"
    );
}

#[test]
fn context_of_a_record() {
    let record = intel_record(VAL_EN, MCIP_BOTH, true);
    assert_eq!(Context::of(&record), Context::Kernel);
    assert_eq!(Context::of(&record.with_cs(0x33)), Context::User);
    assert_eq!(Context::of(&intel_record(VAL_EN, 0, true)), Context::Poll);
}
