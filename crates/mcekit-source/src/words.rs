//! A trace event out of the kernel's words for it.

use crate::Channel;
use crate::event::{FieldValue, Generic};
use crate::fields::{Catalogue, Known};

/// The event, if it is one of the catalogue's and can be read.
///
/// A machine check's text has all its registers. Of other events only what the text names (`mc:0`, `severity=…`) can be
/// told as fields; the text itself is whole.
pub(crate) fn read(known: &Catalogue, cpu: u32, name: &str, text: &str) -> Option<Known> {
    let system = known.system_of(name)?;
    if system == "mce" && name == "mce_record" {
        // The reader wants to see whose line it is.
        let line = format!("mce_record: {text}\n");
        return mcekit_logs::records(line.as_bytes())
            .next()
            .map(|found| Known::Mce(found.record));
    }
    Some(Known::Generic(Generic {
        system: system.into(),
        name: name.into(),
        channel: Channel::Trace,
        cpu: Some(cpu),
        time: None,
        fields: match name {
            "mc_event" => mc_event(text).unwrap_or_default(),
            _ => named(text),
        },
        text: Some(text.into()),
    }))
}

/// `name:value` and `name=value` words; a value goes up to the next `;`, `,` or name.
fn named(text: &str) -> Vec<(String, FieldValue)> {
    let mut fields = Vec::new();
    for part in text.split([';', ',']) {
        let Some((name, value)) = part.split_once([':', '=']) else {
            continue;
        };
        let name = name.trim();
        if !name.is_empty() && name.len() <= 64 {
            fields.push((name.replace(' ', "_"), value_of(value.trim())));
        }
    }
    fields
}

fn value_of(text: &str) -> FieldValue {
    if let Some(hex) = text.strip_prefix("0x")
        && let Ok(value) = u64::from_str_radix(hex, 16)
    {
        return FieldValue::Unsigned(value);
    }
    if let Ok(value) = text.parse::<u64>() {
        return FieldValue::Unsigned(value);
    }
    if let Ok(value) = text.parse::<i64>() {
        return FieldValue::Signed(value);
    }
    FieldValue::Text(text.into())
}

/// `COUNT TYPE error[s]:[ MSG] on LABEL (mc:N location:T:M:L address:0x… grain:N syndrome:0x…[ DETAIL])`
/// (include/ras/ras_event.h).
fn mc_event(text: &str) -> Option<Vec<(String, FieldValue)>> {
    let (count, rest) = text.split_once(' ')?;
    let (kind, rest) = rest.split_once(" error")?;
    let (_, rest) = rest.split_once(':')?;
    let open = rest.rfind(" (mc:")?;
    let (head, tail) = rest.split_at(open);
    // A label may hold " on ", a message hardly.
    let (message, label) = head.split_once(" on ")?;
    let tail = tail.strip_prefix(" (mc:")?.strip_suffix(')')?;
    let (mc, tail) = tail.split_once(" location:")?;
    let (location, tail) = tail.split_once(" address:")?;
    let (address, tail) = tail.split_once(" grain:")?;
    let (grain, tail) = tail.split_once(" syndrome:")?;
    let (syndrome, detail) = tail.split_once(' ').unwrap_or((tail, ""));
    let mut layers = location.split(':');
    let mut fields = vec![
        ("error_count".into(), value_of(count)),
        ("error_type".into(), FieldValue::Text(kind.into())),
        ("msg".into(), FieldValue::Text(message.trim().into())),
        ("label".into(), FieldValue::Text(label.into())),
        ("mc_index".into(), value_of(mc)),
    ];
    for layer in ["top_layer", "middle_layer", "lower_layer"] {
        fields.push((layer.into(), value_of(layers.next()?)));
    }
    fields.extend([
        ("address".into(), value_of(address)),
        ("grain".into(), value_of(grain)),
        ("syndrome".into(), value_of(syndrome)),
        ("driver_detail".into(), FieldValue::Text(detail.into())),
    ]);
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<'f>(fields: &'f [(String, FieldValue)], name: &str) -> Option<&'f FieldValue> {
        fields.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    #[test]
    fn memory_controller_events_in_words() {
        let fields = mc_event(
            "1 Corrected error: memory read error on CPU_SrcID#0_MC#1_Chan#0_DIMM#1 (mc:1 location:0:1:-1 \
             address:0x00001000 grain:32 syndrome:0x00000000 area:DRAM err_code:0001:0090)",
        )
        .unwrap();
        assert_eq!(
            field(&fields, "label"),
            Some(&FieldValue::Text("CPU_SrcID#0_MC#1_Chan#0_DIMM#1".into()))
        );
        assert_eq!(field(&fields, "lower_layer"), Some(&FieldValue::Signed(-1)));
        assert_eq!(
            field(&fields, "address"),
            Some(&FieldValue::Unsigned(0x1000))
        );
        assert_eq!(
            field(&fields, "driver_detail"),
            Some(&FieldValue::Text("area:DRAM err_code:0001:0090".into()))
        );
        assert_eq!(mc_event("no such thing"), None);
    }

    #[test]
    fn a_machine_check_in_words_has_what_its_bytes_have() {
        let text = include_bytes!("../../tracefs/fixtures/formats/6.13/mce/mce_record/format");
        let mut known = Catalogue::default();
        known
            .add("mce", tracefs::Format::parse(text).unwrap())
            .unwrap();
        let text = "CPU: 2, MCGc/s: 11c/0, MC22: dc2040000000011b, IPID: 0000009600650f00, ADDR: 00000000000002c0, \
            MISC: d01a000101000000, SYND: 000060600a800501, RIP: 00:<0000000000000000>, TSC: 0, PPIN: 2b1a, vendor: 2, \
            CPUID: b00f21, time: 1795349482, socket: 0, APIC: 2, microcode: b002116, vendor data: \
            {0x50,0x30,0x5f,0x44,0x49,0x4d,0x4d,0x5f,0x47,0x33,0x0,0x0,0x0,0x0,0x0,0x0}";
        let Some(Known::Mce(record)) = read(&known, 2, "mce_record", text) else {
            panic!("no machine check");
        };
        assert_eq!(record.fru_text().unwrap().as_str(), "P0_DIMM_G3");
    }

    #[test]
    fn names_and_values() {
        let fields = named("affinity level: 2; MPIDR: 0000000000000001; running state: -1");
        assert_eq!(
            field(&fields, "affinity_level"),
            Some(&FieldValue::Unsigned(2))
        );
        assert_eq!(
            field(&fields, "running_state"),
            Some(&FieldValue::Signed(-1))
        );
    }
}
