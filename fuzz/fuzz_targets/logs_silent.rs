#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::logs::silent`.

mcekit_fuzz::target!(mcekit_fuzz::logs::silent);
