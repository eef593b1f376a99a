#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::record::wire`.

mcekit_fuzz::target!(mcekit_fuzz::record::wire);
