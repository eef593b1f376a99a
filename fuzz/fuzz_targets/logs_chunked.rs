#![cfg_attr(fuzzing, no_main)]
//! See `mcekit_fuzz::logs::chunked`.

mcekit_fuzz::target!(mcekit_fuzz::logs::chunked);
