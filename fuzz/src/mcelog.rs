//! Targets of `mcelog-dev`.

use mcekit::wire::{LENGTHS, Wire};
use mcelog_dev::fake::Fake;
use mcelog_dev::scenario::{Player, Steps};
use mcelog_dev::{Error, Event, Lengths, OpenOptions, Overflow};

use crate::Input;

/// Scenario text: steps come in the order of their lines and end; an error names a place that the text has, and nothing
/// follows it; a step is complete, so that it can be played.
pub fn scenario(data: &[u8]) {
    let mut steps = Steps::new(data);
    let mut line = 1;
    let mut player = Player::new();
    loop {
        match steps.next() {
            None => break,
            Some(Ok(step)) => {
                assert!(step.line() >= line, "steps go back");
                line = step.line();
                let record = step.injection().record();
                assert!(record.cpu().is_some() && record.bank().is_some());
                let played = player.play(&step, &[0, 1, 2, 3]);
                assert_eq!(played.last(), Some(step.injection()));
                assert!(played.len() <= 5);
            }
            Some(Err(error)) => {
                let text = data.split(|b| *b == b'\n').nth(error.line as usize - 1);
                let length = text.expect("the line is there").len();
                assert!(
                    error.column >= 1 && error.column as usize <= length + 1,
                    "{error}"
                );
                assert!(steps.next().is_none(), "something after an error");
                break;
            }
        }
    }
}

/// What the device says of itself and what a read brings, both any bytes: lengths that cannot be are refused; otherwise
/// every whole record comes out as the struct reads by itself, what is left over is told once, and the reader ends.
pub fn stream(data: &[u8]) {
    let mut input = Input(data);
    let fake = Fake::new();
    let (record, log) = (input.u32() as i32, input.u32() as i32);
    fake.claim_lengths(record, log);
    match (
        OpenOptions::new().open_with(&fake),
        Lengths::new(record, log),
    ) {
        (Ok(device), Ok(lengths)) => assert_eq!(device.lengths(), lengths),
        (Err(Error::RecordLength { .. } | Error::LogLength { .. }), Err(_)) => {}
        (opened, lengths) => panic!("{opened:?} where the lengths are {lengths:?}"),
    }

    let len = LENGTHS
        .into_iter()
        .chain([136, 256, 1024])
        .cycle()
        .nth(usize::from(input.u8()))
        .unwrap_or(128);
    let fake = Fake::with_lengths(len, 40);
    let mut device = OpenOptions::new()
        .open_with(&fake)
        .expect("lengths of a kernel");
    if input.u8() & 1 == 1 {
        fake.set_privileged(false);
    }
    let bytes = input.0.get(..len * 40).unwrap_or(input.0);
    fake.log_raw(bytes);
    let mut whole = bytes.chunks_exact(len);
    let mut partial = 0;
    loop {
        match device.next_event() {
            Ok(Some(Event::Record(entry))) => {
                let want = Wire::read(whole.next().expect("a record from nowhere"));
                assert_eq!(want.as_ref(), Ok(&entry.wire()));
            }
            Ok(Some(Event::Overflow(how))) => {
                assert_eq!(how, Overflow::Possible);
                assert_eq!(
                    bytes.len(),
                    len * 40,
                    "only a full log can have lost something"
                );
            }
            Ok(None) => break,
            Err(Error::PartialRecord { got, want }) => {
                assert_eq!((got, want), (bytes.len() % len, len));
                partial += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(whole.next().is_none(), "a record was skipped");
    assert_eq!(partial, u32::from(!bytes.len().is_multiple_of(len)));
}
