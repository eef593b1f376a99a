#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::tracefs_rings::filter`.

mcekit_fuzz::target!(mcekit_fuzz::tracefs_rings::filter);
