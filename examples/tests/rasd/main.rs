//! Runs `rasd` as an operator does.
