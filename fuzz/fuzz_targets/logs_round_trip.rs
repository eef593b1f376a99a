#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::logs::round_trip`.

mcekit_fuzz::target!(mcekit_fuzz::logs::round_trip);
