#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::models::explain`.

mcekit_fuzz::target!(mcekit_fuzz::models::explain);
