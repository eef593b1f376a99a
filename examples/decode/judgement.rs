//! How bad an error is, and what to do about it, in sentences.

use mcekit::severity::Action;
use mcekit::{Decoding, Grade, Severity, Threshold};
use mcekit_models::Explained;

use super::out::Out;
use super::style::{MORE, Style};
use super::suspect::Suspect;

/// What an answer to "how bad, and what to do" depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    severity: Severity,
    action: Action,
    rule: &'static str,
    threshold: Option<Threshold>,
    corrupt: bool,
    overflow: bool,
    poison: bool,
    suspect: Option<Suspect>,
}

impl Judgement {
    pub(crate) fn of(decoding: &Decoding, explained: &Explained<'_>, grade: &Grade) -> Self {
        let status = decoding.status();
        Self {
            severity: grade.severity,
            action: grade.action(),
            rule: grade.rule,
            threshold: decoding.threshold,
            corrupt: status.pcc(),
            overflow: status.over(),
            poison: decoding.record.has_poison() && status.poison(),
            suspect: Suspect::of(decoding, explained),
        }
    }

    pub(crate) fn show(&self, style: Style, out: &mut Out) {
        style.write_label("  How bad     ", out);
        out.str(sentence(self.severity));
        if self.corrupt {
            out.str("; the processor's state may be corrupt");
        }
        match self.threshold {
            Some(Threshold::Yellow) => {
                out.str("; threshold status yellow: more corrected errors than is normal");
            }
            Some(Threshold::Green) => {
                out.str("; threshold status green: few enough corrected errors");
            }
            _ => {}
        }
        if self.overflow {
            out.str("; further errors were lost, the bank was full");
        }
        if self.poison {
            out.str("; poisoned data was consumed");
        }
        out.str("\n");
        style.write_label(MORE, out);
        out.str("the kernel's rule: ").str(self.rule).str("\n");
        style.write_label("  What to do  ", out);
        out.str(if self.threshold == Some(Threshold::Yellow) {
            "replace the part at the next occasion: it passed its threshold of corrected errors"
        } else {
            advice(self.action)
        });
        out.str("\n");
        if let Some(suspect) = self.suspect {
            style.write_label("  Suspect     ", out);
            out.str(suspect.text()).str("\n");
        }
    }
}

/// What to do, after how bad it is was said.
const fn advice(action: Action) -> &'static str {
    match action {
        Action::Nothing => "nothing",
        Action::Watch => "nothing now; count such errors, and replace the part if they go on",
        Action::Isolate => {
            "take the memory at the address out of use (the kernel may have); replace the part if it repeats"
        }
        Action::EndProgram => {
            "restart the program that was interrupted; take the memory out of use and plan to replace the part"
        }
        Action::Stop => "find and replace the failed part before the system carries load again",
    }
}

/// The grade in a sentence.
const fn sentence(severity: Severity) -> &'static str {
    match severity {
        Severity::No => "nothing: the record is not an error that counts",
        Severity::Deferred => "not corrected, but nothing has used the bad data yet",
        Severity::Keep => "corrected by hardware; no data was lost",
        Severity::Some => "not corrected, of a kind that the kernel cannot act on",
        Severity::ActionOptional => "not corrected, found before anything used the bad data",
        Severity::Uncorrected => "not corrected, and not recoverable",
        Severity::ActionRequired => "not corrected, and a program was about to use the bad data",
        Severity::Panic => "not corrected, and the system cannot go on: the kernel panics",
    }
}
