#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::record::decode`.

mcekit_fuzz::target!(mcekit_fuzz::record::decode);
