#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::mcelog::stream`.

mcekit_fuzz::target!(mcekit_fuzz::mcelog::stream);
