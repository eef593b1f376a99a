#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::mcelog::scenario`.

mcekit_fuzz::target!(mcekit_fuzz::mcelog::scenario);
