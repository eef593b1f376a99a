#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::json::record`.

mcekit_fuzz::target!(mcekit_fuzz::json::record);
