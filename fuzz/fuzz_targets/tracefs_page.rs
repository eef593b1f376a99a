#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::tracefs_rings::page`.

mcekit_fuzz::target!(mcekit_fuzz::tracefs_rings::page);
