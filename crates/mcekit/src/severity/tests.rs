//! One case for each rule, so that each rule is reached.

use super::rules::*;
use super::*;
use crate::regs::{McgCap, Status};
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
        (
            sar | ADDR | DATA_LOAD,
            MCIP_BOTH | SEAM_NR,
            true,
            Context::Kernel,
        ),
        (
            sar | ADDR | INSTRUCTION_FETCH,
            MCIP_BOTH | SEAM_NR,
            true,
            Context::Kernel,
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
fn the_candidates_of_a_key_hold_the_first_rule_that_matches() {
    // Every combination of the bits that some rule asks about.
    let status_bits = RULES.iter().fold(0, |bits, rule| bits | rule.status.0);
    let around_bits = RULES.iter().fold(0, |bits, rule| bits | rule.around.0);
    let high = status_bits & !0xffff_ffff;
    let mut status = 0_u64;
    loop {
        for low in [
            0,
            0xc3,
            0x0010_00c1,
            L3_WRITEBACK,
            DATA_LOAD,
            INSTRUCTION_FETCH,
        ] {
            let mut around = 0_u64;
            loop {
                let status = status | low;
                let slow = RULES.iter().find(|rule| rule.matches(status, around));
                let slow = slow.unwrap_or(&NO_MATCH);
                assert!(
                    std::ptr::eq(first_match(status, around), slow),
                    "{status:#x}, {around:#x}"
                );
                around = around.wrapping_sub(around_bits) & around_bits;
                if around == 0 {
                    break;
                }
            }
        }
        status = status.wrapping_sub(high) & high;
        if status == 0 {
            break;
        }
    }
}

#[test]
fn each_context_at_once_and_one_by_one() {
    for status in [0, VAL_EN, VAL_EN | UC, VAL_EN | UC_S_AR | ADDR | DATA_LOAD] {
        for mcg in [0, McgStatus::MCIP, MCIP_RIPV, MCIP_BOTH] {
            for vendor in [Vendor::INTEL, Vendor::AMD] {
                let record = intel_record(status, mcg, true).with_vendor(vendor);
                let one_by_one = Context::ALL.map(|context| Grade::of(&record, context));
                assert_eq!(Grade::in_each_context(&record), one_by_one);
            }
        }
    }
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
fn what_a_guest_under_tdx_met_is_not_the_kernels() {
    for code in [DATA_LOAD, INSTRUCTION_FETCH] {
        let status = VAL_EN | UC_S_AR | ADDR | code;
        let severity = |mcg| Grade::of(&intel_record(status, mcg, true), Context::Kernel).severity;
        assert_eq!(severity(MCIP_BOTH | SEAM_NR), Severity::ActionRequired);
        assert_eq!(severity(MCIP_BOTH), Severity::Panic);
    }
    // No other code is known to spare the kernel.
    let other = intel_record(VAL_EN | UC_S_AR | ADDR, MCIP_BOTH | SEAM_NR, true);
    assert_eq!(Grade::of(&other, Context::Kernel).severity, Severity::Panic);
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
