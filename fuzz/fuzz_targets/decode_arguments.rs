#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::decode::arguments`.

mcekit_fuzz::target!(mcekit_fuzz::decode::arguments);
