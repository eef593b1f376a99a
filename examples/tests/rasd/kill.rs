//! kill -9 at any moment: nothing lost, nothing twice.

use std::env;
use std::time::Duration;

use crate::kit::{complete, file, rasd, run};

/// A number that differs from run to run, and from call to call.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self(time.unwrap().subsec_nanos().into())
    }

    /// A number below `most`.
    fn throw(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_doubles_nothing() {
    let long = env::var_os("MCEKIT_LONG_TESTS").is_some();
    let (count, kills, rate) = if long {
        (1_000_000, 50, 200_000)
    } else {
        (50_000, 15, 40_000)
    };
    let dir = tempfile::tempdir().unwrap();
    let (state, replay) = (dir.path().join("state"), file(dir.path(), count));
    let mut dice = Dice::new();
    // The whole takes count / rate; a life lasts a part of that, so that most of the kills hit a daemon at work.
    let life = 2_000 * count / rate / kills;
    let mut at_work = 0;
    for _ in 0..kills {
        let mut command = rasd(&state, &replay);
        let mut child = command.args(["--rate", &rate.to_string()]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(5 + dice.throw(life)));
        if child.try_wait().unwrap().is_none() {
            at_work += 1;
            child.kill().unwrap();
        }
        child.wait().unwrap();
    }
    assert!(
        at_work >= kills / 2,
        "{at_work} of {kills} were killed at work"
    );
    run(rasd(&state, &replay));
    complete(&state, count);
    // Once more: there is nothing new.
    run(rasd(&state, &replay));
    complete(&state, count);
}
