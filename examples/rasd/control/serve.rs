//! The socket in the main loop.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::{Answers, Server};
use crate::delivered::{Consumer, Delivered};
use crate::say;

impl<A: Answers> Consumer for Server<A> {
    fn deliver(&mut self, _: &Delivered) {}

    fn tick(&mut self, _: Instant) -> Option<Duration> {
        None
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }

    fn ready(&mut self) {
        match self.turn() {
            Ok(said) => said
                .iter()
                .for_each(|line| say::note(format_args!("{line}"))),
            Err(error) => say::warn(format_args!("the control socket: {error}")),
        }
    }
}
