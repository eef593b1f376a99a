#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::ring::handover`.

mcekit_fuzz::target!(mcekit_fuzz::ring::handover);
